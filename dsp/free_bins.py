"""Which parts of a span hold nothing but the receiver's noise.

The estimate is looked at in blocks of 8 bins, half overlapped, so that any free run of 16 bins holds a whole block clear of the
window's leakage. A block is *noise-like* when its bins scatter no more than that many averages of noise do (idle LTE and GSM carriers
scatter far more). From the lowest noise-like blocks the free set grows to neighbours that continue the level: a receiver's ripple and
roll-off are gentle, a signal's edge is a step. Runs cut off by signals on both sides join when their level agrees with what their free
neighbours predict.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.jit import compiled
from dsp.radiometer import REACH_BINS, traces

RealArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

BLOCK_BINS: Final = 8
STRIDE_BINS: Final = 4
SLOPE_DB_PER_SPAN: Final = 25.0
"""Steepest floor in the middle of the span: a ripple of +-1 dB with four periods."""
EDGE_SLOPE_DB_PER_SPAN: Final = 400.0
"""Steepest roll-off in the outer parts of the span: 10 dB in the last 5 % of it, steepest at the end."""
EDGE_FRACTION: Final = 0.06
TOLERANCE_SIGMA: Final = 4.5
ISLAND_TOLERANCE_DB: Final = 0.8
MAX_ROUNDS: Final = 6
MAX_MISSED: Final = 2
"""Blocks over which the level is carried on."""
MIN_VALLEYS: Final = 3
VALLEY_RATIO: Final = 1.6
ROLL_OFF_RATIO: Final = 20.0
"""A receiver's roll-off inside its span is 13 dB at most."""


@lru_cache(maxsize=256)
def _variance(n_averages: int, width_bins: int, overlap: float) -> float:
    """Return the variance of the sum of ``width_bins`` neighbouring bins over all averages of white noise."""
    return float(traces(n_averages, width_bins, overlap)[1])


def relative_sigma(n_averages: int, width_bins: int, overlap: float) -> float:
    """Return the relative standard deviation of the mean of ``width_bins`` bins of white noise."""
    few = min(width_bins, REACH_BINS)
    variance = _variance(n_averages, few, overlap)
    if width_bins > few:
        # beyond the window's reach every further bin adds the same
        variance += (width_bins - few) * (_variance(n_averages, few + 1, overlap) - variance)
    return math.sqrt(variance) / (n_averages * width_bins)


