"""Which bins stand out of the floor: windows of several widths, narrowest first."""

from __future__ import annotations

from typing import Final

import numpy as np

from dsp.free_bins import BoolArray, RealArray
from dsp.jit import compiled
from dsp.thresholds import Test, widened
from dsp.types import FloatArray

MAX_PASSES: Final = 64


@compiled
def running_sum(values: RealArray, total: RealArray) -> None:
    """Fill ``total``, shape (n + 1,), with the sums of the first 0, 1, 2 ... ``values``; n a multiple of four.

    Four at a time: a sum that waits for the one before takes four times as long.
    """
    carry = 0.0
    total[0] = 0.0
    for i in range(0, values.size, 4):
        one = values[i]
        two = one + values[i + 1]
        pair = values[i + 2] + values[i + 3]
        total[i + 1] = carry + one
        total[i + 2] = carry + two
        total[i + 3] = carry + (two + values[i + 2])
        carry += two + pair
        total[i + 4] = carry


@compiled
def _best_stretch(ratio: RealArray, low: int, high: int, mean: float) -> tuple[int, int]:
    """Return the stretch of ``ratio[low:high]`` that holds its excess: the greatest sum over half of its ``mean`` excess over 1."""
    level = 1.0 + 0.5 * (mean - 1.0)
    best, running, first, left, right = -1.0, 0.0, low, low, low + 1
    for i in range(low, high):
        if running <= 0.0:
            running, first = 0.0, i
        running += ratio[i] - level
        if running > best:
            best, left, right = running, first, i + 1
    return left, right


@compiled
def _mark_width(ratio: RealArray, total: RealArray, width: int, limit: float, mask: BoolArray) -> int:
    """Mark in place the windows of one width whose sum passes ``limit``; ``total``: running sum of ``ratio``. Return how many."""
    last, found, start = ratio.size - width, 0, 0
    while start <= last:
        most = total[start + width] - total[start]
        if most <= limit:
            start += 1
            continue
        best, position = start, start + 1
        while position <= last and position < start + width and total[position + width] - total[position] > limit:
            if total[position + width] - total[position] > most:
                best, most = position, total[position + width] - total[position]
            position += 1
        low, high = _best_stretch(ratio, best, best + width, most / width)
        for i in range(low, high):
            mask[i] = True
            ratio[i] = 1.0
        found += 1
        start = max(best + width, position)
    return found


@compiled
def _mark_bins(ratio: RealArray, limit: float, mask: BoolArray) -> bool:
    """Mark in place the bins that pass ``limit`` by themselves; return whether there are any."""
    passing = 0.0
    for i in range(ratio.size):
        passing += 1.0 if ratio[i] > limit else 0.0
    if passing == 0.0:
        return False
    for i in range(ratio.size):
        if ratio[i] > limit:
            mask[i] = True
            ratio[i] = 1.0
    return True


@compiled
def _mark(mean: FloatArray, floor: FloatArray, tests: RealArray, ratio: RealArray, mask: BoolArray) -> bool:
    """Fill ``ratio``, density over the floor, and ``mask``, the bins of every window that passes; return whether any is.

    ``tests``: shape (2, n), widths in bins and ratios, narrowest (a bin) first. Marked bins count as noise for what follows.
    """
    n = mean.size
    for i in range(n):
        ratio[i] = np.float64(mean[i]) / np.float64(floor[i])
        mask[i] = False
    rest, total = ratio.copy(), np.empty(n + 1)
    marked = _mark_bins(rest, tests[1, 0], mask)
    running_sum(rest, total)
    for index in range(1, tests.shape[1]):
        width = int(tests[0, index])
        limit = tests[1, index] * width
        for _ in range(MAX_PASSES):
            # counted before they are looked for: a count is vectorised, a search is not
            upper, lower, passing = total[width:], total[: n - width + 1], 0.0
            for i in range(upper.size):
                passing += 1.0 if upper[i] - lower[i] > limit else 0.0
            if passing == 0.0 or _mark_width(rest, total, width, limit, mask) == 0:
                break
            marked = True
            running_sum(rest, total)
    return marked


def detected_bins(mean: FloatArray, floor: FloatArray, tests: tuple[Test, ...], *, ripple: float) -> tuple[RealArray, BoolArray | None]:
    """Return density over the floor and which bins belong to a window that passes one of ``tests``, None where none does.

    ``mean``, ``floor``: densities, all shapes (n_bins,).
    """
    ratio, mask = np.empty(mean.size), np.empty(mean.size, np.bool_)
    limits = np.array([[test.width_bins for test in tests], [widened(test.ratio, ripple) for test in tests]])
    return ratio, mask if _mark(mean, floor, limits, ratio, mask) else None
