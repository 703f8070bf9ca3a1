"""What the collector asks of this station, and what the inspector's key does: taken on or refused, done between sweeps, told.

Tasks come in by the uplink's thread and are dealt with by the agent's (``step``). What is taken on is in the book first, so that one that
comes again, after a restart too, is not done again.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from config.settings import StationSettings
from config.wire import AnyRecord, CaptureAnnouncement, EmissionReport, GsmCellReport, Header, LteCellReport, Task, TaskResult
from config.wire.frames import Tasks
from station.capture_outbox import CaptureOutbox
from station.capture_sender import CaptureSender
from station.errors import ReceiverError, StationError
from station.messages import header_fields
from station.task_book import HOUR_NS, BookedTask, BookState, TaskBook

ACTIONS: Final = ("capture", "dwell", "watch", "fetch")
WORST_ERRORS: Final = 3
"""A watch that fails so often in a row is given up."""


class Listener(Protocol):
    """The receiver, as tasks use it."""

    @property
    def free(self) -> bool:
        """Whether the receiver may be used now."""
        ...

    def cannot(self, task: Task) -> str | None:
        """Return why ``task`` cannot be done; None: it can."""
        ...

    def capture(self, task: Task) -> CaptureAnnouncement:
        """Keep samples."""
        ...

    def stay(self, freq_hz: float, duration_s: float) -> object:
        """Have the ring hold what is heard there."""
        ...

    def visit(self, task: Task, *, thorough: bool) -> Iterable[list[AnyRecord]]:
        """Listen once."""
        ...

    def leave(self, task: Task) -> list[AnyRecord]:
        """Return what remains to be said."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What the desk needs of the agent. ``recover``: opens a receiver again that failed."""

    listener: Listener
    header: Callable[[], Header]
    now_ns: Callable[[], int]
    put: Callable[[list[AnyRecord]], None]
    want_capture: Callable[[float, str], None]
    recover: Callable[[ReceiverError], None]
    stopping: Callable[[], bool]
    folder: Path
    """Where captures are."""


