"""Filters given by their frequency response: the root-raised cosine and the flat-topped band filter with cosine skirts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def cosine_skirt(freq_hz: npt.NDArray[np.floating], *, pass_hz: float, stop_hz: float) -> npt.NDArray[np.float64]:
    """Return the real response of a flat band filter: 1 to ``pass_hz``, a raised-cosine fall, exactly 0 from ``stop_hz`` on."""
    x = np.clip((np.abs(freq_hz) - pass_hz) / (stop_hz - pass_hz), 0.0, 1.0)
    return np.asarray(0.5 * (1.0 + np.cos(np.pi * x)))


def root_raised_cosine(freq_hz: npt.NDArray[np.floating], *, symbol_rate_hz: float, roll_off: float) -> npt.NDArray[np.float64]:
    """Return the real response of a root-raised-cosine filter, 1 in the pass band.

    White noise through it, sampled once a symbol, stays white: the squared response is Nyquist.
    """
    low, high = 0.5 * symbol_rate_hz * (1.0 - roll_off), 0.5 * symbol_rate_hz * (1.0 + roll_off)
    return np.sqrt(np.maximum(cosine_skirt(freq_hz, pass_hz=low, stop_hz=high), 0.0))


def impulse_response(
    response: npt.NDArray[np.complex128], *, bin_hz: float, times_s: npt.NDArray[np.float64]
) -> npt.NDArray[np.complex128]:
    """Return h(t) = integral H(f) exp(2 pi i f t) df at ``times_s``, shape (n_times,).

    ``response``: shape (n,), bins of ``bin_hz`` from -(n // 2) upwards. Valid for |t| below half of 1 / bin_hz.
    """
    freq_hz = (np.arange(response.size) - response.size // 2) * bin_hz
    return np.asarray(np.exp(2j * np.pi * np.outer(times_s, freq_hz)) @ response * bin_hz)
