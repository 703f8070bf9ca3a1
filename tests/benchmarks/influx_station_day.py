"""One station-day of raw rows out of a real InfluxDB that holds the same day of many stations."""

from __future__ import annotations

from pathlib import Path

from collector.influx_answers import InfluxStore
from collector.influx_lines import raw_lines
from collector.influx_store import InfluxDoor
from collector.store import Query
from tests.benchmarks.bench_store import BANDS, BEGIN_NS, MINUTE_NS, timed
from tests.end_to_end.running import occupancy
from tests.services.influxdb.filling import entry, settings_for
from tests.services.influxdb.influxd import Influxd, influxd_program

STATIONS = 20
DAY_MINUTES = 24 * 60


def station_day(folder: Path, limit_ms: float) -> list[str]:
    """Print the time of one station-day of raw rows; return whether it is missed."""
    program = influxd_program()
    if program is None:
        print("skipped: influxd is absent (CANHSONG_INFLUXD)")
        return []
    (folder / "influxd").mkdir()
    server = Influxd(program, folder / "influxd")
    try:
        door = InfluxDoor(settings_for(server.url, "day", folder), timeout_ms=60_000)
        door.make_buckets()
        for number in range(STATIONS):
            door.write("day", _lines(f"station-{number:03d}"))
        store = InfluxStore(door)
        query = Query(since_ns=BEGIN_NS, until_ns=BEGIN_NS + DAY_MINUTES * MINUTE_NS, stations=("station-007",))
        median_ms, words = timed(lambda: store.occupancy(query))
        ratio, thousand = median_ms / limit_ms, STATIONS * DAY_MINUTES * len(BANDS) / 1e3
        print(f"InfluxDB with {thousand:.0f} thousand raw points, one station-day: {words}: {ratio:.2f} of {limit_ms:.0f} ms")
        store.close()
        return ["raw rows out of InfluxDB"] if ratio > 1 else []
    finally:
        server.stop()


def _lines(station: str) -> list[str]:
    """Return a day of occupancies, one a minute and band."""
    from collector.followers import Heard

    lines: list[str] = []
    for minute in range(DAY_MINUTES):
        for n, band in enumerate(BANDS):
            record = occupancy(station=station, origin="live", band=band, start_time_ns=BEGIN_NS + minute * MINUTE_NS, observed_s=4.5)
            lines += raw_lines(Heard(entry(minute * len(BANDS) + n, record), record))
    return lines
