"""How long to dwell so that a carrier of a given power and width is seen, and how weak a carrier a dwell shows. Pure.

The radiometer: the mean of W bins over n averages scatters by a relative sigma, so noise alone passes the threshold t with the wanted
false-alarm probability, and a carrier that raises the mean to t / (1 - 1.28 sigma) passes it nine times out of ten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from config.settings import AnalysisSection
from dsp.detection import choose_n_fft, dwell_pfa
from dsp.free_bins import relative_sigma
from dsp.thresholds import ENBW_BINS, plan

NINE_IN_TEN: Final = 1.2816
"""Standard deviations below the mean that nine in ten exceed."""
FREE_64THS: Final = 32
"""Half of the span is taken to be free of signals, for the floor to rest on."""
STEP: Final = 1.1
"""Between the dwells that are tried."""
MIN_DWELL_S: Final = 0.002
MARGIN: Final = 1.1
"""0.4 dB for a carrier between the detector's places and on a floor that is not quite flat."""
_ROWS_SHARE: Final = 0.5
"""The detector gives half of its false alarms to short bursts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A carrier that is to be seen: its power in full scale squared, and its width."""

    power: float
    width_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DwellChoice:
    """A dwell, and the weakest carrier of the wanted width that it shows nine times out of ten, full scale squared."""

    dwell_s: float
    weakest: float
    reached: bool
    """False: even the longest dwell allowed is too short."""


def weakest_power(dwell_s: float, width_hz: float, *, floor_density: float, sample_rate_hz: float, analysis: AnalysisSection) -> float:
    """Return the power, full scale squared, of a carrier ``width_hz`` wide that a dwell shows nine times out of ten; inf: none.

    ``floor_density``: full scale squared per Hz. Steady carriers; the noise's level is measured in the same dwell.
    """
    n_samples = round(dwell_s * sample_rate_hz)
    n_fft = choose_n_fft(n_samples, n_fft=analysis.n_fft, overlap=analysis.overlap)
    n_averages = (n_samples - n_fft) // round(n_fft * (1.0 - analysis.overlap)) + 1
    bin_hz = sample_rate_hz / n_fft
    pfa = analysis.pfa or dwell_pfa(dwell_s, false_emissions_per_day=analysis.false_emissions_per_day)
    tests = plan(n_fft, bin_hz, n_averages=n_averages, overlap=analysis.overlap, pfa=_ROWS_SHARE * pfa, floor_steps=FREE_64THS)
    best = math.inf
    for test in tests:
        sigma = relative_sigma(n_averages, test.width_bins, analysis.overlap)
        if NINE_IN_TEN * sigma < 1.0:
            excess = test.ratio / (1.0 - NINE_IN_TEN * sigma) - 1.0
            # a carrier wider than the test fills it; a narrower one is diluted in it
            best = min(best, excess * max(width_hz, test.width_hz, ENBW_BINS * bin_hz))
    return MARGIN * best * floor_density


def dwell_for(wanted: Wanted, *, floor_density: float, sample_rate_hz: float, analysis: AnalysisSection, longest_s: float) -> DwellChoice:
    """Return the shortest dwell that shows ``wanted`` nine times out of ten, ``longest_s`` where none does."""
    dwell_s = MIN_DWELL_S
    while True:
        dwell_s = min(dwell_s, longest_s)
        weakest = weakest_power(dwell_s, wanted.width_hz, floor_density=floor_density, sample_rate_hz=sample_rate_hz, analysis=analysis)
        if weakest <= wanted.power or dwell_s >= longest_s:
            return DwellChoice(dwell_s=round(dwell_s, 6), weakest=weakest, reached=weakest <= wanted.power)
        dwell_s *= STEP
