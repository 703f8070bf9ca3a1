"""OFDM-shaped carriers: random QPSK on subcarriers with a cyclic prefix, filtered at the edges as a transmitter does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dsp.errors import ParameterError
from dsp.synth.loops import fit, loop_length, stretch
from dsp.types import ComplexArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Ofdm:
    """``n_subcarriers`` round an empty one at the centre, as the LTE downlink has it; the prefix a part of the useful symbol."""

    n_subcarriers: int = 72
    spacing_hz: float = 15e3
    prefix: float = 144 / 2048
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ParameterError: fewer than 2 subcarriers, an odd number, or a spacing that is not positive."""
        if self.n_subcarriers < 2 or self.n_subcarriers % 2:
            raise ParameterError("n_subcarriers", self.n_subcarriers, "even, at least 2")
        if not (self.spacing_hz > 0.0 and 0.0 <= self.prefix < 1.0):
            raise ParameterError("spacing_hz, prefix", (self.spacing_hz, self.prefix), "positive, 0 to 1")

    @property
    def bandwidth_hz(self) -> float:
        """Width from the first to the last subcarrier, the empty one in the middle included."""
        return (self.n_subcarriers + 1) * self.spacing_hz

    def samples(self, start_sample: int, n: int, sample_rate_hz: float) -> ComplexArray:
        """Return samples ``start_sample`` to ``start_sample + n``, shape (n,), complex64."""
        return stretch(_loop(self, sample_rate_hz), start_sample, n)


@lru_cache(maxsize=8)
def _loop(wave: Ofdm, sample_rate_hz: float) -> ComplexArray:
    """Return one period of the carrier, mean power 1 where the rate holds all of it."""
    length = loop_length(sample_rate_hz)
    n_fft = 1 << math.ceil(math.log2(1.5 * wave.n_subcarriers))
    n_prefix = round(wave.prefix * n_fft)
    native_rate_hz = n_fft * wave.spacing_hz
    n_symbols = max(round(length / sample_rate_hz * native_rate_hz / (n_fft + n_prefix)), 1)
    rng = np.random.default_rng(wave.seed)
    half = wave.n_subcarriers // 2
    carriers = np.concatenate([np.arange(1, half + 1), np.arange(n_fft - half, n_fft)])
    grid = np.zeros((n_symbols, n_fft), np.complex128)
    signs = 1 - 2 * rng.integers(0, 2, (2, n_symbols, wave.n_subcarriers))
    grid[:, carriers] = (signs[0] + 1j * signs[1]) / math.sqrt(2.0 * wave.n_subcarriers) * n_fft
    symbols = np.fft.ifft(grid, axis=1)
    native = np.concatenate([symbols[:, n_fft - n_prefix :], symbols], axis=1).ravel()
    edge = wave.bandwidth_hz / 2
    return fit(native, length, mask_hz=(edge, 1.08 * edge), native_rate_hz=native_rate_hz)
