"""A complete GSM downlink C0, as a receiver hears it: any rate, offset, clock error, echo and fading (TS 45.002, 45.004, 45.005)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np

from dsp.gsm import params
from dsp.synth.fading import DIRECT, Path, path_gains
from dsp.synth.gmsk import LEAD, phasors, symbol_tables
from dsp.synth.gsm_frames import FrameSource
from dsp.synth.gsm_messages import CellDescription
from dsp.types import ComplexArray, FloatArray

ALIAS_FREE_HZ: Final = 1.0e6
"""Sampled slower than this the signal is made at a multiple and filtered: its spectrum at +-0.5 MHz is 60 dB down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GsmSignal:
    """One C0 at a receiver. The same instance gives the same samples, whatever the stretches they are asked in.

    ``ppm`` > 0 is a fast receiver clock: the carrier appears at ``offset_hz`` - ppm 1e-6 ``carrier_hz`` (and the symbols slower).
    """

    cell: CellDescription
    """What the BCCH says; ``blocks`` where given is sent instead, octet by octet."""
    blocks: Mapping[str, bytes] | None = None
    """System information by name ("SI3"), 23 octets each."""
    busy_slots: tuple[int, ...] = ()
    offset_hz: float = 0.0
    """Nominal frequency of the carrier against the nominal tuned frequency."""
    carrier_hz: float = 0.0
    """Nominal frequency of the carrier: what ``ppm`` is part of."""
    ppm: float = 0.0
    power: float = 1.0
    """Mean power, full scale squared (of paths whose mean powers add up to one)."""
    start_fn: int = 0
    start_symbol: float = 0.0
    """Symbols from the start of frame ``start_fn`` (of the direct path) to sample 0; may be negative or fractional."""
    phase_rad: float = 0.0
    paths: tuple[Path, ...] = DIRECT
    seed: int = 0
    """Of the fading."""
    source: FrameSource = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Code the messages."""
        blocks = self.cell.blocks() if self.blocks is None else self.blocks
        source = FrameSource(bsic=self.cell.bsic, blocks=blocks, combined=self.cell.combined, busy_slots=self.busy_slots)
        object.__setattr__(self, "source", source)

    @property
    def cfo_hz(self) -> float:
        """Apparent minus nominal frequency, as the receiver's clock makes it."""
        return (self.offset_hz - self.ppm * 1e-6 * self.carrier_hz) / (1 + self.ppm * 1e-6) - self.offset_hz

    def sample_of_frame(self, fn: int, sample_rate_hz: float) -> float:
        """Return the (fractional) sample at which bit 0 of timeslot 0 of frame ``fn`` begins on the direct path."""
        symbols = (fn - self.start_fn) * params.FRAME_SYMBOLS - self.start_symbol
        return symbols / params.SYMBOL_RATE_HZ * sample_rate_hz * (1 + self.ppm * 1e-6)

    def samples(self, start_sample: int, n: int, sample_rate_hz: float) -> ComplexArray:
        """Return samples ``start_sample`` to ``start_sample + n``, shape (n,), complex64, of the signal alone, without noise."""
        factor = math.ceil(ALIAS_FREE_HZ / sample_rate_hz)
        if factor == 1:
            return self._direct(start_sample, n, sample_rate_hz)
        taps = _decimator(factor)
        reach = len(taps) // 2
        wide = self._direct(start_sample * factor - reach, (n - 1) * factor + 2 * reach + 1, sample_rate_hz * factor)
        rows = np.lib.stride_tricks.sliding_window_view(wide, len(taps))[::factor]
        narrow: ComplexArray = rows @ taps
        return narrow

    def _direct(self, start_sample: int, n: int, sample_rate_hz: float) -> ComplexArray:
        """Return the signal sampled as it is, every path at its own exact delay."""
        from dsp.synth.gmsk_kernel import modulate

        true_rate_hz = sample_rate_hz * (1 + self.ppm * 1e-6)
        step = params.SYMBOL_RATE_HZ / true_rate_hz
        begin = self.start_symbol + start_sample * step
        longest = max(path.delay_us for path in self.paths) * 1e-6 * params.SYMBOL_RATE_HZ
        shortest = min(path.delay_us for path in self.paths) * 1e-6 * params.SYMBOL_RATE_HZ
        first_slot = math.floor((begin - longest + LEAD) / params.SLOT_SYMBOLS)
        last_slot = math.floor((begin - shortest + n * step + LEAD) / params.SLOT_SYMBOLS) + 1
        tables = symbol_tables(self.source.slots(self.start_fn * 8 + first_slot, last_slot - first_slot + 1))
        spin = (self.offset_hz + self.cfo_hz) / sample_rate_hz
        turns = math.fmod(spin * start_sample, 1.0) + self.phase_rad / (2 * math.pi)
        rng = np.random.default_rng(self.seed)
        out = np.zeros(n, dtype=np.complex64)
        for path in self.paths:
            hold, late, gains = self._gains(path, start_sample, n, true_rate_hz, rng)
            delayed = begin - path.delay_us * 1e-6 * params.SYMBOL_RATE_HZ
            clock = np.array([first_slot, params.SLOT_SYMBOLS, LEAD, delayed, step, spin, turns, hold, late])
            modulate(out, phasors(), *tables, clock, gains)
        return out

    def _gains(self, path: Path, start_sample: int, n: int, rate_hz: float, rng: np.random.Generator) -> tuple[int, int, ComplexArray]:
        """Return (samples per gain, samples from the first gain to the first sample, gains) of ``path``, the amplitude included."""
        hold = n + 1 if path.doppler_hz == 0.0 else max(1, int(rate_hz / (128 * path.doppler_hz)))
        first, late = divmod(start_sample, hold)
        times = hold * (first + np.arange((late + n) // hold + 2)) / rate_hz
        return hold, late, path_gains(path, times, rng) * np.float32(math.sqrt(self.power))


def noise_power(signal_power: float, snr_db: float, sample_rate_hz: float) -> float:
    """Return the power of white noise in the whole sample rate that puts ``signal_power`` at Es/N0 = ``snr_db``."""
    return signal_power / 10 ** (snr_db / 10) * sample_rate_hz / params.SYMBOL_RATE_HZ


@lru_cache(maxsize=16)
def _decimator(factor: int) -> FloatArray:
    """Return a low-pass filter, shape (odd,), for decimation by ``factor``: flat to 0.42 of the low rate, 60 dB down from 0.58."""
    reach = 24 * factor
    t = np.arange(-reach, reach + 1) / factor
    taps = np.sinc(t) * np.kaiser(2 * reach + 1, 6.0)
    return np.asarray(taps / taps.sum(), dtype=np.float32)
