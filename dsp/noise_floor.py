"""The noise density under whatever the span holds.

Free blocks (``dsp.free_bins``) give levels; a curve through them gives the floor of every bin. The curve is the stiffest that fits: one
level for the whole span if the free blocks allow it, else a moving straight-line fit over 1/4, 1/8, 1/16, 1/32 of it. A stiff curve is
what lets a weak wide signal stand out (a curve that can follow 200 kHz would take a 200 kHz signal for ripple), so before a curve is
refused, the windows that stand out of it at some width are set aside as signals: only what cannot be explained by a few of these is ripple.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from dsp.errors import ParameterError
from dsp.free_bins import STRIDE_BINS, BoolArray, RealArray, free_blocks, relative_sigma
from dsp.types import FloatArray, FloorSource, NoiseFloor, Psd

PARTS: Final = (1, 4, 8, 16, 32)
"""The curve's windows as parts of the span."""
SIGNAL_WIDTHS: Final = (8, 32, 128)
"""Widths, in blocks of 4 bins' stride, at which signals are set aside before a curve is judged."""
SIGNAL_SIGMA: Final = 5.0
MIN_KEPT: Final = 0.5
"""A curve that needs more than half of the free blocks set aside as signals is no floor."""
SEGMENTS: Final = 16
CHI_SQUARE_LIMIT: Final = 3.3
"""Mean square of 16 normal deviates that noise passes once in 1e5."""
MIN_FREE: Final = 0.02
CONTRAST_BINS: Final = 0.005
"""Part of the span that must stand above the free bins for a contrast to have been seen."""
CONTRAST_RATIO: Final = 1.6
HUMP_PART: Final = 0.02
LONG_RUN: Final = 16
"""Blocks of 4 bins' stride: a free run of 64 bins and more is no valley of a comb."""
LONG_RUN_SHARE: Final = 0.1
RESTLESS: Final = 1.15
GAIN_DRIFT_DB: Final = 2.0
MAX_ROUGHNESS_DB: Final = 0.7


class _Fit:
    """A curve through the free blocks: its value per block, which blocks it rests on, and what it leaves unexplained."""

    __slots__ = ("curve", "kept", "part", "passed", "residual")

    def __init__(self, curve: RealArray, kept: BoolArray, *, part: int, residual: float, passed: bool) -> None:
        self.curve, self.kept, self.part, self.residual, self.passed = curve, kept, part, residual, passed


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
    level = np.maximum(level, max(float(level.max()) * 1e-15, 1e-30))
    blocks, free = free_blocks(level, n_averages=psd.n_averages, overlap=psd.overlap)
    if reference is not None:
        free &= np.abs(10.0 * np.log10(blocks)) < GAIN_DRIFT_DB
    if np.count_nonzero(free) < max(2, 0.25 * MIN_FREE * free.size):
        return _without_free_bins(psd, blocks, reference)
    fit = _fit(blocks, free, psd)
    seen = _contrast(blocks, free, fit) and not _is_comb_floor(psd, free)
    source: FloorSource = "free_bins" if seen else "reference" if reference is not None else "assumed"
    return _floor(psd, fit, source, reference)


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


def _fit(blocks: RealArray, free: BoolArray, psd: Psd) -> _Fit:
    """Return the stiffest curve that the free blocks allow; the most supple one where none does."""
    wide_sigma = relative_sigma(psd.n_averages, 64, psd.overlap) * 8.0
    fit = None
    for part in PARTS:
        if part > 1 and blocks.size // part < 8:
            break
        fit = _fit_part(blocks, free, part, wide_sigma)
        if fit.passed:
            break
    assert fit is not None
    return fit


