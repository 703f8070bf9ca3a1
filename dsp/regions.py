"""Frequency ranges of emissions: runs of marked bins, merged and split."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.free_bins import BoolArray, RealArray
from dsp.jit import compiled

IndexArray = npt.NDArray[np.int64]
Region = tuple[int, int]
"""First bin and the bin after the last."""
NOTCH_PART: Final = 0.35
"""A gap narrower than this part of the narrower neighbour is a notch in one carrier, not the space between two: 20 MHz LTE carriers
show fading notches of 1 to 2 MHz, while GSM carriers 400 kHz apart leave gaps of more than half their width."""
NOTCH_LEVEL_RATIO: Final = 10.0
"""Neighbours over a notch are alike: their mean densities differ by 10 dB at most."""
COMB_GAP_HZ: Final = 60e3
COMB_LINES: Final = 4
"""An idle LTE carrier is a comb: reference signals 15 kHz wide every 45 kHz (TS 36.211 cl. 6.10.1, two ports); four pieces are a comb."""
FILLED_PART: Final = 0.4
FILLED_SIGMA: Final = 3.0
WEAK_EXCESS: Final = 2.0
"""A gap between weak pieces whose mean excess is clear of noise and near theirs holds the same signal, just under the thresholds."""
SKIRT_PART: Final = 0.1
SKIRT_RATIO: Final = 10.0
"""A piece at least 10 dB weaker, nearer than a tenth of its strong neighbour's width, is that one's skirt."""
VALLEY_RATIO: Final = 100.0
"""A valley 20 dB below the peaks on both sides may separate two emissions."""
FLAT_PART: Final = 0.5
FLOOR_CLARITY: Final = 0.03
"""Excess over the floor below which a level counts as the floor: floors are known to about 0.1 dB."""
MAX_VALLEYS: Final = 16
MAX_REACH: Final = 8
"""How many pieces away the other half of an emission may be."""


def runs(mask: BoolArray, gap: int = 0) -> list[Region]:
    """Return the runs of True in ``mask``; runs at most ``gap`` apart are one."""
    bounds = np.empty((mask.size // 2 + 1, 2), np.int64)
    n = _fill_runs(mask, gap, bounds)
    return [(low, high) for low, high in bounds[:n].tolist()]


@compiled
def _fill_runs(mask: BoolArray, gap: int, bounds: IndexArray) -> int:
    """Write the runs of True, those at most ``gap`` apart as one, to ``bounds``, shape (at least n_runs, 2); return how many."""
    found, inside = 0, False
    for i in range(mask.size):
        if not mask[i]:
            inside = False
            continue
        if not inside and (found == 0 or i - bounds[found - 1, 1] > gap):
            bounds[found, 0] = i
            found += 1
        bounds[found - 1, 1] = i + 1
        inside = True
    return found


def regions(mask: BoolArray, ratio: RealArray, *, gap_bins: int, bin_hz: float, bin_sigma: float) -> list[Region]:
    """Return the emissions' ranges: marked runs merged over ``gap_bins``, combs, notches and skirts, split at deep valleys.

    ``bin_sigma``: relative standard deviation of one bin inside a wide mean.
    """
    joined = runs(mask, gap_bins)
    if len(joined) >= COMB_LINES:
        joined = _combs(joined, round(COMB_GAP_HZ / bin_hz))
    if len(joined) > 1:
        joined = _merged(joined, ratio, bin_sigma)
    width = max(gap_bins, 3)
    return [part for region in joined for part in _split(region, ratio, width)]


def _combs(joined: list[Region], gap: int) -> list[Region]:
    """Return the regions with every chain of four or more, each at most ``gap`` bins from the next, made one."""
    chains: list[list[Region]] = [[joined[0]]]
    for region in joined[1:]:
        if region[0] - chains[-1][-1][1] <= gap:
            chains[-1].append(region)
        else:
            chains.append([region])
    merged: list[Region] = []
    for chain in chains:
        merged += [(chain[0][0], chain[-1][1])] if len(chain) >= COMB_LINES else chain
    return merged


def _merged(joined: list[Region], ratio: RealArray, bin_sigma: float) -> list[Region]:
    """Return the regions with those made one that a notch separates or of which one is the other's skirt."""
    bounds = np.array(joined, np.int64)
    n = _merge(bounds, ratio, bin_sigma)
    return [(low, high) for low, high in bounds[:n].tolist()]


