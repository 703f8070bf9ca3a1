"""The stiffest curve through the free blocks of a span.

One level for the whole span if the free blocks allow it, else a moving straight-line fit over a quarter to a sixty-fourth of it. A
stiff curve is what lets a weak wide signal stand out: a curve that can follow 200 kHz takes a 200 kHz signal for ripple. So before one
level is refused, the windows that stand out of it are set aside as signals; only what a few of these cannot explain is ripple.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from dsp.free_bins import BoolArray, RealArray, relative_sigma
from dsp.jit import compiled

PARTS: Final = (1, 4, 8, 16, 32, 64)
"""The curve's windows as parts of the span."""
MIN_WINDOW_BLOCKS: Final = 8
SIGNAL_WIDTHS: Final = (8, 32, 128)
"""Widths, in blocks of 4 bins' stride, at which signals are set aside before a curve is judged."""
SIGNAL_SIGMA: Final = 5.0
MIN_KEPT: Final = 0.2
MIN_KEPT_BY_CURVE: Final = 0.985
"""One level may set most of the free blocks aside as signals (what remains must be level); a curve hardly any, or it cuts corners."""
SEGMENTS: Final = 16
CHI_SQUARE_LIMIT: Final = 3.3
"""Mean square of 16 normal deviates that noise exceeds once in 1e5."""


class Fit:
    """A curve through the free blocks: its value per block, which blocks it rests on, and what it leaves unexplained."""

    __slots__ = ("curve", "kept", "part", "passed", "residual")

    def __init__(self, curve: RealArray, kept: BoolArray, *, part: int, residual: float, passed: bool) -> None:
        """Gather. ``residual``: relative deviation of the kept blocks beyond noise, rms; ``passed``: noise explains the rest."""
        self.curve, self.kept, self.part, self.residual, self.passed = curve, kept, part, residual, passed


def fitted(blocks: RealArray, free: BoolArray, *, n_averages: int, overlap: float) -> Fit:
    """Return the stiffest curve that the free blocks allow; the most supple one where none does. Both arrays shape (n_blocks,)."""
    # relative deviation of one bin inside a wide mean
    wide_sigma = relative_sigma(n_averages, 64, overlap) * 8.0
    fit = _fit_part(blocks, free, 1, wide_sigma)
    for part in PARTS[1:]:
        if fit.passed or blocks.size // part < MIN_WINDOW_BLOCKS:
            break
        fit = _fit_part(blocks, free, part, wide_sigma)
    return fit


def _fit_part(blocks: RealArray, free: BoolArray, part: int, wide_sigma: float) -> Fit:
    """Return the curve with windows of 1/``part`` of the span."""
    kept = free
    curve = _curve(blocks, kept, part)
    widest = blocks.size // part // 3
    least = max(2.0, (MIN_KEPT if part == 1 else MIN_KEPT_BY_CURVE) * np.count_nonzero(free))
    for _ in range(3):
        remaining = np.empty(kept.size, np.bool_)
        if not _set_aside(blocks, curve, kept, widest, SIGNAL_SIGMA * wide_sigma, remaining):
            break
        kept = remaining
        if np.count_nonzero(kept) < least:
            return Fit(_curve(blocks, free, part), free, part=part, residual=1.0, passed=False)
        curve = _curve(blocks, kept, part)
    residual, chi_square, degrees = _judged(blocks, curve, kept, wide_sigma, max(SEGMENTS, 4 * part))
    passed = chi_square < 1.0 + (CHI_SQUARE_LIMIT - 1.0) * math.sqrt(SEGMENTS / degrees)
    return Fit(curve, kept, part=part, residual=residual, passed=passed)


