"""Emissions so short that the dwell's mean does not show them: what stands out in single spectrogram rows."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np

from dsp.free_bins import BoolArray, RealArray
from dsp.jit import HAVE_NUMBA, compiled
from dsp.marking import running_sum
from dsp.regions import IndexArray, Region, runs
from dsp.thresholds import WIDTHS_HZ, threshold, widened
from dsp.types import FloatArray, NoiseFloor, Psd

BLOCK_BINS: Final = 16
CHUNK_BINS: Final = 512
CORE_RATIO: Final = 0.01


@compiled
def _scan(rows: FloatArray, weights: FloatArray, cell_limit: float, widths: IndexArray, limits: RealArray, flagged: BoolArray) -> bool:
    """Flag in place, shape (n_blocks,), the blocks of 16 bins that some row shows over a limit: one bin, or a sum of blocks.

    Narrowest first: what a width explains counts as noise for the wider ones, or a strong carrier would flag all around it. What passes is
    counted before it is looked for: a count is vectorised, a search is not. Return whether any block is flagged.
    """
    n_blocks = flagged.size
    cell = np.float32(cell_limit)
    blocks, hot = np.empty((rows.shape[0], n_blocks), np.float32), np.zeros(rows.shape[0], np.int64)
    _block_sums(rows, weights, cell, blocks, hot)
    found = False
    sums, total, here = np.empty(n_blocks), np.empty(n_blocks + 1), np.empty(n_blocks, np.bool_)
    for r in range(rows.shape[0]):
        for i in range(n_blocks):
            sums[i] = blocks[r, i]
            here[i] = False
        news = hot[r] > 0
        if news:
            _take_out(rows[r], weights, cell, sums, here)
        running_sum(sums, total)
        for index in range(widths.size):
            news |= _scan_width(total, widths[index], limits[index], sums, here)
        if news:
            found = True
            for block in range(n_blocks):
                flagged[block] |= here[block]
    return found


@compiled
def _block_sums(rows: FloatArray, weights: FloatArray, cell: np.float32, blocks: FloatArray, hot: IndexArray) -> None:
    """Fill ``blocks``, shape (n_rows, n_blocks), the sums over the floor of 16 bins each; add to ``hot`` each row's bins over ``cell``.

    In chunks that stay in the first-level cache, halved four times: neighbours' sums are vectorised, a sum over 16 is not.
    """
    chunk = min(CHUNK_BINS, weights.size)
    values, eighths = np.empty(chunk, np.float32), np.empty(chunk // 2, np.float32)
    quarters, halves = np.empty(chunk // 4, np.float32), np.empty(chunk // 8, np.float32)
    for first in range(0, weights.size, chunk):
        used = weights[first : first + chunk]
        for r in range(rows.shape[0]):
            row, passing = rows[r, first : first + chunk], np.int32(0)
            for i in range(chunk):
                values[i] = row[i] * used[i]
                passing += np.int32(values[i] > cell)
            hot[r] += passing
            for i in range(eighths.size):
                eighths[i] = values[2 * i] + values[2 * i + 1]
            for i in range(quarters.size):
                quarters[i] = eighths[2 * i] + eighths[2 * i + 1]
            for i in range(halves.size):
                halves[i] = quarters[2 * i] + quarters[2 * i + 1]
            target = blocks[r, first // 16 : (first + chunk) // 16]
            for i in range(target.size):
                target[i] = halves[2 * i] + halves[2 * i + 1]


@compiled
def _take_out(row: FloatArray, weights: FloatArray, cell: np.float32, sums: RealArray, here: BoolArray) -> None:
    """Mark the blocks with a bin over ``cell``; their sums count as noise."""
    for block in range(sums.size):
        for i in range(16 * block, 16 * block + 16):
            if row[i] * weights[i] > cell:
                here[block] = True
                sums[block] = 16.0


@compiled
def _scan_width(total: RealArray, width: int, limit: float, sums: RealArray, here: BoolArray) -> bool:
    """Mark the blocks in windows over ``limit``, whose sums count as noise from now on; ``total``: running sum of ``sums``."""
    n = sums.size - width + 1
    upper, lower, passing = total[width : width + n], total[:n], 0.0
    for block in range(n):
        passing += 1.0 if upper[block] - lower[block] > limit else 0.0
    if passing == 0.0:
        return False
    done = 0
    for block in range(n):
        if upper[block] - lower[block] > limit:
            for i in range(max(block, done), block + width):
                here[i] = True
            done = block + width
    for block in range(sums.size):
        if here[block]:
            sums[block] = 16.0
    running_sum(sums, total)
    return True


def _scan_in_numpy(
    rows: FloatArray, weights: FloatArray, cell_limit: float, widths: IndexArray, limits: RealArray, flagged: BoolArray
) -> bool:
    blocks = (rows * weights).reshape(rows.shape[0], flagged.size, BLOCK_BINS)
    here = blocks.max(axis=2) > cell_limit
    sums = np.where(here, float(BLOCK_BINS), blocks.sum(axis=2))
    for width, limit in zip(widths.tolist(), limits.tolist(), strict=True):
        total = np.concatenate([np.zeros((rows.shape[0], 1)), np.cumsum(sums, axis=1, dtype=np.float64)], axis=1)
        for row, block in np.argwhere(total[:, width:] - total[:, :-width] > limit).tolist():
            here[row, block : block + width] = True
        sums = np.where(here, float(BLOCK_BINS), sums)
    flagged |= here.any(axis=0)
    return bool(here.any())


@lru_cache(maxsize=64)
def _row_limits(
    n_rows: int, n_fft: int, bin_hz: float, *, row_averages: int, n_averages: int, overlap: float, pfa: float
) -> tuple[float, IndexArray, RealArray]:
    """Return the ratio for a bin, the widths in blocks and what their sums over the floor may be, all three widened for its noise.

    Together they raise one false alarm with probability ``pfa``.
    """
    n_blocks = n_fft // BLOCK_BINS
    wanted = sorted({max(1, round(hz / bin_hz / BLOCK_BINS)) for hz in WIDTHS_HZ})
    widths = np.array([w for w in wanted if w <= n_blocks], np.int64)
    share = pfa / (widths.size + 1)
    # the floor rests on the dwell that the row is part of
    room = math.sqrt(1.0 + row_averages / n_averages)
    cell = threshold(1, n_averages=row_averages, overlap=overlap, pfa=share / (n_rows * n_fft))
    ratios = [
        threshold(w * BLOCK_BINS, n_averages=row_averages, overlap=overlap, pfa=share / (n_rows * (n_blocks - w + 1)))
        for w in widths.tolist()
    ]
    return 1.0 + (cell - 1.0) * room, widths, (1.0 + (np.array(ratios) - 1.0) * room) * widths * BLOCK_BINS


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
    cell, widths, limits = _row_limits(
        psd.rows.shape[0],
        psd.n_fft,
        psd.bin_hz,
        row_averages=psd.row_averages,
        n_averages=psd.n_averages,
        overlap=psd.overlap,
        pfa=pfa,
    )
    room = widened(1.0, floor.ripple)
    flagged = np.zeros(psd.n_fft // BLOCK_BINS, np.bool_)
    scan = _scan if HAVE_NUMBA else _scan_in_numpy
    if not scan(psd.rows, weights, cell * room, widths, limits * room, flagged):
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
