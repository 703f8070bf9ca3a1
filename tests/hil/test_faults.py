"""Faults, each injected for real: the station says what is affected, goes on by itself, and loses no finished detection."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.machine import cannot

Band = Callable[..., Any]
ONE_HOP = ("--band", "930.8-931.8", "--json", "--ppm", "23.4", "--dwell", "0.1")
QUIET = {"CANHSONG_IDENTITY_GSM": "false", "CANHSONG_IDENTITY_LTE": "false", "CANHSONG_CAPTURE_RING_S": "0"}


def health(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in records if one["kind"] == "health"]


def notes(records: list[dict[str, Any]]) -> str:
    return "; ".join(note for one in health(records) for note in one["notes"])


def spectra(records: list[dict[str, Any]]) -> int:
    return sum(one["kind"] == "spectrum" for one in records)


def working(station: Any, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    child: subprocess.Popen[str] = station.start("run", *ONE_HOP, *arguments, env=QUIET | (env or {}))
    station.wait(lambda records: spectra(records) >= 3)
    return child


def test_a_dongle_unplugged_during_a_read_is_told_and_taken_up_again_when_it_is_back(band: Band) -> None:
    station = band("paced 1")
    child = working(station)
    station.command("unplug")
    station.wait(lambda records: any(not one["receiver_open"] for one in health(records)))
    assert "the dongle was unplugged" in notes(station.records())
    before = spectra(station.records())
    (station.folder / "control").unlink()
    (station.folder / "control.unplugged").unlink()
    station.wait(lambda records: spectra(records) >= before + 3)
    child.terminate()
    assert child.wait(30) == 0
    assert health(station.records())[-1]["receiver_restarts"] >= 1


def test_a_read_that_hangs_is_ended_from_outside(band: Band) -> None:
    station = band("paced 1")
    working(station)
    before = spectra(station.records())
    began = time.monotonic()
    station.command("hang 1000")
    station.wait(lambda records: "a read hangs" in notes(records))
    assert time.monotonic() - began < 20
    # the restarted process obeys the same command again: take it away
    (station.folder / "control").unlink()
    station.wait(lambda records: spectra(records) >= before + 3)


def test_lost_samples_are_counted_against_the_clock(band: Band) -> None:
    station = band("paced 1")
    working(station)
    station.command("lose 480000")
    station.wait(lambda records: any(one["lost_samples"] > 200_000 for one in health(records)))
    assert "samples were lost" in notes(station.records())


def test_a_loss_of_25_ms_is_noticed(band: Band) -> None:
    station = band("paced 1")
    working(station)
    for k in range(4):  # a busy machine may explain one of them away
        station.command(f"lose {60_000 + k}")
        time.sleep(1.0)
    station.wait(lambda records: any(one["lost_samples"] > 40_000 for one in health(records)))


def test_overload_is_marked(band: Band) -> None:
    station = band("paced 1")
    working(station)
    station.command("overload 1")
    station.wait(lambda records: any((one["clipped_fraction"] or 0) > 0.01 for one in health(records)), timeout=40)
    assert "overload: lower the gain" in notes(station.records())


@pytest.fixture
def shim(root: Path, tmp_path: Path) -> Path:
    library = tmp_path / "clock_shim.so"
    source = root / "tests" / "hil" / "clock_shim.c"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def test_a_clock_that_is_set_back_an_hour_is_not_believed(band: Band, shim: Path) -> None:
    station = band("paced 1")
    moved = station.folder / "moved"
    moved.write_text("0\n")
    working(station, env={"LD_PRELOAD": str(shim), "CLOCK_SHIM": str(moved)})
    seen = station.records()
    moved.write_text("-3600\n")
    station.wait(lambda records: any(one["clock_step_s"] < -3590 for one in health(records)), timeout=40)
    assert "clock jumped by -3600 s" in notes(station.records())
    times = [one["start_time_ns"] for one in station.records() if one["kind"] == "spectrum"]
    assert times == sorted(times)
    assert len(times) > spectra(seen)
    # whoever reads a record made since then knows that its time may be wrong by as much
    assert any((one["time_error_ms"] or 0) >= 3.59e6 for one in station.records() if one["kind"] == "spectrum")


def test_sigterm_ends_a_run_with_everything_told(band: Band) -> None:
    station = band("paced 1")
    child = working(station)
    child.terminate()
    assert child.wait(30) == 0
    records = station.records()
    assert {one["event"] for one in records if one["kind"] == "emission"} >= {"onset", "clear"}
    assert [one["kind"] for one in records][-1] == "health"
    assert any(one["kind"] == "summary" for one in records)


def test_after_kill_9_every_detection_that_was_told_is_in_the_spool_and_no_process_is_left(band: Band) -> None:
    station = band("paced 1")
    child = working(station, "--collector", "tcp://127.0.0.1:9")
    reader = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    child.kill()
    child.wait(30)
    told = [one for one in station.records() if one["kind"] != "spectrum"]
    assert any(one["kind"] == "emission" for one in told)
    with sqlite3.connect(next(station.folder.rglob("spool.db"))) as spool:
        kept = spool.execute("SELECT count(*) FROM record").fetchone()[0]
    assert kept >= len(told)
    until = time.monotonic() + 10
    while time.monotonic() < until and any(_alive(pid) for pid in reader):
        time.sleep(0.1)
    assert not any(_alive(pid) for pid in reader)


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_full_disk_while_capturing_is_told_and_leaves_no_half_written_pair(band: Band) -> None:
    unshare = shutil.which("unshare")
    probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]
    if unshare is None or subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        cannot("make mount namespaces: run as a user who may")
    station = band("paced 0")
    command = f"{sys.executable} -m station.cli capture 931.3 --for 2 --out /mnt/kept"
    script = f"mount -t tmpfs -o size=16m none /mnt && {command}; code=$?; ls -A /mnt/kept >&2; exit $code"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], env=station.env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "make room" in done.stderr
    assert "sigmf" not in done.stderr


def test_signals_reach_a_station_that_waits_for_a_dongle(band: Band) -> None:
    station = band("paced 1")
    child = working(station)
    station.command("unplug")
    station.wait(lambda records: any(not one["receiver_open"] for one in health(records)))
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 0
    assert json.loads((station.folder / "out.json").read_text().splitlines()[-1])["kind"] == "health"