class TaskDesk:
    """Takes tasks on, works on them, says how they went."""

    def __init__(self, settings: StationSettings, book: TaskBook) -> None:
        """``book`` is closed with the desk."""
        self._settings, self._limits, self._book = settings, settings.tasks, book
        self._outbox = CaptureOutbox(book, max_bytes_s=1024.0 * settings.capture.send_kib_s)
        self._inbox: queue.SimpleQueue[tuple[str, Tasks, int]] = queue.SimpleQueue()
        self._keys: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
        self._place: Workplace | None = None
        self._due_s: dict[str, float] = {}
        self._errors: dict[str, int] = {}

    def sender(self, collector: str) -> CaptureSender:
        """Return what the uplink to ``collector`` carries beside records."""
        return self._outbox.sender(collector, lambda frame: self._inbox.put((collector, frame, time.time_ns())))

    def press(self, freq_hz: float, reason: str) -> None:
        """Have what is heard at ``freq_hz`` kept: the inspector wants it. May be called from any thread."""
        self._keys.put((freq_hz, reason))

    def begin(self, place: Workplace) -> None:
        """Go to work."""
        self._place = place
        self._book.forget(time.time_ns())

    def step(self) -> None:
        """Do what is due; what needs the receiver only where it is free.

        Raises:
            StationError: the book cannot be written; what came meanwhile comes again.
        """
        if self._place is not None:
            try:
                self._step(self._place)
            except sqlite3.Error as error:
                raise StationError(f"tasks are not noted: {error}: make room on the disk of the state folder") from error

    def _step(self, place: Workplace) -> None:
        if place.listener.free and not self._keys.empty():
            self._keep_for_inspector(place, *self._keys.get_nowait())
        with contextlib.suppress(queue.Empty):
            while True:
                self._came(place, *self._inbox.get_nowait())
        self._outbox.settle()
        for booked in self._book.unfinished():
            if place.stopping():
                return
            if booked.state == "waiting" and time.time_ns() > booked.deadline_ns:
                self._over(place, booked, "expired", "its time was over before it could be done")
            elif place.listener.free and time.monotonic() >= self._due_s.get(booked.task.task_id, 0.0):
                self._work(place, booked)

    def _keep_for_inspector(self, place: Workplace, freq_hz: float, reason: str) -> None:
        """Keep the moment before the key, and stay for what comes after it."""
        place.want_capture(freq_hz, reason)
        try:
            place.listener.stay(freq_hz, min(self._settings.capture.after_s, 0.8 * self._settings.capture.ring_s))
        except ReceiverError as error:
            place.recover(error)
        except StationError:
            return  # being stopped: what is in the ring is kept at the end

    def sent_captures(self) -> list[str]:
        """Return the captures that may go when room is needed: the collectors have them."""
        with contextlib.suppress(sqlite3.Error):  # a full disk: nothing goes then
            self._outbox.settle()
            return self._book.sent_everywhere()
        return []

    def announced(self, record: CaptureAnnouncement) -> None:
        """Have a capture that was not asked for sent too, where the settings want that."""
        if self._settings.capture.send == "all" and self._place is not None:
            self._outbox.send(record, self._place.folder)

    def close(self) -> None:
        """Close the book; what is not done is done after the next start."""
        self._outbox.close()
        self._book.close()

    # taking on

    def _came(self, place: Workplace, collector: str, frame: Tasks, came_ns: int) -> None:
        for task in frame.tasks:
            known = self._book.get(task.task_id)
            deadline_ns = came_ns + max(0, task.expires_ns - frame.now_ns)
            booked = known or BookedTask(task=task, came_ns=came_ns, deadline_ns=deadline_ns, collector=collector)
            if task.cancelled:
                if known is None or known.state in ("waiting", "running"):
                    place.put(place.listener.leave(task))
                    self._over(place, booked, "cancelled", "")
            elif known is None:
                self._take_on(place, booked)

    def _take_on(self, place: Workplace, booked: BookedTask) -> None:
        task = booked.task
        if (reason := self._refusal(place, task)) is not None:
            self._over(place, booked, "refused", reason)
        elif task.action == "fetch":
            self._fetch(place, booked)
        else:
            self._book.put(booked)
            self._say(place, booked, "accepted", "")

    def _refusal(self, place: Workplace, task: Task) -> str | None:
        """Return why ``task`` is not taken on; None: it is."""
        limits, now_ns = self._limits, time.time_ns()
        if not limits.accept:
            return "this station takes no tasks (tasks.accept)"
        if task.station != self._settings.station.name:
            return f"this is {self._settings.station.name}"
        if task.action not in ACTIONS:
            return f"{task.action}: this version knows {', '.join(ACTIONS)}"
        if self._book.taken_since(now_ns - HOUR_NS) >= limits.per_hour:
            return f"{limits.per_hour} tasks in an hour are enough (tasks.per_hour)"
        if len(self._book.unfinished()) >= limits.max_waiting:
            return f"{limits.max_waiting} tasks wait already (tasks.max_waiting)"
        if task.action == "fetch":
            return None
        most = {"capture": limits.max_capture_s, "dwell": limits.max_dwell_s, "watch": limits.max_watch_s}[task.action]
        if not 0 < task.duration_s <= most:
            return f"{task.duration_s:g} s: a {task.action} here lasts up to {most:g} s (tasks.max_{task.action}_s)"
        return place.listener.cannot(task)

    def _fetch(self, place: Workplace, booked: BookedTask) -> None:
        """Have a capture that is kept here sent."""
        name = booked.task.capture_id or ""
        try:
            self._outbox.fetch(name, place.folder, collector=booked.collector, task_id=booked.task.task_id)
        except OSError as error:
            self._over(place, booked, "refused", f"{name}: not here: {error.strerror}")
            return
        self._over(place, booked, "done", "", capture_id=name)

    # doing

    def _work(self, place: Workplace, booked: BookedTask) -> None:
        task = booked.task
        if booked.state == "waiting":
            booked.state, booked.began_ns = "running", time.time_ns()
            self._book.put(booked)
        try:
            if task.action == "capture":
                self._capture(place, booked)
            elif task.action == "dwell":
                self._dwell(place, booked)
            else:
                self._watch(place, booked)
            self._errors.pop(task.task_id, None)
        except ReceiverError as error:
            place.recover(error)
            self._errors[task.task_id] = self._errors.get(task.task_id, 0) + 1
            if self._errors[task.task_id] >= WORST_ERRORS:
                self._over(place, booked, "failed", str(error))
        except StationError as error:
            if not place.stopping():  # else it is done after the next start
                self._over(place, booked, "failed", str(error))

    def _capture(self, place: Workplace, booked: BookedTask) -> None:
        announcement = place.listener.capture(booked.task)
        place.put([announcement])
        booked.listened_s = announcement.duration_s
        if booked.task.send:
            self._outbox.send(announcement, place.folder, collector=booked.collector)
        self._over(place, booked, "done", "", capture_id=announcement.capture_id)

    def _dwell(self, place: Workplace, booked: BookedTask) -> None:
        """Listen for as long as was asked; energy and cells in turn."""
        while booked.listened_s < booked.task.duration_s:
            self._visit(place, booked, thorough=True)
            if place.stopping():
                return
        place.put(place.listener.leave(booked.task))
        self._over(place, booked, "done", "")

    def _watch(self, place: Workplace, booked: BookedTask) -> None:
        """Visit once, and set the time of the next visit, or end."""
        assert booked.began_ns is not None
        task = booked.task
        if time.time_ns() - booked.began_ns >= task.duration_s * 1e9:
            place.put(place.listener.leave(task))
            self._over(place, booked, "done", "")
            return
        took_s = self._visit(place, booked, thorough=False)
        watches = max(1, sum(one.task.action == "watch" for one in self._book.unfinished()))
        pause_s = max(self._limits.watch_interval_s, took_s * watches / self._limits.watch_share)
        self._due_s[task.task_id] = time.monotonic() + pause_s

    def _visit(self, place: Workplace, booked: BookedTask, *, thorough: bool) -> float:
        """Listen once, say what was heard, note it in the book; return how long it took."""
        began_s = time.monotonic()
        for records in place.listener.visit(booked.task, thorough=thorough):
            place.put(records)
            booked.records += sum(isinstance(one, EmissionReport | GsmCellReport | LteCellReport) for one in records)
        took_s = time.monotonic() - began_s
        booked.listened_s = round(booked.listened_s + took_s, 3)
        self._book.put(booked)
        return took_s

    # telling

    def _over(self, place: Workplace, booked: BookedTask, state: BookState, reason: str, *, capture_id: str | None = None) -> None:
        """Say how a task ended, then note it: killed in between, it is said twice."""
        self._say(place, booked, state, reason, capture_id=capture_id)
        booked.state = state
        self._book.put(booked)
        self._due_s.pop(booked.task.task_id, None)

    def _say(self, place: Workplace, booked: BookedTask, state: Any, reason: str, *, capture_id: str | None = None) -> None:
        task = booked.task
        result = TaskResult(
            **header_fields(place.header()),
            start_time_ns=place.now_ns(),
            task_id=task.task_id,
            action=task.action,
            state=state,
            reason=reason[:400],
            issued_by=task.issued_by,
            freq_hz=task.freq_hz,
            duration_s=booked.listened_s,
            records=booked.records,
            capture_id=capture_id,
        )
        place.put([result])
