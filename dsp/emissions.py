"""Emissions of one dwell: found, boxed in time and frequency, measured."""

from __future__ import annotations

import math

import numpy as np

from dsp.detection import DEFAULT_SETTINGS, dwell_pfa
from dsp.types import Detections, Emission, NoiseFloor, Psd


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
    """
    stated = dwell_pfa(psd.duration_s) if pfa is None else pfa
    ratio = psd.mean / floor.density
    level = 1.0 + math.sqrt(-2.0 * math.log(stated / psd.n_fft) / psd.n_averages) * 1.5
    over = np.flatnonzero(ratio > level)
    gap = max(1, round(merge_gap_hz / psd.bin_hz))
    runs = np.split(over, np.flatnonzero(np.diff(over) > gap) + 1) if over.size else []
    emissions = tuple(_emission(psd, floor, int(run[0]), int(run[-1])) for run in runs)
    return Detections(emissions=emissions, artefacts=(), sensitivities=(), false_alarm_probability=stated)


def _emission(psd: Psd, floor: NoiseFloor, low: int, high: int) -> Emission:
    bin_hz, half = psd.bin_hz, psd.n_fft // 2
    density, noise = psd.mean[low : high + 1], floor.density[low : high + 1]
    power = float((density - noise).sum()) * bin_hz
    lower, upper = (low - half - 0.5) * bin_hz, (high - half + 0.5) * bin_hz
    return Emission(
        center_offset_hz=(lower + upper) / 2,
        lower_offset_hz=lower,
        upper_offset_hz=upper,
        bandwidth_hz=upper - lower,
        bandwidth_26db_hz=None,
        power=power,
        peak_density=float(density.max()),
        mean_density=float(density.mean()),
        floor_density=float(noise.mean()),
        snr_db=10 * math.log10(max(power / (float(noise.sum()) * bin_hz), 1e-30)),
        first_s=0.0,
        last_s=psd.duration_s,
        burst_count=1,
        duty=1.0,
        cut_low=low == 0,
        cut_high=high == psd.n_fft - 1,
    )
