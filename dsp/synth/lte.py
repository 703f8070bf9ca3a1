"""An LTE downlink as a receiver hears it: any cell, any sample rate, any stretch of time, the same for the same seed.

    cell = LteCellDescription(pci=77, n_rb=50, n_ports=2)
    downlink = LteDownlink(cell, Reception(offset_hz=100e3, receiver_ppm=40), sample_rate_hz=2.4e6, seed=1)
    iq = downlink.samples(0, count=192_000)

``samples`` may be asked for in pieces of any size and order: a scene adds pieces of several of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np

from dsp.errors import ParameterError
from dsp.lte.params import FRAME_S, SLOTS_PER_FRAME, SUBCARRIER_HZ, SUBCARRIERS_PER_RB, cp_lengths
from dsp.lte.types import CyclicPrefix
from dsp.synth.fading import Path
from dsp.synth.lte_channel import Reception, add_path, fading_paths, gain_times_s, interpolator, noise_variance, port_gains
from dsp.synth.lte_grid import LteCellDescription, frame_grid, frame_mib, frame_sfn
from dsp.types import ComplexArray

__all__ = [
    "LteCellDescription",
    "LteDownlink",
    "LteSignal",
    "Path",
    "Reception",
    "demodulate_frame",
    "fading_paths",
    "frame_mib",
    "frame_sfn",
    "modulate_frame",
    "noise_variance",
]

FFT_SIZES: Final = {6: 128, 15: 256, 25: 512, 50: 1024, 75: 1536, 100: 2048}
_FRAMES_KEPT: Final = 4


class LteDownlink:
    """The samples of one cell at one receiver, scaled so that each resource element has ``Reception.re_power``."""

    def __init__(self, cell: LteCellDescription, reception: Reception, *, sample_rate_hz: float, seed: int) -> None:
        """Prepare; ``seed`` decides the data and the fading."""
        if not sample_rate_hz > 0.0:
            raise ParameterError("sample_rate_hz", sample_rate_hz, "greater than 0")
        self.cell = cell
        self.reception = reception
        self.sample_rate_hz = sample_rate_hz
        self.seed = seed
        self._n_fft = FFT_SIZES[cell.n_rb]
        self._native_hz = self._n_fft * SUBCARRIER_HZ
        self._table = interpolator(**_band(cell.n_rb, self._native_hz, sample_rate_hz, reception.offset_hz), rate_hz=self._native_hz)
        self._frame = lru_cache(maxsize=_FRAMES_KEPT)(self._make_frame)

    @property
    def frame_samples(self) -> float:
        """Samples of the receiver in one frame of the cell."""
        return FRAME_S / (1 + self.reception.cell_ppm * 1e-6) * self.sample_rate_hz * (1 + self.reception.receiver_ppm * 1e-6)

    @property
    def cfo_hz(self) -> float:
        """Apparent - nominal carrier, as the receiver reckons with its own clock."""
        return self._apparent_hz - self.reception.offset_hz

    @property
    def _apparent_hz(self) -> float:
        heard, reception = self.reception.carrier_hz * (1 + self.reception.cell_ppm * 1e-6), self.reception
        tuned = (reception.carrier_hz - reception.offset_hz) * (1 + reception.receiver_ppm * 1e-6)
        return (heard - tuned) / (1 + reception.receiver_ppm * 1e-6)

    def first_frame_sample(self, frame: int) -> float:
        """Return the sample (not whole) at which ``frame`` begins on a path without delay."""
        return (frame - self.reception.start_s / FRAME_S) * self.frame_samples

    def frames(self, count: int) -> Iterator[ComplexArray]:
        """Give the samples of ``count`` frames' length, one frame's at a time."""
        edges = np.round(np.arange(count + 1) * self.frame_samples).astype(int)
        for low, high in pairwise(edges):
            yield self.samples(int(low), count=int(high - low))

    def samples(self, first: int, *, count: int) -> ComplexArray:
        """Return ``count`` samples from sample ``first`` on, shape (count,)."""
        out = np.zeros(count, dtype=np.complex64)
        if count == 0:
            return out
        clock = self.sample_rate_hz * (1 + self.reception.receiver_ppm * 1e-6)
        stretch = 1 + self.reception.cell_ppm * 1e-6
        begin_s = first / clock * stretch + self.reception.start_s
        step_s = stretch / clock
        paths = self.reception.all_paths
        half = self._table.shape[1] // 2
        start = int(np.floor((begin_s - 1e-6 * max(path.delay_us for path in paths)) * self._native_hz)) - half
        stop = int(np.ceil((begin_s + count * step_s) * self._native_hz)) + half + 1
        source = self._native(start, stop)
        times = gain_times_s(begin_s, begin_s + count * step_s)
        gain_step = times[1] - times[0]
        gain_walk = (begin_s - times[0]) / gain_step, step_s / gain_step
        for port in range(self.cell.n_ports):
            gains = port_gains(self.reception, port=port, seed=self.seed, times_s=times)
            for path, gain in zip(paths, gains, strict=True):
                walk = (begin_s - 1e-6 * path.delay_us) * self._native_hz - start, step_s * self._native_hz
                add_path(out, source[port], self._table, walk, gain, gain_walk)
        cycles = self._apparent_hz / self.sample_rate_hz
        phase = (first * cycles + np.arange(count) * cycles) % 1.0
        out *= np.exp(2j * np.pi * phase).astype(np.complex64) * np.float32(np.sqrt(self.reception.re_power))
        return out

    def _native(self, start: int, stop: int) -> ComplexArray:
        """Return what the ports send from native sample ``start`` to ``stop``, shape (n_ports, stop - start)."""
        per_frame = round(self._native_hz * FRAME_S)
        low, high = start // per_frame, (stop - 1) // per_frame
        joined = np.concatenate([self._frame(frame) for frame in range(low, high + 1)], axis=1)
        return joined[:, start - low * per_frame : stop - low * per_frame]

    def _make_frame(self, frame: int) -> ComplexArray:
        rng = np.random.default_rng((self.seed, frame & 0xFFFFFFFF))
        grid = frame_grid(self.cell, frame, rng=rng)
        return np.stack([modulate_frame(port, cp=self.cell.cp, n_fft=self._n_fft) for port in grid])


@dataclass(frozen=True, slots=True, kw_only=True)
class LteSignal:
    """One cell at a receiver as an item of a scene, which says the sample rate."""

    cell: LteCellDescription
    reception: Reception
    seed: int = 0

    def samples(self, start_sample: int, n: int, sample_rate_hz: float) -> ComplexArray:
        """Return samples ``start_sample`` to ``start_sample + n``, shape (n,), of the signal alone, without noise."""
        return _downlink(self, sample_rate_hz).samples(start_sample, count=n)


@lru_cache(maxsize=8)
def _downlink(item: LteSignal, sample_rate_hz: float) -> LteDownlink:
    return LteDownlink(item.cell, item.reception, sample_rate_hz=sample_rate_hz, seed=item.seed)


def modulate_frame(grid: ComplexArray, *, cp: CyclicPrefix, n_fft: int) -> ComplexArray:
    """Return one port's samples of a frame at ``n_fft`` x 15 kHz from its grid, shape (n_symbols, 12 n_rb) (TS 36.211 cl. 6.12).

    An element of power 1 becomes a tone of power 1.
    """
    half = grid.shape[1] // 2
    bins = np.zeros((grid.shape[0], n_fft), dtype=np.complex64)
    bins[:, n_fft - half :] = grid[:, :half]
    bins[:, 1 : half + 1] = grid[:, half:]
    useful = np.fft.ifft(bins, axis=1).astype(np.complex64) * np.float32(n_fft)
    lengths = cp_lengths(cp, n_fft=n_fft) * SLOTS_PER_FRAME
    pieces = [part for row, length in zip(useful, lengths, strict=True) for part in (row[n_fft - length :], row)]
    return np.concatenate(pieces)


def demodulate_frame(samples: ComplexArray, *, cp: CyclicPrefix, n_rb: int, n_fft: int) -> ComplexArray:
    """Return the grid of a frame that begins at the first of ``samples``, shape (n_symbols, 12 n_rb): the inverse of ``modulate_frame``."""
    half = SUBCARRIERS_PER_RB * n_rb // 2
    rows, at = [], 0
    for length in cp_lengths(cp, n_fft=n_fft) * SLOTS_PER_FRAME:
        spectrum = np.fft.fft(samples[at + length : at + length + n_fft]) / n_fft
        rows.append(np.concatenate([spectrum[n_fft - half :], spectrum[1 : half + 1]]))
        at += length + n_fft
    return np.array(rows, dtype=np.complex64)


def _band(n_rb: int, native_hz: float, sample_rate_hz: float, offset_hz: float) -> dict[str, float]:
    """Return where the interpolator is flat to and where it must be down.

    A narrow receiver's filter is flat over 80 % of its band and down at its edge; otherwise the carrier itself is the limit.
    """
    occupied = n_rb * SUBCARRIERS_PER_RB / 2 * SUBCARRIER_HZ
    edge = sample_rate_hz / 2 - abs(offset_hz)
    if occupied <= 0.9 * edge or sample_rate_hz >= native_hz:
        return {"pass_hz": occupied, "stop_hz": native_hz - occupied}
    return {"pass_hz": 0.8 * edge, "stop_hz": edge}
