"""What the station says of its own limits."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.settings import HealthSection, StationSettings
from config.wire import Header, encode_record
from station import floor_history
from station.calibration import Calibration
from station.floor_history import FloorHistory
from station.health import HealthLog, StationState
from station.levels import Levels
from station.live_clock import ClockState
from station.receiver_process import ReceiverState
from station.sweep import SweepTimes
from station.tuners import TUNERS

HOUR_NS = 3_600 * 10**9
NOW_NS = 1_795_489_205 * 10**9
RECEIVER = ReceiverState(
    tuner=TUNERS["R820T"], name="dongle", serial="42", sample_rate_hz=2.4e6, gain_db=29.7, settle_s=0.01, library="/usr/lib/librtlsdr.so.0"
)
IN_STEP = ClockState(source="ntp", error_ms=2.0, step_s=0.0, reference="chrony: 192.0.2.1, stratum 2")
STATE = StationState(
    header=Header(station="s", origin="hil", time_source="ntp", time_error_ms=2.0), now_ns=NOW_NS, receiver=RECEIVER, receiver_open=True,
    restarts=0, times=SweepTimes(), sweeps=1, calibration=None, levels=Levels(), retune_s=None, clock=IN_STEP, uplink=(0, 0),
)  # fmt: skip


def hop(floor_dbfs_hz: float, clipped: float = 0.0, lost: int = 0) -> Any:
    """What health looks at of a hop."""
    density = [10 ** (floor_dbfs_hz / 10)] * 16
    psd, floor = SimpleNamespace(clipped_fraction=clipped), SimpleNamespace(density=density)
    return SimpleNamespace(lost_samples=lost, findings=SimpleNamespace(psd=psd, floor=floor))


def log(folder: Path) -> HealthLog:
    return HealthLog(StationSettings(health=HealthSection(state_folder=str(folder))), folder=folder)


def notes(folder: Path, state: StationState, *hops: Any) -> str:
    health = log(folder)
    health.hops(hops)
    report = health.report(state)
    encode_record(report)  # within the wire's bounds
    return "; ".join(report.notes)


def test_a_station_with_nothing_wrong_says_nothing(tmp_path: Path) -> None:
    assert notes(tmp_path, STATE, hop(-100.0)) == ""


@pytest.mark.parametrize(
    ("changed", "hops", "said"),
    [
        ({}, [hop(-100.0, clipped=0.02)], "overload: lower the gain"),
        ({"clock": replace(IN_STEP, source="rtc", reference="")}, [], "the system's clock is not synchronised"),
        ({"clock": replace(IN_STEP, source="rtc", step_s=-3600.0)}, [], "the system's clock jumped by -3600 s"),
        ({"clock": replace(IN_STEP, source="gps", step_s=18_000.0)}, [], "the system's clock is +18000 s from the GPS, which is believed"),
        (
            {"calibration": Calibration(ppm=23.4, sigma_ppm=0.1, n_cells=2, time_ns=NOW_NS - 5 * HOUR_NS)},
            [],
            "ppm was solved 5 h ago: no cell was heard since",
        ),
    ],
)
def test_what_is_wrong_is_said_vietnamese_first_with_what_to_do(tmp_path: Path, changed: Any, hops: Any, said: str) -> None:
    told = notes(tmp_path, replace(STATE, **changed), *hops)
    assert said in told
    vietnamese, slash, _ = told.partition(" / ")
    assert slash
    assert not vietnamese.isascii()


def test_a_ppm_that_was_given_or_checked_within_the_hour_is_not_complained_of(tmp_path: Path) -> None:
    for known in (
        Calibration(ppm=23.4, sigma_ppm=1.0, n_cells=0, time_ns=0),
        Calibration(ppm=23.4, sigma_ppm=0.1, n_cells=2, time_ns=NOW_NS - HOUR_NS // 2),
    ):
        assert notes(tmp_path, replace(STATE, calibration=known)) == ""


def test_it_says_what_keeps_the_time_and_what_levels_are_in(tmp_path: Path) -> None:
    report = log(tmp_path).report(STATE)
    assert report.clock_reference == "chrony: 192.0.2.1, stratum 2"
    assert report.level_unit == "dBFS"
    assert isinstance(report.rtc_present, bool)
    known = Calibration(ppm=23.4, sigma_ppm=0.1, n_cells=2, time_ns=NOW_NS)
    assert log(tmp_path).report(replace(STATE, calibration=known)).ppm_time_ns == NOW_NS


def test_the_floor_is_compared_with_that_of_the_runs_before(tmp_path: Path) -> None:
    first = log(tmp_path)
    for _ in range(4):
        first.hops([hop(-100.0), hop(-98.0)])
        assert "antenna" not in "".join(first.report(STATE).notes)
    first.close()
    second = log(tmp_path)
    second.hops([hop(-106.0)])
    report = second.report(STATE)
    assert report.floor_change_db == pytest.approx(-6.0)
    assert any("is the antenna still connected?" in note for note in report.notes)
    other = log(tmp_path)
    other.hops([hop(-106.0)])
    assert other.report(replace(STATE, receiver=replace(RECEIVER, gain_db=40.2))).floor_change_db is None


def test_a_change_that_stays_becomes_the_past_after_half_a_day(tmp_path: Path) -> None:
    history = FloorHistory(tmp_path, "a")
    rng = random.Random(1)
    told = []
    for k in range(2 * floor_history.KEPT):
        level = (-100.0 if k < floor_history.KEPT else -106.0) + rng.uniform(-0.3, 0.3)
        told.append(history.change_db(level) or 0.0)
        history.keep()
    fell = [k for k, change in enumerate(told) if change < -3.0]
    assert fell[0] == floor_history.KEPT
    assert floor_history.KEPT // 3 < len(fell) < 2 * floor_history.KEPT // 3


def test_a_history_that_cannot_be_read_is_begun_anew_and_the_file_stays_small(tmp_path: Path) -> None:
    (tmp_path / "floors.json").write_text('{"a": ["x"]}')
    history = FloorHistory(tmp_path, "a")
    assert history.change_db(-100.0) is None
    history.keep()
    for k in range(2 * floor_history.MAX_KEYS):
        one = FloorHistory(tmp_path, f"key{k}")
        one.change_db(-90.0)
        one.keep()
    kept = json.loads((tmp_path / "floors.json").read_text())
    assert len(kept) == floor_history.MAX_KEYS
    assert f"key{2 * floor_history.MAX_KEYS - 1}" in kept
