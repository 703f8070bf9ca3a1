"""The floor along a span, and a summary of a sweep every so often: what the checks need while a station runs."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec import UNSET

from config.band_plan import load_band_plan
from config.settings import StationSettings
from config.wire import Header, SummaryReport
from station.analysis import DwellAnalysis, Findings
from station.floor_profile import STEPS, FloorProfile
from station.scan_plan import Hop
from station.settling import Settled
from station.sweep import HopResult
from station.sweep_log import SweepLog

RATE_HZ = 2.4e6
HEADER = Header(station="s", origin="hil", time_source="ntp")


def dwell(seed: int, *, gain: float = 1.0) -> Findings:
    """Return the findings of 50 ms of noise."""
    rng = np.random.default_rng(seed)
    n = int(0.05 * RATE_HZ)
    samples = (gain * 0.01 * (rng.normal(size=n) + 1j * rng.normal(size=n))).astype(np.complex64)
    analysis = DwellAnalysis(StationSettings().analysis, sample_rate_hz=RATE_HZ, sample_format="cf32_le")
    analysis.begin(0, n)
    analysis.add(samples)
    return analysis.findings()


def test_the_profile_shows_where_the_floor_is_raised() -> None:
    profile = FloorProfile()
    for k, center in enumerate((891e6, 893e6, 895e6, 897e6)):
        profile.add(dwell(k, gain=4.0 if center > 894e6 else 1.0), center_freq_hz=center, used_hz=2e6)
    steps = np.array(profile.steps(890e6, 898e6))
    assert len(steps) == STEPS
    assert np.median(steps[STEPS // 2 + 1 :]) - np.median(steps[: STEPS // 2 - 1]) == pytest.approx(20 * np.log10(4.0), abs=0.3)
    assert FloorProfile().steps(890e6, 898e6) == []


def test_a_sweep_says_what_it_looked_at_every_minute_and_not_only_at_the_end() -> None:
    log = SweepLog(StationSettings(), load_band_plan(), rate_hz=RATE_HZ, sweep_s=10.0)
    hop = Hop(name="B8-UL", center_freq_hz=895e6, lower_hz=894e6, upper_hz=896e6, dwell_s=0.05, notch_hz=1e4)
    found = []
    for k in range(14):
        start_ns = 10**18 + k * 10_000_000_000
        result = HopResult(
            hop=hop, findings=dwell(k), center_freq_hz=895e6, start_ns=start_ns,
            settled=Settled(n_samples=0, source="measured"), lost_samples=0, dropped_dwells=0,
        )  # fmt: skip
        found += [r for r in log.records(log.sightings([result]), header=HEADER, residual_ppm=0.0) if isinstance(r, SummaryReport)]
    assert [(r.start_time_ns, r.until_ns) for r in found] == [
        (10**18, 10**18 + 60_050_000_000),
        (10**18 + 70_000_000_000, 10**18 + 130_050_000_000),
    ]
    assert all(r.dwells == 7 and r.floor_profile_dbfs_hz is not UNSET for r in found)
    assert not any(isinstance(r, SummaryReport) for r in log.finish(header=HEADER, end_ns=10**18 + 140_000_000_000))
