"""Simple waveforms at frequency 0 and mean power 1: a tone, GMSK data, a band of noise.

Each is a ``Waveform``: the same instance gives the same samples whatever the stretches they are asked in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import numpy as np

from dsp.errors import ParameterError
from dsp.synth.loops import fit, loop_length, stretch
from dsp.types import ComplexArray

GSM_SYMBOL_RATE_HZ: Final = 1625e3 / 6
_OVERSAMPLING: Final = 8


class Waveform(Protocol):
    """What a scene can place: the GSM and LTE modulators are waveforms too."""

    def samples(self, start_sample: int, n: int, sample_rate_hz: float) -> ComplexArray:
        """Return samples ``start_sample`` to ``start_sample + n``, shape (n,), complex64, centred on 0 Hz; read-only or the caller's."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """An unmodulated carrier."""

    def samples(self, start_sample: int, n: int, sample_rate_hz: float) -> ComplexArray:
        """Return ones, shape (n,), complex64."""
        return np.ones(n, np.complex64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gmsk:
    """Random data in GMSK, constant envelope (TS 45.004 cl. 2 with the defaults; no bursts, no training sequences)."""

    symbol_rate_hz: float = GSM_SYMBOL_RATE_HZ
    bt: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ParameterError: a rate or BT that is not positive."""
        if not (self.symbol_rate_hz > 0.0 and self.bt > 0.0):
            raise ParameterError("symbol_rate_hz, bt", (self.symbol_rate_hz, self.bt), "positive")

    def samples(self, start_sample: int, n: int, sample_rate_hz: float) -> ComplexArray:
        """Return samples ``start_sample`` to ``start_sample + n``, shape (n,), complex64."""
        return stretch(_gmsk_loop(self, sample_rate_hz), start_sample, n)


@dataclass(frozen=True, slots=True, kw_only=True)
class BandNoise:
    """Gaussian noise, flat in ``bandwidth_hz`` and nothing beside it: the signal of an ideal radiometer's textbook.

    It repeats with its loop, every 0.1 s: averages over longer times do not smooth it further.
    """

    bandwidth_hz: float
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ParameterError: a bandwidth that is not positive."""
        if not self.bandwidth_hz > 0.0:
            raise ParameterError("bandwidth_hz", self.bandwidth_hz, "positive")

    def samples(self, start_sample: int, n: int, sample_rate_hz: float) -> ComplexArray:
        """Return samples ``start_sample`` to ``start_sample + n``, shape (n,), complex64."""
        return stretch(_noise_loop(self, sample_rate_hz), start_sample, n)


@lru_cache(maxsize=16)
def _gmsk_loop(wave: Gmsk, sample_rate_hz: float) -> ComplexArray:
    """Return one period: phase pi/2 sum_k a_k q(t - k T), its whole turn over the loop a multiple of 2 pi."""
    length = loop_length(sample_rate_hz)
    n_symbols = max(round(length / sample_rate_hz * wave.symbol_rate_hz / 4), 1) * 4
    rng = np.random.default_rng(wave.seed)
    data = 1.0 - 2.0 * rng.integers(0, 2, n_symbols)
    if round(float(data.sum())) % 4:
        data[-1] = -data[-1]
    rate = np.repeat(data, _OVERSAMPLING)
    cycles_per_symbol = np.fft.fftfreq(rate.size, 1.0 / _OVERSAMPLING)
    # a Gaussian low pass, 3 dB down at BT cycles a symbol
    gauss = np.exp(-math.log(2.0) / 2.0 * (cycles_per_symbol / wave.bt) ** 2)
    smooth = np.fft.ifft(np.fft.fft(rate) * gauss).real
    phase = np.cumsum(smooth) * (math.pi / 2 / _OVERSAMPLING)
    return fit(np.exp(1j * phase), length)


@lru_cache(maxsize=16)
def _noise_loop(wave: BandNoise, sample_rate_hz: float) -> ComplexArray:
    """Return one period: random amplitudes inside the band, mean power 1 before what does not fit the rate is cut off."""
    length = loop_length(sample_rate_hz)
    rng = np.random.default_rng(wave.seed)
    n_lines = max(round(wave.bandwidth_hz * length / sample_rate_hz), 1)
    lines = (rng.standard_normal(n_lines) + 1j * rng.standard_normal(n_lines)) / math.sqrt(2.0)
    lines *= math.sqrt(n_lines / float((np.abs(lines) ** 2).sum()))
    native = np.fft.ifft(np.fft.ifftshift(lines)) * math.sqrt(n_lines)
    return fit(native, length)
