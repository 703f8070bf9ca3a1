"""Speed of ``canhsong-station replay`` on a cu8 recording at 2.4 MS/s: CPU against the recording's time, and CPU to the first output.

The factor is a slope: two recordings of different length, the difference of their lengths over the difference of the whole process's CPU
time, so that start-up is left out and nothing else is. ``python tests/benchmarks/bench_replay.py [--short] [--out FOLDER]``
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

RATE_HZ = 2_400_000
LIMIT_FACTOR, LIMIT_FIRST_S, LIMIT_RSS_MIB = 40.0, 1.5, 260.0
COMMAND = [sys.executable, "-m", "station.cli", "replay", "--json"]
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "XDG_CONFIG_HOME": "/nonexistent",
}


def write_recording(folder: Path, seconds: int, *, name: str) -> Path:
    """A carrier of -12 dBFS and one of -25 dBFS in noise of -19 dBFS, one second (seed 3) over and over."""
    rng = np.random.default_rng(3)
    time = np.arange(RATE_HZ)
    carriers = 30 * np.exp(2j * np.pi * 300e3 / RATE_HZ * time) + 8 * np.exp(-2j * np.pi * 700e3 / RATE_HZ * time)
    noise = 10 * (rng.standard_normal(RATE_HZ) + 1j * rng.standard_normal(RATE_HZ))
    one = np.clip(np.round((carriers + noise).astype(np.complex64).view(np.float32) + 127.5), 0, 255).astype(np.uint8).tobytes()
    path = folder / f"{name}_941.2M_2.4M.cu8"
    with path.open("wb") as file:
        for _ in range(seconds):
            file.write(one)
    return path


def cpu_of(path: Path) -> tuple[float, float]:
    """CPU seconds (user and system) and peak RSS in MiB of one whole run."""
    child = subprocess.Popen([*COMMAND, str(path)], stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"replay of {path.name} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def cpu_to_first_output(path: Path) -> float:
    """CPU seconds that a run has used when its first line comes."""
    child = subprocess.Popen([*COMMAND, str(path)], stdout=subprocess.PIPE, env=ENVIRONMENT)
    assert child.stdout is not None
    child.stdout.readline()
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    child.kill()
    child.stdout.close()
    child.wait()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Print the figures beside their limits; 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="shorter recordings")
    parser.add_argument("--out", type=Path, help="not used: there is no curve to draw")
    short, long = (5, 35) if parser.parse_args().short else (10, 130)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [write_recording(folder, seconds, name=f"bench{seconds}") for seconds in (short, long)]
        cpu_of(paths[0])  # machine code and FFT plans are made once and kept
        first_s = min(cpu_to_first_output(paths[0]) for _ in range(3))
        (short_s, _), (long_s, rss_mib) = (min(cpu_of(path) for _ in range(2)) for path in paths)
    factor = (long - short) / (long_s - short_s)
    rows = [
        ("replay, cu8 2.4 MS/s, N 4096, 50 % overlap, after start-up: times real time", factor, LIMIT_FACTOR, factor >= LIMIT_FACTOR),
        (f"the same, a whole run over {long} s", long / long_s, 0.0, True),
        ("CPU seconds to the first output", first_s, LIMIT_FIRST_S, first_s < LIMIT_FIRST_S),
        ("peak RSS, MiB", rss_mib, LIMIT_RSS_MIB, rss_mib < LIMIT_RSS_MIB),
    ]
    for text, value, limit, met in rows:
        print(f"{text}: {value:.2f}" + (f" (limit {limit:g}, {'met' if met else 'MISSED'})" if limit else ""))
    print(f"machine load {os.getloadavg()[0]:.1f}, own CPU {resource.getrusage(resource.RUSAGE_SELF).ru_utime:.1f} s")
    return 0 if all(met for *_, met in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
