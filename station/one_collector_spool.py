"""The spool on disk as the uplink to one collector sees it."""

from __future__ import annotations

import fcntl
from collections.abc import Sequence
from pathlib import Path

from station.spool import Gap
from station.sqlite_spool import DEFAULT_KEEP_S, DEFAULT_MAX_BYTES, SpoolError, SqliteSpool


class OneCollectorSpool:
    """A ``SqliteSpool`` with one collector's cursor. One process sends from a spool."""

    def __init__(
        self, path: Path, *, collector: str = "centre", max_bytes: int = DEFAULT_MAX_BYTES, keep_s: float = DEFAULT_KEEP_S
    ) -> None:
        """Open the spool in ``path``, or make one, to send from it.

        Raises:
            SpoolError: the file cannot be opened, is none of ours, or another process sends from it.
        """
        self._spool, self._collector = SqliteSpool(path, max_bytes=max_bytes, keep_s=keep_s), collector
        self._guard = path.with_name(f"{path.name}.lock").open("w")
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._guard.close()
            self._spool.close()
            raise SpoolError(f"{path}: another station sends from this spool; stop it, or name another with --spool") from error
        self.spool_id = self._spool.spool_id
        self.opened_seq = self._spool.next_seq
        self.instances: Sequence[str] = self._spool.draw_instance()

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
        """Close the file."""
        self._spool.close()
        self._guard.close()
