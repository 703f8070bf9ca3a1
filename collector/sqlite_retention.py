"""Lets go of what is older than the settings say, span by span along the primary keys, in small transactions."""

from __future__ import annotations

import sqlite3
from typing import Final

from collector.store import HOUR_NS
from collector.store_settings import StoreSettings

DAY_NS: Final = 86_400_000_000_000
EVERY_S: Final = 3600.0
AT_ONCE: Final = 5000
"""Rows of one statement: the follower's batches wait for no more than these."""
_RAW: Final = (
    "DELETE FROM occupancy WHERE (station, origin, band, start_time_ns, lower_freq_hz) IN (SELECT station, origin, band, start_time_ns, "
    "lower_freq_hz FROM occupancy WHERE station = ? AND origin = 'live' AND band = ? AND start_time_ns < ? LIMIT ?)",
    "DELETE FROM track_hour WHERE (station, track_id, hour_ns) IN (SELECT station, track_id, hour_ns FROM track_hour "
    "WHERE station = ? AND band = ? AND origin = 'live' AND hour_ns < ? LIMIT ?)",
    "DELETE FROM deaf_hour WHERE (station, band, origin, hour_ns) IN (SELECT station, band, origin, hour_ns FROM deaf_hour "
    "WHERE station = ? AND band = ? AND origin = 'live' AND hour_ns < ? LIMIT ?)",
)
_TRACKS: Final = (
    "DELETE FROM track WHERE (station, track_id) IN (SELECT station, track_id FROM track INDEXED BY track_by_time "
    "WHERE origin = 'live' AND last_time_ns < ? AND state = 'cleared' LIMIT ?)"
)
_ROLLED: Final = "DELETE FROM {table} WHERE station = ? AND band = ? AND origin = 'live' AND {time} < ?"


def prune(db: sqlite3.Connection, settings: StoreSettings, now_ns: int) -> int:
    """Delete what is too old at ``now_ns``; return how many rows."""
    gone = 0
    spans = db.execute("SELECT station, band FROM band_span WHERE origin = 'live'").fetchall()
    if settings.raw_days:
        before_ns = now_ns - round(settings.raw_days * DAY_NS)
        gone += _all_of(db, _TRACKS, (before_ns,))
        for station, band in spans:
            gone += sum(_all_of(db, sql, (station, band, before_ns)) for sql in _RAW)
    for days, table, time in ((settings.hourly_days, "band_hour", "hour_ns"), (settings.daily_days, "band_day", "day_ns")):
        if days:
            before_ns = now_ns - round(days * DAY_NS)
            sql = _ROLLED.format(table=table, time=time)
            gone += sum(db.execute(sql, (station, band, before_ns)).rowcount for station, band in spans)
            if table == "band_hour":
                first_ns = -(-before_ns // HOUR_NS) * HOUR_NS
                db.execute("UPDATE band_span SET first_hour_ns = ? WHERE origin = 'live' AND first_hour_ns < ?", (first_ns, first_ns))
    return gone


def _all_of(db: sqlite3.Connection, sql: str, values: tuple[str | int, ...]) -> int:
    gone = 0
    while (some := db.execute(sql, (*values, AT_ONCE)).rowcount) > 0:
        gone += some
    return gone
