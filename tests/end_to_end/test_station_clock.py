"""A station whose clock is an hour off, and steps back: order is by number, nothing is lost, and the centre says how wrong the clock is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collector.journal import JournalReader
from config.wire import decode_record
from tests.end_to_end.balance import balance
from tests.end_to_end.running import STATION, Collector, end_with_parent, eventually


@pytest.fixture
def moved_clock(root: Path, tmp_path: Path) -> Callable[[int], dict[str, str]]:
    """Set the station's clock so many seconds off; gives the environment in which it is."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("no C compiler: apt-get install gcc libc6-dev")
    library, moved = tmp_path / "clock_shim.so", tmp_path / "moved"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(root / "tests" / "hil" / "clock_shim.c"), "-ldl"], check=True)

    def move(seconds: int) -> dict[str, str]:
        fresh = tmp_path / "moved.new"
        fresh.write_text(f"{seconds}\n")
        fresh.rename(moved)
        return os.environ | {"LD_PRELOAD": str(library), "CLOCK_SHIM": str(moved)}

    return move


def clock_error_s(collector: Collector) -> float | None:
    """What `canhsong-collector stations` says of the station's clock."""
    told = subprocess.run(
        [sys.executable, "-m", "collector.cli", "--data", str(collector.folder), "stations", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows: list[dict[str, Any]] = [json.loads(line) for line in told.stdout.splitlines()]
    errors = [row.get("clock_error_s") for row in rows if row["station"] == STATION]
    return errors[0] if errors else None


def test_an_hour_off_and_then_back_by_two_keeps_order_and_balance_and_is_said(
    tmp_path: Path, root: Path, collector: Collector, moved_clock: Callable[[int], dict[str, str]]
) -> None:
    path = tmp_path / "state" / "spool.db"
    sender = subprocess.Popen(
        [sys.executable, "-m", "tests.end_to_end.sender", str(path), collector.ingest, STATION, "64"],
        stdout=subprocess.DEVNULL,
        cwd=root,
        env=moved_clock(3600),
        preexec_fn=end_with_parent,
    )
    try:
        eventually(lambda: abs((clock_error_s(collector) or 0.0) - 3600) < 30, timeout_s=30.0)
        moved_clock(-3600)  # while it sends
        eventually(lambda: abs((clock_error_s(collector) or 0.0) + 3600) < 30, timeout_s=30.0)
        time.sleep(1.0)
    finally:
        sender.kill()
        sender.wait()
    drained = subprocess.run(
        [sys.executable, "-m", "tests.end_to_end.drain", str(path), collector.ingest, STATION],
        capture_output=True,
        text=True,
        cwd=root,
        env=moved_clock(-3600),
        check=True,
    )
    spool_id, generated = drained.stdout.split()
    result = balance(collector.folder / "journal", spool_id, int(generated))
    assert result.holds(), result
    assert result.gaps == 0
    with JournalReader(collector.folder / "journal") as reader:
        entries = reader.read(0, limit=100_000)
    assert [entry.seq for entry in entries] == sorted(entry.seq for entry in entries)
    assert {decode_record(entry.data).station for entry in entries} == {STATION}
