"""The journal: every record as it came, durable before it is acknowledged; daily segments, written by ingest alone (decisions 2 and 3).

Entries are numbered without regard to segments: a follower's cursor is one number. Besides the records a segment keeps what each spool
has committed (so that duplicates are known by number, without a look-up), what was rejected, what is missing, and unreadable frames.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from collector.errors import StorageError
from collector.journal_file import entry_bound, open_segment, segment_paths, today
from collector.tally import Tally

ASIDE_ROWS: Final = 1000
ASIDE_BYTES: Final = 4096
LIVE_ROWS: Final = 4000
"""Live records are kept for the followers to catch up, not as an archive."""

SpoolKey = tuple[str, str]
"""(station, spool_id)."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One journalled record. ``seq`` is -1 for a live one."""

    entry: int
    station: str
    spool_id: str
    seq: int
    received_ns: int
    data: bytes


class Journal:
    """The writing side. Everything between two ``commit`` calls becomes durable together, or not at all."""

    def __init__(self, folder: Path) -> None:
        """Open the newest segment in ``folder``, or begin one.

        Raises:
            StorageError: the folder cannot be used.
        """
        self._folder = folder
        self.tally = Tally()
        """What went in since it was opened."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            newest = max(segment_paths(folder), default=None)
            self._day = newest.stem if newest is not None else today()
            self._db = open_segment(folder / f"{self._day}.db")
            self._committed: dict[SpoolKey, int] = {
                (station, spool): seq for station, spool, seq in self._db.execute("SELECT station, spool_id, committed_seq FROM spool")
            }
            self._senders: dict[SpoolKey, str] = {
                (station, spool): drawn for station, spool, drawn in self._db.execute("SELECT station, spool_id, instance FROM sender")
            }
            with JournalReader(folder) as reader:
                self._next_entry = reader.last_entry() + 1
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"{folder}: the journal cannot be opened: {error}; check the folder's permissions and the disk") from error
        self._dirty = False
        self._records: list[tuple[int, str, str, int, int, bytes]] = []
        self._advanced: set[SpoolKey] = set()
        self._live_since_trim = 0

    def committed_seq(self, key: SpoolKey) -> int:
        """Return the last number of this spool that is in the journal or about to be; -1: none."""
        return self._committed.get(key, -1)

    @property
    def last_entry(self) -> int:
        """The number of the last entry that is in the journal or about to be; 0: none."""
        return self._next_entry - 1

    def append(self, key: SpoolKey, seq: int, data: bytes, *, kind: str = "") -> None:
        """Add the record after the last one of its spool."""
        if not self._dirty:
            self._begin()
        self.tally.took(key[0], kind)
        self._records.append((self._next_entry, key[0], key[1], seq, time.time_ns(), data))
        self._next_entry += 1
        self._committed[key] = seq
        self._advanced.add(key)

    def append_live(self, station: str, data: bytes, *, kind: str = "") -> None:
        """Add a live record: kept until ``LIVE_ROWS`` newer ones came."""
        self._begin()
        self.tally.took(station, kind)
        self._db.execute("INSERT INTO live VALUES (?,?,?,?)", (self._next_entry, station, time.time_ns(), data))
        self._live_since_trim += 1
        if self._live_since_trim >= 256:
            self._live_since_trim = 0
            self._db.execute("DELETE FROM live WHERE entry <= (SELECT entry FROM live ORDER BY entry DESC LIMIT 1 OFFSET ?)", (LIVE_ROWS,))
        self._next_entry += 1

    def reject(self, key: SpoolKey, seq: int, *, reason: str, data: bytes) -> None:
        """Keep a record that cannot be taken apart from the others; it counts as acknowledged."""
        self._begin()
        self.tally.of(key[0]).rejected += 1
        self._db.execute("INSERT INTO rejected VALUES (?,?,?,?,?,?)", (*key, seq, time.time_ns(), reason, data[:ASIDE_BYTES]))
        self._advance(key, seq)

    def sender(self, key: SpoolKey) -> str | None:
        """Return the instance of the spool that sent last; None: none said which it is."""
        return self._senders.get(key)

    def note_sender(self, key: SpoolKey, instance: str) -> None:
        """Note which instance of the spool sends now."""
        if self._senders.get(key) != instance:
            self._begin()
            self._senders[key] = instance
            self._db.execute("INSERT OR REPLACE INTO sender VALUES (?,?,?)", (*key, instance))

    def gap(self, key: SpoolKey, last_seq: int, *, reason: str, kinds: str = "") -> None:
        """Note that everything up to ``last_seq`` that is not here will not come."""
        self._begin()
        first_seq = self.committed_seq(key) + 1
        self.tally.of(key[0]).gaps += last_seq - first_seq + 1
        self._db.execute("INSERT INTO gap VALUES (?,?,?,?,?,?,?)", (*key, first_seq, last_seq, time.time_ns(), reason, kinds))
        self._advance(key, last_seq)

    def set_aside(self, data: bytes, *, station: str | None, reason: str) -> None:
        """Keep the beginning of a frame that could not be read; the oldest of ``ASIDE_ROWS`` makes room. Every one is counted."""
        self._begin()
        self.count("frames_aside")
        if station is not None:
            self.tally.of(station).malformed += 1
        self._db.execute("INSERT INTO aside VALUES (?,?,?,?)", (time.time_ns(), station, reason, data[:ASIDE_BYTES]))
        self._db.execute("DELETE FROM aside WHERE rowid <= (SELECT max(rowid) FROM aside) - ?", (ASIDE_ROWS,))

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter that outlives the program."""
        self._begin()
        self.tally.count(name, by)
        self._db.execute("INSERT INTO counter VALUES (?,?) ON CONFLICT(name) DO UPDATE SET value = value + excluded.value", (name, by))

    def commit(self) -> list[tuple[str, bytes]]:
        """Make everything since the last commit durable (synchronous=FULL: fdatasync of the write-ahead log); begin a new day's segment.

        Returns the (station, record) that became durable by it, in order, without the live ones.

        Raises:
            StorageError: nothing since the last commit is durable; this journal is of no more use, a new one begins where the disk ends.
        """
        accepted = [(row[1], row[5]) for row in self._records]
        if self._dirty:
            began_s = time.monotonic()
            self._commit_or_nothing()
            self.tally.commits.add(time.monotonic() - began_s)
        if (day := today()) > self._day:
            self._roll(day)
        return accepted

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        self._db.close()

    def _commit_or_nothing(self) -> None:
        try:
            if not self._db.in_transaction:  # a full disk has SQLite undo it; what is written now would stand alone
                raise sqlite3.OperationalError("the transaction was undone")
            self._db.executemany("INSERT INTO record VALUES (?,?,?,?,?,?)", self._records)
            self._db.executemany("INSERT OR REPLACE INTO spool VALUES (?,?,?)", [(*key, self._committed[key]) for key in self._advanced])
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StorageError(f"{self._folder}: the journal cannot be written: {error}; make room on the disk") from error
        finally:
            self._records.clear()
            self._advanced.clear()
            self._dirty = False

    def _begin(self) -> None:
        if not self._dirty:
            self._db.execute("BEGIN IMMEDIATE")
            self._dirty = True

    def _advance(self, key: SpoolKey, seq: int) -> None:
        self._committed[key] = seq
        self._advanced.add(key)

    def _roll(self, day: str) -> None:
        fresh = open_segment(self._folder / f"{day}.db")
        fresh.execute("BEGIN IMMEDIATE")
        fresh.executemany("INSERT OR REPLACE INTO spool VALUES (?,?,?)", [(*key, seq) for key, seq in self._committed.items()])
        fresh.executemany("INSERT OR REPLACE INTO sender VALUES (?,?,?)", [(*key, drawn) for key, drawn in self._senders.items()])
        fresh.execute("COMMIT")
        self._db.close()
        self._db, self._day = fresh, day