@compiled
def _merge(bounds: IndexArray, ratio: RealArray, bin_sigma: float) -> int:
    """Merge in ``bounds``, shape (n, 2), what belongs together, nearest neighbours first; return how many remain."""
    n = bounds.shape[0]
    for reach in range(1, MAX_REACH + 1):
        i = 0
        while i + reach < n:
            between = 0
            for j in range(i + 1, i + reach):
                between += bounds[j, 1] - bounds[j, 0]
            gap = bounds[i + reach, 0] - bounds[i, 1]
            if 4 * between <= gap and _belong(bounds[i], bounds[i + reach], ratio, bin_sigma):
                bounds[i, 1] = bounds[i + reach, 1]
                for j in range(i + 1, n - reach):
                    bounds[j, 0], bounds[j, 1] = bounds[j + reach, 0], bounds[j + reach, 1]
                n -= reach
                i = max(i - 1, 0)
            else:
                i += 1
    return int(n)


@compiled
def _excess(ratio: RealArray, low: int, high: int) -> float:
    """Return the mean excess over the floor of the bins from ``low`` to before ``high``."""
    total = 0.0
    for i in range(low, high):
        total += ratio[i] - 1.0
    return total / (high - low)


@compiled
def _belong(left: IndexArray, right: IndexArray, ratio: RealArray, bin_sigma: float) -> bool:
    """Return whether two neighbouring regions are one emission."""
    a, b, c, d = left[0], left[1], right[0], right[1]
    one, other = _excess(ratio, a, b), _excess(ratio, c, d)
    strong, weak = max(one, other), max(min(one, other), 1e-9)
    width = b - a if one >= other else d - c
    if c - b <= NOTCH_PART * min(b - a, d - c) and strong <= NOTCH_LEVEL_RATIO * weak:
        return True
    if c - b <= SKIRT_PART * width and strong >= SKIRT_RATIO * weak:
        return True
    if strong > WEAK_EXCESS:
        return False
    return bool(_excess(ratio, b, c) >= max(FILLED_PART * weak, FILLED_SIGMA * bin_sigma / (c - b) ** 0.5))


def _split(region: Region, ratio: RealArray, width: int) -> list[Region]:
    """Return ``region`` cut at every valley, smoothed over ``width`` bins, that is 20 dB deep and has a floor rather than a point.

    A fading notch is V-shaped: at a hundredth of the peaks beside it it is a third as wide as at a tenth. Between two emissions it is
    nearly as wide.
    """
    low, high = region
    cut = _valley(ratio[low:high], width) if high - low >= 4 * width else -1
    if cut < 0:
        return [region]
    return _split((low, low + cut), ratio, width) + _split((low + cut, high), ratio, width)


@compiled
def _valley(ratio: RealArray, width: int) -> int:
    """Return the middle of the deepest valley that separates two emissions, -1 where there is none."""
    n = ratio.size
    total, before = np.zeros(n + width + 1), width // 2 + 1
    for i in range(n + width):
        total[i + 1] = total[i] + ratio[min(max(i - before, 0), n - 1)] - 1.0
    smooth, peak, after = np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        smooth[i] = max((total[i + width + 1] - total[i + 1]) / width, FLOOR_CLARITY)
        peak[i] = max(smooth[i], peak[i - 1]) if i else smooth[i]
    used = np.zeros(n, np.bool_)
    for i in range(n - 1, -1, -1):
        after[i] = max(smooth[i], after[i + 1]) if i < n - 1 else smooth[i]
        peak[i] = min(peak[i], after[i])
    for _ in range(MAX_VALLEYS):
        cut, deepest = -1, VALLEY_RATIO
        for i in range(n):
            if not used[i] and peak[i] >= deepest * smooth[i] and (cut < 0 or peak[i] > deepest * smooth[i]):
                cut, deepest = i, peak[i] / smooth[i]
        if cut < 0:
            return -1
        foot = _stretch(smooth, 0.01 * peak[cut], cut)
        shoulder = _stretch(smooth, 0.1 * peak[cut], cut)
        if foot[1] - foot[0] >= FLAT_PART * (shoulder[1] - shoulder[0]):
            return (foot[0] + foot[1]) // 2
        used[shoulder[0] : shoulder[1]] = True
    return -1


@compiled
def _stretch(smooth: RealArray, level: float, at: int) -> tuple[int, int]:
    """Return the run of values up to ``level`` that holds ``at``."""
    first, last = at, at + 1
    while first > 0 and smooth[first - 1] <= level:
        first -= 1
    while last < smooth.size and smooth[last] <= level:
        last += 1
    return first, last
