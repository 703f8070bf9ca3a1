"""The embedded default store: answers out of ``store.db``, which ``SqliteEffect`` fills."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from collector.sqlite_hours import read_days, read_occupancy, read_timeline
from collector.sqlite_schema import open_for_reading
from collector.sqlite_spectra import read_waterfall
from collector.store import (
    MAX_ROWS,
    NO_BAND,
    CaptureRow,
    CellRow,
    DayBucket,
    Facets,
    HealthRow,
    OccupancyRow,
    Query,
    StationRow,
    TimelineBucket,
    TrackRow,
    Waterfall,
)
from config.wire import HealthReport

_WATCHED_UNTIL: Final = (
    "(CASE state WHEN 'open' THEN max(last_time_ns, coalesce((SELECT o.last_time_ns FROM origin o "
    "WHERE o.station = track.station AND o.origin = track.origin), 0)) ELSE last_time_ns END)"
)
Row = TypeVar("Row", bound=msgspec.Struct)


class SqliteStore:
    """Reads; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Open the store in ``path``.

        Raises:
            StorageError: there is none, or it cannot be read.
        """
        self._db = open_for_reading(path)
        self._lock = threading.Lock()

    def tracks(self, query: Query) -> list[TrackRow]:
        """Return the tracks in ``query``, the latest first: those that were told of since, and open ones whose station was heard since."""
        chosen, values = _where(query, "last_time_ns", "first_time_ns")
        columns = ", ".join(field.name for field in msgspec.structs.fields(TrackRow) if field.name != "watched_until_ns")
        awake, still = _where(query, _WATCHED_UNTIL, "first_time_ns")
        latest = "ORDER BY last_time_ns DESC, station, track_id LIMIT ?"
        told = f"SELECT {columns}, {_WATCHED_UNTIL} AS watched_until_ns FROM track"
        rows = self._select(f"{told} {chosen} {latest}", (*values, _limit(query)))
        if len(rows) < _limit(query) and query.since_ns > 0:
            more = f"{told} {awake} AND state = 'open' AND last_time_ns < ? {latest}"
            rows += self._select(more, (*still, query.since_ns, _limit(query) - len(rows)))
        return [_row(TrackRow, row) for row in rows]

    def timeline(self, query: Query) -> list[TimelineBucket]:
        """Return hourly buckets by station, band and hour: hours in which nobody listened too."""
        with self._lock:
            return read_timeline(self._db, query)

    def days(self, query: Query) -> list[DayBucket]:
        """Return daily buckets by station, band and day: of every day with tracks or with listening."""
        with self._lock:
            return read_days(self._db, query)

    def occupancy(self, query: Query) -> list[OccupancyRow]:
        """Return at most ``MAX_RAW`` occupancies that began in ``query``, by station, time and band."""
        with self._lock:
            return read_occupancy(self._db, query)

    def cells(self, query: Query) -> list[CellRow]:
        """Return the cells in ``query``, the latest first."""
        where, values = _where(query, "last_time_ns", "first_time_ns")
        return self._rows(CellRow, f"FROM cell {where} ORDER BY last_time_ns DESC, cell LIMIT ?", (*values, _limit(query)))

    def waterfall(self, query: Query, *, rows: int) -> Waterfall | None:
        """Return the last spectra of the tuning that was heard last in ``query``; None: there are none."""
        with self._lock:
            return read_waterfall(self._db, query.stations, query.origins, rows=min(rows, MAX_ROWS))

    def stations(self) -> list[StationRow]:
        """Return every station that ever sent a record, by name."""
        origins: dict[str, list[str]] = {}
        for row in self._select("SELECT station, origin FROM origin ORDER BY station, origin", ()):
            origins.setdefault(row["station"], []).append(row["origin"])
        rows = self._select("SELECT station, last_received_ns, last_time_ns, records FROM station ORDER BY station", ())
        return [StationRow(**row, origins=origins.get(row["station"], [])) for row in rows]

    def healths(self) -> list[HealthRow]:
        """Return the latest health report of every station and origin, by name."""
        rows = self._select("SELECT station, origin, start_time_ns, received_ns, report FROM health ORDER BY station, origin", ())
        return [HealthRow(**{**row, "report": msgspec.json.decode(row["report"], type=HealthReport)}) for row in rows]

    def captures(self, query: Query) -> list[CaptureRow]:
        """Return the captures that were announced in ``query``, the latest first; bands are not looked at."""
        asked = msgspec.structs.replace(query, bands=())
        where, values = _where(asked, "start_time_ns + CAST(duration_s * 1e9 AS INTEGER)", "start_time_ns")
        rest = f"FROM capture {where} ORDER BY start_time_ns DESC, station, capture_id LIMIT ?"
        return self._rows(CaptureRow, rest, (*values, _limit(query)))

    def facets(self) -> Facets:
        """Return the stations, bands and origins there are."""
        bands = self._select("SELECT DISTINCT band FROM band_span WHERE band != ? ORDER BY band", (NO_BAND,))
        origins = self._select("SELECT DISTINCT origin FROM origin ORDER BY origin", ())
        return Facets(
            stations=[row.station for row in self.stations()],
            bands=[row["band"] for row in bands],
            origins=[row["origin"] for row in origins],
        )

    def version(self) -> int:
        """Return a number that changes whenever an answer may have changed."""
        return int(self._select("PRAGMA data_version", ())[0]["data_version"])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _rows(self, kind: type[Row], rest: str, values: tuple[Any, ...]) -> list[Row]:
        columns = ", ".join(field.name for field in msgspec.structs.fields(kind))
        return [_row(kind, row) for row in self._select(f"SELECT {columns} {rest}", values)]

    def _select(self, sql: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        with self._lock:
            cursor = self._db.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _row(kind: type[Row], row: dict[str, Any]) -> Row:
    if row.get("band") == NO_BAND:
        row["band"] = None
    return msgspec.convert(row, kind, strict=False)


def _limit(query: Query) -> int:
    return max(1, min(query.limit, MAX_ROWS))


def _where(query: Query, last: str, first: str) -> tuple[str, tuple[Any, ...]]:
    """Return the WHERE clause for ``query`` and its values; what users and stations name goes in as values alone."""
    clauses = [f"{last} >= ?", f"{first} < ?"]
    values: list[Any] = [query.since_ns, query.until_ns]
    for column, wanted in (("station", query.stations), ("band", query.bands), ("origin", query.origins)):
        if wanted:
            clauses.append(f"{column} IN ({','.join('?' * len(wanted))})")
            values += wanted
    return f"WHERE {' AND '.join(clauses)}", tuple(values)
