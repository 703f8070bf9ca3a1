"""Waveforms that repeat: made once at the rate asked, then any stretch of any length costs a copy.

A loop holds a whole number of samples, so that the repetition is seamless; symbol rates give way by less than 1e-4 for it. It lasts
about 0.1 s: its spectral lines are 10 Hz apart, finer than any analysis here resolves.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp.types import ComplexArray

LOOP_S: Final = 0.1
MAX_LOOP: Final = 1 << 20
_GRAIN: Final = 1024


def loop_length(sample_rate_hz: float) -> int:
    """Return the samples of a loop: about 0.1 s, a multiple of 1024, at most 2^20."""
    return min(max(round(LOOP_S * sample_rate_hz / _GRAIN), 1) * _GRAIN, MAX_LOOP)


def fit(native: npt.NDArray[Any], n: int, *, mask_hz: tuple[float, float] | None = None, native_rate_hz: float = 1.0) -> ComplexArray:
    """Return the periodic ``native``, shape (m,), resampled to ``n`` samples a period, exactly: nothing aliases, what fits is kept.

    ``mask_hz``: (pass, stop): a raised-cosine low pass between these frequencies, at ``native_rate_hz``.
    """
    spectrum = np.fft.fft(native)
    m = native.size
    if mask_hz is not None:
        frequency = np.abs(np.fft.fftfreq(m, 1.0 / native_rate_hz))
        fall = np.clip((frequency - mask_hz[0]) / (mask_hz[1] - mask_hz[0]), 0.0, 1.0)
        spectrum *= 0.5 + 0.5 * np.cos(np.pi * fall)
    kept = min(m, n)
    low, high = (kept + 1) // 2, kept // 2
    fitted = np.zeros(n, np.complex128)
    fitted[:low] = spectrum[:low]
    fitted[n - high :] = spectrum[m - high :]
    samples: ComplexArray = (np.fft.ifft(fitted) * (n / m)).astype(np.complex64)
    samples.flags.writeable = False
    return samples


def stretch(loop: ComplexArray, start: int, n: int) -> ComplexArray:
    """Return samples ``start`` to ``start + n`` of the endlessly repeated ``loop``, shape (n,); ``start`` may be negative."""
    first = start % loop.size
    if first + n <= loop.size:
        return loop[first : first + n]
    return np.take(loop, np.arange(first, first + n), mode="wrap")
