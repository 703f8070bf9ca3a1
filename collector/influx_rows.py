"""What changes in ``store.db``, as points: tracks, cells, stations and roll-ups are computed once, there, and InfluxDB gets the rows.

A row that changes overwrites its point, and a field cannot be taken back from a point: a row's empty columns are named in its field
``nulls``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from collector.influx_lines import Value, line
from collector.influx_touched import Touched
from collector.sqlite_schema import open_for_reading

STATE: Final = "_state"
HOURLY: Final = "_1h"
DAILY: Final = "_1d"
Row = dict[str, Any]
_TRACK: Final = "SELECT * FROM track WHERE station = ? AND track_id = ?"
_CELL: Final = "SELECT * FROM cell WHERE station = ? AND origin = ? AND rat = ? AND place = ? ORDER BY cell"
_HEALTH: Final = "SELECT * FROM health WHERE station = ?"
_CAPTURE: Final = "SELECT * FROM capture WHERE station = ? AND capture_id = ?"
_HOUR: Final = "SELECT * FROM band_hour WHERE station = ? AND band = ? AND origin = ? AND hour_ns >= ? AND hour_ns <= ?"
_SPAN: Final = "SELECT * FROM band_hour WHERE station = ? AND origin = ? AND hour_ns >= ? AND hour_ns <= ?"
_DAY: Final = (
    "SELECT sum(onsets) AS onsets, sum(on_s) AS on_s, max(max_power_dbfs) AS max_power_dbfs, sum(listened_s) AS listened_s, "
    "max(sensitivity_dbfs) AS sensitivity_dbfs, max(degraded) AS degraded, (SELECT count(DISTINCT track_id) FROM track_hour t WHERE "
    "t.station = :station AND t.band = :band AND t.origin = :origin AND t.hour_ns >= :first AND t.hour_ns < :end) AS tracks "
    "FROM band_hour WHERE station = :station AND band = :band AND origin = :origin AND hour_ns >= :first AND hour_ns < :end"
)


class StoreRows:
    """Reads rows of ``store.db`` and turns them into lines, by the bucket's ending."""

    def __init__(self, path: Path, time_zone: str) -> None:
        """Read the store in ``path``; days are those of ``time_zone``.

        Raises:
            StorageError: there is none.
        """
        self._db = open_for_reading(path)
        self._zone = ZoneInfo(time_zone)

    def cursor(self) -> int:
        """Return the last journal entry that the store has; 0: none."""
        row = self._db.execute("SELECT entry FROM cursor WHERE name = 'sqlite'").fetchone()
        return int(row[0]) if row else 0

    def read(self, touched: Touched) -> dict[str, list[Row]]:
        """Return the rows of ``touched`` as they are now, all at one moment, by kind."""
        self._db.execute("BEGIN")
        try:
            hours = [row for one in touched.hours for row in self._rows(_HOUR, one)]
            hours += [row for one in touched.spans for row in self._rows(_SPAN, one)]
            return {
                "track": [row for key in touched.tracks for row in self._rows(_TRACK, key)],
                "cell": [{**row, "nth": nth} for key in touched.places for nth, row in enumerate(self._rows(_CELL, key))],
                "hour": hours,
                "day": self._days(hours),
                "station": [row for name in touched.stations for row in self._rows("SELECT * FROM station WHERE station = ?", (name,))],
                "health": [row for name in touched.stations for row in self._rows(_HEALTH, (name,))],
                "capture": [row for key in touched.captures for row in self._rows(_CAPTURE, key)],
                "origin": [row for name in touched.stations for row in self._rows("SELECT * FROM origin WHERE station = ?", (name,))],
            }
        finally:
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _rows(self, sql: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
        cursor = self._db.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def _days(self, hours: Iterable[Row]) -> list[Row]:
        keys = {(row["station"], row["band"], row["origin"], *self._day_ns(row["hour_ns"])) for row in hours}
        found = []
        for station, band, origin, first, end in sorted(keys):
            names = {"station": station, "band": band, "origin": origin}
            found += [{**names, "day_ns": first, **row} for row in self._rows(_DAY, {**names, "first": first, "end": end})]
        return found

    def _day_ns(self, hour_ns: int) -> tuple[int, int]:
        """Return where the day that holds an hour begins and ends."""
        day = datetime.fromtimestamp(hour_ns // 10**9, tz=self._zone).replace(hour=0, minute=0, second=0)
        return round(day.timestamp()) * 10**9, round((day + timedelta(days=1)).timestamp()) * 10**9


def wanted_stamps(rows: Mapping[str, Sequence[Row]]) -> dict[str, int]:
    """Return the times of the rows that need a stamp of their own, by key."""
    return {_key(kind, row): row[_BEGIN.get(kind, "first_time_ns")] for kind in _TAGS for row in rows[kind]}


def row_lines(rows: Mapping[str, Sequence[Row]], stamps: Mapping[str, int]) -> dict[str, list[str]]:
    """Return the points of ``rows``, by the ending of their bucket."""
    state = [_line(kind, row, tags, stamps[_key(kind, row)]) for kind, tags in _TAGS.items() for row in rows[kind]]
    state += [_line(name, row, tags, 0) for kind, name, tags in _FIXED for row in rows[kind]]
    hourly = [_line("band_1h", row, _BAND, row["hour_ns"]) for row in rows["hour"]]
    return {STATE: state, HOURLY: hourly, DAILY: [_line("band_1d", row, _BAND, row["day_ns"]) for row in rows["day"]]}


_BAND: Final = ("station", "band", "origin")
_TAGS: Final = {"track": ("station",), "cell": ("station", "origin", "rat"), "capture": ("station", "origin")}
_BEGIN: Final = {"capture": "start_time_ns"}
_FIXED: Final = (
    ("station", "station", ("station",)),
    ("origin", "station_origin", ("station", "origin")),
    ("health", "station_health", ("station", "origin")),
)


def _key(kind: str, row: Row) -> str:
    if kind == "track":
        return f"track {row['station']} {row['track_id']}"
    if kind == "capture":
        return f"capture {row['station']} {row['capture_id']}"
    return f"cell {row['station']} {row['origin']} {row['rat']} {row['place']} {row['nth']}"


def _line(measurement: str, row: Row, tags: Sequence[str], stamp_ns: int) -> str:
    fields: dict[str, Value] = {name: value for name, value in row.items() if name not in tags}
    if "band" in tags:
        fields["band_name"] = row["band"]
    fields["nulls"] = ",".join(name for name, value in row.items() if value is None)
    made = line(measurement, {name: row[name] for name in tags}, fields, stamp_ns)
    assert made is not None  # ``nulls`` is always there
    return made
