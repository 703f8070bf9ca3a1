"""The spool on disk: every reliable record is durable before anything is sent (decision 2).

One SQLite file, write-ahead log, synchronous=FULL: ``append`` returns after the record's fdatasync. Records stay after their
acknowledgement, for a collector that is restored from a backup, until age or space calls for them; what is dropped *before* every collector
has it leaves a gap entry in its place, so that numbers never have holes. Each collector has a cursor of its own.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from station.errors import StationError
from station.spool import SpoolFullError

DEFAULT_MAX_BYTES: Final = 1024 * 1024 * 1024
DEFAULT_KEEP_S: Final = 14 * 86_400.0
EXPENDABLE: Final = ("occupancy", "spectrum", "summary")
"""Kinds that go first when space runs out; detections and cells go last."""
_TRIM_EVERY: Final = 256
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record(seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, spooled_ns INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS record_kind ON record(kind, seq);
CREATE TABLE IF NOT EXISTS gap(first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, kinds TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS collector(name TEXT PRIMARY KEY, committed_seq INTEGER NOT NULL, heard_ns INTEGER NOT NULL) WITHOUT ROWID;
"""


class SpoolError(StationError):
    """The spool file cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Numbers whose records were dropped."""

    first_seq: int
    last_seq: int
    kinds: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolStatus:
    """What ``spool status`` shows."""

    spool_id: str
    first_seq: int
    next_seq: int
    records: int
    size_bytes: int
    gaps: int
    collectors: tuple[tuple[str, int], ...]
    """(name, last number that it has committed)."""


