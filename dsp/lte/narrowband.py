"""The centre of a carrier at 1.92 MS/s, out of a dwell of any rate: one transform of the whole dwell, a slice of it back."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import numpy as np

from dsp.errors import ParameterError
from dsp.lte.ofdm import SAMPLE_RATE_HZ, Float64Array
from dsp.types import ComplexArray, FloatArray

_PASS: Final = 0.45  # of the output rate: +-864 kHz is passed whole
_STOP: Final = 0.5


class Narrowband:
    """One dwell, ready to be looked at around any carrier. The mean (a receiver's DC spike) is taken off."""

    def __init__(self, iq: ComplexArray, sample_rate_hz: float) -> None:
        """Take ``iq``, shape (n,). Raises ParameterError below 1.92 MS/s."""
        if sample_rate_hz < SAMPLE_RATE_HZ * 0.9999:
            raise ParameterError("sample_rate_hz", sample_rate_hz, "at least 1.92e6")
        self.n = iq.size
        self.sample_rate_hz = sample_rate_hz
        self._iq = iq
        self._mean = np.complex64(iq.mean())
        ratio = Fraction(sample_rate_hz / SAMPLE_RATE_HZ).limit_denominator(1000)
        self.same_rate = ratio == 1
        self.n_in = _fast_length(-(-iq.size // ratio.numerator)) * ratio.numerator
        self.n_out = self.n_in * ratio.denominator // ratio.numerator
        self.out_rate_hz = sample_rate_hz * self.n_out / self.n_in
        self._spectrum: ComplexArray | None = None

    def first(self, count: int) -> ComplexArray:
        """Return the first ``count`` samples as they came, less the mean."""
        out: ComplexArray = self._iq[:count] - self._mean
        return out

    def around(self, offset_hz: float, *, factor: int = 1) -> tuple[ComplexArray, float]:
        """Return (samples at ``factor`` x 1.92 MS/s, the offset they are centred on): the bin nearest to ``offset_hz``."""
        if self.same_rate and factor == 1 and abs(offset_hz) < 1.0:
            return self.first(self.n), 0.0
        if self._spectrum is None:
            padded = np.zeros(self.n_in, dtype=np.complex64)
            np.subtract(self._iq, self._mean, out=padded[: self.n])
            self._spectrum = _fft(padded)
        bin_hz = self.sample_rate_hz / self.n_in
        centre = round(offset_hz / bin_hz)
        n_out = self.n_out * factor
        half = n_out // 2
        k = np.arange(-half, n_out - half)
        part = np.zeros(n_out, dtype=np.complex64)
        inside = np.abs(k + centre) < self.n_in // 2
        gain = _taper(k / n_out)
        part[k[inside]] = self._spectrum[(k + centre)[inside]] * gain[inside]
        out: ComplexArray = _ifft(part) * np.float32(n_out / self.n_in)
        return out[: int(np.ceil(self.n * n_out / self.n_in))], centre * bin_hz


def _taper(f: Float64Array) -> FloatArray:
    edge = np.clip((np.abs(f) - _PASS) / (_STOP - _PASS), 0.0, 1.0)
    out: FloatArray = (0.5 + 0.5 * np.cos(np.pi * edge)).astype(np.float32)
    return out


def _fft(x: ComplexArray) -> Any:
    import pyfftw.interfaces.scipy_fft as fft

    return fft.fft(x, overwrite_x=True)


def _ifft(x: ComplexArray) -> Any:
    import pyfftw.interfaces.scipy_fft as fft

    return fft.ifft(x, overwrite_x=True)


def _fast_length(n: int) -> int:
    import pyfftw

    return int(pyfftw.next_fast_len(n))
