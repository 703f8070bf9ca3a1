"""The station's spool: how fast it takes records durably, and how fast a full one drains to a collector while new ones are taken.

    python tests/benchmarks/bench_spool.py [--short] [--out FOLDER]

Over CURVE, station, collector and disk on the same machine; ingest in a process of its own. Fails below the limits: 10,000 records/s
drained, and a dwell's records in one commit at least five times as fast as one by one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from collector.enrolment import Register, write_register
from collector.places import DataFolder
from config.keyfiles import KeyPair, fresh_keypair, write_keypair
from config.wire import encode_record
from station.one_collector_spool import OneCollectorSpool
from station.sqlite_spool import SqliteSpool
from station.uplink import Curve, Uplink

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.end_to_end.running import emission  # noqa: E402

DRAINED_S = 10_000.0
TOGETHER_RATIO = 5.0
DWELL_RECORDS = 20


def rate(do: Callable[[], int], seconds: float) -> float:
    """Return how many records a second ``do`` takes."""
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        count += do()
    return count / (time.perf_counter() - began)


def appends(folder: Path, seconds: float) -> bool:
    """Print how fast records are taken one by one, a dwell's together, and from eight threads; return whether together is fast enough."""
    spool, packed = SqliteSpool(folder / "appends.db"), encode_record(emission(station="bench"))
    one = rate(lambda: len([spool.append(packed, kind="emission")]), seconds)
    dwell = [(packed, "emission")] * DWELL_RECORDS
    together = rate(lambda: len(spool.append_all(dwell)), seconds)
    counts = [0] * 8

    def work(number: int) -> None:
        until_s = time.perf_counter() + seconds
        while time.perf_counter() < until_s:
            spool.append(packed, kind="emission")
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close()
    print(f"{len(packed)}-byte records, one after the other, each durable before the next: {one:.0f}/s")
    print(f"{DWELL_RECORDS} of a dwell in one commit: {together:.0f}/s, {together / one:.1f} times as many")
    print(f"eight threads, one record each at a time: {sum(counts) / seconds:.0f}/s, {sum(counts) / seconds / one:.1f} times as many")
    return together >= TOGETHER_RATIO * one


def drain(folder: Path, count: int) -> bool:
    """Fill a spool, drain it while new records are taken, print how fast; return whether that is fast enough."""
    data, pair, centre = DataFolder(path=folder / "data"), fresh_keypair(), fresh_keypair()
    write_keypair(data.key, centre)
    write_register(data.register, Register().enrol("bench", pair.public, now_ns=1))
    spool = OneCollectorSpool(folder / "spool.db")
    packed = [(encode_record(emission(station="bench")), "emission")] * 10_000
    began = time.perf_counter()
    for _ in range(count // len(packed)):
        spool.append_all(packed)
    print(f"{spool.next_seq} records filled in, 10,000 a commit: {spool.next_seq / (time.perf_counter() - began):.0f}/s")
    ingest = subprocess.Popen(
        [sys.executable, "-m", "collector.cli", "--data", str(data.path), "part", "ingest", "tcp://127.0.0.1:*"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert ingest.stdout is not None
        drained, taken = timed(spool, ingest.stdout.readline().split()[1], pair, centre, count)
    finally:
        ingest.terminate()
        ingest.communicate(timeout=20)
    print(f"a spool of {count} records drains at {drained:.0f}/s while {taken:.0f} new ones a second are taken")
    return drained >= DRAINED_S


def timed(spool: OneCollectorSpool, address: str, pair: KeyPair, centre: KeyPair, count: int) -> tuple[float, float]:
    """Return (records drained a second, new ones taken a second)."""
    stop, taken = threading.Event(), 0
    with Uplink(address, station="bench", spool=spool, curve=Curve(pair=pair, collector_key=centre.public)) as uplink:

        def take() -> None:
            nonlocal taken
            while not stop.is_set():
                taken += len(uplink.publish_all(emission(station="bench") for _ in range(DWELL_RECORDS)))
                time.sleep(0.2)

        taker = threading.Thread(target=take)
        began = time.perf_counter()
        taker.start()
        while spool.unacknowledged_seq < count:
            time.sleep(0.02)
        took_s = time.perf_counter() - began
        stop.set()
        taker.join()
    return count / took_s, taken / took_s


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--out", type=Path, help="folder for figures (this benchmark draws none)")
    short = parser.parse_args().short
    with tempfile.TemporaryDirectory() as name:
        together = appends(Path(name), 1.0 if short else 3.0)
        drained = drain(Path(name), 50_000 if short else 1_000_000)
    return 0 if together and drained else 1


if __name__ == "__main__":
    sys.exit(main())
