"""Ingest in a thread of the test."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from collector.errands import Errands
from collector.gate import Gate
from collector.ingest import Ingest
from collector.journal import Entry, JournalReader
from collector.journal_file import segment_paths
from collector.task_settings import TaskSettings


class RunningIngest:
    """Ingest in a thread of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        gate: Gate | None = None,
        publish: str | None = None,
        address: str = "tcp://127.0.0.1:*",
        status: Path | None = None,
        errands: Path | None = None,
    ) -> None:
        """``errands``: the data folder whose tasks go out and where captures are kept."""
        self.folder, self._status, self._errands = folder, status, errands
        self._gate, self._wanted, self._publish = gate, address, publish
        self.published = ""
        self.address = ""
        self._bound, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._bound.wait(10.0)

    def _run(self) -> None:
        errands = Errands(self._errands, TaskSettings()) if self._errands is not None else None
        ingest = Ingest(self.folder, self._wanted, gate=self._gate, publish=self._publish, status=self._status, errands=errands)
        self.address = ingest.endpoint
        if ingest._republisher is not None:
            self.published = ingest._republisher.endpoint
        self._bound.set()
        try:
            ingest.run(self._stop.is_set)
        finally:
            ingest.close()

    def totals(self) -> dict[str, int]:
        with JournalReader(self.folder) as reader:
            return dict(reader.totals())

    def numbers(self) -> list[int]:
        with JournalReader(self.folder) as reader:
            return [entry.seq for entry in reader.read(0, limit=100_000)]

    def entries(self) -> list[Entry]:
        with JournalReader(self.folder) as reader:
            return reader.read(0, limit=100_000)

    def counter(self, name: str) -> int:
        total = 0
        for path in segment_paths(self.folder):
            db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            total += sum(row[0] for row in db.execute("SELECT value FROM counter WHERE name = ?", (name,)))
            db.close()
        return total

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
