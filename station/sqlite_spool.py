"""The spool on disk: every reliable record is durable before anything is sent (decision 2).

``append_all`` returns after the records' fdatasync; records that several threads bring while one commit runs go together in the next.
Records stay after their acknowledgement, for a collector that is restored from a backup, until age or space calls for them; what is dropped
*before* every collector has it leaves a gap entry in its place, so that numbers never have holes. On a full disk numbers are given and
counted (``unwritten``), and become a gap. Each collector has a cursor of its own.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from station.collector_cursors import CollectorCursors
from station.group_commit import GroupCommit
from station.spool import Gap, SpoolFullError
from station.spool_tables import SpoolError, SpoolTables, StoredRecord
from station.unwritten import UnwrittenCount

__all__ = ["DEFAULT_KEEP_S", "DEFAULT_MAX_BYTES", "SpoolError", "SpoolStatus", "SqliteSpool"]

DEFAULT_MAX_BYTES: Final = 1024 * 1024 * 1024
DEFAULT_KEEP_S: Final = 14 * 86_400.0
EXPENDABLE: Final = ("occupancy", "spectrum", "summary")
"""Kinds that go first when space runs out; detections and cells go last."""
_TRIM_EVERY: Final = 256
_FORGET_AT_ONCE: Final = 4096
RESERVE_BYTES: Final = 1024 * 1024
"""A file that is given up when the disk is full: to delete records takes room in the write-ahead log."""


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
        self._tables = SpoolTables(path)
        self._db = self._tables.db
        self.spool_id = self._tables.spool_id
        self._cursors = CollectorCursors(self._db)
        self._lost = UnwrittenCount(path.with_name(f"{path.name}.unwritten"), next_seq=self._tables.next_seq)
        gap = self._lost.gap
        self._next_seq = gap.last_seq + 1 if gap is not None else self._tables.next_seq
        self._hidden = 0
        """Numbers given from ``next_seq`` on whose loss would be forgotten in a power cut; they are not sent."""
        self._reserve = path.with_name(f"{path.name}.reserve")
        self._keep_reserve()
        self._group: GroupCommit[tuple[bytes, str]] = GroupCommit(self._write)
        self._since_trim = 0
        self.disk_full = gap is not None
        """Whether the last record could not be written."""

    @property
    def next_seq(self) -> int:
        """Number after the last one that is durable, as a record or as a gap."""
        return self._next_seq

    @property
    def first_seq(self) -> int:
        """The oldest number that can still be sent, as a record or as a gap."""
        first_seq, gap = self._tables.first_seq, self._lost.gap
        return first_seq if gap is None else min(first_seq, gap.first_seq)

    def draw_instance(self) -> tuple[str, ...]:
        """Note that this spool is opened for sending and return what was drawn at the last of such times, newest first.

        Raises:
            SpoolError: it cannot be noted; unnoted it would be taken for another sender's later on.
        """
        with self._lock:
            try:
                return self._tables.draw_instance()
            except sqlite3.OperationalError:
                self._reserve.unlink(missing_ok=True)
            try:
                return self._tables.draw_instance()
            except sqlite3.OperationalError as error:
                raise SpoolError(f"{self._reserve.parent}: not even {RESERVE_BYTES >> 20} MiB are free for the spool: make room") from error
            finally:
                self._tables.empty_log()
                self._keep_reserve()

    def drew(self, instance: str) -> bool:
        """Return whether ``instance`` was drawn when this spool was opened, ever so long ago."""
        return self._tables.drew(instance)

    def append(self, packed: bytes, *, kind: str) -> int:
        """Keep one encoded record and return its number; see ``append_all``."""
        return self.append_all([(packed, kind)])[0]

    def append_all(self, records: Sequence[tuple[bytes, str]]) -> list[int]:
        """Keep encoded records, each with its kind, in one commit and return their numbers; they are durable when this returns.

        On a full disk a record is dropped and its number becomes part of a gap.

        Raises:
            SpoolFullError: one of the records alone is larger than the bound; none was taken.
        """
        if max((len(packed) for packed, _ in records), default=0) > self._max_bytes:
            raise SpoolFullError(self.next_seq - self.first_seq, self._max_bytes)
        return self._group.put(records) if records else []

    def _write(self, records: Sequence[tuple[bytes, str]]) -> list[int]:
        """Keep a group of records, in as few commits as the spool's bound allows."""
        numbers: list[int] = []
        with self._lock:
            begin, size = 0, 0
            for end, (packed, _) in enumerate(records):
                if end > begin and size + len(packed) > self._max_bytes // 8:
                    numbers += self._write_together(records[begin:end], size)
                    begin, size = end, 0
                size += len(packed)
            return numbers + self._write_together(records[begin:], size)

    def _write_together(self, records: Sequence[tuple[bytes, str]], size: int) -> list[int]:
        if self._tables.size_bytes + size > self._max_bytes:
            self._make_room(size)
        try:
            return self._insert(records)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
                raise
        numbers = self._write_on_full_disk(records)
        if numbers is None and len(records) > 1:  # fewer may fit
            return [self._write_together([one], len(one[0]))[0] for one in records]
        return numbers if numbers is not None else self._count_unwritten([kind for _, kind in records])

    def _write_on_full_disk(self, records: Sequence[tuple[bytes, str]]) -> list[int] | None:
        """Try again in the place of what every collector has, then of what is expendable; None: they do not fit."""
        numbers = None
        if (last_seq := self._committed_everywhere()) >= self._tables.first_seq:
            until_seq = min(last_seq, self._tables.first_seq + 64)
            numbers = self._insert_instead(lambda: self._tables.forget(until_seq), records)
        if numbers is None and (oldest := self._tables.oldest(EXPENDABLE)):
            numbers = self._insert_instead(lambda: self._replace(oldest), records)
        return numbers

    def _count_unwritten(self, kinds: list[str]) -> list[int]:
        self.disk_full = True
        first_seq = self._next_seq + self._hidden
        if self._lost.add(first_seq, kinds):
            self._next_seq, self._hidden = first_seq + len(kinds), 0
        else:
            self._hidden += len(kinds)
        return list(range(first_seq, first_seq + len(kinds)))

    def _insert_instead(self, drop: Callable[[], object], records: Sequence[tuple[bytes, str]]) -> list[int] | None:
        """Drop some records in the room of the reserve, then insert; None: they do not fit even so."""
        self._reserve.unlink(missing_ok=True)
        try:
            drop()
            self._tables.empty_log()
            return self._insert(records)
        except sqlite3.OperationalError:
            self._tables.roll_back()
            self._tables.refresh()
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

    def _insert(self, records: Sequence[tuple[bytes, str]]) -> list[int]:
        """Write the records, and before them the gap of those that could not be written, in one transaction."""
        first_seq = self._next_seq + self._hidden
        self._tables.insert(first_seq, records, gap=self._lost.gap)
        self._next_seq, self._hidden, self.disk_full = first_seq + len(records), 0, False
        self._lost.clear()
        self._since_trim += len(records)
        if self._since_trim >= _TRIM_EVERY:
            self._since_trim = 0
            self._drop_old()
            self._keep_reserve()
        return list(range(first_seq, first_seq + len(records)))

    def read(self, first_seq: int, *, max_records: int, max_bytes: int) -> list[bytes]:
        """Return records ``first_seq``, ``first_seq`` + 1, ... within both bounds up to the next gap, at least one where there is one."""
        return self._tables.read(first_seq, max_records=max_records, max_bytes=max_bytes)

    def gap_at(self, seq: int) -> Gap | None:
        """Return the gap that holds ``seq``; None: its record is here or was never made."""
        lost = self._lost.gap
        if lost is not None and lost.first_seq <= seq <= lost.last_seq and seq < self._next_seq:
            return lost
        return self._tables.gap_at(seq)

    def expect(self, collector: str) -> None:
        """Have records kept for ``collector``, though it may never have been heard."""
        with self._lock:
            self._cursors.expect(collector)

    def committed_seq(self, collector: str) -> int:
        """Return the last number that ``collector`` said it has; -1: none."""
        return self._cursors.committed.get(collector, -1)

    def acknowledge(self, collector: str, committed_seq: int) -> None:
        """Note what ``collector`` has; a smaller number than before (it was restored from a backup) counts as well."""
        with self._lock:
            self._cursors.acknowledge(collector, min(committed_seq, self._next_seq - 1))

    def set_aside(self, collector: str, seq: int, reason: str) -> None:
        """Keep a record that ``collector`` did not take apart."""
        with self._lock, contextlib.suppress(sqlite3.OperationalError):  # a full disk: the collector keeps it as well
            self._tables.set_aside(collector, seq, reason)

    def drop_acknowledged(self) -> int:
        """Drop what every known collector has; return how many records went."""
        with self._lock:
            gone = 0
            while (last_seq := self._committed_everywhere()) >= self._tables.first_seq:
                gone += self._tables.forget(min(last_seq, self._tables.first_seq + _FORGET_AT_ONCE))
            return gone

    def status(self) -> SpoolStatus:
        """Return what there is."""
        with self._lock:
            lost, number = self._lost.gap, self._tables.number
            return SpoolStatus(
                spool_id=self.spool_id,
                first_seq=self.first_seq,
                next_seq=self._next_seq,
                records=number("SELECT count(*) FROM record") or 0,
                size_bytes=self._tables.size_bytes,
                gaps=(number("SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM gap") or 0)
                + (lost.last_seq - lost.first_seq + 1 if lost is not None else 0),
                rejected=number("SELECT count(*) FROM rejected") or 0,
                collectors=tuple(self._cursors.status().items()),
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._cursors.write_all()
            self._tables.close()
            self._lost.close()

    def _committed_everywhere(self) -> int:
        """Return the last number in the file that all collectors have which count."""
        return min(self._cursors.everywhere(self._keep_ns), self._tables.next_seq - 1)

    def _drop_old(self) -> None:
        """Drop records that every collector has and that are older than the time to keep them."""
        since_ns = time.time_ns() - self._keep_ns
        last_seq = self._tables.last_spooled_before(since_ns, up_to_seq=self._committed_everywhere(), limit=4096)
        if last_seq >= 0:
            self._tables.forget(last_seq)

    def _replace(self, oldest: Sequence[StoredRecord]) -> None:
        self._tables.replace_by_gaps(oldest, reason="the spool's bound was reached")

    def _make_room(self, needed: int) -> None:
        """Drop what every collector has, then the oldest expendable records, then the oldest of all, until ``needed`` bytes fit."""
        tables = self._tables
        target = self._max_bytes - needed - self._max_bytes // 64  # some slack, so that not every append has to look again
        while tables.size_bytes > target and (last_seq := self._committed_everywhere()) >= tables.first_seq:
            tables.forget(min(last_seq, tables.first_seq + _FORGET_AT_ONCE))
        for kinds in (EXPENDABLE, ()):
            while tables.size_bytes > target and (oldest := tables.oldest(kinds)):
                self._replace(oldest)
