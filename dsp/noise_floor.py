"""The noise density under whatever the span holds, and where the knowledge came from.

Free blocks (``dsp.free_bins``) give levels; a curve through them (``dsp.floor_curve``) gives the floor of every bin.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from dsp.errors import ParameterError
from dsp.floor_curve import Fit, fitted
from dsp.free_bins import STRIDE_BINS, BoolArray, RealArray, free_blocks, relative_sigma
from dsp.jit import compiled
from dsp.types import FloatArray, FloorSource, NoiseFloor, Psd

MIN_FREE: Final = 0.008
CONTRAST_BINS: Final = 0.005
"""Part of the span that must stand above the free bins for a contrast to have been seen."""
CONTRAST_RATIO: Final = 1.6
HUMP_PART: Final = 0.02
LONG_RUN: Final = 16
"""Blocks of 4 bins' stride: a free run of 64 bins and more is no valley of a comb."""
LONG_RUN_SHARE: Final = 0.1
RESTLESS: Final = 1.15
GAIN_DRIFT_DB: Final = 2.0
MAX_ROUGHNESS: Final = 10**0.07
"""At least half of the free blocks are so near to a smooth floor."""


def estimate_floor(psd: Psd, *, reference: FloatArray | None = None) -> NoiseFloor:
    """Return the noise density of every bin of ``psd``.

    ``reference``: the receiver's stored noise density at this gain, shape (n_fft,), same units; it gives the shape of the floor, and
    its level where the span shows none (a level within 2 dB of it is taken from the span).

    Raises:
        ParameterError: ``reference`` has another shape or is not positive and finite.
    """
    level = psd.mean.astype(np.float64)
    if reference is not None:
        level = level / _checked(reference, psd.n_fft)
    least = max(float(level.max()) * 1e-15, 1e-30)
    if level.min() < least:
        level = np.maximum(level, least)
    blocks, free = free_blocks(level, n_averages=psd.n_averages, overlap=psd.overlap)
    if reference is not None:
        free &= np.abs(10.0 * np.log10(blocks)) < GAIN_DRIFT_DB
    if np.count_nonzero(free) < max(2, 0.5 * MIN_FREE * free.size):
        return _without_free_bins(psd, blocks, reference)
    fit = fitted(blocks, free, n_averages=psd.n_averages, overlap=psd.overlap)
    seen = _contrast(blocks, free, fit) and not _is_comb_floor(psd, free)
    source: FloorSource = "free_bins" if seen else "reference" if reference is not None else "assumed"
    return _floor(psd, level, fit, source, reference)


def _checked(reference: FloatArray, n_fft: int) -> RealArray:
    shape = np.asarray(reference, np.float64)
    if shape.shape != (n_fft,) or not np.all(np.isfinite(shape)) or not np.all(shape > 0.0):
        raise ParameterError("reference", shape.shape, f"{n_fft} positive finite densities")
    return shape


