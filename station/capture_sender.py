"""Sends captures in pieces, below every record: one piece under way at a time, small enough that what comes behind it does not wait.

The collector says how much of a file it has on disk, so a piece with nothing in it asks, and sending goes on from the answer: after a lost
connection, a restart of the station, a restart of the collector. Pieces shrink on a slow link until one takes less than ``SLOW_S``.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from config.wire.frames import AnyFrame, CaptureAck, CaptureChunk, Tasks
from config.wire.version import MAX_CHUNK_BYTES
from station.rate_cap import RateCap

FIRST_BYTES: Final = 16 * 1024
MIN_BYTES: Final = 2 * 1024
SLOW_S: Final = 0.25
FAST_S: Final = 0.08
SHARE_S: Final = 0.2
"""A piece is at most what the cap lets through in this time."""
AGAIN_S: Final = 10.0
"""A piece that was not acknowledged for so long is asked after."""
TASKS: Final = "tasks"
Part = Literal["meta", "data"]
PARTS: Final[tuple[Part, ...]] = ("meta", "data")
Outcome = Literal["sent", "refused", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A capture that is to be sent."""

    capture_id: str
    folder: Path
    task_id: str | None
    meta_sha256: str
    data_sha256: str

    def path(self, part: Part) -> Path:
        """Return one file of the pair."""
        return self.folder / f"{self.capture_id}.sigmf-{part}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How sending a capture ended."""

    capture_id: str
    outcome: Outcome
    reason: str


