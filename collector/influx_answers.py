"""The store's answers out of InfluxDB: the rows that its follower wrote, in Flux whose only variable text is numbered parameters."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from collector.coverage import MAX_BUCKETS, Span, completed
from collector.influx_flux import LAST_NS, Flux
from collector.influx_lines import MS_NS, field_value, tag_value
from collector.influx_store import InfluxDoor
from collector.sqlite_effect import MAX_HOURS
from collector.store import (
    HOUR_NS,
    MAX_RAW,
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
    Store,
    TimelineBucket,
    TrackRow,
    Waterfall,
    occupancy_row,
)
from config.wire import HealthReport

LONGEST_NS: Final = MAX_HOURS * HOUR_NS
_LATEST: Final = "|> map(fn: (r) => ({r with back: -r.last_time_ns}))"
Row = TypeVar("Row", bound=msgspec.Struct)
_Occupancy = tuple[str, int, str, str, float, float, float, float, float]
_OCCUPANCY: Final = ("lower_freq_hz", "upper_freq_hz", "observed_s", "fbo", "sro", "start_time_ns", "band_name")


class InfluxStore:
    """The same answers as the embedded store; safe to use from several threads."""

    def __init__(self, door: InfluxDoor, *, spectra: Store | None = None) -> None:
        """``spectra`` answers for the waterfall: spectra are live, never kept, and so never in InfluxDB."""
        self._door, self._spectra = door, spectra
        self._bucket, self._bands = door.settings.bucket, frozenset(door.settings.bands)

    def tracks(self, query: Query) -> list[TrackRow]:
        """Return the tracks in ``query``, the latest first."""
        seen = {(tag_value(row["station"]), row["origin"]): row["last_time_ns"] for row in self._origins()}
        flux = Flux("track", start_ns=query.since_ns - LONGEST_NS, stop_ns=_plus(query.until_ns, LONGEST_NS))
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
        """Return hourly buckets by station, band and hour: hours in which nobody listened too."""
        rows = self._rolled("_1h", "band_1h", "hour_ns", query, HOUR_NS)
        rows.sort(key=lambda row: (row["station"], row["band_name"], row["origin"], row["hour_ns"]))
        return completed([_row(TimelineBucket, row) for row in rows], self._spans(), query)

    def days(self, query: Query) -> list[DayBucket]:
        """Return daily buckets by station, band and day: of every day with tracks or with listening."""
        rows = self._rolled("_1d", "band_1d", "day_ns", query, 24 * HOUR_NS)
        rows.sort(key=lambda row: (row["station"], row["band_name"], row["day_ns"], row["origin"]))
        return [_row(DayBucket, row) for row in rows]

    def occupancy(self, query: Query) -> list[OccupancyRow]:
        """Return at most ``MAX_RAW`` occupancies that began in ``query``, by station, time and band."""
        flux = Flux("occupancy", start_ns=query.since_ns // MS_NS * MS_NS, stop_ns=_plus(query.until_ns, MS_NS))
        flux.add('|> filter(fn: (r) => r.kind == "band")')
        flux.tag("station", query.stations).band(query.bands, self._bands).tag("origin", query.origins).columns(_OCCUPANCY)
        told = self._door.table(flux.text, {**flux.params, "bucket": self._bucket}, ("station", "band", "origin", *_OCCUPANCY))
        found = {row[:5]: row for row in map(_occupancy, told)}
        asked = [
            row
            for row in sorted(found.values())
            if query.since_ns <= row[1] < query.until_ns and (not query.bands or row[2] in query.bands)
        ]
        return [_occupancy_row(row) for row in asked[:MAX_RAW]]

    def _rolled(self, ending: str, measurement: str, time: str, query: Query, length_ns: int) -> list[dict[str, Any]]:
        """Return rows of a roll-up that touch ``query``: each begins at its field ``time`` and is ``length_ns`` long."""
        flux = Flux(measurement, start_ns=query.since_ns - length_ns + 1, stop_ns=_plus(query.until_ns, MS_NS))
        flux.tag("station", query.stations).band(query.bands, self._bands).tag("origin", query.origins).rows()
        flux.field("band_name", query.bands)
        flux.add(f"|> filter(fn: (r) => r.{time} < {flux.put(query.until_ns)} and r.{time} > {flux.put(query.since_ns - length_ns)})")
        flux.add(f"|> limit(n: {MAX_BUCKETS})")
        return [{**row, "band": row["band_name"], "state": _state(row)} for row in self._ask(ending, flux)]

    def _spans(self) -> list[Span]:
        rows = self._ask("_state", Flux("band_span").rows())
        return sorted(Span(*(row[name] for name in ("station", "band_name", "origin", "first_hour_ns", "last_hour_ns"))) for row in rows)

    def cells(self, query: Query) -> list[CellRow]:
        """Return the cells in ``query``, the latest first."""
        flux = Flux("cell")
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
        rows = self._ask("_state", Flux("station").rows())
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
            for row in self._ask("_state", Flux("station_health").rows())
        ]
        return sorted(found, key=lambda row: (row.station, row.origin))

    def captures(self, query: Query) -> list[CaptureRow]:
        """Return the captures that were announced in ``query``, the latest first; bands are not looked at."""
        flux = Flux("capture")
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
        bands = {span.band for span in self._spans()} - {NO_BAND}
        return Facets(
            stations=[row.station for row in self.stations()],
            bands=sorted(bands),
            origins=sorted({row["origin"] for row in self._origins()}),
        )

    def version(self) -> int:
        """Return the last journal entry whose effect is here; 0: none."""
        rows = self._ask("_state", Flux("follower").rows())
        return int(rows[0]["cursor"]) if rows else 0

    def close(self) -> None:
        """Let the connection go, and the embedded store."""
        self._door.close()
        if self._spectra is not None:
            self._spectra.close()

    def _origins(self) -> list[dict[str, Any]]:
        return self._ask("_state", Flux("station_origin").rows())

    def _ask(self, ending: str, flux: Flux) -> list[dict[str, Any]]:
        rows = self._door.ask(flux.text, {**flux.params, "bucket": self._bucket + ending})
        for row in rows:
            row.update({name: field_value(value) for name, value in row.items() if isinstance(value, str)})
            row.update({name: None for name in str(row.get("nulls") or "").split(",") if name})
            if "station" in row:
                row["station"] = tag_value(row["station"])
        return rows


def _occupancy(texts: tuple[str, ...]) -> _Occupancy:
    station, band, origin, lower, upper, observed_s, fbo, sro, start_ns, name = texts
    where = field_value(name or tag_value(band or NO_BAND))
    return tag_value(station), int(start_ns), where, origin, float(lower), float(upper), float(observed_s), float(fbo), float(sro)


def _occupancy_row(row: _Occupancy) -> OccupancyRow:
    station, start_ns, band, origin, lower, upper, observed_s, fbo, sro = row
    return occupancy_row((station, band, origin, start_ns, lower, upper, observed_s, fbo, sro))


def _state(row: dict[str, Any]) -> str:
    if row["degraded"]:
        return "degraded"
    if row["tracks"]:
        return "heard"
    if row["listened_s"] > 0:
        return "heard_nothing"
    return "tuner_cannot_hear" if row["deaf"] else "not_listening"


def _row(kind: type[Row], row: dict[str, Any]) -> Row:
    if row.get("band") == NO_BAND:
        row["band"] = None
    given = {field.name: row[field.name] for field in msgspec.structs.fields(kind) if field.name in row}  # an older row lacks newer ones
    return msgspec.convert(given, kind, strict=False)


def _limit(query: Query) -> int:
    return max(1, min(query.limit, MAX_ROWS))


def _plus(time_ns: int, more_ns: int) -> int:
    return min(time_ns + more_ns, LAST_NS)
