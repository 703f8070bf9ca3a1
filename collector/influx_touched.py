"""Which rows of the store a batch of records has changed: what InfluxDB is to be told anew."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from collector.followers import Heard
from collector.sqlite_cells import PLACE_STEP_HZ, facts_of
from collector.sqlite_effect import MAX_HOURS
from collector.store import HOUR_NS, NO_BAND
from config.wire import CaptureAnnouncement, EmissionReport, GsmCellReport, HealthReport, LteCellReport, OccupancyReport, SummaryReport

KNOWN_TRACKS: Final = 50_000
BandHours = tuple[str, str, str, int, int]
"""(station, band, origin, first hour_ns, last hour_ns)."""


@dataclass(slots=True, kw_only=True)
class Touched:
    """Keys of rows."""

    tracks: set[tuple[str, str]] = field(default_factory=set)
    places: set[tuple[str, str, str, int]] = field(default_factory=set)
    """(station, origin, rat, place) of cells."""
    hours: set[BandHours] = field(default_factory=set)
    spans: set[tuple[str, str, int, int]] = field(default_factory=set)
    """(station, origin, first hour_ns, last hour_ns), every band: what a summary looks back on."""
    captures: set[tuple[str, str]] = field(default_factory=set)
    """(station, capture_id)."""
    stations: set[str] = field(default_factory=set)


class Tracer:
    """Remembers how far a track was told, so that a track of many days does not touch all of its hours with every report."""

    def __init__(self) -> None:
        """Know no track."""
        self._told: OrderedDict[tuple[str, str], int] = OrderedDict()

    def touched(self, heard: Sequence[Heard]) -> Touched:
        """Return what ``heard`` has changed; after a restart rather too much than too little."""
        found = Touched()
        for one in heard:
            record = one.record
            found.stations.add(one.entry.station)
            if isinstance(record, EmissionReport):
                found.tracks.add((record.station, record.track_id))
                found.hours.add(self._emission_hours(record))
            elif isinstance(record, OccupancyReport):
                hour = record.start_time_ns // HOUR_NS * HOUR_NS
                found.hours.add((record.station, record.band or NO_BAND, record.origin, hour, hour))
            elif isinstance(record, GsmCellReport | LteCellReport):
                rat = "gsm" if isinstance(record, GsmCellReport) else "lte"
                found.places.add((record.station, record.origin, rat, round(facts_of(record)["place_hz"] / PLACE_STEP_HZ)))
            elif isinstance(record, HealthReport):
                hour = record.start_time_ns // HOUR_NS * HOUR_NS
                found.hours |= {(record.station, one.band, record.origin, hour, hour) for one in record.unheard}
            elif isinstance(record, CaptureAnnouncement):
                found.captures.add((record.station, record.capture_id))
            elif isinstance(record, SummaryReport):
                end = (record.start_time_ns + round(record.duration_s * 1e9)) // HOUR_NS * HOUR_NS
                found.spans.add((record.station, record.origin, record.start_time_ns // HOUR_NS * HOUR_NS, end))
        return found

    def _emission_hours(self, record: EmissionReport) -> BandHours:
        key = (record.station, record.track_id)
        last_hour = record.last_time_ns // HOUR_NS
        since = max(record.first_time_ns, min(self._told.pop(key, 0), record.last_time_ns))
        self._told[key] = record.last_time_ns
        while len(self._told) > KNOWN_TRACKS:
            self._told.popitem(last=False)
        first_hour = max(since // HOUR_NS, last_hour - MAX_HOURS)
        return record.station, record.band or NO_BAND, record.origin, first_hour * HOUR_NS, last_hour * HOUR_NS
