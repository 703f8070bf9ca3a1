"""What keeps the clock: chrony's own account of it, read from what its client prints; the RTC."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from station.clock_reference import ClockReference, ReferenceWatch, current_reference, parse_tracking, rtc_present
from station.live_clock import LiveClock

# chronyc -n -c tracking: the columns are those of chronyc(1), "tracking"
SERVER = "C0A80001,192.168.0.1,3,1795528800.123,0.000021,0.000013,0.0002,-12.3,0.001,0.05,0.004000,0.001500,64.2,Normal"
SATELLITES = "50505300,PPS,1,1795528800.123,-0.0000004,0.0000001,0.0000002,-12.3,0.001,0.05,0.000000001,0.000010,16.0,Normal"
NOTHING = "00000000,,0,0.000,0.000,0.000,0.000,0.000,0.000,0.000,1.000,1.000,0.0,Not synchronised"


def test_a_server_s_error_is_offset_half_the_delay_and_dispersion() -> None:
    found = parse_tracking(SERVER)
    assert found is not None
    assert (found.name, found.gps) == ("chrony: 192.168.0.1, stratum 3", False)
    assert found.error_ms == pytest.approx(0.021 + 2.0 + 1.5)


def test_a_reference_clock_of_satellites_is_a_gps() -> None:
    found = parse_tracking(SATELLITES)
    assert found is not None
    assert found.gps
    assert found.error_ms is not None
    assert found.error_ms < 0.02


@pytest.mark.parametrize("line", [NOTHING, "", "506 Cannot talk to daemon", "a,b,c,d,e,f,g,h,i,j,k,l,m,n"])
def test_no_source_or_no_answer_is_nothing(line: str) -> None:
    assert parse_tracking(line) is None


def chronyc(folder: Path, *lines: str) -> None:
    """Put a chronyc into ``folder``."""
    path = folder / "chronyc"
    path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_the_time_source_is_gps_where_chrony_follows_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    chronyc(tmp_path, f"echo '{SATELLITES}'")
    state = LiveClock(synchronised=lambda: (True, 20.0)).check()
    assert (state.source, state.reference) == ("gps", "chrony: PPS, stratum 1")
    assert state.error_ms < 0.02
    chronyc(tmp_path, f"echo '{SERVER}'")
    state = LiveClock(synchronised=lambda: (True, 20.0)).check()
    assert state.source == "ntp"
    assert state.error_ms == pytest.approx(3.521)


def test_a_chrony_that_does_not_answer_leaves_the_kernel_s_own_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for lines in (("exit 1",), ("echo '506 Cannot talk to daemon'",), ("exec sleep 30",)):
        chronyc(tmp_path, *lines)
        assert current_reference().name in ("kernel", "systemd-timesyncd")
    assert LiveClock(synchronised=lambda: (True, 20.0), reference=lambda: ClockReference(name="kernel")).check().error_ms == 20.0


def test_it_is_not_asked_at_every_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    chronyc(tmp_path, f"echo x >> {tmp_path / 'asked'}", f"echo '{SERVER}'")
    watch = ReferenceWatch()
    assert {watch().name for _ in range(5)} == {"chrony: 192.168.0.1, stratum 3"}
    assert (tmp_path / "asked").read_text().count("x") == 1


def test_a_machine_s_own_clock_is_seen_where_there_is_one(tmp_path: Path) -> None:
    assert not rtc_present(tmp_path / "rtc")
    assert not rtc_present(tmp_path)
    (tmp_path / "rtc0").mkdir()
    assert rtc_present(tmp_path)