class SqliteSpool:
    """The reliable records of one station. Safe to use from several threads."""

    def __init__(self, path: Path, *, max_bytes: int = DEFAULT_MAX_BYTES, keep_s: float = DEFAULT_KEEP_S) -> None:
        """Open the spool in ``path``, or make one with an identity of its own.

        Raises:
            SpoolError: the file cannot be opened, or is none of ours.
        """
        self._lock = threading.RLock()
        self._max_bytes, self._keep_ns = max_bytes, int(keep_s * 1e9)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10.0, check_same_thread=False)
            path.chmod(0o600)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
            self._db.execute("INSERT OR IGNORE INTO meta VALUES ('spool_id', ?)", (secrets.token_hex(16),))
            self.spool_id = str(self._db.execute("SELECT value FROM meta WHERE key = 'spool_id'").fetchone()[0])
            tops = (
                self._int("SELECT max(seq) FROM record"),
                self._int("SELECT max(last_seq) FROM gap"),
                self._int("SELECT value FROM meta WHERE key = 'forgotten_seq'"),
            )
            self._next_seq = max(-1 if seq is None else seq for seq in tops) + 1
            self._size = self._int("SELECT coalesce(sum(length(data)), 0) FROM record") or 0
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(f"{path}: the spool cannot be opened: {error}; check its folder's permissions and the disk") from error
        self._path = path
        self._since_trim = 0

    @property
    def next_seq(self) -> int:
        """Number that the next record will get."""
        return self._next_seq

    @property
    def first_seq(self) -> int:
        """The oldest number that can still be sent, as a record or as a gap."""
        with self._lock:
            known = [self._int("SELECT min(seq) FROM record"), self._int("SELECT min(first_seq) FROM gap")]
        return min((seq for seq in known if seq is not None), default=self._next_seq)

    def append(self, packed: bytes, *, kind: str) -> int:
        """Keep one encoded record and return its number; it is durable when this returns.

        Raises:
            SpoolFullError: the disk is full, or nothing expendable is left within the bound.
        """
        with self._lock:
            if self._size + len(packed) > self._max_bytes:
                self._make_room(len(packed))
            seq = self._next_seq
            try:
                self._db.execute("INSERT INTO record VALUES (?,?,?,?)", (seq, kind, time.time_ns(), packed))
            except sqlite3.OperationalError as error:
                raise SpoolFullError(seq - self.first_seq, self._max_bytes) from error
            self._next_seq += 1
            self._size += len(packed)
            self._since_trim += 1
            if self._since_trim >= _TRIM_EVERY:
                self._since_trim = 0
                self._drop_old()
            return seq

    def read(self, first_seq: int, *, max_records: int, max_bytes: int) -> list[bytes]:
        """Return records ``first_seq``, ``first_seq`` + 1, ... within both bounds up to the next gap, at least one where there is one."""
        found: list[bytes] = []
        size, expected = 0, first_seq
        with self._lock:
            for seq, data in self._db.execute("SELECT seq, data FROM record WHERE seq >= ? ORDER BY seq LIMIT ?", (first_seq, max_records)):
                size += len(data)
                if seq != expected or (found and size > max_bytes):
                    break
                found.append(data)
                expected += 1
        return found

    def gap_at(self, seq: int) -> Gap | None:
        """Return the gap that holds ``seq``; None: its record is here or was never made."""
        with self._lock:
            row = self._db.execute(
                "SELECT first_seq, last_seq, kinds, reason FROM gap WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1", (seq,)
            ).fetchone()
        return Gap(first_seq=row[0], last_seq=row[1], kinds=row[2], reason=row[3]) if row and row[1] >= seq else None

    def committed_seq(self, collector: str) -> int:
        """Return the last number that ``collector`` said it has; -1: none."""
        with self._lock:
            found = self._int("SELECT committed_seq FROM collector WHERE name = ?", collector)
        return -1 if found is None else found

    def acknowledge(self, collector: str, committed_seq: int) -> None:
        """Note what ``collector`` has; a smaller number than before (it was restored from a backup) counts as well."""
        with self._lock:
            self._db.execute(
                "INSERT INTO collector VALUES (?,?,?) ON CONFLICT(name) DO UPDATE SET committed_seq = excluded.committed_seq, "
                "heard_ns = excluded.heard_ns WHERE committed_seq != excluded.committed_seq",
                (collector, min(committed_seq, self._next_seq - 1), time.time_ns()),
            )

    def drop_acknowledged(self) -> int:
        """Drop what every known collector has; return how many records went."""
        with self._lock:
            return self._forget(self._committed_everywhere())

    def status(self) -> SpoolStatus:
        """Return what there is."""
        with self._lock:
            return SpoolStatus(
                spool_id=self.spool_id,
                first_seq=self.first_seq,
                next_seq=self._next_seq,
                records=self._int("SELECT count(*) FROM record") or 0,
                size_bytes=self._size,
                gaps=self._int("SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM gap") or 0,
                collectors=tuple(self._db.execute("SELECT name, committed_seq FROM collector ORDER BY name").fetchall()),
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _int(self, sql: str, *values: object) -> int | None:
        row = self._db.execute(sql, values).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def _committed_everywhere(self) -> int:
        known = self._int("SELECT min(committed_seq) FROM collector")
        return -1 if known is None else known

    def _drop_old(self) -> None:
        """Drop records that every collector has and that are older than the time to keep them."""
        oldest_kept = self._int("SELECT min(seq) FROM record WHERE spooled_ns >= ?", time.time_ns() - self._keep_ns)
        self._forget(min(self._committed_everywhere(), (self._next_seq if oldest_kept is None else oldest_kept) - 1))

    def _forget(self, last_seq: int) -> int:
        if last_seq < 0:
            return 0
        size = self._int("SELECT coalesce(sum(length(data)), 0) FROM record WHERE seq <= ?", last_seq) or 0
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('forgotten_seq', ?)", (str(last_seq),))  # numbers are never given twice
        gone = self._db.execute("DELETE FROM record WHERE seq <= ?", (last_seq,)).rowcount
        self._db.execute("DELETE FROM gap WHERE last_seq <= ?", (last_seq,))
        self._db.execute("COMMIT")
        self._size -= size
        return gone

    def _make_room(self, needed: int) -> None:
        """Drop what every collector has, then the oldest expendable records, then the oldest of all, until ``needed`` bytes fit."""
        self._forget(self._committed_everywhere())
        target = self._max_bytes - needed - self._max_bytes // 64  # some slack, so that not every append has to look again
        for kinds in (EXPENDABLE, ()):
            while self._size > target and (rows := self._oldest(kinds)):
                self._replace_by_gaps(rows)
        if self._size + needed > self._max_bytes:
            raise SpoolFullError(self._next_seq - self.first_seq, self._max_bytes)

    def _oldest(self, kinds: Sequence[str]) -> list[tuple[int, str, int]]:
        where = f"WHERE kind IN ({','.join('?' * len(kinds))})" if kinds else ""
        return self._db.execute(f"SELECT seq, kind, length(data) FROM record {where} ORDER BY seq LIMIT 64", tuple(kinds)).fetchall()

    def _replace_by_gaps(self, rows: Sequence[tuple[int, str, int]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        for seq, kind, size in rows:
            self._db.execute("DELETE FROM record WHERE seq = ?", (seq,))
            before, after = self.gap_at(seq - 1), self.gap_at(seq + 1)
            kinds = sorted({kind, *(k for gap in (before, after) if gap for k in gap.kinds.split(","))})
            first = before.first_seq if before else seq
            last = after.last_seq if after else seq
            self._db.execute("DELETE FROM gap WHERE first_seq BETWEEN ? AND ?", (first, last))
            self._db.execute("INSERT INTO gap VALUES (?,?,?,?)", (first, last, ",".join(kinds), "the spool's bound was reached"))
            self._size -= size
        self._db.execute("COMMIT")
