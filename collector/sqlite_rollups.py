"""Roll-ups of ``store.db``, written as tables: what was heard and how well it was listened, by hour and by day.

Computed once, here; InfluxDB gets the rows. A day is one of the collector's time zone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from collector.store import HOUR_NS, CoverageState
from config.wire import HealthReport

BandHour = tuple[str, str, str, int]
"""(station, band, origin, hour_ns)."""
STATES: Final[tuple[CoverageState, ...]] = ("not_listening", "tuner_cannot_hear", "heard_nothing", "heard", "degraded")
STATE_SQL: Final = "CASE WHEN degraded THEN 4 WHEN tracks THEN 3 WHEN listened_s > 0 THEN 2 WHEN deaf THEN 1 ELSE 0 END"
"""Which of ``STATES`` a row's is."""
_HOUR: Final = (
    "INSERT OR REPLACE INTO band_hour "
    "SELECT :station, :band, :origin, :first, tracks, onsets, on_s, power, listened_s, sensitivity_dbfs, max(degraded, partly), whole FROM "
    "(SELECT count(*) AS tracks, coalesce(sum(onset), 0) AS onsets, coalesce(sum(on_s), 0.0) AS on_s, max(max_power_dbfs) AS power "
    "FROM track_hour WHERE station = :station AND band = :band AND origin = :origin AND hour_ns = :first), "
    "(SELECT min(3600.0, coalesce(sum(observed_s), 0.0)) AS listened_s, max(sensitivity_dbfs) AS sensitivity_dbfs, "
    "coalesce(max(degraded), 0) AS degraded FROM occupancy "
    "WHERE station = :station AND origin = :origin AND band = :band AND start_time_ns >= :first AND start_time_ns < :end), "
    "(SELECT coalesce(max(NOT whole), 0) AS partly, coalesce(max(whole), 0) AS whole FROM deaf_hour "
    "WHERE station = :station AND band = :band AND origin = :origin AND hour_ns = :first)"
)
_DAY: Final = (
    "INSERT OR REPLACE INTO band_day "
    "SELECT :station, :band, :origin, :first, (SELECT count(DISTINCT track_id) FROM track_hour t WHERE "
    "t.station = :station AND t.band = :band AND t.origin = :origin AND t.hour_ns >= :first AND t.hour_ns < :end), "
    "coalesce(sum(onsets), 0), coalesce(sum(on_s), 0.0), max(max_power_dbfs), coalesce(sum(listened_s), 0.0), max(sensitivity_dbfs), "
    "coalesce(max(degraded), 0), coalesce(max(deaf), 0) "
    "FROM band_hour WHERE station = :station AND band = :band AND origin = :origin AND hour_ns >= :first AND hour_ns < :end"
)
_SPAN: Final = (
    "INSERT INTO band_span VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET first_hour_ns = min(first_hour_ns, excluded.first_hour_ns), "
    "last_hour_ns = max(last_hour_ns, excluded.last_hour_ns)"
)


def roll_up(db: sqlite3.Connection, touched: Iterable[BandHour], zone: ZoneInfo) -> None:
    """Compute the hours of ``touched`` anew, and the days that they belong to."""
    hours = sorted(touched)
    db.executemany(_HOUR, [_bounds(*key, key[3] + HOUR_NS) for key in hours])
    db.executemany(_SPAN, [(*key, key[3]) for key in hours])
    days = {(station, band, origin, *day_bounds_ns(hour_ns, zone)) for station, band, origin, hour_ns in hours}
    db.executemany(_DAY, [_bounds(*key) for key in sorted(days)])


def put_deaf(db: sqlite3.Connection, report: HealthReport) -> set[BandHour]:
    """Note which bands the station's tuner cannot hear at the report's hour; return what that touches: nothing, if it is known."""
    hour = report.start_time_ns // HOUR_NS * HOUR_NS
    touched: set[BandHour] = set()
    for one in report.unheard:
        changed = db.execute(
            "INSERT INTO deaf_hour VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET whole = excluded.whole WHERE excluded.whole > whole",
            (report.station, one.band, report.origin, hour, one.whole),
        ).rowcount
        if changed > 0:
            touched.add((report.station, one.band, report.origin, hour))
    return touched


def day_bounds_ns(moment_ns: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return where the day that holds a moment begins and ends."""
    day = datetime.fromtimestamp(moment_ns // 10**9, tz=zone).replace(hour=0, minute=0, second=0)
    return round(day.timestamp()) * 10**9, round((day + timedelta(days=1)).timestamp()) * 10**9


def _bounds(station: str, band: str, origin: str, first_ns: int, end_ns: int) -> dict[str, str | int]:
    return {"station": station, "band": band, "origin": origin, "first": first_ns, "end": end_ns}
