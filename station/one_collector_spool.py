"""The spool on disk as the uplink to one collector sees it. Several collectors share one spool, with a cursor each."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from station.spool import Gap
from station.sqlite_spool import DEFAULT_KEEP_S, DEFAULT_MAX_BYTES, SpoolError, SqliteSpool

DEFAULT_COLLECTOR: Final = "centre"


class _SendingSpool:
    """A spool that is sent from, by one process and by each of its users' uplinks; closed with the last of them."""

    def __init__(self, path: Path, *, max_bytes: int, keep_s: float) -> None:
        self.held = SqliteSpool(path, max_bytes=max_bytes, keep_s=keep_s)
        self._guard = path.with_name(f"{path.name}.lock").open("w")
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._guard.close()
            self.held.close()
            raise SpoolError(f"{path}: another station sends from this spool; stop it, or name another with --spool") from error
        self.opened_seq = self.held.next_seq
        self.instances: Sequence[str] = self.held.draw_instance()
        self._users, self._lock = 0, threading.Lock()

    def enter(self) -> None:
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            last = not self._users
        if last:
            self.held.close()
            self._guard.close()


class OneCollectorSpool:
    """A ``SqliteSpool`` with one collector's cursor. One process sends from a spool."""

    def __init__(
        self,
        path: Path,
        *,
        collector: str = DEFAULT_COLLECTOR,
        max_bytes: int = DEFAULT_MAX_BYTES,
        keep_s: float = DEFAULT_KEEP_S,
        beside: OneCollectorSpool | None = None,
    ) -> None:
        """Open the spool in ``path``, or make one, to send from it; ``beside``: share what that one has opened.

        Raises:
            SpoolError: the file cannot be opened, is none of ours, or another process sends from it.
        """
        self._sending: _SendingSpool = beside._sending if beside is not None else _SendingSpool(path, max_bytes=max_bytes, keep_s=keep_s)
        self._sending.enter()
        self._spool, self._collector = self._sending.held, collector
        self._spool.expect(collector)
        self.spool_id = self._spool.spool_id
        self.opened_seq, self.instances = self._sending.opened_seq, self._sending.instances
        self._path, self._closed = path, False

    def beside(self, collector: str) -> OneCollectorSpool:
        """Return the same spool as the uplink to another collector sees it; to be closed as well."""
        return OneCollectorSpool(self._path, collector=collector, beside=self)

    @property
    def first_seq(self) -> int:
        """The oldest number that can still be sent."""
        return self._spool.first_seq

    @property
    def unacknowledged_seq(self) -> int:
        """The first number that the collector does not have yet."""
        return max(self._spool.first_seq, self._spool.committed_seq(self._collector) + 1)

    @property
    def next_seq(self) -> int:
        """Number after the last durable one."""
        return self._spool.next_seq

    @property
    def disk_full(self) -> bool:
        """Whether the last record could not be written."""
        return self._spool.disk_full

    def append(self, packed: bytes, *, kind: str = "record") -> int:
        """Keep one encoded record, durably, and return its number."""
        return self._spool.append(packed, kind=kind)

    def append_all(self, records: Sequence[tuple[bytes, str]]) -> list[int]:
        """Keep encoded records, each with its kind, in one durable commit, and return their numbers."""
        return self._spool.append_all(records)

    def drew(self, instance: str) -> bool:
        """Return whether ``instance`` was ever drawn when this spool was opened."""
        return self._spool.drew(instance)

    def read(self, first_seq: int, *, max_records: int, max_bytes: int) -> list[bytes]:
        """Return records from ``first_seq`` on, within both bounds, up to the next gap."""
        return self._spool.read(first_seq, max_records=max_records, max_bytes=max_bytes)

    def gap_at(self, seq: int) -> Gap | None:
        """Return the gap that holds ``seq``."""
        return self._spool.gap_at(seq)

    def acknowledge(self, committed_seq: int) -> None:
        """Move the collector's cursor; what it has stays for a while, in case it is restored from a backup."""
        self._spool.acknowledge(self._collector, committed_seq)

    def set_aside(self, seq: int, reason: str) -> None:
        """Keep a record that the collector did not take apart."""
        self._spool.set_aside(self._collector, seq, reason)

    def close(self) -> None:
        """Let go of the file; may be called again."""
        if not self._closed:
            self._closed = True
            self._sending.leave()
