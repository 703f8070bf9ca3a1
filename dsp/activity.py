"""When the emissions of a dwell were on: which spectrogram rows hold each of them. All emissions go through each loop together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from dsp.free_bins import BoolArray, RealArray
from dsp.jit import HAVE_NUMBA, compiled
from dsp.regions import IndexArray, runs
from dsp.thresholds import threshold
from dsp.types import FloatArray, Psd

MIN_ROWS: Final = 4
"""With fewer rows than this a dwell says nothing about time."""
ON_PFA: Final = 1e-6
"""Probability that noise alone makes a row of a known emission look on."""
ON_BELOW_PEAK: Final = 10**-2.5
"""Rows more than 25 dB below an emission's strongest row are not the same burst: receivers ring down, and transmitters leak."""
STEADY_RATIO: Final = 0.25
"""Where the rows called off hold more than a quarter of the power of those called on, the emission is steady and weak, not pulsed."""
CORE_RATIO: Final = 0.01
WIDEST: Final = 17
"""Thresholds are for powers of two, the widest the longest transform: a few serve every width, and err upwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """When each of some emissions was on."""

    on: BoolArray
    """Shape (n_emissions, n_rows): whether the emission was on in the row."""
    rows_on: IndexArray
    """Shape (n_emissions,): in how many rows; all of them where the rows tell nothing."""
    times_s: list[tuple[tuple[float, float], ...]]
    """First and last time of the bursts that remain after merging, in seconds from the dwell's start."""


def activity(psd: Psd, weights: FloatArray, found: IndexArray, *, merge_gap_s: float) -> Activity:
    """Return when the emissions were on; all the time where the dwell has no rows or they tell nothing.

    ``found``: first bin of each and the bin after the last, shape (n_emissions, 2); ``weights``: one over the floor, shape (n_fft,).
    """
    n, n_rows = found.shape[0], psd.rows.shape[0]
    always = ((0.0, psd.duration_s),)
    if n_rows < MIN_ROWS:
        return Activity(on=np.ones((n, n_rows), np.bool_), rows_on=np.full(n, n_rows), times_s=[always] * n)
    on, rows_on = np.empty((n, n_rows), np.bool_), np.empty(n, np.int64)
    cores = np.empty((n, 3), np.int64)
    _cores(psd.max_hold, weights, found, cores)
    power = np.empty((n, n_rows))
    (_row_powers if HAVE_NUMBA else _row_powers_in_numpy)(psd.rows, weights, cores, power)
    _switched(power, cores, _on_limits(psd.row_averages, psd.overlap), on, rows_on)
    times = [always if n_on == n_rows else _bursts(psd, on[i], merge_gap_s) for i, n_on in enumerate(rows_on.tolist())]
    return Activity(on=on, rows_on=rows_on, times_s=times)


@lru_cache(maxsize=16)
def _on_limits(row_averages: int, overlap: float) -> RealArray:
    """Return the excess over the floor that noise passes in a row with probability ``ON_PFA``, for 1, 2, 4, 8 ... bins."""
    return np.array([threshold(1 << k, n_averages=row_averages, overlap=overlap, pfa=ON_PFA) - 1.0 for k in range(WIDEST)])


@compiled
def _cores(max_hold: FloatArray, weights: FloatArray, found: IndexArray, cores: IndexArray) -> None:
    """Fill ``cores``, shape (n, 3): the strong part's first bin and the bin after the last, and how many of its bins have a weight."""
    for index in range(found.shape[0]):
        first, last = found[index, 0], found[index, 1]
        most = np.float32(0.0)
        for i in range(first, last):
            most = max(most, max_hold[i] * weights[i])
        least = np.float32(CORE_RATIO) * most
        while first < last - 1 and max_hold[first] * weights[first] < least:
            first += 1
        while last > first + 1 and max_hold[last - 1] * weights[last - 1] < least:
            last -= 1
        used = 0
        for i in range(first, last):
            used += weights[i] != 0.0
        cores[index, 0], cores[index, 1], cores[index, 2] = first, last, max(used, 1)


@compiled
def _row_powers(rows: FloatArray, weights: FloatArray, cores: IndexArray, power: RealArray) -> None:
    """Fill ``power``, shape (n, n_rows): each row's sum over the floor in each core."""
    for index in range(cores.shape[0]):
        first, last = cores[index, 0], cores[index, 1]
        used = weights[first:last]
        for r in range(rows.shape[0]):
            row, total = rows[r, first:last], np.float32(0.0)
            for i in range(used.size):
                total += row[i] * used[i]
            power[index, r] = total


def _row_powers_in_numpy(rows: FloatArray, weights: FloatArray, cores: IndexArray, power: RealArray) -> None:
    for index, (first, last, _) in enumerate(cores.tolist()):
        power[index] = rows[:, first:last] @ weights[first:last]


@compiled
def _switched(power: RealArray, cores: IndexArray, limits: RealArray, on: BoolArray, rows_on: IndexArray) -> None:
    """Fill ``on`` and ``rows_on``: rows whose mean excess over the floor passes noise and nears the strongest row's.

    All are on where the others hold nearly as much, or none is.
    """
    n_rows = power.shape[1]
    for index in range(power.shape[0]):
        width = cores[index, 2]
        octave = 0
        while (width >> (octave + 1)) > 0:
            octave += 1
        most = -1.0
        for i in range(n_rows):
            most = max(most, power[index, i] / width - 1.0)
        least = max(limits[octave], ON_BELOW_PEAK * most)
        n_on, sum_on, sum_off = 0, 0.0, 0.0
        for i in range(n_rows):
            excess = power[index, i] / width - 1.0
            on[index, i] = excess > least
            if excess > least:
                n_on += 1
                sum_on += excess
            else:
                sum_off += excess
        n_off = n_rows - n_on
        if n_on == 0 or n_off == 0 or sum_off / n_off > STEADY_RATIO * (sum_on / n_on):
            n_on = n_rows
            for i in range(n_rows):
                on[index, i] = True
        rows_on[index] = n_on


def _bursts(psd: Psd, on: BoolArray, merge_gap_s: float) -> tuple[tuple[float, float], ...]:
    """Return first and last time of the runs of ``on``, merged over gaps of up to ``merge_gap_s``.

    A segment counts for the hop around its middle, where the window's weight is; the first and the last row reach to the dwell's ends.
    """
    hop = psd.n_fft * (1.0 - psd.overlap)
    lead = 0.5 * (psd.n_fft - hop) / psd.sample_rate_hz
    gap_rows = math.floor(merge_gap_s / psd.row_step_s + 1e-9)
    times = []
    for low, high in runs(on, gap_rows):
        first = 0.0 if low == 0 else low * psd.row_step_s + lead
        last = psd.duration_s if high == on.size else min(high * psd.row_step_s + lead, psd.duration_s)
        times.append((first, last))
    return tuple(times)
