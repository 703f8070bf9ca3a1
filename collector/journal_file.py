"""One daily segment of the journal as a file: its tables, opening it, and which there are."""

from __future__ import annotations

import sqlite3
import time
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS record(entry INTEGER PRIMARY KEY, station TEXT NOT NULL, spool_id TEXT NOT NULL, seq INTEGER NOT NULL,
    received_ns INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS live(entry INTEGER PRIMARY KEY, station TEXT NOT NULL, received_ns INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS spool(station TEXT NOT NULL, spool_id TEXT NOT NULL, committed_seq INTEGER NOT NULL,
    PRIMARY KEY(station, spool_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rejected(station TEXT NOT NULL, spool_id TEXT NOT NULL, seq INTEGER NOT NULL, received_ns INTEGER NOT NULL,
    reason TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS gap(station TEXT NOT NULL, spool_id TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    received_ns INTEGER NOT NULL, reason TEXT NOT NULL, kinds TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS sender(station TEXT NOT NULL, spool_id TEXT NOT NULL, instance TEXT NOT NULL,
    PRIMARY KEY(station, spool_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aside(received_ns INTEGER NOT NULL, station TEXT, reason TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


def segment_paths(folder: Path) -> list[Path]:
    """Return the segment files in ``folder``; their names sort by day."""
    return [path for path in folder.glob("????-??-??.db") if path.is_file()]


def today() -> str:
    """Return the name of the segment that is written now: the day in UTC."""
    return _day(time.time_ns() // 86_400_000_000_000)


@lru_cache(maxsize=2)
def _day(number: int) -> str:
    return date.fromordinal(date(1970, 1, 1).toordinal() + number).isoformat()


def open_segment(path: Path) -> sqlite3.Connection:
    """Open the segment ``path``; a new one gets its name when it is whole, so that a follower never meets one without its tables."""
    if not path.exists():
        fresh = path.with_suffix(".new")
        for left in (fresh, *(fresh.with_name(f"{fresh.name}-{tail}") for tail in ("wal", "shm"))):
            left.unlink(missing_ok=True)  # of a program that was killed here
        _with_tables(fresh).close()
        fresh.rename(path)
    return _with_tables(path)


def _with_tables(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=10.0)
    path.chmod(0o600)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.executescript(_SCHEMA)
    if "kinds" not in {row[1] for row in db.execute("PRAGMA table_info(gap)")}:  # a segment that an older program began
        db.execute("ALTER TABLE gap ADD COLUMN kinds TEXT NOT NULL DEFAULT ''")
    return db


def entry_bound(db: sqlite3.Connection, which: str) -> int | None:
    """Return the number of the first (``which`` = min) or last (max) entry of a segment; None: it has none."""
    bounds = [row[0] for table in ("record", "live") for row in db.execute(f"SELECT {which}(entry) FROM {table}")]
    known = [bound for bound in bounds if bound is not None]
    return (min(known) if which == "min" else max(known)) if known else None
