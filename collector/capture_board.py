"""Captures as people see them: what stations announced (``store.db``), and what of it is here (``captures.db``)."""

from __future__ import annotations

import contextlib

from msgspec import Struct

from collector.captures import Captures, KeptCapture
from collector.errors import MisuseError, StorageError
from collector.places import DataFolder
from collector.sqlite_store import SqliteStore
from collector.store import CaptureRow, Query


class CaptureLine(Struct, frozen=True, kw_only=True):
    """One capture. ``announced`` None: its announcement is not here (yet); ``kept`` None: its samples are at the station."""

    station: str
    capture_id: str
    announced: CaptureRow | None
    kept: KeptCapture | None
    have_bytes: int
    """Of the samples, on disk here."""


def announcements(data: DataFolder, query: Query) -> list[CaptureRow]:
    """Return what stations announced; nothing where the store is not made yet."""
    try:
        store = SqliteStore(data.store)
    except StorageError:
        return []
    try:
        return store.captures(query)
    finally:
        store.close()


def announced(data: DataFolder, capture_id: str, station: str | None) -> CaptureRow:
    """Return the capture that is meant.

    Raises:
        MisuseError: none, or several stations, announced it.
    """
    query = Query(origins=(), stations=(station,) if station else (), limit=2000)
    rows = [row for row in announcements(data, query) if row.capture_id == capture_id]
    if len(rows) != 1:
        what = "no station announced it" if not rows else "several stations have one of this name: give --station"
        raise MisuseError(f"{capture_id}: {what}; `canhsong-collector captures list` shows them")
    return rows[0]


def capture_lines(data: DataFolder, *, station: str | None = None, limit: int = 200) -> list[CaptureLine]:
    """Return captures, the latest first."""
    query = Query(origins=(), stations=(station,) if station else (), limit=limit)
    told = {(row.station, row.capture_id): row for row in announcements(data, query)}
    store = Captures(data.path)
    try:
        here = {(one.station, one.capture_id): one for one in store.rows(station=station, limit=limit)}
        keys = sorted(told.keys() | here.keys(), key=lambda key: _when(told.get(key), here.get(key)), reverse=True)
        return [
            CaptureLine(
                station=key[0],
                capture_id=key[1],
                announced=told.get(key),
                kept=here.get(key),
                have_bytes=_have(store, here.get(key)),
            )
            for key in keys[:limit]
        ]
    finally:
        store.close()


def _when(row: CaptureRow | None, kept: KeptCapture | None) -> int:
    return row.start_time_ns if row is not None else kept.begun_ns if kept is not None else 0


def _have(store: Captures, kept: KeptCapture | None) -> int:
    if kept is None or kept.state not in ("coming", "whole"):
        return 0
    if kept.state == "whole":
        return kept.data_bytes or 0
    with contextlib.suppress(OSError):
        return store.coming(kept.station, kept.capture_id, "data").stat().st_size
    return 0
