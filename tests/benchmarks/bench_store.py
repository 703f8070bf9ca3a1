"""Answers out of a large store, and how soon what is published can be asked for.

    python tests/benchmarks/bench_store.py [--short] [--out FOLDER] [--influx-rows ROWS]

Builds a store of 20 million rows (`--short`: 3 million) in a temporary folder: 60 stations x 12 bands over 7 days, an occupancy a
minute, and tracks with their hours. Then: the timeline of 7 days x 20 stations x 12 bands by hour, one station-day of raw rows, tracks of
the last day; each the median of 7 and the worst. Last: 200 stations publish to a running ingest and store, and each record's time to its
answer.
`--influx-rows`: the station-day out of a real InfluxDB of so many raw points too (20 million; `--short`: 1 million; 0: not at all).
InfluxDB is `influxd` on PATH or in CANHSONG_INFLUXD; without either that line is skipped. `--influx-only`: only that line.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2]))

import zmq

from collector.places import DataFolder
from collector.sqlite_effect import SqliteEffect
from collector.sqlite_rollups import day_bounds_ns
from collector.sqlite_schema import open_for_writing
from collector.sqlite_store import SqliteStore
from collector.store import HOUR_NS, Query
from config.wire import encode_record
from config.wire.frames import Batch, Hello, encode_frame
from tests.benchmarks.clients import part
from tests.end_to_end.running import T0_NS, emission

MINUTE_NS = 60_000_000_000
BANDS = tuple(f"B{number}" for number in (1, 3, 5, 7, 8, 20, 28, 38, 39, 40, 41, 34))
DAYS = 7
HOURS = 24 * DAYS
BEGIN_NS = T0_NS // HOUR_NS * HOUR_NS
LIMITS_MS = {"timeline": 100.0, "raw": 300.0, "published": 500.0, "raw_influx": 1000.0}


def build(path: Path, *, stations: int, tracks_per_hour: int) -> int:
    """Make a store as its follower would have it; return its rows. Direct inserts in the order of the keys: the follower takes an hour."""
    SqliteEffect(path).close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous=OFF")
    indexes = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")  # as they are in the program; made again below
    db.execute("BEGIN")
    names = [f"station-{number:03d}" for number in range(stations)]
    rows = 0
    for name in names:
        db.execute("INSERT INTO station VALUES (?,?,?,?)", (name, BEGIN_NS, BEGIN_NS + HOURS * HOUR_NS, 1))
        db.execute("INSERT INTO origin VALUES (?,?,?)", (name, "live", BEGIN_NS + HOURS * HOUR_NS))
        for band in sorted(BANDS):
            rows += _fill_band(db, name, band, tracks_per_hour)
    db.execute("COMMIT")
    for _, sql in indexes:
        db.execute(sql)
    db.close()
    open_for_writing(path).close()
    return rows


def _fill_band(db: sqlite3.Connection, station: str, band: str, tracks_per_hour: int) -> int:
    draw = random.Random(f"{station}{band}")
    minutes = HOURS * 60
    db.executemany(
        "INSERT INTO occupancy VALUES (?,'live',?,?,925e6,960e6,4.5,?,?,-95.0,0)",
        ((station, band, BEGIN_NS + n * MINUTE_NS, draw.random(), draw.random()) for n in range(minutes)),
    )
    count = HOURS * tracks_per_hour
    ids = sorted(f"{draw.getrandbits(64):016x}" for _ in range(count))
    firsts = [BEGIN_NS + draw.randrange(HOURS * HOUR_NS) for _ in range(count)]
    db.executemany(
        "INSERT OR IGNORE INTO track VALUES (?,?,'live',?,0,NULL,935e6,934e6,936e6,2e5,-50.0,20.0,?,?,1,1.0,'cleared','gps',NULL)",
        ((station, ids[n], band, firsts[n], firsts[n] + 30 * MINUTE_NS // 60) for n in range(count)),
    )
    db.executemany(
        "INSERT OR IGNORE INTO track_hour VALUES (?,?,?,?,'live',1,30.0,-50.0)",
        ((station, ids[n], firsts[n] // HOUR_NS * HOUR_NS, band) for n in range(count)),
    )
    hours = [(station, band, BEGIN_NS + n * HOUR_NS, tracks_per_hour) for n in range(HOURS)]
    db.executemany("INSERT INTO band_hour VALUES (?,?,'live',?,?,3,90.0,-50.0,270.0,-95.0,0,0)", hours)
    days = sorted({day_bounds_ns(hour, _zone())[0] for _, _, hour, _ in hours})
    db.executemany("INSERT INTO band_day VALUES (?,?,'live',?,9,9,90.0,-50.0,270.0,-95.0,0,0)", [(station, band, day) for day in days])
    db.execute("INSERT INTO band_span VALUES (?,?,'live',?,?)", (station, band, BEGIN_NS, BEGIN_NS + (HOURS - 1) * HOUR_NS))
    return minutes + 2 * count + HOURS + len(days)


def _zone() -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo("Asia/Ho_Chi_Minh")


def timed(ask: Callable[[], list[Any]], times: int = 7) -> tuple[float, str]:
    """Return the median time in ms, and words on it; the first, which fills caches, is among them. CPU time tells a busy machine apart."""
    took, cpu, rows = [], [], 0
    for _ in range(times):
        began_s, cpu_s = time.perf_counter(), time.process_time()
        rows = len(ask())
        took.append(1e3 * (time.perf_counter() - began_s))
        cpu.append(1e3 * (time.process_time() - cpu_s))
    took.sort()
    median_ms, cpu_ms = took[times // 2], sorted(cpu)[times // 2]
    return median_ms, f"{rows} rows, median {median_ms:.0f} ms (CPU {cpu_ms:.0f} ms), best {took[0]:.0f} ms, worst {took[-1]:.0f} ms"


def ask_all(path: Path) -> list[str]:
    """Print the answers' times; return which limits were missed."""
    store = SqliteStore(path)
    some = tuple(f"station-{number:03d}" for number in range(5, 25))
    end_ns = BEGIN_NS + HOURS * HOUR_NS
    day = Query(since_ns=end_ns - 24 * HOUR_NS, until_ns=end_ns, stations=("station-007",))
    week = Query(since_ns=BEGIN_NS, until_ns=end_ns, stations=some)
    hole = Query(since_ns=BEGIN_NS + 24 * HOUR_NS, until_ns=end_ns + 24 * HOUR_NS, stations=some)
    missed = []
    for label, limit, ask in (
        ("7 days x 20 stations x 12 bands by hour", "timeline", lambda: store.timeline(week)),
        ("the same, its last day without a row", "timeline", lambda: store.timeline(hole)),
        ("the same by day", "timeline", lambda: store.days(week)),
        ("one station-day of raw rows", "raw", lambda: store.occupancy(day)),
        ("tracks of one station's day", "raw", lambda: store.tracks(day)),
        ("the last 2000 tracks of all stations", "raw", lambda: store.tracks(Query(since_ns=end_ns - 24 * HOUR_NS, limit=2000))),
    ):
        median_ms, words = timed(ask)
        ratio = median_ms / LIMITS_MS[limit]
        print(f"{label}: {words}: {ratio:.2f} of {LIMITS_MS[limit]:.0f} ms")
        if ratio > 1:
            missed.append(label)
    store.close()
    return missed


