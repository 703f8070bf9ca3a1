"""Who is on: one line a station out of what ingest, the journal and the store know of it (``canhsong-collector stations``)."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from collector.errors import StorageError
from collector.journal import JournalReader
from collector.places import DataFolder
from collector.sqlite_store import SqliteStore
from collector.store import HealthRow, StationRow
from collector.tally import OnLine, Status, read_status

STALE_NS = 15_000_000_000
"""Ingest that has not written its status for this long does not run: then nobody is connected."""


class StationLine(Struct, frozen=True, kw_only=True):
    """One station now. Times are ns UTC by the collector's clock unless said otherwise; null: not known."""

    station: str
    connected: bool
    heard_ns: int | None
    """When anything came on its connection last; of one that is away: its last record."""
    last_received_ns: int | None
    last_time_ns: int | None
    """The station's own time of its latest record."""
    records: int
    origins: list[str]
    waiting: int | None
    """Records at the station that are not acknowledged yet, by its latest word."""
    gaps: int
    """Numbers whose records the station dropped or lost."""
    rejected: int
    version: str | None
    clock_error_s: float | None
    """Station's clock less the collector's as its last word had it; the way here is in it."""
    time_source: str | None
    time_error_ms: float | None
    """The station's own bound."""
    notes: list[str]
    """What its latest health report says is wrong."""


def station_lines(data: DataFolder) -> list[StationLine]:
    """Return every station that is connected or ever sent a record, by name.

    Raises:
        StorageError: there is no store yet.
    """
    store = SqliteStore(data.store)
    try:
        stored = {row.station: row for row in store.stations()}
        healths = _latest(store.healths())
    finally:
        store.close()
    on_line = connected(read_status(data.status))
    with JournalReader(data.journal) as reader:
        lost = reader.losses()
    names = sorted(stored.keys() | on_line.keys() | lost.keys())
    return [_line(name, stored.get(name), healths.get(name), on_line.get(name), lost.get(name, (0, 0))) for name in names]


def connected(status: Status | None, *, now_ns: int | None = None) -> Mapping[str, OnLine]:
    """Return the connection heard of last, by station; none where ingest does not run."""
    if status is None or (time.time_ns() if now_ns is None else now_ns) - status.written_ns > STALE_NS:
        return {}
    return {one.station: one for one in sorted(status.on_line, key=lambda one: one.heard_ns)}


def follower_entries(data: DataFolder) -> dict[str, int]:
    """Return the last journal entry that each follower has committed, by name; those that were never begun are left out."""
    from collector.influx_follower import influx_file
    from collector.judging import findings_path
    from collector.task_table import tasks_path

    found = {}
    for name, path, sql in (
        ("sqlite", data.store, "SELECT max(entry) FROM cursor WHERE name = 'sqlite'"),
        ("influxdb", influx_file(data.path), "SELECT max(entry) FROM cursor"),
        ("judge", findings_path(data.path), "SELECT max(cursor) FROM judge"),
        ("tasks", tasks_path(data.path), "SELECT max(entry) FROM cursor"),
    ):
        with contextlib.suppress(StorageError):  # it is being made
            if path.is_file():
                found[name] = one_number(path, sql)
    return found


def one_number(file: Path, sql: str) -> int:
    """Return the one number that ``sql`` gives in ``file``; 0: none, or there is no such file.

    Raises:
        StorageError: it cannot be read.
    """
    if not file.is_file():
        return 0
    try:
        db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)
        try:
            return int(db.execute(sql).fetchone()[0] or 0)
        finally:
            db.close()
    except sqlite3.Error as error:
        raise StorageError(f"{file}: cannot be read: {error}") from error


def _latest(healths: list[HealthRow]) -> dict[str, HealthRow]:
    return {one.station: one for one in sorted(healths, key=lambda one: one.received_ns)}


def _line(name: str, row: StationRow | None, health: HealthRow | None, on_line: OnLine | None, lost: tuple[int, int]) -> StationLine:
    report = health.report if health else None
    waiting = on_line.waiting if on_line else None
    if report is not None and (on_line is None or health is None or health.received_ns >= on_line.since_ns):
        waiting = report.spool_waiting
    return StationLine(
        station=name,
        connected=on_line is not None,
        heard_ns=on_line.heard_ns if on_line else row.last_received_ns if row else None,
        last_received_ns=row.last_received_ns if row else None,
        last_time_ns=row.last_time_ns if row else None,
        records=row.records if row else 0,
        origins=row.origins if row else [],
        waiting=waiting,
        gaps=lost[1],
        rejected=lost[0],
        version=report.version if report else on_line.program if on_line else None,
        clock_error_s=on_line.clock_error_s if on_line else None,
        time_source=report.time_source if report else None,
        time_error_ms=report.time_error_ms if report else None,
        notes=report.notes if report else [],
    )
