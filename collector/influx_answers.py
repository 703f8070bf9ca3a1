"""The store's answers out of InfluxDB: the rows that its follower wrote, in Flux whose only variable text is numbered parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from collector.influx_lines import field_value, plain_line, tag_text, tag_value
from collector.influx_store import InfluxDoor, Param
from collector.sqlite_effect import MAX_HOURS
from collector.store import (
    HOUR_NS,
    MAX_ROWS,
    NO_BAND,
    CaptureRow,
    CellRow,
    Facets,
    HealthRow,
    Query,
    StationRow,
    Store,
    TimelineBucket,
    TrackRow,
    Waterfall,
)
from config.wire import HealthReport

LAST_NS: Final = 9_223_372_036_854_775_806
"""The last moment that InfluxDB knows."""
LONGEST_NS: Final = MAX_HOURS * HOUR_NS
_START: Final = "from(bucket: bucket) |> range(start: time(v: start), stop: time(v: stop))"
_ROWS: Final = '|> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value") |> group()'
_LATEST: Final = "|> map(fn: (r) => ({r with back: -r.last_time_ns}))"
Row = TypeVar("Row", bound=msgspec.Struct)


class InfluxStore:
    """The same answers as the embedded store; safe to use from several threads."""

    def __init__(self, door: InfluxDoor, *, spectra: Store | None = None) -> None:
        """``spectra`` answers for the waterfall: spectra are live, never kept, and so never in InfluxDB."""
        self._door, self._spectra = door, spectra
        self._bucket = door.settings.bucket

    def tracks(self, query: Query) -> list[TrackRow]:
        """Return the tracks in ``query``, the latest first."""
        seen = {(tag_value(row["station"]), row["origin"]): row["last_time_ns"] for row in self._origins()}
        flux = _Flux("track", start_ns=query.since_ns - LONGEST_NS, stop_ns=_plus(query.until_ns, LONGEST_NS))
        flux.tag("station", query.stations).rows().field("band", query.bands).field("origin", query.origins)
        awake = flux.put([f"{station} {origin}" for (station, origin), last_ns in seen.items() if last_ns >= query.since_ns])
        since, until = flux.put(query.since_ns), flux.put(query.until_ns)
        flux.add(
            f"|> filter(fn: (r) => r.first_time_ns < {until} and (r.last_time_ns >= {since} or "
            f'(r.state == "open" and contains(value: r.station + " " + r.origin, set: {awake}))))'
        )
        flux.add(f'{_LATEST} |> sort(columns: ["back", "station", "track_id"]) |> limit(n: {_limit(query)})')
        tracks = []
        for row in self._ask("_state", flux):
            last_ns = row["last_time_ns"]
            row["watched_until_ns"] = max(last_ns, seen.get((row["station"], row["origin"]), 0)) if row["state"] == "open" else last_ns
            tracks.append(_row(TrackRow, row))
        return tracks

    def timeline(self, query: Query) -> list[TimelineBucket]:
        """Return hourly buckets by station, band and hour: of every hour with tracks or with listening."""
        flux = _Flux("band_1h", start_ns=query.since_ns - HOUR_NS + 1, stop_ns=query.until_ns)
        flux.tag("station", query.stations).tag("band", query.bands).tag("origin", query.origins).rows()
        flux.add(f'|> sort(columns: ["station", "band_name", "hour_ns", "origin"]) |> limit(n: {MAX_ROWS * 20})')
        rows = self._ask("_1h", flux)
        rows.sort(key=lambda row: (row["station"], row["band_name"], row["hour_ns"], row["origin"]))  # "no band" first, as SQLite has it
        return [_row(TimelineBucket, {**row, "band": row["band_name"], "state": _state(row)}) for row in rows]

    def cells(self, query: Query) -> list[CellRow]:
        """Return the cells in ``query``, the latest first."""
        flux = _Flux("cell")
        flux.tag("station", query.stations).tag("origin", query.origins).rows().field("band", query.bands)
        flux.add(f"|> filter(fn: (r) => r.last_time_ns >= {flux.put(query.since_ns)} and r.first_time_ns < {flux.put(query.until_ns)})")
        flux.add(f'{_LATEST} |> sort(columns: ["back", "cell"]) |> limit(n: {_limit(query)})')
        return [_row(CellRow, row) for row in self._ask("_state", flux)]

    def waterfall(self, query: Query, *, rows: int) -> Waterfall | None:
        """Return the last spectra that the embedded store has; None: there are none, or there is no such store."""
        return None if self._spectra is None else self._spectra.waterfall(query, rows=rows)

    def stations(self) -> list[StationRow]:
        """Return every station that ever sent a record, by name."""
        origins: dict[str, list[str]] = {}
        for row in sorted(self._origins(), key=lambda row: str(row["origin"])):
            origins.setdefault(tag_value(row["station"]), []).append(row["origin"])
        rows = self._ask("_state", _Flux("station").rows())
        found = [_row(StationRow, {**row, "origins": origins.get(row["station"], [])}) for row in rows]
        return sorted(found, key=lambda row: row.station)

    def healths(self) -> list[HealthRow]:
        """Return the latest health report of every station and origin, by name."""
        found = [
            HealthRow(
                station=row["station"],
                origin=row["origin"],
                start_time_ns=row["start_time_ns"],
                received_ns=row["received_ns"],
                report=msgspec.json.decode(row["report"], type=HealthReport),
            )
            for row in self._ask("_state", _Flux("station_health").rows())
        ]
        return sorted(found, key=lambda row: (row.station, row.origin))

    def captures(self, query: Query) -> list[CaptureRow]:
        """Return the captures that were announced in ``query``, the latest first; bands are not looked at."""
        flux = _Flux("capture")
        flux.tag("station", query.stations).tag("origin", query.origins).rows()
        since, until = flux.put(query.since_ns), flux.put(query.until_ns)
        flux.add(f"|> filter(fn: (r) => r.start_time_ns + int(v: r.duration_s * 1000000000.0) >= {since} and r.start_time_ns < {until})")
        flux.add(
            '|> map(fn: (r) => ({r with back: -r.start_time_ns})) |> sort(columns: ["back", "station", "capture_id"]) '
            f"|> limit(n: {_limit(query)})"
        )
        return [_row(CaptureRow, row) for row in self._ask("_state", flux)]

    def facets(self) -> Facets:
        """Return the stations, bands and origins there are."""
        flux = _Flux("band_1h").add('|> keep(columns: ["band"]) |> group() |> distinct(column: "band")')
        bands = {tag_value(row["_value"] or NO_BAND) for row in self._ask("_1h", flux)} - {NO_BAND}
        return Facets(
            stations=[row.station for row in self.stations()],
            bands=sorted(bands),
            origins=sorted({row["origin"] for row in self._origins()}),
        )

    def version(self) -> int:
        """Return the last journal entry whose effect is here; 0: none."""
        rows = self._ask("_state", _Flux("follower").rows())
        return int(rows[0]["cursor"]) if rows else 0

    def close(self) -> None:
        """Let the connection go."""
        self._door.close()

    def _origins(self) -> list[dict[str, Any]]:
        return self._ask("_state", _Flux("station_origin").rows())

    def _ask(self, ending: str, flux: _Flux) -> list[dict[str, Any]]:
        rows = self._door.ask(flux.text, {**flux.params, "bucket": self._bucket + ending})
        for row in rows:
            row.update({name: field_value(value) for name, value in row.items() if isinstance(value, str)})
            row.update({name: None for name in str(row.get("nulls") or "").split(",") if name})
            if "station" in row:
                row["station"] = tag_value(row["station"])
        return rows


class _Flux:
    """A query that is put together out of fixed text and numbered parameters."""

    def __init__(self, measurement: str, *, start_ns: int = 0, stop_ns: int = LAST_NS) -> None:
        start_ns = min(max(0, start_ns), LAST_NS - 1)
        stop_ns = max(start_ns + 1, min(stop_ns, LAST_NS))
        self.params: dict[str, Param] = {"start": start_ns, "stop": stop_ns, "measurement": measurement}
        self.text = f"{_START} |> filter(fn: (r) => r._measurement == measurement)"

    def put(self, value: Param) -> str:
        name = f"p{len(self.params)}"
        self.params[name] = value
        return name

    def add(self, text: str) -> _Flux:
        self.text += " " + text
        return self

    def rows(self) -> _Flux:
        return self.add(_ROWS)

    def tag(self, name: str, wanted: Sequence[str]) -> _Flux:
        return self.field(name, [tag_text(value) for value in wanted])

    def field(self, name: str, wanted: Sequence[str]) -> _Flux:
        if wanted:
            self.add(f"|> filter(fn: (r) => {' or '.join(f'r.{name} == {self.put(plain_line(value))}' for value in wanted)})")
        return self


def _state(row: dict[str, Any]) -> str:
    if row["degraded"]:
        return "degraded"
    if row["tracks"]:
        return "heard"
    return "heard_nothing" if row["listened_s"] > 0 else "not_listening"


def _row(kind: type[Row], row: dict[str, Any]) -> Row:
    if row.get("band") == NO_BAND:
        row["band"] = None
    given = {field.name: row[field.name] for field in msgspec.structs.fields(kind) if field.name in row}  # an older row lacks newer ones
    return msgspec.convert(given, kind, strict=False)


def _limit(query: Query) -> int:
    return max(1, min(query.limit, MAX_ROWS))


def _plus(time_ns: int, more_ns: int) -> int:
    return min(time_ns + more_ns, LAST_NS)