def published(folder: Path, *, stations: int, seconds: float) -> list[str]:
    """Publish from ``stations`` sockets, once a second each, and print the time from each send to the store's answer."""
    data = DataFolder(path=folder)
    with part(data, "ingest", "tcp://127.0.0.1:*") as (address, _), part(data, "store", "-"):
        store = SqliteStore(data.store)
        sent: dict[str, float] = {}
        seen: dict[str, float] = {}
        ended = threading.Event()

        def look() -> None:
            while not ended.is_set():
                since_ns = time.time_ns() - 5_000_000_000
                for row in store.tracks(Query(origins=("synthetic",), since_ns=since_ns, limit=2000)):
                    seen.setdefault(row.track_id, time.perf_counter())
                time.sleep(0.01)

        looking = threading.Thread(target=look)
        looking.start()
        sent.update(_publish(address, stations, seconds))
        time.sleep(2.0)
        ended.set()
        looking.join()
        store.close()
    waits = sorted(1e3 * (seen[track_id] - at_s) for track_id, at_s in sent.items() if track_id in seen)
    p99_ms = waits[int(0.99 * len(waits))]
    limit = LIMITS_MS["published"]
    print(f"{stations} stations, {len(sent) / seconds:.0f} records/s: {len(sent) - len(waits)} never seen; published to queryable "
          f"p50 {waits[len(waits) // 2]:.0f} ms, p99 {p99_ms:.0f} ms ({p99_ms / limit:.2f} of {limit:.0f} ms)")  # fmt: skip
    return [] if p99_ms <= limit and len(waits) == len(sent) else ["published"]


def _publish(address: str, stations: int, seconds: float) -> Iterator[tuple[str, float]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 2 * stations + 10)
    sockets = []
    for number in range(stations):
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(address)
        socket.send(encode_frame(Hello(station=f"s{number}", program="bench", spool_id=f"{number:032x}", first_seq=0, next_seq=0)))
        sockets.append(socket)
    for socket in sockets:
        socket.recv()
    began_s = time.perf_counter()
    for turn in range(int(stations * seconds)):
        due_s = began_s + turn / stations
        time.sleep(max(0.0, due_s - time.perf_counter()))
        number, seq = turn % stations, turn // stations
        track_id, now_ns = f"{turn:016x}", time.time_ns()
        times = dict.fromkeys(("start_time_ns", "first_time_ns", "last_time_ns"), now_ns)
        record = encode_record(emission(station=f"s{number}", track_id=track_id, **times))
        yield track_id, time.perf_counter()
        sockets[number].send(encode_frame(Batch(spool_id=f"{number:032x}", first_seq=seq, records=[record])))
        while sockets[number].poll(0):
            sockets[number].recv()
    for socket in sockets:
        socket.close()
    context.term()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--influx-rows", type=int)
    parser.add_argument("--influx-only", action="store_true")
    parser.add_argument("--out", help="folder for figures (this benchmark draws none)")
    options = parser.parse_args()
    influx_rows = options.influx_rows if options.influx_rows is not None else 1_000_000 if options.short else 20_000_000
    missed = [] if options.influx_only else _embedded(options.short)
    if influx_rows:
        from tests.benchmarks.influx_station_day import station_day

        with tempfile.TemporaryDirectory() as name:
            missed += station_day(Path(name), LIMITS_MS["raw_influx"], rows=influx_rows)
    if missed:
        sys.exit(f"limits missed: {', '.join(missed)}")


def _embedded(short: bool) -> list[str]:
    """Print what the embedded store does; return which limits were missed."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "large" / "store.db"
        began_s = time.perf_counter()
        rows = build(path, stations=25 if short else 60, tracks_per_hour=2 if short else 52)
        size_gib = path.stat().st_size / 2**30
        took_s, load = time.perf_counter() - began_s, os.getloadavg()[0]
        print(f"{os.cpu_count()} cores, load {load:.1f}; {rows / 1e6:.1f} million rows, {size_gib:.1f} GiB, built in {took_s:.0f} s")
        return ask_all(path) + published(Path(name) / "live", stations=200, seconds=5.0 if short else 15.0)


if __name__ == "__main__":
    main()
