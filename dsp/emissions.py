"""Emissions of one dwell: found, boxed in time and frequency, measured; and how weak a carrier would have been seen.

The chain: density over the floor -> tests at several widths (``thresholds``, ``regions``) and on the spectrogram rows (``bursts``) ->
frequency ranges -> when each was on -> measurement (``measure``) -> what the receiver made itself is taken out (``artefacts``).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from dsp.activity import MIN_ROWS, activity
from dsp.artefacts import clipping, dc_spike, is_dc, sorted_out
from dsp.bursts import row_weights, short_regions
from dsp.detection import DEFAULT_SETTINGS, dwell_pfa
from dsp.errors import ParameterError
from dsp.free_bins import relative_sigma
from dsp.marking import detected_bins
from dsp.measure import CUT_BINS, measured, without_spike
from dsp.regions import Region, regions
from dsp.thresholds import Test, floor_steps, plan, widened
from dsp.types import Detections, Emission, FloatArray, NoiseFloor, Psd, Sensitivity

BESIDE_BINS: Final = 8
WRAP_BINS: Final = 16


def detect(
    psd: Psd,
    floor: NoiseFloor,
    *,
    pfa: float | None = DEFAULT_SETTINGS.pfa,
    merge_gap_hz: float = DEFAULT_SETTINGS.merge_gap_hz,
    merge_gap_s: float = DEFAULT_SETTINGS.merge_gap_s,
) -> Detections:
    """Return the emissions of ``psd`` over ``floor``, the receiver's artefacts, and how weak a carrier would have been seen.

    ``pfa``: probability of one or more false emissions in this dwell; None: half an emission a day, shared out by the dwell's length.
    Emissions are in the order of their frequency.

    Raises:
        ParameterError: ``pfa`` is not in (0, 0.5], or the floor is for another number of bins.
    """
    if floor.density.shape != psd.mean.shape:
        raise ParameterError("floor", floor.density.shape, f"{psd.n_fft} bins")
    stated = dwell_pfa(psd.duration_s) if pfa is None else pfa
    if not 0.0 < stated <= 0.5:
        raise ParameterError("pfa", stated, "more than 0 and at most 0.5")
    gap_bins = max(1, round(merge_gap_hz / psd.bin_hz))
    spike = dc_spike(psd, floor)
    mean = without_spike(psd.mean) if spike is not None else psd.mean
    weights = row_weights(floor, spike=spike is not None)
    with_rows = psd.rows.shape[0] >= MIN_ROWS
    share = 0.5 * stated if with_rows else stated
    tests = _tests(psd, floor, share)
    found = _steady(psd, mean, floor, tests, gap_bins)
    if with_rows:
        found = sorted(found + short_regions(psd, floor, _without(weights, found), pfa=share, gap_bins=gap_bins))
    wanted = [region for region in _without_wrap(found, psd.n_fft) if not is_dc(region, psd, spike=spike is not None)]
    kept, marked = sorted_out(_emissions(psd, mean, floor, weights, wanted, merge_gap_s), psd)
    return Detections(
        emissions=tuple(kept),
        artefacts=tuple([a for a in (spike, clipping(psd)) if a is not None] + marked),
        sensitivities=_sensitivities(tests, floor, psd.bin_hz),
        false_alarm_probability=stated,
    )


def _tests(psd: Psd, floor: NoiseFloor, pfa: float) -> tuple[Test, ...]:
    steps = floor_steps(floor.averaged_bins, psd.n_fft)
    return plan(psd.n_fft, psd.bin_hz, n_averages=psd.n_averages, overlap=psd.overlap, pfa=pfa, floor_steps=steps)


def _steady(psd: Psd, mean: FloatArray, floor: NoiseFloor, tests: tuple[Test, ...], gap_bins: int) -> list[Region]:
    """Return the ranges that the dwell's ``mean`` shows."""
    ratio, mask = detected_bins(mean, floor.density, tests, ripple=floor.ripple)
    if mask is None:
        return []
    bin_sigma = 8.0 * relative_sigma(psd.n_averages, 64, psd.overlap)
    return regions(mask, ratio, gap_bins=gap_bins, bin_hz=psd.bin_hz, bin_sigma=bin_sigma)


def _without_wrap(found: list[Region], n_fft: int) -> list[Region]:
    """Return ``found`` without the bins at one edge of the span into which a carrier cut by the other edge leaks: the window is cyclic."""
    if len(found) < 2 or found[0][0] > CUT_BINS or found[-1][1] < n_fft - CUT_BINS:
        return found
    first, last = found[0][1] - found[0][0], found[-1][1] - found[-1][0]
    if min(first, last) > WRAP_BINS or max(first, last) <= WRAP_BINS:
        return found
    return found[1:] if first < last else found[:-1]


def _without(weights: FloatArray, found: list[Region]) -> FloatArray:
    """Return ``weights`` with 0 in the ranges found and a little beside them, so that the rows' tests see the rest alone."""
    if not found:
        return weights
    apart = weights.copy()
    for low, high in found:
        apart[max(low - BESIDE_BINS, 0) : high + BESIDE_BINS] = 0.0
    return apart


def _emissions(
    psd: Psd, mean: FloatArray, floor: NoiseFloor, weights: FloatArray, wanted: list[Region], merge_gap_s: float
) -> list[Emission]:
    """Return the emissions in the ranges ``wanted``."""
    if not wanted:
        return []
    found = np.array(wanted, np.int64)
    return measured(psd, mean, floor, found, activity(psd, weights, found, merge_gap_s=merge_gap_s))


def _sensitivities(tests: tuple[Test, ...], floor: NoiseFloor, bin_hz: float) -> tuple[Sensitivity, ...]:
    """Return for each width the power whose mean excess just reaches the threshold: seen with probability one half."""
    density, room = float(np.add.reduce(floor.density)) / floor.density.size, widened(1.0, floor.ripple)
    return tuple(
        [
            Sensitivity(width_hz=t.width_hz, power=(room * t.ratio - 1.0) * density * max(t.width_hz, 1.5 * bin_hz))
            for t in tests
            if t.width_bins != 2
        ]
    )
