"""The doctor's checks: what is wrong is found, and each finding says what to do, Vietnamese first."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.band_plan import load_band_plan
from config.settings import HealthSection, ReceiverSection, StationSettings, SweepSection
from station.doctor import clock_check, collector_check, disk_check, kernel_check, permission_checks
from station.doctor_check import TITLES, Check, told
from station.doctor_command import summary
from station.doctor_receiver import Look, antenna_check, levels_check, loss_check, overload_check, tuner_check
from station.errors import ReceiverError
from station.level_table import LevelTable, save_table
from station.live_clock import ClockState
from station.receiver_process import ReceiverState
from station.tuners import TUNERS
from tests.station.test_level_table import NOON_NS, table

GOOD = Look(lost_samples=0, clipped_fraction=0.0, power_dbfs=-30.0, contrast_db=20.0)
RECEIVER = ReceiverState(tuner=TUNERS["R820T"], name="d", serial="42", sample_rate_hz=2.4e6, gain_db=29.7, settle_s=0.01, library="")


def helps(check: Check, verdict: str, *words: str) -> None:
    """Fail unless ``check`` is ``verdict``, says ``words``, and what to do in both languages."""
    assert check.verdict == verdict
    assert all(word in check.found + check.todo for word in words), check
    assert " / " in check.todo
    assert not check.todo.isascii()
    assert check.name in TITLES


def test_a_receiver_with_nothing_wrong_has_nothing_to_do() -> None:
    found = [check([GOOD]) for check in (loss_check, overload_check, antenna_check)]
    assert [(one.verdict, one.todo) for one in found] == [("ok", "")] * 3


@pytest.mark.parametrize(
    ("check", "changed", "verdict", "words"),
    [
        (loss_check, {"lost_samples": 9}, "fail", ("9 in 1 s", "another USB port")),
        (overload_check, {"clipped_fraction": 0.2}, "fail", ("20.00%", "a lower --gain")),
        (antenna_check, {"contrast_db": 0.5}, "warn", ("flat noise", "is the antenna connected")),
        (antenna_check, {"power_dbfs": -90.0}, "fail", ("nothing but -90 dBFS", "a higher --gain")),
    ],
)
def test_what_is_wrong_with_the_samples_says_what_to_do(check: Any, changed: Any, verdict: str, words: tuple[str, ...]) -> None:
    bad = replace(GOOD, **changed)
    helps(check([bad]), verdict, *words)


@pytest.mark.parametrize(
    ("tuner", "bands", "verdict", "words"),
    [
        ("R820T", ("B8",), "ok", ("R820T nghe được / hears B8",)),
        ("R820T", ("B8", "B3"), "warn", ("cannot hear B3", "24-1766 MHz")),
        ("R820T", ("B3",), "fail", ("cannot hear B3",)),
        ("FC0012", ("B8",), "warn", ("hears only 925-948.6 MHz of B8",)),
    ],
)
def test_a_tuner_that_does_not_hear_a_band_or_only_part_of_it_is_told(
    tuner: str, bands: tuple[str, ...], verdict: str, words: tuple[str, ...]
) -> None:
    settings = StationSettings(sweep=SweepSection(bands=bands))
    found = tuner_check(replace(RECEIVER, tuner=TUNERS[tuner]), settings, load_band_plan())
    assert found.verdict == verdict
    assert all(word in found.found + found.todo for word in words), found
    assert bool(found.todo) == (verdict != "ok")


def test_the_kernel_s_driver_in_the_way_is_named_with_the_command_that_takes_it_away(tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    modules.write_text("dvb_usb_rtl28xxu 40960 0 - Live 0x0\nusbcore 1 0 - Live 0x0\n")
    helps(kernel_check(modules), "warn", "dvb_usb_rtl28xxu", "sudo rmmod dvb_usb_rtl28xxu", "canhsong-rtlsdr.conf")
    modules.write_text("usbcore 1 0 - Live 0x0\n")
    assert kernel_check(modules).verdict == "ok"


def usb(folder: Path, vendor: str, product: str) -> tuple[Path, Path]:
    """Make a device as sysfs shows it and its node."""
    device, nodes = folder / "devices" / "1-2", folder / "bus"
    device.mkdir(parents=True)
    for name, text in (("idVendor", vendor), ("idProduct", product), ("busnum", "1"), ("devnum", "7")):
        (device / name).write_text(text + "\n")
    (nodes / "001").mkdir(parents=True)
    (nodes / "001" / "007").touch()
    return folder / "devices", nodes


def test_a_dongle_that_this_user_may_not_use_is_told_with_the_rule_that_lets_him(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    devices, nodes = usb(tmp_path, "0bda", "2838")
    assert [one.verdict for one in permission_checks(devices, nodes)] == ["ok"]
    if os.getuid() == 0:
        (nodes / "001" / "007").unlink()  # root may use whatever is there
    else:
        (nodes / "001" / "007").chmod(0)
    (found,) = permission_checks(devices, nodes)
    helps(found, "fail", "001/007", "60-canhsong-rtlsdr.rules", "plugdev")


def test_another_device_is_no_dongle_and_no_device_is_nothing(tmp_path: Path) -> None:
    assert list(permission_checks(*usb(tmp_path, "046d", "c31c"))) == []
    assert list(permission_checks(tmp_path / "none", tmp_path)) == []


@pytest.mark.parametrize(
    ("state", "has_rtc", "verdict", "words"),
    [
        (ClockState(source="ntp", error_ms=2.5, step_s=0.0, reference="chrony: 192.0.2.1, stratum 2"), True, "ok", ("chrony", "2.5 ms")),
        (ClockState(source="gps", error_ms=1000.0, step_s=0.0, reference="gpsd"), True, "ok", ("gps, gpsd", "1e+03 ms")),
        (ClockState(source="rtc", error_ms=1000.0, step_s=0.0), True, "warn", ("not synchronised", "chrony")),
        (ClockState(source="rtc", error_ms=1000.0, step_s=0.0), False, "warn", ("no RTC",)),
    ],
)
def test_the_clock_says_what_keeps_it_or_how_to_have_it_kept(
    state: ClockState, has_rtc: bool, verdict: str, words: tuple[str, ...]
) -> None:
    found = clock_check(state, has_rtc=has_rtc)
    assert found.verdict == verdict
    assert all(word in found.found + found.todo for word in words), found
    if verdict != "ok":
        helps(found, verdict)


def test_a_collector_that_does_not_answer_or_cannot_be_tried_is_told() -> None:
    helps(collector_check("tcp://127.0.0.1:9"), "fail", "tcp://127.0.0.1:9", "canhsong-collector serve")
    assert "tcp://HOST:PORT" in collector_check("ipc:///tmp/x").todo


def test_a_disk_with_room_is_well_and_the_folder_need_not_be_there_yet(tmp_path: Path) -> None:
    assert disk_check(tmp_path / "not" / "yet").found.endswith(str(tmp_path / "not" / "yet"))


def test_levels_are_dbfs_without_a_table_dbm_with_one_and_a_table_that_ends_is_told(tmp_path: Path) -> None:
    settings = StationSettings(health=HealthSection(state_folder=str(tmp_path)))
    assert "dBFS" in levels_check(RECEIVER, settings, now_ns=NOON_NS).found
    save_table(tmp_path / "levels.toml", table())
    assert "until 2026-12-31 (213 d)" in (known := levels_check(RECEIVER, settings, now_ns=NOON_NS)).found
    assert known.verdict == "ok"
    soon = levels_check(RECEIVER, settings, now_ns=NOON_NS + 200 * 86_400 * 10**9)
    assert (soon.verdict, "calibrate again" in soon.todo) == ("warn", True)
    other = levels_check(replace(RECEIVER, gain_db=40.2), settings, now_ns=NOON_NS)
    assert (other.verdict, "not at 40.2 dB" in other.found) == ("warn", True)
    named = StationSettings(receiver=ReceiverSection(level_table=str(tmp_path / "none.toml")))
    assert levels_check(RECEIVER, named, now_ns=NOON_NS).verdict == "warn"
    assert isinstance(table(), LevelTable)


def test_an_error_that_says_what_to_do_is_split_and_another_gets_the_usual_advice() -> None:
    assert told("receiver", ReceiverError("dongle 0: no permission: install the rule"), todo="x").todo == "install the rule"
    assert told("receiver", ReceiverError("went away"), todo="x") == Check(name="receiver", verdict="fail", found="went away", todo="x")


def test_the_last_line_says_whether_the_station_can_work() -> None:
    assert summary(2, 1).endswith("2 to repair, 1 to look at")
    assert "can work, 1 to look at" in summary(0, 1)
    assert "the station is ready" in summary(0, 0)
