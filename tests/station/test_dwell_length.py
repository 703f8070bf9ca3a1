"""The dwell that a wanted carrier asks for: judged by the detector itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import AnalysisSection
from station.analysis import DwellAnalysis
from station.dwell_length import DwellChoice, Wanted, dwell_for, weakest_power

RATE_HZ = 2.4e6
FLOOR = 1e-10
"""-100 dBFS/Hz: a dongle at 30 dB gain."""


def choose(power_dbfs: float, width_hz: float, longest_s: float = 1.0) -> DwellChoice:
    wanted = Wanted(power=10 ** (power_dbfs / 10), width_hz=width_hz)
    return dwell_for(wanted, floor_density=FLOOR, sample_rate_hz=RATE_HZ, analysis=AnalysisSection(), longest_s=longest_s)


def seen(dwell_s: float, power: float, width_hz: float, seed: int) -> bool:
    """Whether the station's own analysis of one dwell finds a carrier of band-limited noise at 300 kHz."""
    rng = np.random.default_rng(seed)
    n = round(dwell_s * RATE_HZ) // 1024 * 1024  # a length that transforms fast
    noise = rng.standard_normal((n, 2)) @ [1.0, 1.0j] * np.sqrt(FLOOR * RATE_HZ / 2)
    spectrum = rng.standard_normal((n, 2)) @ [1.0, 1.0j]
    spectrum[np.abs(np.fft.fftfreq(n, 1 / RATE_HZ) - 300e3) > width_hz / 2] = 0.0
    carrier = np.fft.ifft(spectrum)
    carrier *= np.sqrt(power / np.mean(np.abs(carrier) ** 2))
    analysis = DwellAnalysis(AnalysisSection(), sample_rate_hz=RATE_HZ, sample_format="cf32_le")
    analysis.begin(0, n)
    analysis.add((noise + carrier).astype(np.complex64))
    return any(abs(one.center_offset_hz - 300e3) < width_hz for one in analysis.findings().detections.emissions)


@pytest.mark.parametrize(("power_dbfs", "width_hz"), [(-58.0, 200e3), (-62.0, 25e3)])
def test_the_chosen_dwell_shows_the_wanted_carrier_nine_times_out_of_ten(power_dbfs: float, width_hz: float) -> None:
    choice = choose(power_dbfs, width_hz)
    assert choice.reached
    trials = 25
    hits = sum(seen(choice.dwell_s, 10 ** (power_dbfs / 10), width_hz, seed) for seed in range(trials))
    assert hits >= 18  # 9 in 10, less three standard deviations
    # and it is not several times longer than it has to be: a carrier 3 dB weaker is missed
    weaker = sum(seen(choice.dwell_s, 10 ** (power_dbfs / 10 - 0.3), width_hz, seed) for seed in range(trials))
    assert weaker < hits


def test_a_weaker_carrier_asks_for_a_longer_dwell_and_three_db_for_about_four_times() -> None:
    dwells = [choose(power, 200e3).dwell_s for power in (-56.0, -59.0, -62.0, -65.0)]
    assert dwells == sorted(dwells)
    assert 2.5 < dwells[2] / dwells[1] < 6.0


def test_what_no_dwell_shows_gets_the_longest_and_is_told() -> None:
    choice = choose(-95.0, 200e3, longest_s=0.3)
    assert (choice.dwell_s, choice.reached) == (0.3, False)
    assert choice.weakest > 10**-9.5


@settings(deadline=None, max_examples=40)
@given(st.floats(0.002, 1.0), st.sampled_from([1e3, 12.5e3, 200e3, 1.4e6]))
def test_a_carrier_at_the_stated_limit_is_above_the_detector_s_own_threshold(dwell_s: float, width_hz: float) -> None:
    weakest = weakest_power(dwell_s, width_hz, floor_density=FLOOR, sample_rate_hz=RATE_HZ, analysis=AnalysisSection())
    assert np.isfinite(weakest)
    # in a bin's width at the least, a dwell cannot show less than the floor's own scatter
    assert weakest > FLOOR * width_hz / np.sqrt(dwell_s * width_hz + 1.0) / 3.0
