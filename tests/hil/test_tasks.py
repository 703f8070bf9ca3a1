"""The collector asks, a real station on the virtual dongle does it, and what it kept is at the collector: real sockets, real processes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.running import Collector, eventually

Band = Callable[..., Any]
UNLICENSED_MHZ = "931.3125"


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """Asked for before ``band``: the station is to end first, or it waits for a collector to take what it has left to say."""
    running = Collector(tmp_path / "data")
    yield running
    running.stop()


def told(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "collector.cli", "--data", str(folder), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def ask(folder: Path, *arguments: str) -> str:
    (task,) = told(folder, "tasks", "ask", *arguments, "--json", "--as", "thanh tra")
    return str(task["task_id"])


def state_of(folder: Path, task_id: str) -> dict[str, Any]:
    return next(row for row in told(folder, "tasks", "list", "--json") if row["task"]["task_id"] == task_id)


def ended(folder: Path, task_id: str, *, timeout_s: float = 120.0) -> dict[str, Any]:
    over = ("done", "refused", "failed", "expired", "cancelled")

    def look() -> dict[str, Any] | None:
        row = state_of(folder, task_id)
        return row if row["state"] in over else None

    return dict(eventually(look, timeout_s=timeout_s))


def files(folder: Path, station: Any, capture_id: str) -> list[tuple[Path, Path]]:
    there = next(station.folder.rglob(f"canhsong/captures/{capture_id}.sigmf-data")).parent
    here = folder / "captures" / "station-1"
    return [(there / f"{capture_id}.sigmf-{part}", here / f"{capture_id}.sigmf-{part}") for part in ("data", "meta")]


def start(band: Band, collector: Collector, *lines: str, **env: str) -> Any:
    station = band("paced 1", *lines)
    given = {"CANHSONG_IDENTITY_GSM": "false", "CANHSONG_IDENTITY_LTE": "false", "CANHSONG_CAPTURE_SEND_KIB_S": "20000", **env}
    station.start("run", "--band", "930-934", "--json", "--ppm", "23.4", "--collector", collector.ingest, env=given)
    return station


def test_what_the_collector_asks_for_is_captured_and_is_there_byte_for_byte(collector: Collector, band: Band) -> None:
    station = start(band, collector)
    station.wait(lambda records: [one for one in records if one["kind"] == "health"])
    task_id = ask(collector.folder, "station-1", "capture", UNLICENSED_MHZ, "--for", "2.5", "--reason", "Điều 4.3: nghi vấn")
    row = ended(collector.folder, task_id)
    assert (row["state"], row["reason"]) == ("done", "")
    capture_id = row["capture_id"]

    def whole() -> bool:
        return any(
            one["capture_id"] == capture_id and one["kept"] and one["kept"]["state"] == "whole"
            for one in told(collector.folder, "captures", "list", "--json")
        )

    eventually(whole, timeout_s=60.0)
    for there, here in files(collector.folder, station, capture_id):
        assert here.read_bytes() == there.read_bytes()
        assert stat.S_IMODE(here.stat().st_mode) == 0o600
    meta = json.loads(files(collector.folder, station, capture_id)[1][1].read_text())["global"]
    assert (meta["core:description"], meta["canhsong:task_id"]) == ("Điều 4.3: nghi vấn", task_id)
    assert meta["canhsong:issued_by"] == "person:thanh tra"
    (line,) = [one for one in told(collector.folder, "captures", "list", "--json") if one["capture_id"] == capture_id]
    assert line["announced"]["n_samples"] == pytest.approx(2.5 * 2.4e6, abs=1)
    assert line["announced"]["sha256"] == line["kept"]["data_sha256"]


def test_a_dwell_brings_records_a_watch_ends_when_cancelled_and_the_impossible_is_refused(collector: Collector, band: Band) -> None:
    station = start(band, collector, CANHSONG_TASKS_WATCH_INTERVAL_S="0.5")
    station.wait(lambda records: [one for one in records if one["kind"] == "health"])
    folder = collector.folder
    refused = {
        ask(folder, "station-1", "capture", "2400", "--for", "1"): "R820T hears 24-1766 MHz",
        ask(folder, "station-1", "capture", "931", "--width", "2500"): "one tuning hears 1.92 MHz",
        ask(folder, "station-1", "capture", "931", "--for", "20"): "the ring holds 10 s",
        ask(folder, "station-1", "dwell", "931", "--for", "100"): "tasks.max_dwell_s",
    }
    dwell = ask(folder, "station-1", "dwell", UNLICENSED_MHZ, "--for", "1")
    watch = ask(folder, "station-1", "watch", UNLICENSED_MHZ, "--for", "300")
    for task_id, reason in refused.items():
        row = ended(folder, task_id)
        assert row["state"] == "refused"
        assert reason in row["reason"]
    row = ended(folder, dwell)
    assert (row["state"], row["listened_s"] >= 1.0, row["records"] > 0) == ("done", True, True)
    eventually(lambda: state_of(folder, watch)["state"] == "accepted", timeout_s=30.0)
    time.sleep(2.0)
    told_it = subprocess.run([sys.executable, "-m", "collector.cli", "--data", str(folder), "tasks", "cancel", watch], check=False)
    assert told_it.returncode == 0
    row = ended(folder, watch)
    assert row["state"] == "cancelled"
    assert row["listened_s"] > 0.2
    results = [one for one in station.records() if one["kind"] == "task_result"]
    assert [one["state"] for one in results if one["task_id"] == watch] == ["accepted", "cancelled"]


def test_a_station_that_is_killed_in_the_middle_of_sending_goes_on_where_it_was(collector: Collector, band: Band) -> None:
    slow = {"CANHSONG_CAPTURE_SEND_KIB_S": "2000"}
    station = start(band, collector, **slow)
    station.wait(lambda records: [one for one in records if one["kind"] == "health"])
    task_id = ask(collector.folder, "station-1", "capture", UNLICENSED_MHZ, "--for", "3")
    capture_id = ended(collector.folder, task_id)["capture_id"]
    part = collector.folder / "captures" / "station-1" / f"{capture_id}.data.part"
    size = 2 * 3 * 2_400_000

    def has(share: float) -> int:
        have = part.stat().st_size if part.exists() else 0
        return have if have > share * size else 0

    eventually(lambda: has(0.1), timeout_s=30.0)
    station.children[0].send_signal(signal.SIGKILL)
    station.children[0].wait()
    station.children.clear()
    before = has(0.0)
    os.kill(collector.parts()["ingest"], signal.SIGKILL)
    station.start("run", "--band", "930-934", "--json", "--ppm", "23.4", "--collector", collector.ingest, env=slow)
    eventually(lambda: has(0.3), timeout_s=60.0)
    os.kill(collector.parts()["ingest"], signal.SIGKILL)
    data = collector.folder / "captures" / "station-1" / f"{capture_id}.sigmf-data"
    eventually(data.exists, timeout_s=60.0)
    assert before > 0.1 * size
    for there, here in files(collector.folder, station, capture_id):
        assert hashlib.sha256(here.read_bytes()).digest() == hashlib.sha256(there.read_bytes()).digest()
    assert state_of(collector.folder, task_id)["state"] == "done"
    assert len(list(data.parent.iterdir())) == 2


def test_a_finding_that_needs_evidence_asks_by_itself_and_shows_what_became_of_it(band: Band, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tasks.toml").write_text('[ask]\norigins = ["hil"]\nrules = ["1-unlicensed"]\nexpires_s = 600\n')
    registry = tmp_path / "registry"
    registry.mkdir()
    (registry / "registry.toml").write_text('name = "trial"\nstarting_point = false\n[[covers]]\nlower_mhz = 925.0\nupper_mhz = 960.0\n')
    (registry / "licences.csv").write_text("licence_id,holder,technology,lower_mhz,upper_mhz\nx,Viettel,gsm,943.9,944.1\n")
    imported = [sys.executable, "-m", "collector.cli", "--data", str(tmp_path / "data"), "registry", "import", str(registry)]
    subprocess.run(imported, check=True, stdout=subprocess.DEVNULL)
    collector = Collector(tmp_path / "data")
    folder = collector.folder
    station = start(band, collector, CANHSONG_TRACKS_UPDATE_INTERVAL_S="2", CANHSONG_TRACKS_CLEAR_AFTER_S="30")
    try:

        def asked() -> dict[str, Any] | None:
            rows = [row for row in told(folder, "tasks", "list", "--json") if row["finding_id"] is not None]
            return next((row for row in rows if row["state"] == "done" and row["capture_id"]), None)

        row = eventually(asked, timeout_s=180.0)
        assert row["task"]["action"] == "capture"
        assert row["task"]["freq_hz"] == pytest.approx(931.3125e6, abs=25e3)
        shown = subprocess.run(
            [sys.executable, "-m", "collector.cli", "--data", str(folder), "findings", "show", row["finding_id"]],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "ghi IQ / capture" in shown
        assert row["capture_id"] in shown
        here = folder / "captures" / "station-1" / f"{row['capture_id']}.sigmf-meta"
        eventually(here.exists, timeout_s=60.0)
        top = json.loads(here.read_text())["global"]
        assert top["canhsong:issued_by"] == f"finding:{row['finding_id']}"
        assert "1-unlicensed" in top["core:description"]
        assert station.children[0].poll() is None
    finally:
        station.stop()
        collector.stop()
