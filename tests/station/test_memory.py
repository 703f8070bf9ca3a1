"""Memory stays flat in the recording's length."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MEASURED = """
import sys
from station.cli import run
code = run(sys.argv[1:])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")), file=sys.stderr)
sys.exit(code)
"""


def peak_rss_mib(path: Path) -> float:
    """The program's own peak: what the kernel reports of a finished child would count the parent's memory at the fork too."""
    environment = {**os.environ, "CANHSONG_IDENTITY_GSM": "false", "CANHSONG_IDENTITY_LTE": "false"}
    command = [sys.executable, "-c", MEASURED, "replay", "--json", str(path)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, check=True)
    return int(done.stderr.split()[-1]) / 1024


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
