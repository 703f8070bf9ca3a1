"""OFDM symbols of the centre six blocks from 1.92 MS/s: one time base for a cell, and the resource elements on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.lte.params import CENTRE_SUBCARRIERS, SUBCARRIER_HZ, symbol_starts
from dsp.lte.types import CyclicPrefix
from dsp.types import ComplexArray

Float64Array = npt.NDArray[np.float64]
N_FFT: Final = 128
SAMPLE_RATE_HZ: Final = N_FFT * SUBCARRIER_HZ
SLOT: Final = 960
HALF_FRAME: Final = 9600
FRAME: Final = 19200
BACKOFF: Final = 3.0
"""How many samples before the useful part the transform begins: room for timing errors and early paths in a prefix of nine."""
CENTRE_K: Final = tuple(k - 36 if k < 36 else k - 35 for k in range(CENTRE_SUBCARRIERS))
"""Frequency of each of the centre 72 subcarriers in steps of 15 kHz; the carrier itself (0) is not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBase:
    """When a cell's frames begin in the samples, and where its carrier lies."""

    frame_sample: float
    """First sample of frame 0, 0 to 19200 (frame -1 may be there in part)."""
    drift: float
    """Samples per half frame by which the received half frame is longer than 9600."""
    offset_hz: float

    @property
    def stretch(self) -> float:
        """Received samples per nominal sample."""
        return 1.0 + self.drift / HALF_FRAME

    def at(self, nominal: Float64Array) -> Float64Array:
        """Return the sample at which ``nominal`` samples at 1.92 MS/s since the start of frame 0 have passed."""
        at: Float64Array = self.frame_sample + nominal * self.stretch
        return at


def useful_start(frame: npt.ArrayLike, slot: npt.ArrayLike, symbol: npt.ArrayLike, *, cp: CyclicPrefix) -> Float64Array:
    """Return nominal samples from the start of frame 0 to the useful part of symbols."""
    within = np.asarray(symbol_starts(cp, n_fft=N_FFT), dtype=np.float64)[np.asarray(symbol)]
    since: Float64Array = np.asarray(frame) * float(FRAME) + np.asarray(slot) * float(SLOT) + within
    return since


def demodulate(
    x: ComplexArray, starts: Float64Array, *, offset_hz: float, backoff: float = BACKOFF
) -> tuple[ComplexArray, npt.NDArray[np.bool_]]:
    """Return the centre 72 subcarriers of symbols whose useful part begins at ``starts``, shape (n, 72), and which lie within ``x``.

    Scaled so that a resource element of power P in the samples' scale (full scale squared, all its energy in 128 samples) reads P.
    Fractions of a sample and the backoff are taken out as a phase slope; the carrier's phase runs on from symbol to symbol. Symbols that
    reach over the ends of ``x`` read zero.
    """
    begin = np.floor(starts - backoff).astype(np.int64)
    inside = (begin >= 0) & (begin + N_FFT <= x.size)
    clipped = np.clip(begin, 0, max(0, x.size - N_FFT))
    turns = offset_hz / SAMPLE_RATE_HZ
    within = np.exp(-2j * np.pi * turns * np.arange(N_FFT)).astype(np.complex64)
    windows = x[clipped[:, np.newaxis] + np.arange(N_FFT)] * within
    spectrum = np.fft.fft(windows, axis=1)[:, _centre_bins()]
    late = starts - begin
    phase = np.exp(2j * np.pi * (np.outer(late / N_FFT, np.array(CENTRE_K)) - (turns * begin % 1.0)[:, np.newaxis]))
    out = spectrum * phase * (inside[:, np.newaxis] / N_FFT)
    return out.astype(np.complex64), inside


@lru_cache(maxsize=1)
def _centre_bins() -> npt.NDArray[np.intp]:
    return np.array(CENTRE_K) % N_FFT
