"""The spool on disk as the uplink to one collector sees it."""

from __future__ import annotations

from pathlib import Path

from station.sqlite_spool import SqliteSpool


class OneCollectorSpool:
    """A ``SqliteSpool`` whose only reader is one collector: what that one has is done with."""

    def __init__(self, path: Path, *, collector: str = "centre") -> None:
        """Open the spool in ``path``, or make one.

        Raises:
            SpoolError: the file cannot be opened, or is none of ours.
        """
        self._spool, self._collector = SqliteSpool(path), collector
        self.spool_id = self._spool.spool_id

    @property
    def first_seq(self) -> int:
        """The first number that the collector does not have yet."""
        return max(self._spool.first_seq, self._spool.committed_seq(self._collector) + 1)

    @property
    def next_seq(self) -> int:
        """Number that the next record will get."""
        return self._spool.next_seq

    def append(self, packed: bytes, *, kind: str = "record") -> int:
        """Keep one encoded record, durably, and return its number."""
        return self._spool.append(packed, kind=kind)

    def read(self, first_seq: int, *, max_records: int, max_bytes: int) -> list[bytes]:
        """Return records from ``first_seq`` on, within both bounds."""
        return self._spool.read(first_seq, max_records=max_records, max_bytes=max_bytes)

    def acknowledge(self, committed_seq: int) -> None:
        """Drop everything up to and including ``committed_seq``."""
        self._spool.acknowledge(self._collector, committed_seq)
        self._spool.drop_acknowledged()

    def close(self) -> None:
        """Close the file."""
        self._spool.close()
