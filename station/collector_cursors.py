"""Which collector has what of a spool: a cursor each, kept in the spool's file."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Mapping
from typing import Final

WRITE_INTERVAL_S: Final = 1.0
"""A collector says at hello what it has, so its cursor need not be durable at every acknowledgement."""
DAY_NS: Final = 86_400_000_000_000


class CollectorCursors:
    """The last number that each collector has said it has. One thread at a time; looking up is free."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Take up what ``db`` holds."""
        self._db = db
        self.committed: dict[str, int] = dict(db.execute("SELECT name, committed_seq FROM collector"))
        self._heard_ns: dict[str, int] = dict(db.execute("SELECT name, heard_ns FROM collector"))
        self._written_s: dict[str, float] = {}

    def expect(self, collector: str) -> None:
        """Have records kept for ``collector`` from now on, though it was never heard."""
        if collector not in self.committed:
            self.committed[collector], self._heard_ns[collector] = -1, time.time_ns()
            self._write(collector)

    def acknowledge(self, collector: str, committed_seq: int) -> None:
        """Note what ``collector`` has."""
        self.committed[collector] = committed_seq
        self._heard_ns[collector] = time.time_ns()
        if time.monotonic() - self._written_s.get(collector, float("-inf")) >= WRITE_INTERVAL_S:
            self._write(collector)

    def everywhere(self, keep_ns: int) -> int:
        """Return the last number that all collectors have; -1: none.

        One that was not heard within ``keep_ns`` (at least a day) of the last that was does not count.
        """
        last_ns = min(max(self._heard_ns.values(), default=0), time.time_ns())  # one heard "later": the clock has stepped back since
        since_ns = last_ns - max(keep_ns, DAY_NS)
        return min((self.committed[name] for name, heard_ns in self._heard_ns.items() if heard_ns >= since_ns), default=-1)

    def write_all(self) -> None:
        """Make every cursor that has moved durable."""
        for collector in self._written_s:
            self._write(collector)

    def status(self) -> Mapping[str, int]:
        """Return the cursors by name."""
        return dict(sorted(self.committed.items()))

    def _write(self, collector: str) -> None:
        self._written_s[collector] = time.monotonic()
        with contextlib.suppress(sqlite3.OperationalError):  # a full disk: the collector says it again at the next hello
            row = (collector, self.committed[collector], self._heard_ns[collector])
            self._db.execute("INSERT OR REPLACE INTO collector VALUES (?,?,?)", row)
