"""What ingest has counted since it began: plain numbers in its own memory, written out for who asks (``/metrics``, ``stations``).

Nothing here asks a database or a network, so counting holds no acknowledgement up. The file is replaced about once a second; one that
cannot be written (a full disk) is left as it was.
"""

from __future__ import annotations

import contextlib
import os
import time
from bisect import bisect_left
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

MAX_STATIONS: Final = 5000
"""Names counted one by one; more than these are ``other``: without keys a stranger can draw as many as he likes."""
OTHER: Final = "other"
NEWER: Final = "newer"
"""Kind of a record whose wire version this program does not know."""
BOUNDS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
WRITE_EVERY_S: Final = 1.0
WRITE_SHARE: Final = 0.02
"""At most this part of the time goes into writing."""


class Durations(Struct, kw_only=True):
    """A histogram: how many were at most each of ``BOUNDS_S``, and last those above all."""

    buckets: Annotated[list[int], Meta(min_length=len(BOUNDS_S) + 1, max_length=len(BOUNDS_S) + 1)] = msgspec.field(
        default_factory=lambda: [0] * (len(BOUNDS_S) + 1)
    )
    sum_s: float = 0.0

    def add(self, duration_s: float) -> None:
        """Count one."""
        self.buckets[bisect_left(BOUNDS_S, duration_s)] += 1
        self.sum_s += duration_s


class StationTally(Struct, kw_only=True):
    """What came from one station since ingest began."""

    records: dict[str, int] = msgspec.field(default_factory=dict)
    """By kind, live ones too."""
    rejected: int = 0
    gaps: int = 0
    malformed: int = 0


class OnLine(Struct, kw_only=True):
    """One connection that has said hello."""

    station: str
    spool_id: str
    program: str
    since_ns: int
    heard_ns: int
    waiting: int
    """Records that the station had and the collector had not, at its hello."""
    live_dropped: int
    clock_error_s: float | None
    """Station's clock less the collector's, as its last word that told the time had it (the way here is in it); None: it told none."""


class Status(Struct, kw_only=True):
    """The file's content."""

    began_ns: int
    written_ns: int
    last_entry: int
    stations: dict[str, StationTally]
    counters: dict[str, int]
    commits: Durations
    on_line: list[OnLine]


class Tally:
    """Counts."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.began_ns = time.time_ns()
        self.stations: dict[str, StationTally] = {}
        self.counters: dict[str, int] = {}
        self.commits = Durations()

    def of(self, station: str) -> StationTally:
        """Return the counts of ``station``, to be added to."""
        counts = self.stations.get(station)
        if counts is None:
            name = station if len(self.stations) < MAX_STATIONS else OTHER
            counts = self.stations.setdefault(name, StationTally())
        return counts

    def took(self, station: str, kind: str, number: int = 1) -> None:
        """Count records of one kind."""
        counts = (self.stations.get(station) or self.of(station)).records
        counts[kind] = counts.get(kind, 0) + number

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter that belongs to no station."""
        self.counters[name] = self.counters.get(name, 0) + by


class StatusFile:
    """Writes what is counted, not too often."""

    def __init__(self, path: Path | None) -> None:
        """None: nothing is written."""
        self._path = path
        self._due_s = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return self._path is not None and time.monotonic() >= self._due_s

    def write(self, tally: Tally, on_line: list[OnLine], *, last_entry: int) -> None:
        """Replace the file."""
        if self._path is None:
            return
        began_s = time.monotonic()
        status = Status(
            began_ns=tally.began_ns,
            written_ns=time.time_ns(),
            last_entry=last_entry,
            stations=tally.stations,
            counters=tally.counters,
            commits=tally.commits,
            on_line=on_line,
        )
        fresh = self._path.with_name(self._path.name + ".new")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(fresh, "wb", opener=_private) as file:
                file.write(msgspec.json.encode(status))
            fresh.replace(self._path)
        took_s = time.monotonic() - began_s
        self._due_s = began_s + max(WRITE_EVERY_S, took_s / WRITE_SHARE)


def read_status(path: Path) -> Status | None:
    """Return what ingest wrote last; None: it never ran here, or the file is of another version."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Status)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
