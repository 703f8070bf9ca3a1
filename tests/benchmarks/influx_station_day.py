"""One station-day of raw rows out of a real InfluxDB that holds a week of many stations."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from collector.followers import Heard
from collector.influx_answers import InfluxStore
from collector.influx_lines import MS_NS, OCCUPANCY_ITEMS, raw_lines
from collector.influx_store import InfluxDoor
from collector.store import HOUR_NS, Query
from config.wire import AnyRecord
from tests.benchmarks.bench_store import BANDS, HOURS, MINUTE_NS, timed
from tests.end_to_end.running import emission, occupancy
from tests.services.influxdb.filling import entry, settings_for
from tests.services.influxdb.influxd import Influxd, influxd_program

EMISSIONS = 106
"""Of one band in an hour, beside its 60 occupancies: 60 stations x 12 bands x 7 days are 20 million points."""
PER_HOUR = 60 + EMISSIONS
PER_STATION = HOURS * len(BANDS) * PER_HOUR
CHUNK_LINES = 20_000
IN_FLIGHT = 2
TIMES = 5
GIB_A_MILLION_ROWS = 0.25
"""Free disk that is asked for before the fill: what 20 million took at its peak, and half as much again."""


@dataclass(slots=True, kw_only=True)
class Source:
    """One station's band: its lines with places for what differs from minute to minute."""

    occupancy: str
    emission: str
    draw: random.Random
    number: int = 0

    def hour(self, start_ns: int) -> Iterator[str]:
        """Yield the points of one hour, in order of time."""
        draw = self.draw.random
        for minute in range(60):
            at_ns = start_ns + minute * MINUTE_NS
            self.number += 1
            stamp_ns = at_ns + self.number * OCCUPANCY_ITEMS % MS_NS
            yield self.occupancy % (draw(), draw(), at_ns, stamp_ns)
        for n in range(EMISSIONS):
            at_ns = start_ns + n * (HOUR_NS // EMISSIONS) // MS_NS * MS_NS
            self.number += 1
            freq_hz, track = 953.6e6 + 1e6 * draw(), f"{self.draw.getrandbits(64):016x}"
            yield self.emission % (freq_hz, -90 * draw(), track, at_ns, at_ns, at_ns + self.number % MS_NS)


def source(station: str, band: str) -> Source:
    """Return the source of one band, its lines made of those that the follower writes."""
    marks = {"fbo": 0.1234, "sro": 0.2345, "start_time_ns": MINUTE_NS}
    busy = _template(occupancy(station=station, origin="live", band=band, observed_s=4.5, **marks), "fbo", "sro", "start_time_ns")
    marks = {"center_freq_hz": 123.5, "power_dbfs": -12.25, "track_id": "0123456789abcdef"}
    times = {"start_time_ns": MINUTE_NS, "first_time_ns": MINUTE_NS, "last_time_ns": MINUTE_NS}
    heard = emission(station=station, origin="live", band=band, event="update", **marks, **times)
    plain = _template(heard, "center_freq_hz", "power_dbfs", "track_id", "first_time_ns", "last_time_ns")
    return Source(occupancy=busy, emission=plain, draw=random.Random(f"{station}{band}"))


def _template(record: AnyRecord, *names: str) -> str:
    """Return the line of ``record`` with a place for each of the fields ``names`` and for the stamp; they are in this order in it."""
    (line,) = raw_lines(Heard(entry(0, record), record))
    text = line.rpartition(" ")[0].replace("%", "%%")
    end = 0
    for name in names:
        value = msgspec.structs.asdict(record)[name]
        told, place = {float: (repr(value), "%r"), int: (f"{value}i", "%di"), str: (f'"{value}"', '"%s"')}[type(value)]
        begin = text.index(f"{name}={told}", end)
        end = begin + len(f"{name}={place}")
        text = text[:begin] + f"{name}={place}" + text[begin + len(f"{name}={told}") :]
    return text + " %d"


def _check() -> None:
    """Assert that lines out of the templates are the follower's own lines of the same reports."""
    one, given = source("station-000", "B8"), {"station": "station-000", "origin": "live", "band": "B8"}
    busy = occupancy(**given, observed_s=4.5, fbo=0.5, sro=0.25, start_time_ns=2 * MINUTE_NS)
    heard = emission(**given, event="update", center_freq_hz=955e6, power_dbfs=-1.5, track_id="f" * 16, start_time_ns=3 * MINUTE_NS,
                     first_time_ns=4 * MINUTE_NS, last_time_ns=5 * MINUTE_NS)  # fmt: skip
    for record, text in (
        (busy, one.occupancy % (0.5, 0.25, 2 * MINUTE_NS, 2 * MINUTE_NS + 7 * OCCUPANCY_ITEMS)),
        (heard, one.emission % (955e6, -1.5, "f" * 16, 4 * MINUTE_NS, 5 * MINUTE_NS, 3 * MINUTE_NS + 7)),
    ):
        assert list(raw_lines(Heard(entry(7, record), record))) == [text], text


def fill(door: InfluxDoor, *, rows: int, begin_ns: int) -> tuple[int, int]:
    """Write a week of as many stations as ``rows`` are; return their number and the points. In order of time, as a collector does."""
    _check()
    stations = max(1, -(-rows // PER_STATION))
    sources = [source(f"station-{number:03d}", band) for number in range(stations) for band in BANDS]
    waiting: deque[Future[None]] = deque()
    points = 0
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        chunk: list[str] = []
        for hour in range(HOURS):
            for one in sources:
                chunk += one.hour(begin_ns + hour * HOUR_NS)
                if len(chunk) >= CHUNK_LINES or (hour == HOURS - 1 and one is sources[-1]):
                    points += len(chunk)
                    waiting.append(pool.submit(door.write, door.settings.bucket, chunk))
                    chunk = []
                while len(waiting) > IN_FLIGHT:
                    waiting.popleft().result()
        for left in waiting:
            left.result()
    return stations, points


def station_day(folder: Path, limit_ms: float, *, rows: int) -> list[str]:
    """Print the time of one station-day of raw rows out of at least ``rows``; return whether it is missed."""
    program = influxd_program()
    if program is None:
        print("skipped: one station-day of raw rows out of InfluxDB: influxd is absent (CANHSONG_INFLUXD)")
        return []
    if (free := shutil.disk_usage(folder).free) < rows / 1e6 * GIB_A_MILLION_ROWS * 2**30:
        print(f"skipped: one station-day of raw rows out of InfluxDB: {free / 2**30:.1f} GiB are free in {folder}")
        return []
    (folder / "influxd").mkdir()
    server = Influxd(program, folder / "influxd")
    try:
        return _measured(server, folder, limit_ms, rows)
    finally:
        server.stop()


def _measured(server: Influxd, folder: Path, limit_ms: float, rows: int) -> list[str]:
    begin_ns = time.time_ns() // HOUR_NS * HOUR_NS - HOURS * HOUR_NS  # within the retention: raw points of the default 90 days
    door = InfluxDoor(msgspec.structs.replace(settings_for(server.url, "week", folder), raw_days=90), timeout_ms=120_000)
    door.make_buckets()
    began_s = time.perf_counter()
    stations, points = fill(door, rows=rows, begin_ns=begin_ns)
    door.close()
    took_s, size_gib = time.perf_counter() - began_s, _size(server.folder) / 2**30
    print(f"InfluxDB: {points / 1e6:.1f} million raw points of {stations} stations, {size_gib:.1f} GiB, written in {took_s:.0f} s")
    server.stop()
    _forget(server.folder)
    server.start()
    store = InfluxStore(InfluxDoor(settings_for(server.url, "week", folder)))
    end_ns = begin_ns + (HOURS - 24) * HOUR_NS  # a day of which every shard is closed
    query = Query(since_ns=end_ns - 24 * HOUR_NS, until_ns=end_ns, stations=(f"station-{stations // 2:03d}",))
    _, words = timed(lambda: store.occupancy(query), times=1)
    print(f"the first station-day out of it, after a restart and out of no cache: {words}; load {os.getloadavg()[0]:.1f}")
    before_s = server.cpu_s()
    median_ms, words = timed(lambda: store.occupancy(query), times=TIMES)
    server_ms = 1e3 * (server.cpu_s() - before_s) / TIMES
    store.close()
    words += f", InfluxDB's own CPU {server_ms:.0f} ms each, load {os.getloadavg()[0]:.1f}"
    ratio = median_ms / limit_ms
    print(f"one station-day of raw rows out of InfluxDB with {points / 1e6:.1f} million: {words}: {ratio:.2f} of {limit_ms:.0f} ms")
    return ["raw rows out of InfluxDB"] if ratio > 1 else []


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _forget(folder: Path) -> None:
    """Have the kernel drop the files from its cache, as far as it will."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            with contextlib.suppress(OSError), path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
