"""What ingest does beside records: brings stations their tasks, and takes the pieces of captures. Neither ever holds a record up.

Tasks are read from ``tasks.db`` about once a second and go out in answer to a station's own message, whose key was looked at. Pieces of
captures go to a thread of their own; what it acknowledges comes back through ``acknowledged``, and ``fd`` wakes whoever polls.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from collector.capture_intake import CaptureIntake
from collector.captures import Captures
from collector.errors import CollectorError, StorageError
from collector.task_settings import TaskSettings, task_settings
from collector.task_table import TaskTable, frames_for, tasks_path
from config.logs import Event
from config.wire import Task
from config.wire.frames import AnyFrame, CaptureAck, CaptureChunk

LOOK_S: Final = 0.5
AGAIN_S: Final = 30.0
"""A task that a connected station has not answered is sent again after this."""
WAITING_CHUNKS: Final = 64
WAITING_OF_ONE: Final = 2
TASKS: Final = "tasks"

log = logging.getLogger("collector.errands")


class Errands:
    """Tasks out, captures in."""

    def __init__(self, data: Path, settings: TaskSettings) -> None:
        """Nobody is connected.

        Raises:
            StorageError: ``captures.db`` cannot be used.
        """
        self._path = tasks_path(data)
        self._table: TaskTable | None = None
        self._version, self._look_s, self._moment_s = -1, 0.0, 0.0
        self._pending: dict[str, list[Task]] = {}
        self._stations: dict[bytes, str] = {}
        self._peers: dict[str, bytes] = {}
        self._sent: dict[bytes, dict[tuple[str, bool], float]] = {}
        self._intake = _IntakeThread(Captures(data), settings, self._path)

    @property
    def fd(self) -> int:
        """Readable when pieces were acknowledged."""
        return self._intake.wake_fd

    def hello(self, peer: bytes, station: str, features: Sequence[str]) -> None:
        """Note a connection: it has been told nothing yet."""
        self.gone(peer)
        if TASKS in features:
            self.gone(self._peers.get(station, peer))
            self._stations[peer], self._peers[station], self._sent[peer] = station, peer, {}

    def gone(self, peer: bytes) -> None:
        """Forget a connection."""
        station = self._stations.pop(peer, None)
        self._sent.pop(peer, None)
        if station is not None and self._peers.get(station) == peer:
            del self._peers[station]

    def due_for(self, peer: bytes) -> list[AnyFrame]:
        """Return the tasks that ``peer``, who has just spoken, is to be told now."""
        station = self._stations.get(peer)
        if station is None:
            return []
        self._look()
        tasks = self._pending.get(station)
        if not tasks:
            return []
        now_s, sent = time.monotonic(), self._sent[peer]
        due = [one for one in tasks if now_s - sent.get((one.task_id, one.cancelled), float("-inf")) >= AGAIN_S]
        for one in due:
            sent[(one.task_id, one.cancelled)] = now_s
        return list(frames_for(due, time.time_ns()))

    def take_chunk(self, peer: bytes, station: str, chunk: CaptureChunk) -> None:
        """Have a piece kept; where too many wait it is let go, and the station sends it again."""
        self._intake.put(peer, station, chunk)

    def acknowledged(self) -> list[tuple[bytes, CaptureAck]]:
        """Return what has become durable since the last time, with whom to tell."""
        return self._intake.take()

    def close(self) -> None:
        """Finish the pieces that wait, and close."""
        self._intake.close()
        if self._table is not None:
            self._table.close()

    def _look(self) -> None:
        """Read the tasks anew if somebody has changed them."""
        now_s = time.monotonic()
        if now_s < self._look_s:
            return
        self._look_s = now_s + LOOK_S
        try:
            if self._table is None:
                self._table = TaskTable.reading(self._path)
                self._version = -1
            if self._table is None or (version := self._table.version()) == self._version:
                return
            pending: dict[str, list[Task]] = {}
            for task in self._table.pending():
                pending.setdefault(task.station, []).append(task)
            self._pending, self._version = pending, version
            known = {task.task_id for tasks in pending.values() for task in tasks}
            for peer, sent in self._sent.items():
                self._sent[peer] = {key: at for key, at in sent.items() if key[0] in known}
        except (sqlite3.Error, StorageError) as error:
            log.warning(Event("tasks_unread", reason=str(error)))
            if self._table is not None:
                self._table.close()
            self._table = None


def errands_or_none(data: Path) -> Errands | None:
    """Return the errands of a data folder; None, and a word in the log, where they cannot be: records go on without them."""
    try:
        return Errands(data, task_settings(data))
    except CollectorError as error:
        log.error(Event("no_errands", reason=str(error)))
        return None


class _IntakeThread:
    """Runs a ``CaptureIntake``."""

    def __init__(self, captures: Captures, settings: TaskSettings, tasks: Path) -> None:
        self._captures, self._tasks = captures, tasks
        self._intake = CaptureIntake(captures, settings.captures, self._asked_for)
        self._queue: queue.Queue[tuple[bytes, str, CaptureChunk] | None] = queue.Queue(WAITING_CHUNKS)
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()
        self._acks: list[tuple[bytes, CaptureAck]] = []
        self.wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="captures", daemon=True)
        self._thread.start()

    def put(self, peer: bytes, station: str, chunk: CaptureChunk) -> None:
        with self._lock:
            if self._waiting[station] >= WAITING_OF_ONE:
                return
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait((peer, station, chunk))
                self._waiting[station] += 1

    def take(self) -> list[tuple[bytes, CaptureAck]]:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.wake_fd)
        with self._lock:
            acks, self._acks = self._acks, []
        return acks

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._captures.close()
        os.close(self.wake_fd)

    def _run(self) -> None:
        while (one := self._queue.get()) is not None:
            peer, station, chunk = one
            try:
                ack = self._intake.take(station, chunk)
            except (sqlite3.Error, StorageError, OSError) as error:  # a full disk, a locked file: the station comes again
                log.warning(Event("capture_unkept", station=station, capture=chunk.capture_id, reason=str(error)))
                ack = None
            with self._lock:
                self._waiting[station] -= 1
                if ack is not None:
                    self._acks.append((peer, ack))
            if ack is not None and ack.state == "refused":
                log.warning(Event("capture_refused", station=station, capture=chunk.capture_id, reason=ack.reason))
            os.eventfd_write(self.wake_fd, 1)

    def _asked_for(self, station: str, task_id: str) -> Task | None:
        table = TaskTable.reading(self._tasks)
        if table is None:
            return None
        try:
            row = table.row(task_id)
        finally:
            table.close()
        return row.task if row is not None and row.task.station == station and row.state not in ("cancelled", "refused") else None