class JournalReader:
    """The reading side, for followers and for counting: sees what is committed, holds no lock on the writer."""

    def __init__(self, folder: Path) -> None:
        """Read the segments in ``folder``; there may be none yet."""
        self._folder = folder
        self._open: dict[Path, sqlite3.Connection] = {}

    def read(self, after: int, *, limit: int) -> list[Entry]:
        """Return at most ``limit`` entries with numbers above ``after``, in order, records and live ones together."""
        found: list[Entry] = []
        for path in self._segments_after(after):
            rows = self._connection(path).execute(
                "SELECT entry, station, spool_id, seq, received_ns, data FROM record WHERE entry > :after "
                "UNION ALL SELECT entry, station, '', -1, received_ns, data FROM live WHERE entry > :after ORDER BY entry LIMIT :limit",
                {"after": after, "limit": limit - len(found)},
            )
            found += [
                Entry(entry=e, station=station, spool_id=spool, seq=seq, received_ns=ns, data=data)
                for e, station, spool, seq, ns, data in rows
            ]
            if len(found) >= limit:
                break
        return found

    def first_entry(self) -> int:
        """Return the number of the first entry that is still here; 0: there is none."""
        return min((bound for path in segment_paths(self._folder) if (bound := entry_bound(self._connection(path), "min"))), default=0)

    def last_entry(self) -> int:
        """Return the number of the last entry; 0: there is none."""
        return max((entry_bound(self._connection(path), "max") or 0 for path in segment_paths(self._folder)), default=0)

    def totals(self) -> Mapping[str, int]:
        """Return how many records, rejections, missing numbers and unread frames the journal holds."""
        sums = {"records": 0, "rejected": 0, "gaps": 0, "frames_aside": 0}
        for path in segment_paths(self._folder):
            row = (
                self._connection(path)
                .execute(
                    "SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM rejected), "
                    "(SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM gap), "
                    "(SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'frames_aside')"
                )
                .fetchone()
            )
            for name, value in zip(sums, row, strict=True):
                sums[name] += value
        return sums

    def losses(self) -> dict[str, tuple[int, int]]:
        """Return by station how many records were rejected, and how many numbers are in gaps."""
        lost: dict[str, tuple[int, int]] = {}
        for path in segment_paths(self._folder):
            rows = self._connection(path).execute(
                "SELECT station, count(*), 0 FROM rejected GROUP BY station "
                "UNION ALL SELECT station, 0, sum(last_seq - first_seq + 1) FROM gap GROUP BY station"
            )
            for station, rejected, gaps in rows:
                before = lost.get(station, (0, 0))
                lost[station] = (before[0] + rejected, before[1] + gaps)
        return lost

    def close(self) -> None:
        """Close every segment."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    def __enter__(self) -> JournalReader:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        self.close()

    def _segments_after(self, after: int) -> Sequence[Path]:
        paths = sorted(segment_paths(self._folder))
        while len(paths) > 1 and self._first_entry(paths[1]) <= after + 1:
            paths.pop(0)
        return paths

    def _first_entry(self, path: Path) -> int:
        return entry_bound(self._connection(path), "min") or 2**62  # an empty segment begins after everything

    def _connection(self, path: Path) -> sqlite3.Connection:
        if path not in self._open:
            self._open[path] = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0, isolation_level=None)
        return self._open[path]
