"""Streaming Welch estimate of the power spectral density: blocks of any length in, one ``Psd`` a dwell out, memory flat.

Periodic Hann window w, segments of N samples, hop H = N or N / 2 (0 or 50 % overlap):
S[k] = mean over segments of |sum_n w[n] x[n] exp(-2 pi i k n / N)|^2 / (fs sum_n w[n]^2). The dBFS convention is that of ``dsp.units``.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final, get_args

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError, TooFewSamplesError
from dsp.psd_engine import Engine, Sums, borrow, default_engine, give_back
from dsp.types import FloatArray, Psd
from dsp.units import FULL_SCALE, OFFSET, SampleFormat

MIN_FFT: Final = 256
MAX_FFT: Final = 65536
BUFFER_SAMPLES: Final = 262144
"""Samples gathered before they are transformed; blocks come in any length."""
_DTYPES: Final = {"cu8": np.uint8, "ci8": np.int8, "ci16_le": np.int16, "cf32_le": np.float32}
_STOPS: Final = {"cu8": (0.0, 255.0), "ci8": (-128.0, 127.0), "ci16_le": (-32768.0, 32767.0), "cf32_le": (-math.inf, math.inf)}
"""The converter's end values."""


class WelchPsd:
    """The estimate of one dwell while its samples come in; ``reset`` begins the next.

    Memory is flat in the dwell's length, but for the rows where they are asked for: 4 n_fft bytes each.
    """

    def __init__(
        self,
        *,
        n_fft: int,
        sample_rate_hz: float,
        sample_format: SampleFormat,
        overlap: float = 0.5,
        full_scale: float = 1.0,
        row_step_s: float | None = None,
        engine: Engine = "auto",
    ) -> None:
        """Prepare.

        ``full_scale``: of cf32_le alone, the magnitude that is 0 dBFS. ``row_step_s``: the longest time from row to row; a row is as
        many whole hops as fit, at least one. ``engine``: how it is computed; the results are the same.

        Raises:
            ParameterError: a value is outside what the estimate can do.
        """
        _check(n_fft=n_fft, sample_format=sample_format, overlap=overlap, engine=engine)
        _check_positive(sample_rate_hz=sample_rate_hz, full_scale=full_scale, row_step_s=1.0 if row_step_s is None else row_step_s)
        self._n_fft, self._hop, self._overlap = n_fft, n_fft - round(n_fft * overlap), float(overlap)
        self._rate_hz, self._format = float(sample_rate_hz), sample_format
        self._full_scale = float(full_scale) if sample_format == "cf32_le" else FULL_SCALE[sample_format]
        self._row_averages = None if row_step_s is None else max(1, math.floor(row_step_s * sample_rate_hz / self._hop + 1e-9))
        self._engine: Engine = default_engine() if engine == "auto" else engine
        self._sums = Sums(n_fft, self._row_averages)
        self._raw: npt.NDArray[Any] = np.empty(0, np.uint8)
        self._samples: npt.NDArray[Any] | None = None
        self.reset()

    def reset(self) -> None:
        """Forget everything that was added: the next dwell begins."""
        self._sums.clear()
        self._samples, self._held = None, 0
        self._n_samples = self._clipped = 0
        self._peak = 0.0

    def add(self, samples: npt.NDArray[Any]) -> None:
        """Take in samples: interleaved I, Q in the converter's type, shape (2n,), or complex, shape (n,), where full scale is 1.0.

        Complex samples are scaled by ``full_scale`` where the format is cf32_le, as in ``dsp.units.to_complex64``.

        Raises:
            ParameterError: another type or shape, half a sample, NaN or infinity, or another type than before in this dwell.
        """
        flat = self._interleaved(samples)
        if flat.size == 0:
            return
        if self._samples is None:
            self._begin(flat.dtype)
        elif self._samples.dtype != flat.dtype:
            raise ParameterError("samples", flat.dtype.name, f"{self._samples.dtype.name}, as before in this dwell")
        done = 0
        while done < flat.size:
            size = min(flat.size - done, self._raw.size - self._held)
            piece = self._raw[self._held : self._held + size]
            piece[:] = flat[done : done + size]
            self._judge(piece)
            self._held += size
            self._n_samples += size // 2
            done += size
            if self._held == self._raw.size:
                self._drain()

    def result(self) -> Psd:
        """Return the estimate over what was added; adding may go on afterwards.

        Raises:
            TooFewSamplesError: not one whole segment was added.
        """
        self._drain()
        sums = self._sums
        if sums.n_averages == 0:
            raise TooFewSamplesError(self._n_samples, self._n_fft)
        averages = self._row_averages or 0
        return Psd(
            mean=_in_order([sums.mean()[np.newaxis]], self._n_fft)[0],
            max_hold=_in_order([sums.holds[:1]], self._n_fft)[0],
            min_hold=_in_order([sums.holds[1:]], self._n_fft)[0],
            rows=_in_order(sums.rows, self._n_fft),
            row_step_s=averages * self._hop / self._rate_hz,
            row_averages=averages,
            sample_rate_hz=self._rate_hz,
            n_fft=self._n_fft,
            n_averages=sums.n_averages,
            overlap=self._overlap,
            n_samples=self._n_samples,
            clipped_fraction=None if self._format == "cf32_le" else self._clipped / (2 * self._n_samples),
            peak=self._peak,
        )

    def _interleaved(self, samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return ``samples`` as interleaved values, shape (2n,)."""
        if samples.ndim != 1:
            raise ParameterError("samples.shape", samples.shape, "one dimension")
        if np.iscomplexobj(samples):
            return np.ascontiguousarray(samples, dtype=np.complex64).view(np.float32)
        if samples.dtype != _DTYPES[self._format]:
            raise ParameterError("samples.dtype", samples.dtype.name, f"{np.dtype(_DTYPES[self._format]).name} or complex64")
        if samples.size % 2:
            raise ParameterError("samples.size", samples.size, "even: I and Q of whole samples")
        return samples

    def _begin(self, dtype: np.dtype[Any]) -> None:
        """Lay out the buffer and the scales for samples of ``dtype``."""
        converted = dtype == np.float32 and self._format != "cf32_le"
        scale = 1.0 if converted else self._full_scale
        self._offset = 0.0 if converted else OFFSET[self._format]
        self._scale = scale
        self._window = _window(self._n_fft, 1.0 / (scale * math.sqrt(self._rate_hz * 0.375 * self._n_fft)))
        if self._raw.dtype != dtype or self._raw.size == 0:
            self._raw = np.empty(2 * (BUFFER_SAMPLES + self._n_fft), dtype)
        self._samples = self._raw
        low, high = _STOPS[self._format]
        if converted:
            low, high = (low - OFFSET[self._format]) / self._full_scale, (high - OFFSET[self._format]) / self._full_scale
        self._stops = (low, high)

    def _judge(self, flat: npt.NDArray[Any]) -> None:
        """Keep the peak and count values at the converter's end stops."""
        low, high = float(flat.min()), float(flat.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ParameterError("samples", "NaN or infinity", "finite")
        self._peak = max(self._peak, (self._offset - low) / self._scale, (high - self._offset) / self._scale)
        if low <= self._stops[0]:
            self._clipped += int(np.count_nonzero(flat <= self._stops[0]))
        if high >= self._stops[1]:
            self._clipped += int(np.count_nonzero(flat >= self._stops[1]))

    def _drain(self) -> None:
        """Add every whole segment in the buffer to the sums; what the next segment needs stays."""
        n_fft, hop = self._n_fft, self._hop
        segments = (self._held // 2 - n_fft) // hop + 1
        if segments <= 0:
            return
        workspace = borrow(n_fft, self._engine)
        for first in range(0, segments, workspace.batch):
            size = min(workspace.batch, segments - first)
            raw = self._raw[2 * first * hop : 2 * (first * hop + (size - 1) * hop + n_fft)]
            workspace.add(raw, offset=self._offset, window=self._window, hop=hop, sums=self._sums)
        give_back(workspace, self._engine)
        rest = self._raw[2 * segments * hop : self._held].copy()
        self._raw[: rest.size] = rest
        self._held = rest.size


def _in_order(pieces: list[npt.NDArray[Any]], n_fft: int) -> FloatArray:
    """Return ``pieces``, each (n, n_fft) in the FFT's order, as one array with the lowest frequency first, float32, read-only."""
    half = n_fft // 2
    joined = np.empty((sum(piece.shape[0] for piece in pieces), n_fft), np.float32)
    first = 0
    for piece in pieces:
        rows = joined[first : first + piece.shape[0]]
        rows[:, :half], rows[:, half:] = piece[:, half:], piece[:, :half]
        first += piece.shape[0]
    joined.flags.writeable = False
    return joined


@lru_cache(maxsize=16)
def _window(n_fft: int, gain: float) -> FloatArray:
    """Return the periodic Hann window times ``gain``, each value twice (for I and for Q), shape (2 n_fft,)."""
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)
    window = np.repeat(hann * gain, 2).astype(np.float32)
    window.flags.writeable = False
    return window


def _check(*, n_fft: int, sample_format: str, overlap: float, engine: str) -> None:
    """Raise ParameterError where a choice is not one of those there are."""
    if not (isinstance(n_fft, int) and MIN_FFT <= n_fft <= MAX_FFT and n_fft & (n_fft - 1) == 0):
        raise ParameterError("n_fft", n_fft, f"a power of two from {MIN_FFT} to {MAX_FFT}")
    if sample_format not in _DTYPES:
        raise ParameterError("sample_format", sample_format, f"one of {', '.join(_DTYPES)}")
    if overlap not in (0.0, 0.5):
        raise ParameterError("overlap", overlap, "0 or 0.5")
    if engine not in get_args(Engine):
        raise ParameterError("engine", engine, f"one of {', '.join(get_args(Engine))}")


def _check_positive(**values: float) -> None:
    """Raise ParameterError where a value is not a positive, finite number."""
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0.0):
            raise ParameterError(name, value, "positive and finite")
