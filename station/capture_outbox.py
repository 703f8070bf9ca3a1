"""Captures on their way: which go to which collector, remembered in the book until each has all of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from config.wire import CaptureAnnouncement
from config.wire.frames import Tasks
from station.capture_sender import CaptureSender, Sending
from station.task_book import Outgoing, TaskBook


class CaptureOutbox:
    """One sender a collector."""

    def __init__(self, book: TaskBook, *, max_bytes_s: float | None) -> None:
        """``max_bytes_s``: cap on captures to each collector."""
        self._book, self._max_bytes_s = book, max_bytes_s
        self._senders: dict[str, CaptureSender] = {}

    def sender(self, collector: str, on_tasks: Callable[[Tasks], None]) -> CaptureSender:
        """Return what the uplink to ``collector`` carries beside records; it begins with what was not sent whole before."""
        made = CaptureSender(max_bytes_s=self._max_bytes_s, on_tasks=on_tasks, now_s=time.monotonic())
        self._senders[collector] = made
        for one in self._book.outgoing():
            if one.collector == collector:
                made.send(_sending(one))
        return made

    def send(self, record: CaptureAnnouncement, folder: Path, *, collector: str | None = None) -> None:
        """Have a capture in ``folder`` sent to ``collector``; None: to every one."""
        for name in [collector] if collector is not None else list(self._senders):
            self._queue(
                Outgoing(
                    capture_id=record.capture_id,
                    collector=name,
                    task_id=record.task_id,
                    folder=str(folder),
                    meta_sha256=record.meta_sha256 or "",
                    data_sha256=record.sha256,
                )
            )

    def fetch(self, capture_id: str, folder: Path, *, collector: str, task_id: str) -> None:
        """Have a capture of any time sent.

        Raises:
            OSError: it is not in ``folder``.
        """
        digests = []
        for part in ("meta", "data"):
            with (folder / f"{capture_id}.sigmf-{part}").open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
        meta, data = digests
        self._queue(
            Outgoing(
                capture_id=capture_id,
                collector=collector,
                task_id=task_id,
                folder=str(folder),
                meta_sha256=meta,
                data_sha256=data,
            )
        )

    def settle(self) -> None:
        """Note in the book what came to an end."""
        for collector, sender in self._senders.items():
            for ended in sender.ended():
                self._book.ended(ended.capture_id, collector, outcome=ended.outcome, reason=ended.reason)

    def close(self) -> None:
        """Close what is open; what is not sent whole goes on after the next start."""
        self.settle()
        for sender in self._senders.values():
            sender.close()

    def _queue(self, outgoing: Outgoing) -> None:
        self._book.queue(outgoing, now_ns=time.time_ns())
        if (sender := self._senders.get(outgoing.collector)) is not None:
            sender.send(_sending(outgoing))


def _sending(one: Outgoing) -> Sending:
    return Sending(
        capture_id=one.capture_id,
        folder=Path(one.folder),
        task_id=one.task_id,
        meta_sha256=one.meta_sha256,
        data_sha256=one.data_sha256,
    )
