"""The spool's SQLite file: its tables, and the few things that are done to them. Nobody but ``SqliteSpool`` opens it.

Write-ahead log, synchronous=FULL: what a transaction wrote is on the disk (fdatasync) when it ends. Records are read over a connection of
their own, so that sending does not wait for a commit. Except where said, the caller sees to it that one thread is inside at a time.
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
from station.spool import Gap

KEPT_REJECTED: Final = 1000
SAID_INSTANCES: Final = 256
"""So many are told in a hello."""
KEPT_INSTANCES: Final = 1_000_000
"""So many are kept, 30 MB, for a collector that was restored from an old backup and asks for one."""
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
_GAP_AT: Final = "SELECT first_seq, last_seq, kinds, reason FROM gap WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1"


class SpoolError(StationError):
    """The spool file cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """What is known of a record without its bytes."""

    seq: int
    kind: str
    size_bytes: int


class SpoolTables:
    """The file and what is in it."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, or make it with an identity of its own.

        Raises:
            SpoolError: the file cannot be opened, or is none of ours.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.db = self._connect(path)
            path.chmod(0o600)
            self.db.execute("PRAGMA journal_mode=WAL")
            self.db.execute("PRAGMA synchronous=FULL")
            self.db.execute("PRAGMA wal_autocheckpoint=256")
            self.db.executescript(_SCHEMA)
            self.db.execute("INSERT OR IGNORE INTO meta VALUES ('spool_id', ?)", (secrets.token_hex(16),))
            self.spool_id = str(self.db.execute("SELECT value FROM meta WHERE key = 'spool_id'").fetchone()[0])
            tops = (
                self.number("SELECT max(seq) FROM record"),
                self.number("SELECT max(last_seq) FROM gap"),
                self.number("SELECT value FROM meta WHERE key = 'forgotten_seq'"),
            )
            self.next_seq = max(-1 if seq is None else seq for seq in tops) + 1
            self.refresh()
            self._reading, self._read_lock = self._connect(path), threading.Lock()
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(f"{path}: the spool cannot be opened: {error}; check its folder's permissions and the disk") from error

    @staticmethod
    def _connect(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, timeout=10.0, check_same_thread=False)

    def refresh(self) -> None:
        """Count again what is there: after a transaction that failed."""
        self.size_bytes = self.number("SELECT coalesce(sum(length(data)), 0) FROM record") or 0
        self._find_first()

    def _find_first(self) -> None:
        known = [self.number("SELECT min(seq) FROM record"), self.number("SELECT min(first_seq) FROM gap")]
        self.first_seq = min((seq for seq in known if seq is not None), default=self.next_seq)

    def insert(self, first_seq: int, records: Sequence[tuple[bytes, str]], *, gap: Gap | None = None) -> None:
        """Write ``records`` (bytes, kind) from ``first_seq`` on, and before them ``gap``, in one transaction: all are durable, or none.

        Raises:
            sqlite3.OperationalError: they could not be written; nothing has changed.
        """
        now_ns = time.time_ns()
        rows = [(seq, kind, now_ns, packed) for seq, (packed, kind) in enumerate(records, start=first_seq)]
        self.db.execute("BEGIN IMMEDIATE")
        try:
            if gap is not None:
                self.db.execute("INSERT INTO gap VALUES (?,?,?,?)", (gap.first_seq, gap.last_seq, gap.kinds, gap.reason))
            self.db.executemany("INSERT INTO record VALUES (?,?,?,?)", rows)
            self.db.execute("COMMIT")
        except sqlite3.OperationalError:
            self.roll_back()
            raise
        self.first_seq = min(self.first_seq, gap.first_seq if gap is not None else first_seq)
        self.next_seq = first_seq + len(rows)
        self.size_bytes += sum(len(packed) for packed, _ in records)

    def roll_back(self) -> None:
        """Undo what a transaction that failed has begun."""
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")

    def read(self, first_seq: int, *, max_records: int, max_bytes: int) -> list[bytes]:
        """Return records ``first_seq``, ... within both bounds up to the next gap, at least one where there is one. From any thread."""
        found: list[bytes] = []
        size, expected = 0, first_seq
        with self._read_lock:
            rows = self._reading.execute("SELECT seq, data FROM record WHERE seq >= ? ORDER BY seq LIMIT ?", (first_seq, max_records))
            for seq, data in rows:
                size += len(data)
                if seq != expected or (found and size > max_bytes):
                    break
                found.append(data)
                expected += 1
            rows.close()
        return found

    def gap_at(self, seq: int) -> Gap | None:
        """Return the gap that holds ``seq``; None: there is none. From any thread."""
        with self._read_lock:
            return _gap(self._reading.execute(_GAP_AT, (seq,)).fetchone(), seq)

    def oldest(self, kinds: Sequence[str]) -> list[StoredRecord]:
        """Return the oldest records of ``kinds``; none given: of any."""
        where = f"WHERE kind IN ({','.join('?' * len(kinds))})" if kinds else ""
        rows = self.db.execute(f"SELECT seq, kind, length(data) FROM record {where} ORDER BY seq LIMIT 64", tuple(kinds))
        return [StoredRecord(seq=seq, kind=kind, size_bytes=size) for seq, kind, size in rows]

    def last_spooled_before(self, time_ns: int, *, up_to_seq: int, limit: int) -> int:
        """Return the last of the oldest records up to ``up_to_seq`` that were written before ``time_ns``; -1: none."""
        last_seq = -1
        for seq, spooled_ns in self.db.execute(
            "SELECT seq, spooled_ns FROM record WHERE seq <= ? ORDER BY seq LIMIT ?", (up_to_seq, limit)
        ).fetchall():
            if spooled_ns >= time_ns:
                break
            last_seq = seq
        return last_seq

    def forget(self, last_seq: int) -> int:
        """Drop everything up to ``last_seq`` without a trace; return how many records went."""
        size = self.number("SELECT coalesce(sum(length(data)), 0) FROM record WHERE seq <= ?", last_seq) or 0
        self.db.execute("BEGIN IMMEDIATE")
        self.db.execute("INSERT OR REPLACE INTO meta VALUES ('forgotten_seq', ?)", (str(last_seq),))  # numbers are never given twice
        gone = self.db.execute("DELETE FROM record WHERE seq <= ?", (last_seq,)).rowcount
        self.db.execute("DELETE FROM gap WHERE last_seq <= ?", (last_seq,))
        self.db.execute("UPDATE gap SET first_seq = ? WHERE first_seq <= ?", (last_seq + 1, last_seq))
        self.db.execute("COMMIT")
        self.size_bytes -= size
        self._find_first()
        return gone

    def replace_by_gaps(self, records: Sequence[StoredRecord], *, reason: str) -> None:
        """Drop ``records`` and leave gaps in their place, joined to those beside them."""
        self.db.execute("BEGIN IMMEDIATE")
        for one in records:
            seq = one.seq
            self.db.execute("DELETE FROM record WHERE seq = ?", (seq,))
            before, after = (_gap(self.db.execute(_GAP_AT, (k,)).fetchone(), k) for k in (seq - 1, seq + 1))
            kinds = sorted({one.kind, *(k for gap in (before, after) if gap for k in gap.kinds.split(","))})
            first = before.first_seq if before else seq
            last = after.last_seq if after else seq
            self.db.execute("DELETE FROM gap WHERE first_seq BETWEEN ? AND ?", (first, last))
            self.db.execute("INSERT INTO gap VALUES (?,?,?,?)", (first, last, ",".join(kinds), reason))
        self.db.execute("COMMIT")
        self.size_bytes -= sum(one.size_bytes for one in records)
        self._find_first()

    def empty_log(self) -> None:
        """Write the log into the file and cut it to nothing, to have its room."""
        with self._read_lock:  # a reader would keep the log as it is
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def set_aside(self, collector: str, seq: int, reason: str) -> None:
        """Keep a record that ``collector`` did not take apart, the last ``KEPT_REJECTED`` of them."""
        self.db.execute(
            "INSERT OR REPLACE INTO rejected SELECT ?, ?, ?, (SELECT data FROM record WHERE seq = ?)", (collector, seq, reason, seq)
        )
        self.db.execute(
            "DELETE FROM rejected WHERE collector = ? AND seq <= "
            "(SELECT seq FROM rejected WHERE collector = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
            (collector, collector, KEPT_REJECTED),
        )

    def draw_instance(self) -> tuple[str, ...]:
        """Note that this spool is opened for sending; return what was drawn the last ``SAID_INSTANCES`` times, newest first."""
        self.db.execute("INSERT INTO instance(drawn) VALUES (?)", (secrets.token_hex(8),))
        self.db.execute("DELETE FROM instance WHERE opened <= (SELECT max(opened) FROM instance) - ?", (KEPT_INSTANCES,))
        return tuple(row[0] for row in self.db.execute("SELECT drawn FROM instance ORDER BY opened DESC LIMIT ?", (SAID_INSTANCES,)))

    def drew(self, instance: str) -> bool:
        """Return whether ``instance`` was ever drawn here. From any thread."""
        with self._read_lock:
            return self._reading.execute("SELECT 1 FROM instance WHERE drawn = ? LIMIT 1", (instance,)).fetchone() is not None

    def number(self, sql: str, *values: object) -> int | None:
        """Return the one number that ``sql`` asks for; None: there is none."""
        row = self.db.execute(sql, values).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def close(self) -> None:
        """Close the file."""
        with self._read_lock:
            self._reading.close()
        self.db.close()


def _gap(row: tuple[int, int, str, str] | None, seq: int) -> Gap | None:
    return Gap(first_seq=row[0], last_seq=row[1], kinds=row[2], reason=row[3]) if row and row[1] >= seq else None
