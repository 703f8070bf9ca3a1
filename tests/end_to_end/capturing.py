"""A collector that wants a capture, and a station's side that sends it."""

from __future__ import annotations

import time
from pathlib import Path

from collector.task_table import Limits, TaskTable, new_task_id, tasks_path
from config.wire import Task
from station.capture_sender import CaptureSender

STATION = "nui-vong-phu"


def ask(data: Path, station: str = STATION) -> str:
    """Put a task for a capture on the table and return its identity."""
    now_ns = time.time_ns()
    table = TaskTable(tasks_path(data))
    task = Task(
        task_id=new_task_id(),
        station=station,
        action="capture",
        freq_hz=944e6,
        bandwidth_hz=4e5,
        duration_s=2.0,
        reason="why",
        issued_by="person:an",
        issued_ns=now_ns,
        expires_ns=now_ns + 3600 * 10**9,
    )
    table.ask(task, Limits(per_station_hour=100))
    table.close()
    return task.task_id


def sender(kib_s: float | None) -> CaptureSender:
    return CaptureSender(max_bytes_s=None if kib_s is None else 1024 * kib_s, on_tasks=lambda _: None, now_s=time.monotonic())