def _without_free_bins(psd: Psd, blocks: RealArray, reference: FloatArray | None) -> NoiseFloor:
    """Return the reference as it stands, or else the lowest blocks' level: an upper bound of the noise."""
    if reference is not None:
        return _frozen(np.asarray(reference, np.float64), "reference", free_fraction=0.0, uncertainty_db=GAIN_DRIFT_DB)
    lowest = float(np.sort(blocks)[: max(1, blocks.size // 100)].mean())
    density = np.full(psd.n_fft, lowest)
    return _frozen(density, "assumed", free_fraction=0.0, uncertainty_db=3.0, averaged_bins=16.0, ripple=1.0)


def _floor(psd: Psd, level: RealArray, fit: Fit, source: FloorSource, reference: FloatArray | None) -> NoiseFloor:
    if fit.part == 1:
        height, rests_on = _one_level(level, fit.kept)
        curve, ripple = np.full(psd.n_fft, height), 0.0
    else:
        centres = np.arange(fit.curve.size) * STRIDE_BINS + 3.5
        curve = np.interp(np.arange(psd.n_fft), centres, fit.curve)
        rests_on = max(STRIDE_BINS * int(np.count_nonzero(fit.kept)) // fit.part, 16)
        ripple = max(fit.residual, 1e-3)
    sigma = math.hypot(relative_sigma(psd.n_averages, rests_on, psd.overlap), ripple)
    return _frozen(
        curve if reference is None else curve * np.asarray(reference, np.float64),
        source,
        free_fraction=np.count_nonzero(fit.kept) / fit.kept.size,
        uncertainty_db=10.0 * math.log10(1.0 + sigma),
        averaged_bins=float(rests_on),
        ripple=ripple,
    )


@compiled
def _one_level(level: RealArray, kept: BoolArray) -> tuple[float, int]:
    """Return the mean of the bins that the kept blocks cover, each once (blocks overlap), and how many these are."""
    total, count = 0.0, 0
    for quad in range(kept.size + 1):
        if (quad < kept.size and kept[quad]) or (quad > 0 and kept[quad - 1]):
            for i in range(STRIDE_BINS * quad, STRIDE_BINS * (quad + 1)):
                total += level[i]
            count += STRIDE_BINS
    return total / count, count


def _contrast(blocks: RealArray, free: BoolArray, fit: Fit) -> bool:
    """Return whether a part of the span (the hump at the tuned centre aside) stands clear above free bins that make a smooth floor."""
    n = blocks.size
    n_kept, n_above, n_free, n_near = _counts(blocks, free, fit.kept, fit.curve, int(HUMP_PART * n))
    clear = n_kept < (1.0 - CONTRAST_BINS) * n and n_above > CONTRAST_BINS * n and n_free > MIN_FREE * n
    return clear and 2 * n_near > n_free


@compiled
def _counts(blocks: RealArray, free: BoolArray, kept: BoolArray, curve: RealArray, hump: int) -> tuple[int, int, int, int]:
    """Return how many blocks are kept, stand above the curve outside the hump, are free, and are free and near the curve."""
    middle = blocks.size // 2
    n_kept, n_above, n_free, n_near = 0, 0, 0, 0
    for i in range(blocks.size):
        ratio = blocks[i] / curve[i]
        n_kept += kept[i]
        n_above += (not kept[i]) and ratio > CONTRAST_RATIO and (i < middle - hump or i > middle + hump)
        n_free += free[i]
        n_near += free[i] and ratio < MAX_ROUGHNESS and ratio > 1.0 / MAX_ROUGHNESS
    return n_kept, n_above, n_free, n_near


def _is_comb_floor(psd: Psd, free: BoolArray) -> bool:
    """Return whether the free bins are but the valleys of a comb: short runs, and too restless in time for a receiver's noise.

    The largest of M independent exponential values is ln(M) + 0.577 times their mean; the valleys between an idle LTE carrier's
    reference signals reach 1.3 times that and more.
    """
    if _long_runs(free) > LONG_RUN_SHARE:
        return False
    peaks = (psd.max_hold / psd.mean).reshape(-1, STRIDE_BINS).mean(axis=1)
    restless = 0.5 * (peaks[:-1] + peaks[1:])[free] / (math.log(max(psd.n_averages, 2)) + 0.577)
    return float(restless.mean()) > RESTLESS


@compiled
def _long_runs(free: BoolArray) -> float:
    """Return which part of the free blocks lie in long runs."""
    run, long, count = 0, 0, 0
    for i in range(free.size + 1):
        if i < free.size and free[i]:
            run += 1
            count += 1
            continue
        if run >= LONG_RUN:
            long += run
        run = 0
    return long / max(count, 1)


def _frozen(
    density: RealArray | FloatArray,
    source: FloorSource,
    *,
    free_fraction: float,
    uncertainty_db: float,
    averaged_bins: float = math.inf,
    ripple: float = 0.0,
) -> NoiseFloor:
    values = density.astype(np.float32, copy=False)
    values.flags.writeable = False
    return NoiseFloor(
        density=values,
        source=source,
        free_fraction=free_fraction,
        uncertainty_db=uncertainty_db,
        averaged_bins=averaged_bins,
        ripple=ripple,
    )