def _fit_part(blocks: RealArray, free: BoolArray, part: int, wide_sigma: float) -> _Fit:
    """Return the curve with windows of 1/``part`` of the span; ``wide_sigma``: relative deviation of one bin inside a wide mean."""
    kept = free
    curve = _curve(blocks, kept, part)
    for _ in range(3):
        excess = np.where(kept, blocks / curve - 1.0, 0.0)
        signals = _signals(excess, kept, wide_sigma, blocks.size // part // 3)
        if not signals.any():
            break
        kept = kept & ~signals
        if np.count_nonzero(kept) < max(2.0, MIN_KEPT * np.count_nonzero(free)):
            return _Fit(_curve(blocks, free, part), free, part=part, residual=1.0, passed=False)
        curve = _curve(blocks, kept, part)
    excess = np.where(kept, blocks / curve - 1.0, 0.0)
    residual, passed = _judged(excess, kept, wide_sigma, max(SEGMENTS, 4 * part))
    return _Fit(curve, kept, part=part, residual=residual, passed=passed)


def _signals(excess: RealArray, kept: BoolArray, wide_sigma: float, widest: int) -> BoolArray:
    """Return the blocks of windows whose mean excess is beyond noise, at each width up to ``widest`` blocks."""
    found = np.zeros(excess.size, np.bool_)
    total = np.concatenate([[0.0], np.cumsum(excess)])
    count = np.concatenate([[0.0], np.cumsum(kept)])
    for width in SIGNAL_WIDTHS:
        if width > widest:
            break
        n = count[width:] - count[:-width]
        hit = total[width:] - total[:-width] > SIGNAL_SIGMA * wide_sigma * np.sqrt((n + 1.0) / STRIDE_BINS)
        if hit.any():
            edges = np.zeros(excess.size + 1)
            starts = np.flatnonzero(hit)
            np.add.at(edges, starts, 1.0)
            np.add.at(edges, starts + width, -1.0)
            found |= np.cumsum(edges[:-1]) > 0.5
    return found


def _judged(excess: RealArray, kept: BoolArray, wide_sigma: float, n_segments: int) -> tuple[float, bool]:
    """Return the rms of the kept blocks' deviation beyond noise, over ``n_segments`` stretches, and whether noise alone explains it."""
    edge = np.linspace(0, excess.size, min(n_segments, excess.size // 2) + 1).astype(np.int64)[:-1]
    n = np.add.reduceat(kept.astype(np.float64), edge)
    used = n >= 1.0
    mean = np.add.reduceat(excess, edge)[used] / n[used]
    expected = wide_sigma**2 / (STRIDE_BINS * (n[used] + 1.0))
    chi_square = float((mean * mean / expected).mean())
    weight = n[used] / n[used].sum()
    beyond = float((weight * (mean * mean - expected)).sum())
    limit = 1.0 + (CHI_SQUARE_LIMIT - 1.0) * math.sqrt(SEGMENTS / max(int(used.sum()), 1))
    return math.sqrt(max(beyond, 0.0)), chi_square < limit


def _curve(blocks: RealArray, kept: BoolArray, part: int) -> RealArray:
    """Return the curve through the kept blocks, shape as ``blocks``: one level, or a moving straight line 1/``part`` of the span long."""
    weight = kept.astype(np.float64)
    if part == 1:
        return np.full(blocks.size, float((weight * blocks).sum() / weight.sum()))
    n = blocks.size
    x = (np.arange(n) - n / 2) / n
    half = max(n // part // 2, 2)
    low, high = np.maximum(np.arange(n) - half, 0), np.minimum(np.arange(n) + half + 1, n)
    moments = np.stack([weight, weight * x, weight * x * x, weight * blocks, weight * blocks * x])
    cumulative = np.concatenate([np.zeros((5, 1)), np.cumsum(moments, axis=1)], axis=1)
    w, wx, wxx, wy, wxy = cumulative[:, high] - cumulative[:, low]
    centre = wx / np.maximum(w, 1.0)
    spread = wxx - w * centre**2
    mean = wy / np.maximum(w, 1.0)
    # a line needs points on both sides over at least a quarter of the window; otherwise the mean stands at their centre
    firm = (w >= 4) & (spread > w * (half / n / 4) ** 2)
    slope = np.where(firm, (wxy - centre * wy) / np.maximum(spread, 1e-12), 0.0)
    value = mean + slope * (x - centre)
    good = (w >= 1) & (value > 0.3 * mean) & (np.abs(x - centre) < half / n)
    at = np.flatnonzero(good)
    curve: RealArray = np.exp(np.interp(np.arange(n), at, np.log(value[at])))
    return curve


def _floor(psd: Psd, fit: _Fit, source: FloorSource, reference: FloatArray | None) -> NoiseFloor:
    centres = np.arange(fit.curve.size) * STRIDE_BINS + 3.5
    curve = np.interp(np.arange(psd.n_fft), centres, fit.curve) if fit.part > 1 else np.full(psd.n_fft, fit.curve[0])
    n_kept = int(np.count_nonzero(fit.kept))
    rests_on = STRIDE_BINS * (n_kept + 1.0) if fit.part == 1 else max(STRIDE_BINS * n_kept / fit.part, 16.0)
    ripple = 0.0 if fit.part == 1 else max(fit.residual, 1e-3)
    sigma = math.hypot(relative_sigma(psd.n_averages, max(int(rests_on), 1), psd.overlap), ripple)
    density = curve if reference is None else curve * np.asarray(reference, np.float64)
    return _frozen(
        density,
        source,
        free_fraction=float(fit.kept.mean()),
        uncertainty_db=10.0 * math.log10(1.0 + sigma),
        averaged_bins=float(rests_on),
        ripple=ripple,
    )


def _contrast(blocks: RealArray, free: BoolArray, fit: _Fit) -> bool:
    """Return whether a part of the span (the hump at the tuned centre aside) stands clear above free bins that make a smooth floor."""
    above = ~fit.kept & (blocks > CONTRAST_RATIO * fit.curve)
    hump = int(HUMP_PART * blocks.size)
    above[blocks.size // 2 - hump : blocks.size // 2 + hump + 1] = False
    rough = float(np.median(np.abs(10.0 * np.log10(blocks[free] / fit.curve[free]))))
    return float(above.mean()) > CONTRAST_BINS and float(free.mean()) > MIN_FREE and rough < MAX_ROUGHNESS_DB


def _is_comb_floor(psd: Psd, free: BoolArray) -> bool:
    """Return whether the free bins are but the valleys of a comb: short runs, and too restless in time for a receiver's noise.

    The largest of M independent exponential values is ln(M) + 0.577 times their mean; the valleys between an idle LTE carrier's
    reference signals reach 1.3 times that and more.
    """
    edges = np.flatnonzero(np.diff(free.astype(np.int8), prepend=0, append=0))
    lengths = edges[1::2] - edges[::2]
    if lengths[lengths >= LONG_RUN].sum() > LONG_RUN_SHARE * lengths.sum():
        return False
    peaks = (psd.max_hold / psd.mean).reshape(-1, STRIDE_BINS).mean(axis=1)
    restless = 0.5 * (peaks[:-1] + peaks[1:])[free] / (math.log(max(psd.n_averages, 2)) + 0.577)
    return float(restless.mean()) > RESTLESS


def _frozen(
    density: RealArray,
    source: FloorSource,
    *,
    free_fraction: float,
    uncertainty_db: float,
    averaged_bins: float = math.inf,
    ripple: float = 0.0,
) -> NoiseFloor:
    values = density.astype(np.float32)
    values.flags.writeable = False
    return NoiseFloor(
        density=values,
        source=source,
        free_fraction=free_fraction,
        uncertainty_db=uncertainty_db,
        averaged_bins=averaged_bins,
        ripple=ripple,
    )
