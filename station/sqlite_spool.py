"""The spool on disk: every reliable record is durable before anything is sent (decision 2).

One SQLite file, write-ahead log, synchronous=FULL: ``append`` returns after the record's fdatasync. Records stay after their
acknowledgement, for a collector that is restored from a backup, until age or space calls for them; what is dropped *before* every collector
has it leaves a gap entry in its place, so that numbers never have holes. Each collector has a cursor of its own.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from station.errors import StationError
from station.spool import Gap, SpoolFullError

DEFAULT_MAX_BYTES: Final = 1024 * 1024 * 1024
DEFAULT_KEEP_S: Final = 14 * 86_400.0
EXPENDABLE: Final = ("occupancy", "spectrum", "summary")
"""Kinds that go first when space runs out; detections and cells go last."""
_TRIM_EVERY: Final = 256
_FORGET_AT_ONCE: Final = 4096
_CURSOR_INTERVAL_S: Final = 1.0
"""A collector says at hello what it has, so its cursor need not be durable at every acknowledgement."""
KEPT_INSTANCES: Final = 256
KEPT_REJECTED: Final = 1000
RESERVE_BYTES: Final = 1024 * 1024
"""A file that is given up when the disk is full: to delete records takes room in the write-ahead log."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record(seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, spooled_ns INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS record_kind ON record(kind, seq);
CREATE TABLE IF NOT EXISTS gap(first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, kinds TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS collector(name TEXT PRIMARY KEY, committed_seq INTEGER NOT NULL, heard_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rejected(collector TEXT NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL, data BLOB,
    PRIMARY KEY(collector, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS instance(opened INTEGER PRIMARY KEY, drawn TEXT NOT NULL);
"""


class SpoolError(StationError):
    """The spool file cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolStatus:
    """What ``spool status`` shows."""

    spool_id: str
    first_seq: int
    next_seq: int
    records: int
    size_bytes: int
    gaps: int
    rejected: int
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
            self._db.execute("PRAGMA wal_autocheckpoint=256")
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
        self._reserve = path.with_name(f"{path.name}.reserve")
        self._keep_reserve()
        self._since_trim = 0
        self._cursors: dict[str, int] = dict(self._db.execute("SELECT name, committed_seq FROM collector"))
        self._heard_ns: dict[str, int] = dict(self._db.execute("SELECT name, heard_ns FROM collector"))
        self._written_s: dict[str, float] = {}
        self._first_seq: int | None = None
        self._unwritten = 0
        self._unwritten_kinds: set[str] = set()
        self.disk_full = False
        """Whether the last record could not be written."""

    @property
    def next_seq(self) -> int:
        """Number after the last one that is durable, as a record or as a gap."""
        return self._next_seq

    @property
    def first_seq(self) -> int:
        """The oldest number that can still be sent, as a record or as a gap."""
        with self._lock:
            if self._first_seq is None:
                known = [self._int("SELECT min(seq) FROM record"), self._int("SELECT min(first_seq) FROM gap")]
                self._first_seq = min((seq for seq in known if seq is not None), default=self._next_seq)
            return self._first_seq

    def draw_instance(self) -> tuple[str, ...]:
        """Note that this spool is opened for sending and return what was drawn at each such time, newest first."""
        with self._lock:
            self._db.execute("INSERT INTO instance(drawn) VALUES (?)", (secrets.token_hex(8),))
            self._db.execute("DELETE FROM instance WHERE opened <= (SELECT max(opened) FROM instance) - ?", (KEPT_INSTANCES,))
            return tuple(row[0] for row in self._db.execute("SELECT drawn FROM instance ORDER BY opened DESC"))

    def append(self, packed: bytes, *, kind: str) -> int:
        """Keep one encoded record and return its number; it is durable when this returns.

        On a full disk the record is dropped and its number becomes part of a gap, which is written with the first record that fits again.

        Raises:
            SpoolFullError: the record alone is larger than the bound.
        """
        with self._lock:
            if self._size + len(packed) > self._max_bytes:
                self._make_room(len(packed))
            try:
                return self._insert(packed, kind)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
                    raise
                return self._append_on_full_disk(packed, kind)

    def _append_on_full_disk(self, packed: bytes, kind: str) -> int:
        """Try again in the place of what every collector has, then of what is expendable; else count the record among the dropped."""
        seq = None
        if (last_seq := self._committed_everywhere()) >= self.first_seq:
            seq = self._insert_instead(lambda: self._forget(min(last_seq, self.first_seq + 64)), packed, kind)
        if seq is None and (rows := self._oldest(EXPENDABLE)):
            seq = self._insert_instead(lambda: self._replace_by_gaps(rows), packed, kind)
        if seq is None:
            self.disk_full = True
            self._unwritten += 1
            self._unwritten_kinds.add(kind)
            seq = self._next_seq + self._unwritten - 1
        return seq

    def _insert_instead(self, drop: Callable[[], object], packed: bytes, kind: str) -> int | None:
        """Drop some records in the room of the reserve, then insert; None: it does not fit even so."""
        self._reserve.unlink(missing_ok=True)
        try:
            drop()
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return self._insert(packed, kind)
        except sqlite3.OperationalError:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._first_seq = None
            self._size = self._int("SELECT coalesce(sum(length(data)), 0) FROM record") or 0
            return None
        finally:
            self._keep_reserve()

    def _keep_reserve(self) -> None:
        with contextlib.suppress(OSError):
            if not self._reserve.exists():
                handle = os.open(self._reserve, os.O_WRONLY | os.O_CREAT, 0o600)
                try:
                    os.posix_fallocate(handle, 0, RESERVE_BYTES)
                except OSError:
                    self._reserve.unlink()
                    raise
                finally:
                    os.close(handle)

    def _insert(self, packed: bytes, kind: str) -> int:
        """Write the record, and before it the gap of those that could not be written, in one transaction."""
        seq = self._next_seq + self._unwritten
        row = (seq, kind, time.time_ns(), packed)
        if not self._unwritten:
            self._db.execute("INSERT INTO record VALUES (?,?,?,?)", row)
        else:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                gap = (self._next_seq, seq - 1, ",".join(sorted(self._unwritten_kinds)), "the disk was full")
                self._db.execute("INSERT INTO gap VALUES (?,?,?,?)", gap)
                self._db.execute("INSERT INTO record VALUES (?,?,?,?)", row)
                self._db.execute("COMMIT")
            except sqlite3.OperationalError:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        self._next_seq, self._unwritten, self.disk_full = seq + 1, 0, False
        self._unwritten_kinds.clear()
        self._size += len(packed)
        self._since_trim += 1
        if self._since_trim >= _TRIM_EVERY:
            self._since_trim = 0
            self._drop_old()
            self._keep_reserve()
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
        return self._cursors.get(collector, -1)

    def acknowledge(self, collector: str, committed_seq: int) -> None:
        """Note what ``collector`` has; a smaller number than before (it was restored from a backup) counts as well."""
        with self._lock:
            self._cursors[collector] = min(committed_seq, self._next_seq - 1)
            self._heard_ns[collector] = time.time_ns()
            if time.monotonic() - self._written_s.get(collector, float("-inf")) >= _CURSOR_INTERVAL_S:
                self._write_cursor(collector)

    def set_aside(self, collector: str, seq: int, reason: str) -> None:
        """Keep a record that ``collector`` did not take apart, the last ``KEPT_REJECTED`` of them."""
        with self._lock, contextlib.suppress(sqlite3.OperationalError):  # a full disk: the collector keeps it as well
            self._db.execute(
                "INSERT OR REPLACE INTO rejected SELECT ?, ?, ?, (SELECT data FROM record WHERE seq = ?)", (collector, seq, reason, seq)
            )
            self._db.execute(
                "DELETE FROM rejected WHERE collector = ? AND seq <= "
                "(SELECT seq FROM rejected WHERE collector = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (collector, collector, KEPT_REJECTED),
            )

    def _write_cursor(self, collector: str) -> None:
        self._written_s[collector] = time.monotonic()
        with contextlib.suppress(sqlite3.OperationalError):  # a full disk: the collector says it again at the next hello
            self._db.execute("INSERT OR REPLACE INTO collector VALUES (?,?,?)", (collector, self._cursors[collector], time.time_ns()))

    def drop_acknowledged(self) -> int:
        """Drop what every known collector has; return how many records went."""
        with self._lock:
            gone = 0
            while (last_seq := self._committed_everywhere()) >= self.first_seq:
                gone += self._forget(min(last_seq, self.first_seq + _FORGET_AT_ONCE))
            return gone

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
                rejected=self._int("SELECT count(*) FROM rejected") or 0,
                collectors=tuple(sorted(self._cursors.items())),
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            for collector in self._written_s:
                self._write_cursor(collector)
            self._db.close()

    def _int(self, sql: str, *values: object) -> int | None:
        row = self._db.execute(sql, values).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def _committed_everywhere(self) -> int:
        """Return the last number that all collectors have which were heard in the time that records are kept."""
        since_ns = max(self._heard_ns.values(), default=0) - max(self._keep_ns, 86_400_000_000_000)
        return min((self._cursors[name] for name, heard_ns in self._heard_ns.items() if heard_ns >= since_ns), default=-1)

    def _drop_old(self) -> None:
        """Drop records that every collector has and that are older than the time to keep them."""
        rows = self._db.execute(
            "SELECT seq, spooled_ns FROM record WHERE seq <= ? ORDER BY seq LIMIT ?", (self._committed_everywhere(), 4096)
        )
        since_ns, last_seq = time.time_ns() - self._keep_ns, -1
        for seq, spooled_ns in rows.fetchall():
            if spooled_ns >= since_ns:
                break
            last_seq = seq
        self._forget(last_seq)

    def _forget(self, last_seq: int) -> int:
        if last_seq < 0:
            return 0
        size = self._int("SELECT coalesce(sum(length(data)), 0) FROM record WHERE seq <= ?", last_seq) or 0
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('forgotten_seq', ?)", (str(last_seq),))  # numbers are never given twice
        gone = self._db.execute("DELETE FROM record WHERE seq <= ?", (last_seq,)).rowcount
        self._db.execute("DELETE FROM gap WHERE last_seq <= ?", (last_seq,))
        self._db.execute("UPDATE gap SET first_seq = ? WHERE first_seq <= ?", (last_seq + 1, last_seq))
        self._db.execute("COMMIT")
        self._size -= size
        self._first_seq = None
        return gone

    def _make_room(self, needed: int) -> None:
        """Drop what every collector has, then the oldest expendable records, then the oldest of all, until ``needed`` bytes fit."""
        target = self._max_bytes - needed - self._max_bytes // 64  # some slack, so that not every append has to look again
        while self._size > target and (last_seq := self._committed_everywhere()) >= self.first_seq:
            self._forget(min(last_seq, self.first_seq + _FORGET_AT_ONCE))
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
        self._first_seq = None
