"""Emissions in time: which spectrogram rows hold them, and emissions so short that only rows show them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.free_bins import BoolArray, RealArray
from dsp.jit import HAVE_NUMBA, compiled
from dsp.regions import Region, runs
from dsp.thresholds import WIDTHS_HZ, threshold, widened
from dsp.types import FloatArray, NoiseFloor, Psd

BLOCK_BINS: Final = 16
MIN_ROWS: Final = 4
"""With fewer rows than this a dwell says nothing about time."""
ON_PFA: Final = 1e-6
"""Probability that noise alone makes a row of a known emission look on."""
ON_BELOW_PEAK: Final = 10**-2.5
"""Rows more than 25 dB below an emission's strongest row are not the same burst: receivers ring down, and transmitters leak."""
STEADY_RATIO: Final = 0.25
"""Where the rows called off hold more than a quarter of the power of those called on, the emission is steady and weak, not pulsed."""
CORE_RATIO: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """When an emission was on: a flag for each row, and the bursts that remain after merging, in seconds from the dwell's start."""

    on: BoolArray
    times_s: tuple[tuple[float, float], ...]
    duty: float


@compiled
def _scan(
    rows: FloatArray, weights: FloatArray, cell_limit: float, widths: npt.NDArray[np.int64], limits: RealArray, flagged: BoolArray
) -> None:
    """Flag in place, shape (n_blocks,), the blocks of 16 bins that some row shows over a limit: one bin, or a sum of blocks.

    Narrowest first: what a width explains counts as noise for the wider ones, or a strong carrier would flag all around it.
    """
    n_blocks = flagged.size
    sums, total, here = np.empty(n_blocks), np.zeros(n_blocks + 1), np.zeros(n_blocks, np.bool_)
    for row in range(rows.shape[0]):
        news = False
        for block in range(n_blocks):
            most, added = np.float32(0.0), np.float32(0.0)
            for i in range(block * 16, block * 16 + 16):
                value = rows[row, i] * weights[i]
                added += value
                most = max(most, value)
            here[block] = most > cell_limit
            sums[block] = 16.0 if here[block] else added
            news |= here[block]
            total[block + 1] = total[block] + sums[block]
        for index in range(widths.size):
            width, limit, done, highest = widths[index], limits[index], 0, 0.0
            for block in range(n_blocks - width + 1):
                highest = max(highest, total[block + width] - total[block])
            if highest <= limit:
                continue
            for block in range(n_blocks - width + 1):
                if total[block + width] - total[block] > limit:
                    for i in range(max(block, done), block + width):
                        here[i] = True
                    done = block + width
            news = True
            for block in range(n_blocks):
                if here[block]:
                    sums[block] = 16.0
                total[block + 1] = total[block] + sums[block]
        if news:
            for block in range(n_blocks):
                flagged[block] |= here[block]


def _scan_in_numpy(
    rows: FloatArray, weights: FloatArray, cell_limit: float, widths: npt.NDArray[np.int64], limits: RealArray, flagged: BoolArray
) -> None:
    blocks = (rows * weights).reshape(rows.shape[0], flagged.size, BLOCK_BINS)
    here = blocks.max(axis=2) > cell_limit
    sums = np.where(here, float(BLOCK_BINS), blocks.sum(axis=2))
    for width, limit in zip(widths.tolist(), limits.tolist(), strict=True):
        total = np.concatenate([np.zeros((rows.shape[0], 1)), np.cumsum(sums, axis=1, dtype=np.float64)], axis=1)
        for row, block in np.argwhere(total[:, width:] - total[:, :-width] > limit).tolist():
            here[row, block : block + width] = True
        sums = np.where(here, float(BLOCK_BINS), sums)
    flagged |= here.any(axis=0)


@lru_cache(maxsize=64)
def _row_limits(
    n_rows: int, n_fft: int, bin_hz: float, *, row_averages: int, overlap: float, pfa: float
) -> tuple[float, tuple[int, ...], tuple[float, ...]]:
    """Return the ratio for a bin, the widths in blocks and their ratios: together one false alarm with probability ``pfa``."""
    n_blocks = n_fft // BLOCK_BINS
    wanted = sorted({max(1, round(hz / bin_hz / BLOCK_BINS)) for hz in WIDTHS_HZ})
    widths = tuple(w for w in wanted if w <= n_blocks)
    share = pfa / (len(widths) + 1)
    cell = threshold(1, n_averages=row_averages, overlap=overlap, pfa=share / (n_rows * n_fft))
    ratios = tuple(
        threshold(w * BLOCK_BINS, n_averages=row_averages, overlap=overlap, pfa=share / (n_rows * (n_blocks - w + 1))) for w in widths
    )
    return cell, widths, ratios


def row_weights(floor: NoiseFloor, *, spike: bool) -> FloatArray:
    """Return one over the floor, shape (n_fft,), float32; 0 at the five bins of the receiver's DC ``spike`` where there is one."""
    weights = np.reciprocal(floor.density, dtype=np.float32)
    if spike:
        centre = weights.size // 2
        weights[centre - 2 : centre + 3] = 0.0
    return weights


