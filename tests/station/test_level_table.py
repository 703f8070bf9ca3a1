"""dBFS to dBm: by receiver, gain and frequency, within a range and until a day, and nowhere else."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import HealthSection, ReceiverSection, StationSettings
from config.wire import EmissionReport, LevelRecord, SpectrumReport
from station.errors import MisuseError
from station.level_table import LevelPoint, LevelTable, Receiver, chosen, load_tables, save_table
from station.levels import Levels, levels_of

DAY = date(2026, 6, 1)
NOON_NS = round(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp() * 1e9)
WHO = Receiver(serial="42", gain_db=29.7)


def point(mhz: float, offset: float, sigma: float = 0.5) -> LevelPoint:
    return LevelPoint(freq_mhz=mhz, dbm_minus_dbfs=offset, sigma_db=sigma)


def table(*points: LevelPoint, **changed: Any) -> LevelTable:
    points = points or (point(920, -40.0), point(940, -42.0), point(960, -41.0))
    given: dict[str, Any] = {
        "serial": "42", "gain_db": 29.7, "made": date(2026, 1, 1), "expires": date(2026, 12, 31), "method": "source",
        "lower_mhz": points[0].freq_mhz, "upper_mhz": points[-1].freq_mhz, "points": points, "note": 'generator "A", 20 dB',
    }  # fmt: skip
    return LevelTable(**(given | changed))


def test_points_are_met_and_between_them_it_is_interpolated_with_a_larger_deviation() -> None:
    one = table()
    assert one.at(940e6) == (-42.0, 0.5)
    offset, sigma = one.at(930e6) or (0.0, 0.0)
    assert offset == pytest.approx(-41.0)
    assert sigma == pytest.approx((0.5**2 + 1.0**2) ** 0.5)


@given(st.floats(900e6, 980e6))
def test_nothing_is_extrapolated(freq_hz: float) -> None:
    one = table(lower_mhz=925.0, upper_mhz=955.0)
    assert (one.at(freq_hz) is not None) == (925e6 <= freq_hz <= 955e6)


def test_a_span_has_a_value_only_where_all_of_it_is_covered_and_its_deviation_holds_at_every_place() -> None:
    one = table()
    assert one.over(919e6, 921e6) is None
    offset, sigma = one.over(930e6, 950e6) or (0.0, 0.0)
    assert offset == pytest.approx(-42.0)
    for freq in (930e6, 940e6, 950e6):
        there = one.at(freq)
        assert there is not None
        assert abs(there[0] - offset) <= sigma


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"upper_mhz": 961.0}, "must lie within the points"),
        ({"lower_mhz": 960.0}, "must lie within the points"),
        ({"points": (point(940, -1), point(940, -2)), "lower_mhz": 940.0}, "points must rise"),
        ({"expires": date(2025, 1, 1)}, "expires is before made"),
    ],
)
def test_a_table_that_would_be_extrapolated_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        table(**changed)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state" / "levels.toml"
    one, other = table(), table(gain_db=40.2)
    save_table(path, one)
    save_table(path, other)
    assert load_tables(path) == (one, other)
    again = table(point(920, -39.0), point(960, -39.0), lower_mhz=920.0, upper_mhz=960.0)
    save_table(path, again)
    assert load_tables(path) == (other, again)


@pytest.mark.parametrize(
    ("receiver", "day", "said"),
    [
        (Receiver(serial="77", gain_db=29.7), DAY, "no table for receiver 77, only for 42"),
        (Receiver(serial="42", gain_db=40.2), DAY, "calibrated at a gain of 29.7 dB, not at 40.2 dB"),
        (WHO, date(2027, 1, 1), "at 29.7 dB expired on 2026-12-31"),
        (WHO, date(2025, 12, 31), "begins on 2026-01-01, and today is 2025-12-31"),
    ],
)
def test_a_table_of_another_receiver_gain_or_time_is_not_used_and_that_is_said_in_one_line(
    tmp_path: Path, receiver: Receiver, day: date, said: str
) -> None:
    tables, why = chosen((table(),), receiver, day)
    assert tables == ()
    assert said in why
    path = tmp_path / "levels.toml"
    save_table(path, table())
    settings = StationSettings(receiver=ReceiverSection(level_table=str(path)))
    levels = levels_of(settings, serial=receiver.serial, gain_db=receiver.gain_db)
    when_ns = round(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() * 1e9)
    line = levels.problem(when_ns)
    assert said in line
    assert "\n" not in line
    assert "mức là dBFS / levels are dBFS" in line
    assert levels.unit(when_ns) == "dBFS"
    assert levels.at(940e6, when_ns) is None


def test_the_newest_table_that_covers_a_frequency_is_used() -> None:
    old = table()
    new = table(point(930, -50.0), point(950, -50.0), made=date(2026, 5, 1), lower_mhz=930.0, upper_mhz=950.0)
    levels = Levels(tables=(old, new), receiver=WHO)
    assert [levels.at(freq, NOON_NS) for freq in (925e6, 940e6)] == [old.at(925e6), (-50.0, 0.5)]


def emission(center_hz: float) -> EmissionReport:
    return EmissionReport(
        station="s", origin="hil", start_time_ns=NOON_NS, time_source="ntp", track_id="0" * 16, event="onset", relative=False,
        center_freq_hz=center_hz, lower_freq_hz=center_hz - 1e3, upper_freq_hz=center_hz + 1e3, bandwidth_hz=2e3, bandwidth_26db_hz=None,
        power_dbfs=-30.0, peak_psd_dbfs_hz=-60.0, mean_psd_dbfs_hz=-63.0, floor_psd_dbfs_hz=-100.0, snr_db=40.0, first_time_ns=NOON_NS,
        last_time_ns=NOON_NS, duration_s=0.0, burst_count=1, duty=1.0, cut_low=False, cut_high=False, band=None,
    )  # fmt: skip


def test_records_carry_what_makes_dbm_of_them_where_it_is_known_and_nothing_elsewhere() -> None:
    levels = Levels(tables=(table(),), receiver=WHO)
    inside, outside = levels.applied([emission(940e6), emission(961e6)])
    assert isinstance(inside, LevelRecord)
    assert isinstance(outside, LevelRecord)
    assert inside.dbm(-30.0) == -72.0
    assert inside.dbm_sigma_db == 0.5
    assert outside.dbm(-30.0) is None
    assert b"dbm" not in msgspec.json.encode(outside)
    late = msgspec.structs.replace(emission(940e6), start_time_ns=NOON_NS + 365 * 86_400 * 10**9)
    assert levels.applied([late]) == [late]


def test_a_spectrum_is_in_dbm_only_where_all_of_it_is_covered() -> None:
    levels = Levels(tables=(table(),), receiver=WHO)
    for lower, known in ((930e6, True), (919e6, False), (959e6, False)):
        one = SpectrumReport(
            station="s", origin="hil", start_time_ns=NOON_NS, time_source="ntp", relative=False, lower_freq_hz=lower, step_hz=20e3,
            duration_s=1.0, mean_dbfs_hz=[-90.0] * 120, max_dbfs_hz=[-80.0] * 120, floor_dbfs_hz=[-100.0] * 120,
        )  # fmt: skip
        (told,) = levels.applied([one])
        assert isinstance(told, LevelRecord)
        assert (told.dbm(-90.0) is not None) is known


def test_no_file_in_the_state_folder_is_nothing_wrong_and_one_that_cannot_be_read_is(tmp_path: Path) -> None:
    settings = StationSettings(health=HealthSection(state_folder=str(tmp_path)))
    assert levels_of(settings, serial="42", gain_db=29.7).problem(NOON_NS) == ""
    (tmp_path / "levels.toml").write_text("[[table]]\nserial = 3\n")
    assert "levels.toml: " in (line := levels_of(settings, serial="42", gain_db=29.7).problem(NOON_NS))
    assert "levels are dBFS" in line
    with pytest.raises(MisuseError):
        load_tables(tmp_path / "levels.toml")
    named = StationSettings(receiver=ReceiverSection(level_table=str(tmp_path / "none.toml")))
    assert "none.toml: cannot be read" in levels_of(named, serial="42", gain_db=29.7).problem(NOON_NS)
