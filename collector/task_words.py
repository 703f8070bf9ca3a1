"""How tasks and captures are written for people: Vietnamese first. Text from stations stays text."""

from __future__ import annotations

from typing import Final

from collector.captures import KeptCapture
from collector.store import CaptureRow
from collector.task_table import TaskRow
from collector.words import moment

ACTION_WORDS: Final = {
    "capture": "ghi IQ / capture",
    "dwell": "nghe lâu / longer dwell",
    "watch": "theo dõi / watch",
    "fetch": "lấy bản ghi / fetch",
}
TASK_STATE_WORDS: Final = {
    "open": "chờ trạm / waiting for the station",
    "accepted": "trạm đang làm / under way",
    "cancelling": "đang hủy / being cancelled",
    "done": "xong / done",
    "refused": "bị từ chối / refused",
    "failed": "thất bại / failed",
    "expired": "hết hạn / expired",
    "cancelled": "đã hủy / cancelled",
}
CAPTURE_STATE_WORDS: Final = {
    "coming": "đang về / coming",
    "whole": "đủ / here",
    "wrong": "sai / wrong",
    "refused": "bị từ chối / refused",
    "deleted": "đã xóa / deleted",
}
AT_STATION: Final = "ở trạm / at the station"


def plain(text: str) -> str:
    """Return ``text`` on one line, without control characters."""
    return "".join(c if c.isprintable() else "�" for c in text)


def task_line(row: TaskRow) -> str:
    """Return a task and what became of it as one line."""
    task = row.task
    where = f"{task.freq_hz / 1e6:.4f} MHz" if task.freq_hz is not None else plain(task.capture_id or "")
    parts = [
        f"{task.task_id}  {moment(task.issued_ns)}  {task.station}  {ACTION_WORDS.get(task.action, task.action)}  {where}",
        f"{task.duration_s:g} s",
        TASK_STATE_WORDS[row.state],
    ]
    if row.reason:
        parts.append(plain(row.reason))
    if row.records:
        parts.append(f"{row.records} bản tin / records")
    if row.capture_id:
        parts.append(plain(row.capture_id))
    parts.append(plain(task.issued_by))
    return "  ".join(parts)


def finding_task_lines(rows: list[TaskRow]) -> list[str]:
    """Return the tasks of a finding as they are shown below it."""
    return [f"    ▸ {task_line(row)}" for row in rows]


def capture_line(station: str, capture_id: str, announced: CaptureRow | None, kept: KeptCapture | None, have_bytes: int) -> str:
    """Return a capture, announced or here or both, as one line."""
    state = AT_STATION if kept is None else CAPTURE_STATE_WORDS[kept.state]
    if kept is not None and kept.state == "coming" and kept.data_bytes:
        state += f" {have_bytes / kept.data_bytes:.0%}"
    parts = [f"{capture_id}  {station}  {state}"]
    if announced is not None:
        parts += [f"{announced.center_freq_hz / 1e6:.4f} MHz", f"{announced.duration_s:g} s", plain(announced.reason)]
        if kept is not None and kept.data_sha256 not in (None, announced.sha256):
            parts.append("mã băm khác với khi báo / another hash than announced")
    if kept is not None and kept.reason:
        parts.append(plain(kept.reason))
    if kept is not None and kept.held_by is not None:
        parts.append(f"giữ / held: {plain(kept.held_by)} {plain(kept.held_why)}".rstrip())
    return "  ".join(parts)