def short_regions(psd: Psd, floor: NoiseFloor, weights: FloatArray, *, pfa: float, gap_bins: int) -> list[Region]:
    """Return the frequency ranges in which some row stands out of the floor, runs of 16 bins merged over ``gap_bins``.

    ``weights``: one over the floor, shape (n_fft,); 0 where emissions are known already.
    """
    n_rows = psd.rows.shape[0]
    cell, widths, ratios = _row_limits(n_rows, psd.n_fft, psd.bin_hz, row_averages=psd.row_averages, overlap=psd.overlap, pfa=pfa)
    # the floor rests on the dwell that the row is part of
    room = np.sqrt(1.0 + psd.row_averages / psd.n_averages)
    limits = np.array(
        [widened(1.0 + (r - 1.0) * room, floor.ripple) * w * BLOCK_BINS for r, w in zip(ratios, widths, strict=True)], np.float64
    )
    flagged = np.zeros(psd.n_fft // BLOCK_BINS, np.bool_)
    scan = _scan if HAVE_NUMBA else _scan_in_numpy
    scan(psd.rows, weights, widened(1.0 + (cell - 1.0) * room, floor.ripple), np.array(widths, np.int64), limits, flagged)
    if not flagged.any():
        return []
    known = np.asarray(weights.reshape(-1, BLOCK_BINS).max(axis=1) == 0.0)
    found = _apart(runs(flagged & ~known), known, gap_bins // BLOCK_BINS)
    return [_trimmed(psd, weights, (low * BLOCK_BINS, high * BLOCK_BINS)) for low, high in found]


def _apart(found: list[Region], known: BoolArray, gap: int) -> list[Region]:
    """Return the runs of blocks, those at most ``gap`` apart made one unless a known emission lies between."""
    merged = found[:1]
    for low, high in found[1:]:
        before = merged[-1]
        if low - before[1] <= gap and not known[before[1] : low].any():
            merged[-1] = (before[0], high)
        else:
            merged.append((low, high))
    return merged


def _trimmed(psd: Psd, weights: FloatArray, region: Region) -> Region:
    """Return ``region`` without the blocks at its ends that stay 20 dB under its strongest (a wide window takes in its surroundings)."""
    low, high = region
    blocks = (psd.max_hold[low:high] * weights[low:high]).reshape(-1, BLOCK_BINS).mean(axis=1)
    # the largest of many noise values is ln(n) + 0.577
    quiet = np.log(psd.n_averages) + 0.577
    if blocks.max() < 10.0 * quiet:
        return _weak_and_wide(psd, weights, region)
    strong = np.flatnonzero(blocks > max(1.5 * quiet, CORE_RATIO * float(blocks.max())))
    return low + int(strong[0]) * BLOCK_BINS, low + (int(strong[-1]) + 1) * BLOCK_BINS


def _weak_and_wide(psd: Psd, weights: FloatArray, region: Region) -> Region:
    """Return the part of ``region`` that holds the excess of its strongest rows: the greatest sum over half of the mean excess."""
    low, high = region
    ratio = psd.rows[:, low:high] * weights[low:high]
    power = ratio.mean(axis=1)
    excess = ratio[power > 0.5 * (1.0 + power.max())].mean(axis=0, dtype=np.float64).reshape(-1, BLOCK_BINS).mean(axis=1) - 1.0
    first, last = 0, excess.size
    for _ in range(3):
        sums = np.concatenate([[0.0], np.cumsum(excess - 0.5 * float(excess[first:last].mean()))])
        rise = sums - np.minimum.accumulate(sums)
        last = int(rise.argmax())
        first = int(sums[: last + 1].argmin())
        if last <= first:
            return region
    return low + first * BLOCK_BINS, low + last * BLOCK_BINS


def activity(psd: Psd, weights: FloatArray, region: Region, *, merge_gap_s: float) -> Activity:
    """Return when the emission in ``region`` was on; all the time where the dwell has no rows or they tell nothing."""
    n_rows = psd.rows.shape[0]
    if n_rows < MIN_ROWS:
        return _always(psd)
    excess, width = _row_excess(psd, weights, region)
    # the next power of two below: a few thresholds serve every width, and err upwards
    noise = threshold(1 << (width.bit_length() - 1), n_averages=psd.row_averages, overlap=psd.overlap, pfa=ON_PFA) - 1.0
    on = excess > max(noise, ON_BELOW_PEAK * float(excess.max()))
    if on.all() or not on.any() or float(excess[~on].mean()) > STEADY_RATIO * float(excess[on].mean()):
        return _always(psd)
    return Activity(on=on, times_s=_bursts(psd, on, merge_gap_s), duty=float(on.mean()))


def _always(psd: Psd) -> Activity:
    return Activity(on=np.ones(psd.rows.shape[0], np.bool_), times_s=((0.0, psd.duration_s),), duty=1.0)


def _row_excess(psd: Psd, weights: FloatArray, region: Region) -> tuple[RealArray, int]:
    """Return each row's mean density over the floor, less one, in the region's strong bins, shape (n_rows,); and how many these are."""
    low, high = region
    strong = psd.max_hold[low:high] * weights[low:high]
    core = np.flatnonzero(strong >= CORE_RATIO * float(strong.max()))
    first, last = low + int(core[0]), low + int(core[-1]) + 1
    used = weights[first:last]
    width = max(int(np.count_nonzero(used)), 1)
    return (psd.rows[:, first:last] @ used).astype(np.float64) / width - 1.0, width


def _bursts(psd: Psd, on: BoolArray, merge_gap_s: float) -> tuple[tuple[float, float], ...]:
    """Return first and last time of the runs of ``on``, merged over gaps of up to ``merge_gap_s``.

    A segment counts for the hop around its middle, where the window's weight is; the first and the last row reach to the dwell's ends.
    """
    hop = psd.n_fft * (1.0 - psd.overlap)
    lead = 0.5 * (psd.n_fft - hop) / psd.sample_rate_hz
    gap_rows = int(np.floor(merge_gap_s / psd.row_step_s + 1e-9))
    times = []
    for low, high in runs(on, gap_rows):
        first = 0.0 if low == 0 else low * psd.row_step_s + lead
        last = psd.duration_s if high == on.size else min(high * psd.row_step_s + lead, psd.duration_s)
        times.append((first, last))
    return tuple(times)
