"""What changes in ``store.db``, as points: tracks, cells, stations and roll-ups are computed once, there, and InfluxDB gets the rows.

A row that changes overwrites its point, and a field cannot be taken back from a point: a row's empty columns are named in its field
``nulls``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from collector.influx_bands import OTHER, band_tag
from collector.influx_lines import Value, line
from collector.influx_touched import Touched
from collector.sqlite_schema import open_for_reading
from collector.store import HOUR_NS

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
_DAY: Final = "SELECT * FROM band_day WHERE station = ? AND band = ? AND origin = ? AND day_ns >= ? AND day_ns <= ?"
_DAYS: Final = "SELECT * FROM band_day WHERE station = ? AND origin = ? AND day_ns >= ? AND day_ns <= ?"
_BAND_SPAN: Final = "SELECT * FROM band_span WHERE station = ? AND band = ? AND origin = ?"
LONGEST_DAY_NS: Final = 25 * HOUR_NS


class StoreRows:
    """Reads rows of ``store.db`` and turns them into lines, by the bucket's ending."""

    def __init__(self, path: Path) -> None:
        """Read the store in ``path``.

        Raises:
            StorageError: there is none.
        """
        self._db = open_for_reading(path)
        self._told_spans: dict[tuple[str, str, str], Row] = {}

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
            days = [row for one in touched.hours for row in self._rows(_DAY, (*one[:3], one[3] - LONGEST_DAY_NS, one[4]))]
            days += [row for one in touched.spans for row in self._rows(_DAYS, (*one[:2], one[2] - LONGEST_DAY_NS, one[3]))]
            return {
                "track": [row for key in touched.tracks for row in self._rows(_TRACK, key)],
                "cell": [{**row, "nth": nth} for key in touched.places for nth, row in enumerate(self._rows(_CELL, key))],
                "hour": hours,
                "day": days,
                "span": list(self._fresh_spans(hours)),
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

    def _fresh_spans(self, hours: Sequence[Row]) -> Iterator[Row]:
        """Yield the spans of ``hours`` that are not as they were told last: they change once an hour."""
        for key in {(row["station"], row["band"], row["origin"]) for row in hours}:
            for row in self._rows(_BAND_SPAN, key):
                if self._told_spans.get(key) != row:
                    self._told_spans[key] = row
                    yield row


def wanted_stamps(rows: Mapping[str, Sequence[Row]], bands: frozenset[str] = frozenset()) -> dict[str, int]:
    """Return the times of the rows that need a stamp of their own, by key: those that share their tags with others."""
    wanted = {_key(kind, row): row[_BEGIN[kind]] for kind in _TAGS for row in rows[kind]}
    for kind in _ROLLED:
        wanted |= {_key(kind, row): row.get(_BEGIN[kind], 0) for row in rows[kind] if band_tag(row["band"], bands) == OTHER}
    return wanted


def row_lines(rows: Mapping[str, Sequence[Row]], stamps: Mapping[str, int], bands: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """Return the points of ``rows``, by the ending of their bucket. ``bands``: names that may be tags besides the band plan's."""
    state = [_line(kind, row, tags, stamps[_key(kind, row)], bands) for kind, tags in _TAGS.items() for row in rows[kind]]
    state += [_line(name, row, tags, 0, bands) for kind, name, tags in _FIXED for row in rows[kind]]
    rolled = {
        kind: [_line(name, row, _BAND, stamps.get(_key(kind, row), row.get(_BEGIN[kind], 0)), bands) for row in rows[kind]]
        for kind, name in _ROLLED.items()
    }
    return {STATE: [*state, *rolled["span"]], HOURLY: rolled["hour"], DAILY: rolled["day"]}


_BAND: Final = ("station", "band", "origin")
_TAGS: Final = {"track": ("station",), "cell": ("station", "origin", "rat"), "capture": ("station", "origin")}
_ROLLED: Final = {"hour": "band_1h", "day": "band_1d", "span": "band_span"}
_BEGIN: Final = {
    "track": "first_time_ns",
    "cell": "first_time_ns",
    "capture": "start_time_ns",
    "hour": "hour_ns",
    "day": "day_ns",
    "span": "",
}
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
    if kind in _ROLLED:
        return f"{kind} {row.get(_BEGIN[kind], 0)} {row['station']} {row['origin']} {row['band']}"
    return f"cell {row['station']} {row['origin']} {row['rat']} {row['place']} {row['nth']}"


def _line(measurement: str, row: Row, tags: Sequence[str], stamp_ns: int, bands: frozenset[str]) -> str:
    fields: dict[str, Value] = {name: value for name, value in row.items() if name not in tags}
    named = {name: row[name] for name in tags}
    if "band" in tags:
        fields["band_name"], named["band"] = row["band"], band_tag(row["band"], bands)
    fields["nulls"] = ",".join(name for name, value in row.items() if value is None)
    made = line(measurement, named, fields, stamp_ns)
    assert made is not None  # ``nulls`` is always there
    return made
