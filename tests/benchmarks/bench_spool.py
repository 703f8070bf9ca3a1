"""The station's spool: how fast it takes records durably, and how fast a full one drains to a collector while new ones are taken.

    python tests/benchmarks/bench_spool.py [--short] [--out FOLDER]

Over CURVE, station, collector and disk on the same machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from collector.enrolment import LiveRegister, Register, write_register
from collector.gate import Gate
from config.keyfiles import fresh_keypair
from config.wire import encode_record
from station.one_collector_spool import OneCollectorSpool
from station.uplink import Curve, Uplink

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.collector.running_ingest import RunningIngest  # noqa: E402
from tests.end_to_end.running import emission  # noqa: E402


def fill(spool: OneCollectorSpool, count: int, packed: bytes) -> None:
    """Put ``count`` records into the spool in one transaction, to have a full one soon."""
    inner = spool._spool
    inner._db.execute("BEGIN")
    inner._db.executemany("INSERT INTO record VALUES (?,?,?,?)", ((seq, "emission", time.time_ns(), packed) for seq in range(count)))
    inner._db.execute("COMMIT")
    inner._next_seq, inner._size = count, count * len(packed)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--out", type=Path, help="folder for figures (this benchmark draws none)")
    count = 50_000 if parser.parse_args().short else 1_000_000
    pair, collector = fresh_keypair(), fresh_keypair()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_register(folder / "stations.json", Register().enrol("bench", pair.public, now_ns=1))
        ingest = RunningIngest(folder / "journal", gate=Gate(collector, LiveRegister(folder / "stations.json")))
        spool = OneCollectorSpool(folder / "spool.db")
        fill(spool, count, encode_record(emission(station="bench")))
        stop, taken = threading.Event(), 0
        began = time.perf_counter()
        with Uplink(ingest.address, station="bench", spool=spool, curve=Curve(pair=pair, collector_key=collector.public)) as uplink:

            def take() -> None:
                nonlocal taken
                while not stop.is_set():
                    uplink.publish(emission(station="bench"))
                    taken += 1
                    time.sleep(0.01)

            taker = threading.Thread(target=take)
            taker.start()
            while spool.unacknowledged_seq < count:
                time.sleep(0.02)
            took_s = time.perf_counter() - began
            stop.set()
            taker.join()
            print(f"a spool of {count} records drains at {count / took_s:.0f}/s while {taken / took_s:.0f} new ones a second are taken")
            began, n = time.perf_counter(), 0
            while time.perf_counter() - began < 2.0:
                uplink.publish(emission(station="bench"))
                n += 1
            print(f"one after the other, each durable before the next: {n / (time.perf_counter() - began):.0f} records/s")
        ingest.close()


if __name__ == "__main__":
    main()