@compiled
def _set_aside(blocks: RealArray, curve: RealArray, kept: BoolArray, widest: int, limit: float, remaining: BoolArray) -> bool:
    """Fill ``remaining``: ``kept`` without the windows whose mean excess is beyond noise. Return whether there is any such window.

    ``limit``: of one bin's mean excess; ``widest``: the widest window that the curve can do without, in blocks.
    """
    n = blocks.size
    total, count = np.zeros(n + 1), np.zeros(n + 1)
    for i in range(n):
        remaining[i] = kept[i]
        total[i + 1] = total[i] + (blocks[i] / curve[i] - 1.0 if kept[i] else 0.0)
        count[i + 1] = count[i] + (1.0 if kept[i] else 0.0)
    found = False
    for width in SIGNAL_WIDTHS:
        if width > widest:
            break
        passing = 0
        for i in range(n - width + 1):
            # n half-overlapped blocks hold 4 (n + 1) bins
            passing += total[i + width] - total[i] > limit * np.sqrt((count[i + width] - count[i] + 1.0) / 4.0)
        if passing == 0:
            continue
        found = True
        for i in range(n - width + 1):
            if total[i + width] - total[i] > limit * np.sqrt((count[i + width] - count[i] + 1.0) / 4.0):
                # the window's middle: a window half on a signal must not take what is beside it
                low = 0 if i == 0 else i + width // 2 - width // 8
                high = n if i == n - width else i + width // 2 + width // 8 + 1
                for j in range(low, high):
                    remaining[j] = False
    return found


@compiled
def _judged(blocks: RealArray, curve: RealArray, kept: BoolArray, wide_sigma: float, n_segments: int) -> tuple[float, float, int]:
    """Return the rms of the kept blocks' deviation beyond noise over ``n_segments`` stretches, chi square over its degrees, and these."""
    n = blocks.size
    n_segments = min(n_segments, n // 2)
    chi_square, beyond, weight, used = 0.0, 0.0, 0.0, 0
    for segment in range(n_segments):
        total, count = 0.0, 0.0
        for i in range(segment * n // n_segments, (segment + 1) * n // n_segments):
            if kept[i]:
                total += blocks[i] / curve[i] - 1.0
                count += 1.0
        if count > 0.0:
            square = (total / count) ** 2
            # half-overlapped blocks of 8 bins
            expected = wide_sigma * wide_sigma / (4.0 * (count + 1.0))
            chi_square += square / expected
            beyond += count * (square - expected)
            weight += count
            used += 1
    return math.sqrt(max(beyond / weight, 0.0)), chi_square / used, used


def _curve(blocks: RealArray, kept: BoolArray, part: int) -> RealArray:
    """Return the curve through the kept blocks, shape as ``blocks``: one level, or a moving straight line 1/``part`` of the span long."""
    n = blocks.size
    if part == 1:
        return np.full(n, _level(blocks, kept))
    curve = np.empty(n)
    _lines(blocks, kept, max(n // part // 2, 2), curve)
    at = np.flatnonzero(curve > 0.0)
    bridged: RealArray = np.exp(np.interp(np.arange(n), at, np.log(curve[at])))
    return bridged


@compiled
def _level(blocks: RealArray, kept: BoolArray) -> float:
    """Return the mean of the kept blocks."""
    total, count = 0.0, 0.0
    for i in range(blocks.size):
        if kept[i]:
            total += blocks[i]
            count += 1.0
    return total / count


@compiled
def _lines(blocks: RealArray, kept: BoolArray, half: int, curve: RealArray) -> None:
    """Fill ``curve`` with the straight line through the kept blocks within ``half`` of each block; 0 where these do not reach it."""
    n = blocks.size
    sums = np.zeros((5, n + 1))
    for i in range(n):
        weight = 1.0 if kept[i] else 0.0
        x = i / n - 0.5
        sums[0, i + 1] = sums[0, i] + weight
        sums[1, i + 1] = sums[1, i] + weight * x
        sums[2, i + 1] = sums[2, i] + weight * x * x
        sums[3, i + 1] = sums[3, i] + weight * blocks[i]
        sums[4, i + 1] = sums[4, i] + weight * blocks[i] * x
    for i in range(n):
        low, high = max(i - half, 0), min(i + half + 1, n)
        w = sums[0, high] - sums[0, low]
        curve[i] = 0.0
        if w < 1.0:
            continue
        centre = (sums[1, high] - sums[1, low]) / w
        spread = sums[2, high] - sums[2, low] - w * centre * centre
        mean = (sums[3, high] - sums[3, low]) / w
        slope = 0.0
        # a line needs points over a quarter of the window; otherwise their mean stands at their centre
        if w >= 4.0 and spread > w * (half / n / 4.0) ** 2:
            slope = (sums[4, high] - sums[4, low] - centre * w * mean) / spread
        value = mean + slope * (i / n - 0.5 - centre)
        if value > 0.3 * mean and abs(i / n - 0.5 - centre) < half / n:
            curve[i] = value