class CaptureSender:
    """What the uplink carries beside records: tasks in, captures out. ``send`` and ``ended`` may be called from any thread."""

    def __init__(self, *, max_bytes_s: float | None, on_tasks: Callable[[Tasks], None], now_s: float) -> None:
        """``max_bytes_s``: cap on captures alone. ``on_tasks`` is called in the uplink's thread and has to be quick."""
        self._cap = RateCap(max_bytes_s, now_s=now_s)
        self._most = MAX_CHUNK_BYTES if max_bytes_s is None else max(MIN_BYTES, min(MAX_CHUNK_BYTES, int(max_bytes_s * SHARE_S)))
        self._bytes = min(FIRST_BYTES, self._most)
        self._on_tasks = on_tasks
        self._lock = threading.Lock()
        self._queue: deque[Sending] = deque()
        self._ended: deque[Sent] = deque()
        self._file: _Open | None = None
        self._under_way_s: float | None = None
        self.sent_bytes = 0
        """Of captures, acknowledged since the program began."""

    @property
    def features(self) -> Sequence[str]:
        """Tasks."""
        return (TASKS,)

    def send(self, sending: Sending) -> None:
        """Have a capture sent after those that wait; one that waits already is not sent twice."""
        with self._lock:
            if all(one.capture_id != sending.capture_id for one in self._queue):
                self._queue.append(sending)

    def ended(self) -> list[Sent]:
        """Return what came to an end since the last time."""
        with self._lock:
            ended = list(self._ended)
            self._ended.clear()
        return ended

    @property
    def waiting(self) -> int:
        """Captures that are to be sent."""
        with self._lock:
            return len(self._queue)

    def take(self, frame: AnyFrame, now_s: float) -> None:
        """Take in tasks, and acknowledgements of pieces."""
        if isinstance(frame, Tasks):
            self._on_tasks(frame)
        elif isinstance(frame, CaptureAck) and self._file is not None and self._file.is_meant(frame):
            self._acknowledged(self._file, frame, now_s)

    def lost(self) -> None:
        """Ask anew how much of the file is there."""
        self._under_way_s = None
        if self._file is not None:
            self._file.offset = None

    def next_frame(self, now_s: float) -> AnyFrame | None:
        """Return the next piece, where none is under way and the cap has room."""
        if self._under_way_s is not None:
            if now_s - self._under_way_s < AGAIN_S:
                return None
            self.lost()
        if self._file is None:
            self._file = self._next_file()
        if (file := self._file) is None:
            return None
        if file.offset is not None and not self._cap.room(now_s):
            return None
        try:
            data = b"" if file.offset is None else file.read(self._bytes)
        except OSError as error:
            self._end(file, "gone", f"{file.sending.path(file.part)}: {error.strerror}")
            return None
        return CaptureChunk(
            capture_id=file.sending.capture_id,
            part=file.part,
            total_bytes=file.total,
            sha256=file.sha256,
            offset=file.offset or 0,
            data=data,
            task_id=file.sending.task_id,
        )

    def sent(self, frame: AnyFrame, now_s: float) -> None:
        """Note that a piece is under way."""
        if isinstance(frame, CaptureChunk):
            self._under_way_s = now_s
            self._cap.spent(len(frame.data))

    def wait_s(self, now_s: float) -> float:
        """Return when to look again: when the cap has room, or when a piece counts as lost."""
        if self._under_way_s is not None:
            return max(0.0, self._under_way_s + AGAIN_S - now_s)
        if self._file is None and not self.waiting:
            return 60.0
        return self._cap.wait_s()

    def close(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file.close()

    def _acknowledged(self, file: _Open, ack: CaptureAck, now_s: float) -> None:
        if self._under_way_s is not None and file.offset is not None:
            self._adapt(now_s - self._under_way_s)
        self._under_way_s = None
        if ack.state == "refused":
            self._end(file, "refused", ack.reason)
            return
        self.sent_bytes += 0 if file.offset is None else max(0, ack.offset - file.offset)
        if ack.state == "more":
            file.offset = min(ack.offset, file.total)
            if file.offset == file.total:  # all of it is there and the collector has not said that it is right
                file.offset = None
            return
        file.close()
        if file.part == PARTS[-1]:
            self._end(file, "sent", "")
        else:
            self._file = self._opened(file.sending, PARTS[PARTS.index(file.part) + 1])

    def _adapt(self, took_s: float) -> None:
        """Let the pieces grow on a fast link and shrink on a slow one."""
        if took_s > SLOW_S:
            self._bytes = max(MIN_BYTES, self._bytes // 2)
        elif took_s < FAST_S:
            self._bytes = min(self._most, self._bytes * 2)

    def _next_file(self) -> _Open | None:
        while True:
            with self._lock:
                if not self._queue:
                    return None
                sending = self._queue[0]
            if (file := self._opened(sending, PARTS[0])) is not None:
                return file

    def _opened(self, sending: Sending, part: Part) -> _Open | None:
        """Open one file; None: it is gone, and so is the capture from the queue."""
        try:
            return _Open(sending, part)
        except OSError as error:
            self._tell(sending, "gone", f"{sending.path(part)}: {error.strerror}")
            return None

    def _end(self, file: _Open, outcome: Outcome, reason: str) -> None:
        file.close()
        self._file = None
        self._tell(file.sending, outcome, reason)

    def _tell(self, sending: Sending, outcome: Outcome, reason: str) -> None:
        with self._lock:
            self._queue = deque(one for one in self._queue if one.capture_id != sending.capture_id)
            self._ended.append(Sent(capture_id=sending.capture_id, outcome=outcome, reason=reason))


class _Open:
    """One file while it is sent. ``offset`` None: the collector is to be asked how much it has."""

    def __init__(self, sending: Sending, part: Part) -> None:
        self.sending, self.part = sending, part
        self.offset: int | None = None
        self._fd = os.open(sending.path(part), os.O_RDONLY | os.O_CLOEXEC)
        self.total = os.fstat(self._fd).st_size
        self.sha256 = sending.meta_sha256 if part == "meta" else sending.data_sha256

    def read(self, n_bytes: int) -> bytes:
        assert self.offset is not None
        data = os.pread(self._fd, n_bytes, self.offset)
        if not data:
            raise OSError(None, "the file became shorter")
        return data

    def is_meant(self, ack: CaptureAck) -> bool:
        return (ack.capture_id, ack.part) == (self.sending.capture_id, self.part)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._fd)
        self._fd = -1
