"""Where reliable records wait until the collector has them: numbered from 0 without gaps, kept until acknowledged (decision 2)."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from station.errors import StationError

MAX_WAITING_BYTES: Final = 256 * 1024 * 1024
"""About a million records: more than a day without a collector."""


class SpoolFullError(StationError):
    """No more records can wait: nothing is dropped silently, so the caller must stop or say so."""

    def __init__(self, waiting: int, limit_bytes: int) -> None:
        """Say how much waits and what to do."""
        super().__init__(
            f"{waiting} records wait for the collector and fill the {limit_bytes / 2**20:g} MiB there are: "
            "make the collector reachable and start again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Numbers whose records were dropped."""

    first_seq: int
    last_seq: int
    kinds: str
    reason: str


class Spool(Protocol):
    """Reliable records of one station, in order. Every method may be called from any thread."""

    @property
    def spool_id(self) -> str:
        """32 hex digits, drawn when the spool was made."""
        ...

    @property
    def instances(self) -> Sequence[str]:
        """What was drawn whenever this spool was opened for sending, newest first, 16 hex digits each."""
        ...

    @property
    def opened_seq(self) -> int:
        """``next_seq`` when it was opened."""
        ...

    @property
    def first_seq(self) -> int:
        """The oldest number that can still be sent, as a record or as a gap; ``next_seq`` where none can."""
        ...

    @property
    def unacknowledged_seq(self) -> int:
        """The first number that the collector does not have yet."""
        ...

    @property
    def next_seq(self) -> int:
        """Number that the next record will get."""
        ...

    def append(self, packed: bytes, *, kind: str) -> int:
        """Keep one encoded record and return its number; when this returns it is as safe as this spool makes it.

        ``kind`` says what may be dropped first.

        Raises:
            SpoolFullError: there is no room.
        """
        ...

    def append_all(self, records: Sequence[tuple[bytes, str]]) -> list[int]:
        """Keep encoded records, each with its kind, together, and return their numbers; otherwise as ``append``."""
        ...

    def drew(self, instance: str) -> bool:
        """Return whether ``instance`` was ever drawn when this spool was opened, be it too long ago for ``instances``."""
        ...

    def read(self, first_seq: int, *, max_records: int, max_bytes: int) -> list[bytes]:
        """Return records ``first_seq``, ``first_seq`` + 1, ... within both bounds up to the next gap, at least one where there is one."""
        ...

    def gap_at(self, seq: int) -> Gap | None:
        """Return the gap that holds ``seq``; None: there is none."""
        ...

    def acknowledge(self, committed_seq: int) -> None:
        """Everything up to ``committed_seq`` is safe at the collector; fewer than before, where that was restored from a backup."""
        ...

    def set_aside(self, seq: int, reason: str) -> None:
        """Keep ``seq`` apart: the collector did not take it."""
        ...

    def close(self) -> None:
        """Let go of whatever is held."""
        ...


class MemorySpool:
    """A spool that lives as long as the program: for replays, which can be run again."""

    def __init__(self, *, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        """Begin an empty spool with an identity of its own."""
        self._spool_id = secrets.token_hex(16)
        self._instances = (secrets.token_hex(8),)
        self.opened_seq = 0
        self._records: deque[bytes] = deque()
        self._first_seq = 0
        self._bytes = 0
        self._limit = max_waiting_bytes
        self._lock = threading.Lock()

    @property
    def spool_id(self) -> str:
        """32 hex digits, drawn when the spool was made."""
        return self._spool_id

    @property
    def instances(self) -> Sequence[str]:
        """One: it is never opened again."""
        return self._instances

    @property
    def unacknowledged_seq(self) -> int:
        """The first number that the collector does not have yet: what it has is forgotten."""
        return self.first_seq

    @property
    def first_seq(self) -> int:
        """Number of the oldest record that is still held."""
        with self._lock:
            return self._first_seq

    @property
    def next_seq(self) -> int:
        """Number that the next record will get."""
        with self._lock:
            return self._first_seq + len(self._records)

    def append(self, packed: bytes, *, kind: str = "") -> int:
        """Keep one encoded record and return its number.

        Raises:
            SpoolFullError: there is no room.
        """
        with self._lock:
            if self._bytes + len(packed) > self._limit:
                raise SpoolFullError(len(self._records), self._limit)
            self._records.append(packed)
            self._bytes += len(packed)
            return self._first_seq + len(self._records) - 1

    def append_all(self, records: Sequence[tuple[bytes, str]]) -> list[int]:
        """Keep encoded records and return their numbers; those before one that finds no room are kept."""
        return [self.append(packed, kind=kind) for packed, kind in records]

    def drew(self, instance: str) -> bool:
        """Return whether ``instance`` is the only one there is."""
        return instance in self._instances

    def read(self, first_seq: int, *, max_records: int, max_bytes: int) -> list[bytes]:
        """Return records from ``first_seq`` on within both bounds, but at least one where there is one."""
        found: list[bytes] = []
        size = 0
        with self._lock:
            start = max(0, first_seq - self._first_seq)
            for index in range(start, min(len(self._records), start + max_records)):
                size += len(self._records[index])
                if found and size > max_bytes:
                    break
                found.append(self._records[index])
        return found

    def gap_at(self, seq: int) -> Gap | None:
        """Return None: nothing is dropped here."""
        return None

    def set_aside(self, seq: int, reason: str) -> None:
        """Do nothing: the uplink keeps the last of them."""

    def acknowledge(self, committed_seq: int) -> None:
        """Forget everything up to and including ``committed_seq``."""
        with self._lock:
            while self._records and self._first_seq <= committed_seq:
                self._bytes -= len(self._records.popleft())
                self._first_seq += 1

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""