def free_blocks(level: RealArray, *, n_averages: int, overlap: float) -> tuple[RealArray, BoolArray]:
    """Return the mean of each block and whether it is free, both shape (n_bins // 4 - 1,); block i starts at bin 4 i.

    ``level``: the estimate's density over the receiver's known shape, shape (n_bins,).
    """
    sigma = relative_sigma(n_averages, BLOCK_BINS, overlap)
    bin_sigma = relative_sigma(n_averages, 1, overlap)
    # 8 bins hold about 4 independent differences; 5.5 standard deviations keep one white block in a thousand out
    limit = (bin_sigma**2 - sigma**2) * (1.0 + 5.5 * math.sqrt(0.5) * (1.0 + bin_sigma))
    mean, noise_like = np.empty(level.size // STRIDE_BINS - 1), np.empty(level.size // STRIDE_BINS - 1, np.bool_)
    _block_statistics(level, limit, mean, noise_like)
    if not noise_like.any():
        return mean, noise_like
    free = _spread(mean, noise_like, noise_like, sigma)
    edge = int(EDGE_FRACTION * mean.size)
    if not free[edge : mean.size - edge].any():
        free = _beyond_the_edges(mean, noise_like, free, sigma)
    return mean, free


def _spread(mean: RealArray, noise_like: BoolArray, seeds: BoolArray, sigma: float) -> BoolArray:
    """Return the free blocks that follow from the lowest of ``seeds``."""
    free = np.empty(mean.size, np.bool_)
    _follow(mean, noise_like, seeds, sigma, free)
    return free


@compiled
def _follow(mean: RealArray, noise_like: BoolArray, seeds: BoolArray, sigma: float, free: BoolArray) -> None:
    """Fill ``free``: the seeds near the lowest, then what continues them and what agrees with them, until nothing more does."""
    n = mean.size
    limit = _mean_of_lowest(mean, seeds, max(2, n // 200)) * (1.0 + TOLERANCE_SIGMA * sigma)
    most, count = 0, 0
    for i in range(n):
        free[i] = seeds[i] and mean[i] < limit
        most += noise_like[i]
        count += free[i]
    for _ in range(MAX_ROUNDS):
        if count == most:
            break
        before = count
        _grow(mean, noise_like, free, sigma)
        _join(mean, noise_like, np.flatnonzero(free), free, TOLERANCE_SIGMA * sigma)
        count = 0
        for i in range(n):
            count += free[i]
        if count == before:
            break


@compiled
def _mean_of_lowest(mean: RealArray, seeds: BoolArray, few: int) -> float:
    """Return the mean of the ``few`` lowest seeds, or of all where there are fewer."""
    lowest = np.empty(few)
    held = 0
    for i in range(mean.size):
        if not seeds[i] or (held == few and mean[i] >= lowest[few - 1]):
            continue
        held = min(held + 1, few)
        place = held - 1
        while place > 0 and lowest[place - 1] > mean[i]:
            lowest[place] = lowest[place - 1]
            place -= 1
        lowest[place] = mean[i]
    return float(lowest[:held].sum()) / held


def _beyond_the_edges(mean: RealArray, noise_like: BoolArray, free: BoolArray, sigma: float) -> BoolArray:
    """Return the free blocks where the lowest lie in the span's outer parts alone and do not reach inwards.

    Either a carrier fills the span between its guards, and these are the floor (``free`` as it is); or signals hide the receiver's
    roll-off, and the floor inside is seen in valleys between them: then what lies low outside is floor too.
    """
    edge = int(EDGE_FRACTION * mean.size)
    inside = noise_like.copy()
    inside[:edge] = inside[mean.size - edge :] = False
    if not inside.any():
        return free
    inner = _spread(mean, noise_like, inside, sigma)
    if _count_valleys(mean, inner) < MIN_VALLEYS or mean[inner].mean() > ROLL_OFF_RATIO * mean[free].mean():
        return free
    at = np.flatnonzero(inner)
    low = noise_like & (mean < np.interp(np.arange(mean.size), at, mean[at]))
    low[edge : mean.size - edge] = False
    both: BoolArray = inner | low
    return both


def _count_valleys(mean: RealArray, free: BoolArray) -> int:
    """Return how many runs of free blocks have a level 2 dB higher and more close by on both sides."""
    edges = np.flatnonzero(np.diff(free.astype(np.int8), prepend=0, append=0))
    low, high = edges[::2], edges[1::2]
    within = (low >= 4) & (high <= mean.size - 4)
    low, high = low[within], high[within]
    level = mean[(low + high) // 2]
    return int(np.count_nonzero((mean[low - 4] > VALLEY_RATIO * level) & (mean[high + 3] > VALLEY_RATIO * level)))


@compiled
def _block_statistics(level: RealArray, limit: float, mean: RealArray, noise_like: BoolArray) -> None:
    """Fill each block's mean, shape (n_bins // 4 - 1,), and whether the relative variance of its bins is below ``limit``."""
    total, square = 0.0, 0.0
    for quad in range(mean.size + 1):
        last_total, last_square = total, square
        total, square = 0.0, 0.0
        for i in range(4 * quad, 4 * quad + 4):
            total += level[i]
            square += level[i] * level[i]
        if quad > 0:
            centre = (last_total + total) / 8.0
            mean[quad - 1] = centre
            noise_like[quad - 1] = (last_square + square) / 8.0 - centre * centre < limit * centre * centre


@compiled
def _grow(mean: RealArray, noise_like: BoolArray, free: BoolArray, sigma: float) -> None:
    """Extend ``free`` in place, both ways, over noise-like blocks that continue the level."""
    n = mean.size
    edge = int(EDGE_FRACTION * n)
    # ln ratio per block
    slope, edge_slope = SLOPE_DB_PER_SPAN * math.log(10.0) / 10.0 / n, EDGE_SLOPE_DB_PER_SPAN * math.log(10.0) / 10.0 / n
    limits = np.empty((2, MAX_MISSED + 1))
    for missed in range(MAX_MISSED + 1):
        limits[0, missed] = 1.1 * TOLERANCE_SIGMA * sigma + np.exp(slope * (missed + 3)) - 1.0
        limits[1, missed] = 1.1 * TOLERANCE_SIGMA * sigma + np.exp(edge_slope * (missed + 3)) - 1.0
    for direction in range(2):
        running, missed = -1.0, 0
        for step in range(n):
            i = step if direction == 0 else n - 1 - step
            if free[i]:
                running = mean[i] if running < 0.0 else running + 0.3 * (mean[i] - running)
                missed = 0
            elif running > 0.0:
                limit = limits[1 if i < edge or i >= n - edge else 0, missed]
                if noise_like[i] and abs(mean[i] / running - 1.0) <= limit:
                    free[i] = True
                    running += 0.3 * (mean[i] - running)
                    missed = 0
                else:
                    missed += 1
                    if missed > MAX_MISSED:
                        running = -1.0


@compiled
def _join(mean: RealArray, noise_like: BoolArray, at: npt.NDArray[np.int64], joined: BoolArray, tolerance: float) -> None:
    """Extend ``joined`` in place; ``at``: where the free blocks are. Five of them make an anchor, the prediction is linear between."""
    last = at.size - 1
    before, anchored = -1, -2
    a, b, left, right = 0.0, 0.0, 0, 0
    for i in range(mean.size):
        if before < last and at[before + 1] == i:
            before += 1
        if joined[i] or not noise_like[i]:
            continue
        if anchored != before:
            anchored, left, right = before, max(before, 0), min(before + 1, last)
            a, b = _anchor(mean, at, left), _anchor(mean, at, right)
        span = at[right] - at[left]
        predicted = a if span == 0 else a + (b - a) * (i - at[left]) / span
        distance = min(abs(at[right] - i), abs(i - at[left]))
        slack_db = min(ISLAND_TOLERANCE_DB, SLOPE_DB_PER_SPAN / mean.size * distance)
        if abs(mean[i] / predicted - 1.0) < tolerance + 10.0 ** (slack_db / 10.0) - 1.0:
            joined[i] = True


@compiled
def _anchor(mean: RealArray, at: npt.NDArray[np.int64], middle: int) -> float:
    """Return the mean level of the five free blocks about the one with number ``middle``."""
    low, high = max(middle - 2, 0), min(middle + 3, at.size)
    total = 0.0
    for j in range(low, high):
        total += mean[at[j]]
    return total / (high - low)
