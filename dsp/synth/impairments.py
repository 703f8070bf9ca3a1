"""What a receiver does to the samples: clock error, DC, I/Q imbalance, clipping, quantisation."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError
from dsp.types import ComplexArray
from dsp.units import FULL_SCALE, OFFSET, SampleFormat, db

_LIMITS: Final = {"cu8": (0, 255, np.uint8), "ci8": (-128, 127, np.int8), "ci16_le": (-32768, 32767, np.int16)}
_HALF_TAPS: Final = 24
_PHASES: Final = 512
_CHUNK: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairments:
    """The faults of a receiver; the defaults are none."""

    ppm: float = 0.0
    """Clock error of tuner and sampler, one crystal; > 0 is a fast clock: every carrier appears low."""
    dc: complex = 0j
    """Added to every sample, full scale 1.0."""
    gain_imbalance_db: float = 0.0
    """Gain of Q over I."""
    phase_imbalance_deg: float = 0.0
    """How far Q is from 90 degrees after I."""

    @property
    def image_db(self) -> float:
        """Level of a carrier's image against the carrier."""
        direct, image = self._mixing()
        return db(abs(image) ** 2 / abs(direct) ** 2)

    def apply(self, samples: ComplexArray) -> ComplexArray:
        """Return ``samples``, shape (n,), with imbalance and DC: y = I + j g (Q cos(phi) - I sin(phi)) + dc. The clock is not in it."""
        direct, image = self._mixing()
        out: ComplexArray = samples
        if image != 0.0:
            out = np.complex64(direct) * samples + np.complex64(image) * samples.conj()
        return out + np.complex64(self.dc) if self.dc != 0.0 else out

    def _mixing(self) -> tuple[complex, complex]:
        """Return (mu, nu) of y = mu x + nu conj(x)."""
        skew = 10.0 ** (self.gain_imbalance_db / 20.0) * cmath.exp(-1j * math.radians(self.phase_imbalance_deg))
        return (1.0 + skew) / 2.0, (1.0 - skew.conjugate()) / 2.0


PERFECT: Final = Impairments()
"""A receiver without faults."""


def quantise(samples: ComplexArray, sample_format: SampleFormat) -> npt.NDArray[Any]:
    """Return ``samples``, shape (n,), full scale 1.0, as a converter gives them: interleaved, rounded, clipped, shape (2n,).

    cf32_le: complex64, unchanged.
    """
    if sample_format == "cf32_le":
        return samples
    low, high, dtype = _LIMITS[sample_format]
    values = np.ascontiguousarray(samples).view(np.float32) * np.float32(FULL_SCALE[sample_format])
    values += np.float32(OFFSET[sample_format])
    quantised: npt.NDArray[Any] = np.clip(np.rint(values), low, high).astype(dtype)
    return quantised


class ClockError:
    """Samples of a perfect receiver in, those of one with a wrong crystal out: tuner and sampler err together.

    With p = ppm 1e-6: y[m] = x(m / (1 + p)) exp(-2 pi i fc p m / (fs (1 + p))), x between its samples from 48 taps of a Kaiser-windowed
    sinc: what lies within 0.44 of the rate comes out with errors below -80 dB. Scenes need none of this: they are made at the true rate.
    """

    def __init__(self, ppm: float, *, center_freq_hz: float, sample_rate_hz: float) -> None:
        """Raises ParameterError: an error of 1000 ppm or more, or a rate that is not positive."""
        if not abs(ppm) < 1000.0:
            raise ParameterError("ppm", ppm, "between -1000 and 1000")
        if not sample_rate_hz > 0.0:
            raise ParameterError("sample_rate_hz", sample_rate_hz, "positive")
        self._step = 1.0 / (1.0 + ppm * 1e-6)
        self._turns = -center_freq_hz * ppm * 1e-6 / sample_rate_hz * self._step
        self._table = _sinc_table()
        self._made = 0
        self._first = -_HALF_TAPS  # number of the sample at the start of what is kept
        self._kept: ComplexArray = np.zeros(_HALF_TAPS, np.complex64)

    def process(self, samples: ComplexArray) -> ComplexArray:
        """Return the next samples that the input so far, ``samples`` at its end, suffices for; about as many as went in."""
        self._kept = np.concatenate([self._kept, samples])
        last = self._first + self._kept.size - _HALF_TAPS - 1  # position that still has all taps to its right
        n = max(math.floor(last / self._step) - self._made + 1, 0)
        parts = [self._stretch(first, min(_CHUNK, n - first)) for first in range(0, n, _CHUNK)]
        self._made += n
        spent = max(math.floor(self._made * self._step) - _HALF_TAPS - self._first, 0)
        self._kept, self._first = self._kept[spent:], self._first + spent
        return np.concatenate(parts) if parts else np.empty(0, np.complex64)

    def _stretch(self, first: int, n: int) -> ComplexArray:
        """Return ``n`` samples from ``first`` after those already made."""
        number = self._made + first + np.arange(n)
        position = number * self._step
        whole = np.floor(position).astype(np.int64)
        phase = (position - whole) * _PHASES
        row = phase.astype(np.int64)
        part = (phase - row)[:, None].astype(np.float32)
        taps = self._table[row] * (1 - part) + self._table[row + 1] * part
        around = self._kept[(whole - self._first)[:, None] + np.arange(-_HALF_TAPS + 1, _HALF_TAPS + 1)]
        values = np.einsum("ij,ij->i", around, taps)
        turn = np.exp(2j * np.pi * ((number * self._turns) % 1.0))
        shifted: ComplexArray = (values * turn).astype(np.complex64)
        return shifted


def _sinc_table() -> npt.NDArray[np.float32]:
    """Return the interpolator's taps for _PHASES + 2 positions between two samples, shape (_PHASES + 2, 48)."""
    late = np.arange(_PHASES + 2)[:, None] / _PHASES
    distance = np.arange(-_HALF_TAPS + 1, _HALF_TAPS + 1)[None, :] - late
    window = np.i0(9.0 * np.sqrt(np.maximum(1.0 - (distance / _HALF_TAPS) ** 2, 0.0))) / np.i0(9.0)
    taps = np.sinc(distance) * window
    table: npt.NDArray[np.float32] = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return table
