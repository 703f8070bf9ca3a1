"""A task desk with a fake receiver, and what it said; tasks to give it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.settings import CaptureSection, StationSection, StationSettings, TasksSection
from config.wire import AnyRecord, CaptureAnnouncement, Header, Task, TaskResult
from config.wire.frames import Tasks
from station.capture_sender import CaptureSender
from station.errors import ReceiverError
from station.task_book import TaskBook
from station.tasks import TaskDesk, Workplace
from tests.end_to_end.running import T0_NS, emission

HEADER = Header(station="a", origin="live", time_source="ntp")


class FakeReceiver:
    """Does as it is told, and says what was asked of it."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.free = True
        self.no: str | None = None
        self.fault: Exception | None = None

    def cannot(self, task: Task) -> str | None:
        return self.no

    def capture(self, task: Task) -> CaptureAnnouncement:
        self._fail()
        self.done.append(("capture", task.task_id))
        return CaptureAnnouncement(
            station="a",
            origin="live",
            start_time_ns=T0_NS,
            time_source="ntp",
            capture_id=f"c-{task.task_id}",
            reason=task.reason,
            center_freq_hz=task.freq_hz or 0.0,
            sample_rate_hz=2.4e6,
            duration_s=task.duration_s,
            n_samples=10,
            n_segments=1,
            sha256="0" * 64,
            meta_sha256="1" * 64,
            task_id=task.task_id,
        )

    def stay(self, freq_hz: float, duration_s: float) -> None:
        self.done.append(("stay", f"{freq_hz:.0f} {duration_s:g}"))

    def visit(self, task: Task, *, thorough: bool) -> Iterator[list[AnyRecord]]:
        self._fail()
        time.sleep(0.02)
        self.done.append(("visit", task.task_id))
        yield [emission(station="a")]

    def leave(self, task: Task) -> list[AnyRecord]:
        self.done.append(("leave", task.task_id))
        return []

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault


class Station:
    """A desk with a fake receiver, and what it said."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.folder, self.receiver, self.said = folder, FakeReceiver(), list[AnyRecord]()
        self.keys: list[tuple[float, str]] = []
        self.recovered: list[ReceiverError] = []
        settings = StationSettings(station=StationSection(name="a"), tasks=TasksSection(**limits), capture=CaptureSection(after_s=1.5))
        self.desk = TaskDesk(settings, TaskBook(folder / "tasks.db"))
        self.sender: CaptureSender = self.desk.sender("centre")
        self.stopping = False
        self.desk.begin(
            Workplace(
                listener=self.receiver,
                header=lambda: HEADER,
                now_ns=lambda: T0_NS,
                put=self.said.extend,
                want_capture=lambda freq_hz, reason: self.keys.append((freq_hz, reason)),
                recover=self.recovered.append,
                stopping=lambda: self.stopping,
                folder=folder,
            )
        )

    def come(self, *tasks: Task, now_ns: int = T0_NS) -> None:
        self.sender.take(Tasks(tasks=list(tasks), now_ns=now_ns), 0.0)
        self.desk.step()

    def results(self) -> list[tuple[str, str]]:
        return [(one.state, one.reason) for one in self.said if isinstance(one, TaskResult)]


def task(number: int = 1, **changes: Any) -> Task:
    fields: dict[str, Any] = {
        "task_id": f"{number:016x}",
        "station": "a",
        "action": "capture",
        "freq_hz": 944e6,
        "bandwidth_hz": 4e5,
        "duration_s": 2.0,
        "reason": "why",
        "issued_by": "finding:00aa",
        "issued_ns": T0_NS,
        "expires_ns": T0_NS + 60 * 10**9,
    }
    return Task(**{**fields, **changes})
