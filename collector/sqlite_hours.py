"""Answers by hour, by day and in raw rows out of ``store.db``: whole ranges of primary keys, read in their order."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from collector.coverage import MAX_BUCKETS, Span, completed, wanted
from collector.sqlite_rollups import STATE_SQL, STATES
from collector.store import HOUR_NS, MAX_RAW, DayBucket, OccupancyRow, Query, TimelineBucket, occupancy_row

_HOURS: Final = (
    f"SELECT hour_ns, tracks, onsets, on_s, max_power_dbfs, listened_s, sensitivity_dbfs, {STATE_SQL} FROM band_hour "
    "WHERE station = ? AND band = ? AND origin = ? AND hour_ns > ? AND hour_ns < ? ORDER BY hour_ns LIMIT ?"
)
_TOLD: Final = f"tracks, onsets, on_s, max_power_dbfs, listened_s, sensitivity_dbfs, {STATE_SQL} AS state"


def read_spans(db: sqlite3.Connection) -> list[Span]:
    """Return every (station, band, origin) of which anything was told, in order."""
    return [Span(*row) for row in db.execute("SELECT station, band, origin, first_hour_ns, last_hour_ns FROM band_span ORDER BY 1, 2, 3")]


def read_timeline(db: sqlite3.Connection, query: Query) -> list[TimelineBucket]:
    """Return hourly buckets by station, band and hour, those in which nobody listened too.

    One question a span, of numbers alone: what is the same in all of its rows is not fetched with each.
    """
    spans = read_spans(db)
    buckets: list[TimelineBucket] = []
    first_ns, left = query.since_ns - HOUR_NS, MAX_BUCKETS
    for station, band, origin, _, _ in wanted(spans, query):
        rows = db.execute(_HOURS, (station, band, origin, first_ns, query.until_ns, left)).fetchall()
        shown = band or None
        buckets += [
            TimelineBucket(
                station=station,
                band=shown,
                origin=origin,
                hour_ns=hour_ns,
                tracks=tracks,
                onsets=onsets,
                on_s=on_s,
                max_power_dbfs=power,
                listened_s=listened_s,
                sensitivity_dbfs=sensitivity,
                state=STATES[state],
            )
            for hour_ns, tracks, onsets, on_s, power, listened_s, sensitivity, state in rows
        ]
        left -= len(rows)
        if left <= 0:
            break
    return completed(buckets, spans, query)


def read_days(db: sqlite3.Connection, query: Query) -> list[DayBucket]:
    """Return daily buckets by station, band and day; a day counts that touches the time span (days are at most 25 hours)."""
    chosen, values = _chosen(query)
    cursor = db.execute(
        f"SELECT s.station, nullif(s.band, '') AS band, s.origin, b.day_ns, {_TOLD} FROM band_span s CROSS JOIN band_day b "
        f"ON b.station = s.station AND b.band = s.band AND b.origin = s.origin AND b.day_ns > ? AND b.day_ns < ? {chosen} "
        "ORDER BY s.station, s.band, b.day_ns, s.origin LIMIT ?",
        (query.since_ns - 24 * HOUR_NS, query.until_ns, *values, MAX_BUCKETS),
    )
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return [DayBucket(**{**row, "state": STATES[row["state"]]}) for row in rows]


def read_occupancy(db: sqlite3.Connection, query: Query) -> list[OccupancyRow]:
    """Return the occupancies that began in ``query``, as they were reported, by station, time and band."""
    chosen, values = _chosen(query)
    rows = db.execute(
        "SELECT o.station, o.band, o.origin, o.start_time_ns, o.lower_freq_hz, o.upper_freq_hz, o.observed_s, o.fbo, o.sro "
        "FROM band_span s CROSS JOIN occupancy o ON o.station = s.station AND o.origin = s.origin AND o.band = s.band "
        f"AND o.start_time_ns >= ? AND o.start_time_ns < ? {chosen} LIMIT ?",
        (query.since_ns, query.until_ns, *values, MAX_RAW),
    ).fetchall()
    rows.sort(key=lambda row: (row[0], row[3], row[1], row[2], row[4]))
    return [occupancy_row(row) for row in rows]


def _chosen(query: Query) -> tuple[str, tuple[Any, ...]]:
    """Return the WHERE clause over spans and its values; what users and stations name goes in as values alone."""
    clauses: list[str] = []
    values: list[Any] = []
    for column, asked in (("station", query.stations), ("band", query.bands), ("origin", query.origins)):
        if asked:
            clauses.append(f"s.{column} IN ({','.join('?' * len(asked))})")
            values += asked
    return (f"WHERE {' AND '.join(clauses)}" if clauses else ""), tuple(values)
