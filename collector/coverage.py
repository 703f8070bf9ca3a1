"""Hours in which nobody listened: no row says so, so every answer by hour is completed here, for both stores alike.

A span is a (station, band, origin) of which anything was ever told, and its first and last hour. Between the first hour of its origin and
the end of the question, each of its hours without a row is one in which nobody listened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from collector.store import ENDLESS_NS, HOUR_NS, NO_BAND, Query, TimelineBucket

MAX_BUCKETS: Final = 60_000
"""A month of 80 bands, or a week of 20 stations with 17 bands."""
MAX_BEFORE_NS: Final = 31 * 24 * HOUR_NS
"""A question that begins before anything was ever told gets this much of the silence before it."""


class Span(NamedTuple):
    """Of which anything was told, and from when to when."""

    station: str
    band: str
    origin: str
    first_hour_ns: int
    last_hour_ns: int


def wanted(spans: Iterable[Span], query: Query) -> list[Span]:
    """Return the spans that ``query`` asks for, in the order of answers."""
    return sorted(
        one
        for one in spans
        if (not query.stations or one.station in query.stations)
        and (not query.bands or one.band in query.bands)
        and (not query.origins or one.origin in query.origins)
    )


def hours_of(spans: Sequence[Span], query: Query) -> dict[str, tuple[int, int]]:
    """Return by origin the first hour that ``query`` asks for and the first that it does not, in ns; ``spans``: all there are."""
    found = {}
    for origin in {one.origin for one in spans}:
        first = min(one.first_hour_ns for one in spans if one.origin == origin)
        begin = max(query.since_ns // HOUR_NS * HOUR_NS, first - MAX_BEFORE_NS) if query.since_ns > 0 else first
        last = max(one.last_hour_ns for one in spans if one.origin == origin)
        end = -(-query.until_ns // HOUR_NS) * HOUR_NS if query.until_ns < ENDLESS_NS else last + HOUR_NS
        found[origin] = (begin, max(begin, end))
    return found


def completed(buckets: list[TimelineBucket], spans: Sequence[Span], query: Query) -> list[TimelineBucket]:
    """Return ``buckets`` (by station, band, origin, hour) and the hours between them, by station, band, hour and origin, bounded."""
    hours = hours_of(spans, query)
    asked = wanted(spans, query)
    expected = sum((hours[one.origin][1] - hours[one.origin][0]) // HOUR_NS for one in asked if one.band != NO_BAND)
    if any(one.band == NO_BAND for one in asked) or len(buckets) < expected:
        buckets = _with_silence(buckets, asked, hours)
    if len({one.origin for one in asked}) > 1:
        buckets.sort(key=lambda one: (one.station, one.band or NO_BAND, one.hour_ns, one.origin))
    return buckets[:MAX_BUCKETS]


def _with_silence(buckets: list[TimelineBucket], asked: Sequence[Span], hours: dict[str, tuple[int, int]]) -> list[TimelineBucket]:
    found: list[TimelineBucket] = []
    at = 0
    for span in asked:
        end = at
        while end < len(buckets) and span[:3] == (buckets[end].station, buckets[end].band or NO_BAND, buckets[end].origin):
            end += 1
        rows, at = buckets[at:end], end
        begin_ns, end_ns = hours[span.origin]
        if span.band == NO_BAND or len(rows) == (end_ns - begin_ns) // HOUR_NS:  # nobody is to listen outside every band
            found += rows
        else:
            by_hour = {one.hour_ns: one for one in rows}
            found += [by_hour.get(hour_ns) or _silent(span, hour_ns) for hour_ns in range(begin_ns, end_ns, HOUR_NS)]
        if len(found) >= MAX_BUCKETS:
            break
    return found


def _silent(span: Span, hour_ns: int) -> TimelineBucket:
    return TimelineBucket(
        station=span.station,
        band=span.band or None,
        origin=span.origin,
        hour_ns=hour_ns,
        tracks=0,
        onsets=0,
        on_s=0.0,
        max_power_dbfs=None,
        listened_s=0.0,
        sensitivity_dbfs=None,
        state="not_listening",
    )
