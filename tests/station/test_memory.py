"""Memory stays flat in the recording's length."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def peak_rss_mib(path: Path) -> float:
    environment = {**os.environ, "CANHSONG_IDENTITY_GSM": "false", "CANHSONG_IDENTITY_LTE": "false"}
    child = subprocess.Popen(
        [sys.executable, "-m", "station.cli", "replay", "--json", str(path)], stdout=subprocess.DEVNULL, env=environment
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return used.ru_maxrss / 1024


def sparse(path: Path, n_bytes: int) -> Path:
    with path.open("wb") as file:
        file.truncate(n_bytes)
    return path


def test_ten_times_the_recording_takes_no_more_memory(tmp_path: Path) -> None:
    short = peak_rss_mib(sparse(tmp_path / "short_941.2M_2.4M.cs8", 10_000_000))
    long = peak_rss_mib(sparse(tmp_path / "long_941.2M_2.4M.cs8", 100_000_000))
    assert long - short < 10.0
    assert long < 260.0


@pytest.mark.slow
def test_twelve_gigabytes_take_no_more_memory_than_any_other_recording(tmp_path: Path) -> None:
    assert peak_rss_mib(sparse(tmp_path / "x_941.2M_61.44M.cs16", 12_000_000_000)) < 260.0
