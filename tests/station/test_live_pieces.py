"""Pieces of the live station that need no receiver: seams, clock, watching, captures."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pytest

from config.settings import CaptureSection, HealthSection, StationSettings, SweepSection
from config.wire import Header, Position
from station.band_view import HopSightings, put_together, scaled
from station.bands import wanted_ranges
from station.capture import CaptureError, CaptureFacts, CaptureRing, CaptureWriter
from station.clock_reference import ClockReference
from station.live_clock import LiveClock
from station.scan_plan import Hop
from station.sighting import Sighting
from station.watch import Trail, Watcher, pitch_hz

RATE_HZ = 2.4e6
HEADER = Header(station="s", origin="hil", time_source="ntp", time_error_ms=1.0)


def hop(lower_mhz: float, upper_mhz: float) -> Hop:
    low, high = lower_mhz * 1e6, upper_mhz * 1e6
    return Hop(name="B8", center_freq_hz=(low + high) / 2, lower_hz=low, upper_hz=high, dwell_s=0.05, notch_hz=1e4)


def seen(lower_mhz: float, upper_mhz: float, power: float = 1e-3, **changed: bool) -> Sighting:
    low, high = lower_mhz * 1e6, upper_mhz * 1e6
    return Sighting(
        center_freq_hz=(low + high) / 2, lower_freq_hz=low, upper_freq_hz=high, bandwidth_hz=high - low, bandwidth_26db_hz=None,
        power=power, peak_density=1e-9, mean_density=power / (high - low), floor_density=1e-10, snr_db=20.0, first_ns=0, last_ns=1,
        on_s=0.05, burst_count=1, cut_low=changed.get("cut_low", False), cut_high=changed.get("cut_high", False),
    )  # fmt: skip


FIRST, SECOND, THIRD = hop(940, 941.9), hop(941.9, 943.8), hop(943.8, 945.7)


def test_a_carrier_on_the_seam_of_two_hops_is_one() -> None:
    both = seen(941.8, 942.0)
    found = put_together([HopSightings(hop=FIRST, sightings=(both,)), HopSightings(hop=SECOND, sightings=(both,))])
    assert [one.center_freq_hz for one in found] == [941.9e6]


def test_a_wide_carrier_over_three_hops_is_one_with_its_own_edges_and_power() -> None:
    pieces = [
        HopSightings(hop=FIRST, sightings=(seen(941.2, 942.03, 0.83e-3),)),
        HopSightings(hop=SECOND, sightings=(seen(941.77, 943.93, 2.16e-3),)),
        HopSightings(hop=THIRD, sightings=(seen(943.67, 944.5, 0.83e-3),)),
    ]
    (whole,) = put_together(pieces)
    assert (whole.lower_freq_hz, whole.upper_freq_hz) == (941.2e6, 944.5e6)
    assert whole.power == pytest.approx(3.3e-3, rel=0.02)


def test_two_carriers_beside_each_other_stay_two() -> None:
    found = put_together(
        [HopSightings(hop=FIRST, sightings=(seen(941.5, 941.7),)), HopSightings(hop=SECOND, sightings=(seen(942.1, 942.3),))]
    )
    assert len(found) == 2


def test_what_lies_beyond_what_counts_of_a_hop_is_left_to_the_next() -> None:
    assert put_together([HopSightings(hop=FIRST, sightings=(seen(941.95, 942.0),))]) == []


def test_a_fast_crystal_makes_carriers_appear_low() -> None:
    assert scaled(seen(943.9, 944.1), 23.4).center_freq_hz == pytest.approx(944e6 * (1 + 23.4e-6))


def test_a_clock_that_jumps_is_followed_only_when_it_is_in_step() -> None:
    wall, synchronised = [10**18], [False]
    clock = LiveClock(
        wall_ns=lambda: wall[0],
        monotonic_ns=lambda: 5,
        synchronised=lambda: (synchronised[0], 3.0),
        reference=lambda: ClockReference(name="chrony"),
    )
    wall[0] -= 3_600 * 10**9
    state = clock.check()
    assert state.step_s == -3600.0
    assert state.error_ms == 3.6e6
    assert clock.time_ns(5) == 10**18
    synchronised[0] = True
    assert (clock.check().step_s, clock.check().source) == (0.0, "ntp")
    assert clock.time_ns(5) == 10**18 - 3_600 * 10**9


def noise_with_tone(n: int, offset_hz: float, level: float, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    wave = level * np.exp(2j * np.pi * offset_hz / RATE_HZ * np.arange(n)) + 0.02 * (rng.standard_normal((n, 2)) @ [1, 1j])
    return np.clip(np.round(wave.astype(np.complex64).view(np.float32) * 127.5 + 127.5), 0, 255).astype(np.uint8)


def test_watching_reads_a_tone_s_power_and_holds_its_peak() -> None:
    watcher = Watcher(freq_hz=944.25e6, width_hz=25e3, sample_rate_hz=RATE_HZ)
    loud = watcher.reading(noise_with_tone(240_000, 250e3, 0.1), center_freq_hz=944e6, time_ns=0, position=None)
    quiet = watcher.reading(noise_with_tone(240_000, 250e3, 0.01), center_freq_hz=944e6, time_ns=1, position=None)
    assert loud.level_dbfs == pytest.approx(-20.0, abs=0.3)
    assert quiet.level_dbfs == pytest.approx(-40.0, abs=0.5)
    assert quiet.peak_dbfs == loud.level_dbfs
    assert pitch_hz(loud.level_dbfs) > pitch_hz(quiet.level_dbfs) > pitch_hz(-200.0) == 200.0


def test_a_trail_is_csv_with_a_line_a_reading(tmp_path: Path) -> None:
    watcher = Watcher(freq_hz=944.25e6, width_hz=25e3, sample_rate_hz=RATE_HZ)
    place = Position(lat_deg=12.5, lon_deg=108.25, accuracy_m=4.0)
    trail = Trail(tmp_path / "walk.csv")
    trail.add(watcher.reading(noise_with_tone(24_000, 250e3, 0.1), center_freq_hz=944e6, time_ns=10**18, position=place))
    trail.close()
    head, line = (tmp_path / "walk.csv").read_text().splitlines()
    row = dict(zip(head.split(","), line.split(","), strict=True))
    assert (row["lat_deg"], row["lon_deg"], row["accuracy_m"]) == ("12.5", "108.25", "4.0")
    assert float(row["level_dbfs"]) == pytest.approx(-20.0, abs=0.3)


def dwell(value: int, n: int = 24_000) -> np.ndarray:
    return np.full(2 * n, value, np.uint8)


def writer(folder: Path, **settings: float) -> tuple[CaptureRing, CaptureWriter]:
    ring = CaptureRing(folder, sample_rate_hz=RATE_HZ, ring_s=0.1)
    section = CaptureSection(before_s=0.015, after_s=0.1, **settings)  # type: ignore[arg-type]
    return ring, CaptureWriter(section, folder, ring, sample_rate_hz=RATE_HZ)


FACTS = CaptureFacts(header=HEADER, gain_db=30.0, receiver="r", calibration=None)


def test_a_capture_begins_before_its_onset_and_holds_only_what_heard_the_frequency(tmp_path: Path) -> None:
    ring, captures = writer(tmp_path)
    for k in range(8):
        ring.add(dwell(k), center_freq_hz=944e6 if k % 2 == 0 else 930e6, start_ns=k * 10_000_000, settled_samples=100)
    captures.trigger(944.1e6, onset_ns=45_000_000, reason="why")
    assert captures.due(100_000_000, FACTS) == []
    (one,) = captures.due(145_000_001, FACTS)
    kept = np.fromfile(tmp_path / f"{one.capture_id}.sigmf-data", np.uint8)
    # 30 to 145 ms of 944 MHz: dwells 4 and 6 (dwell 2 ended at 30 ms)
    assert np.unique(kept).tolist() == [4, 6]
    meta = json.loads((tmp_path / f"{one.capture_id}.sigmf-meta").read_text())
    assert [c["core:frequency"] for c in meta["captures"]] == [944e6, 944e6]
    assert [a["core:sample_count"] for a in meta["annotations"]] == [100, 100]
    assert meta["global"]["canhsong:sha256"] == one.sha256
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_the_ring_is_bounded_and_forgets_the_oldest(tmp_path: Path) -> None:
    ring, _ = writer(tmp_path)
    for k in range(25):
        ring.add(dwell(k), center_freq_hz=944e6, start_ns=k * 10_000_000, settled_samples=0)
    held = ring.holding(944e6, since_ns=0, until_ns=10**12)
    assert [int(ring.samples(one)[0]) for one in held] == list(range(15, 25))
    assert all(np.unique(ring.samples(one)).size == 1 for one in held)


def test_captures_never_take_more_than_their_share(tmp_path: Path) -> None:
    ring, captures = writer(tmp_path, max_mib=1)
    ring.add(dwell(1), center_freq_hz=944e6, start_ns=0, settled_samples=0)
    (tmp_path / "old.sigmf-data").write_bytes(bytes(1_040_000))
    captures.trigger(944e6, onset_ns=0, reason="r")
    with pytest.raises(CaptureError, match="max_mib = 1"):
        captures.due(10**12, FACTS)
    assert [path.name for path in tmp_path.iterdir()] == ["old.sigmf-data"]


def test_bands_are_names_uplinks_or_ranges() -> None:
    from config.band_plan import load_band_plan

    settings = StationSettings(sweep=SweepSection(bands=("b8", "B8-UL", "GSM900", "930-931.5")), health=HealthSection())
    found = [(one.name, one.lower_hz, one.upper_hz) for one in wanted_ranges(settings, load_band_plan())]
    assert found == [("B8", 925e6, 960e6), ("B8-UL", 880e6, 915e6), ("B8", 925e6, 960e6), ("930-931.5", 930e6, 931.5e6)]
