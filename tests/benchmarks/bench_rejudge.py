"""Judging a stored journal again with ``canhsong-collector rejudge``: how long it takes, and whether a kill in mid-run changes anything.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_rejudge.py [--short] [--folder FOLDER]

The journal is the simulated network's of 20 stations, as many hours of it as there are observations wanted, in order of arrival. The run is
killed with SIGKILL three times on its way and resumed; its findings are compared with those of a run that nothing disturbed.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import heapq
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from collector.journal import Journal
from config.licences import COLUMNS
from config.wire import encode_record
from tests.scenes.simulation import air_of_each, context, network

PER_HOUR = 6_600
"""Observations of the simulated network, about."""


def write(folder: Path, count: int, seed: int) -> int:
    """Write a journal of about ``count`` observations, and its registry, to ``folder``; return how many they are."""
    net = network(seed, count / PER_HOUR)
    judged_by = context(net)
    given = folder / "given"
    given.mkdir(parents=True)
    (given / "registry.toml").write_text(
        'name = "day"\nstarting_point = false\n[[covers]]\nlower_mhz = 925.0\nupper_mhz = 960.0\n', encoding="utf-8"
    )
    with (given / "licences.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows([getattr(licence, column) for column in COLUMNS] for licence in judged_by.licences.registry.licences)
    stations = [f"{name},{facts.place[0]},{facts.place[1]},10,0,-30" for name, facts in judged_by.stations.items() if facts.place]
    (folder / "stations.csv").write_text("station,lat_deg,lon_deg,height_m,gain_dbi,dbm_minus_dbfs\n" + "\n".join(stations) + "\n")
    run(folder, "registry", "import", str(given))
    journal, numbers = Journal(folder / "journal"), dict.fromkeys(net.places, 0)
    for n, record in enumerate(heapq.merge(*air_of_each(net), key=lambda r: r.start_time_ns)):
        journal.append((record.station, "ab" * 16), numbers[record.station], encode_record(record))
        numbers[record.station] += 1
        if n % 5000 == 0:
            journal.commit()
    journal.commit()
    journal.close()
    return sum(numbers.values())


def command(folder: Path, *words: str) -> list[str]:
    """Return the command line of the collector on ``folder``."""
    return [sys.executable, "-m", "collector.cli", "--data", str(folder), *words]


def run(folder: Path, *words: str) -> None:
    """Run the collector on ``folder``."""
    subprocess.run(command(folder, *words), check=True, stdout=subprocess.DEVNULL)


def findings(folder: Path) -> tuple[int, str]:
    """Return how many findings ``folder`` has, and a hash over all of them and the remarks, every byte."""
    db = sqlite3.connect(folder / "findings.db")
    rows = db.execute("SELECT data FROM finding ORDER BY finding_id").fetchall()
    said = db.execute("SELECT data FROM remark ORDER BY rule, subject, code, origin").fetchall()
    db.close()
    return len(rows), hashlib.sha256(b"\n".join(row[0] for row in [*rows, *said])).hexdigest()[:16]


def killed(folder: Path, after_s: float, *words: str) -> int | None:
    """Run ``rejudge`` and kill it after ``after_s``; return the exit code where it ended before that, else None."""
    process = subprocess.Popen(command(folder, "rejudge", *words), stdout=subprocess.DEVNULL)
    try:
        return process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return None


def main() -> None:
    """Print times, memory, and whether the two runs agree."""
    words = argparse.ArgumentParser()
    words.add_argument("--short", action="store_true")
    words.add_argument("--folder", type=Path, default=None)
    given = words.parse_args()
    seed = random.SystemRandom().randrange(2**32)
    folder = Path(tempfile.mkdtemp(prefix="canhsong-rejudge-", dir=given.folder))
    try:
        begun = time.monotonic()
        count = write(folder, 30_000 if given.short else 1_000_000, seed)
        print(f"seed {seed}: a journal of {count} observations, made in {time.monotonic() - begun:.0f} s", flush=True)
        begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        run(folder, "rejudge")
        took, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"rejudge: {took:.0f} s, {cpu:.0f} s of CPU ({cpu / count * 1e6:.0f} us each), {after.ru_maxrss / 1024:.0f} MiB", flush=True)
        straight = findings(folder)
        ends = [killed(folder, took * 0.3, *words_) for words_ in ((), ("--resume",), ("--resume",))]
        run(folder, "rejudge", "--resume")
        again = findings(folder)
        print(f"killed {ends.count(None)} times and resumed: {again[0]} findings {again[1]}, undisturbed {straight[0]} {straight[1]}")
        sys.exit(0 if again == straight and None in ends else 1)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
