"""``task``: what the collector asks of a station; ``task_result``: what the station says of it.

Tasks go down in a frame of their own (``frames.Tasks``) and are sent again until they are answered, so a station may see one often. A
result is a reliable record like any other.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from config.wire.base import Count, FreqHz, Record, Seconds, ShortText, SpanHz, StationName, TimeNs

TaskId = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
CaptureId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}$")]
Action = Annotated[str, Meta(pattern=r"^[a-z_]{1,32}$", description="capture, dwell, watch, fetch; others are refused by the station")]
TaskState = Literal["accepted", "done", "refused", "failed", "expired", "cancelled"]


class Task(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="task"):
    """One task.

    ``capture`` keeps raw samples, ``dwell`` listens long once, ``watch`` comes back again and again, ``fetch`` sends what was kept.
    """

    task_id: TaskId
    station: StationName
    action: Action
    freq_hz: FreqHz | None
    """Null for ``fetch`` alone."""
    bandwidth_hz: SpanHz
    """What is to be heard around ``freq_hz``; 0: whatever one tuning hears."""
    duration_s: Seconds
    """Of the samples kept, of the long dwell, of the time that is watched."""
    capture_id: CaptureId | None = None
    """What ``fetch`` is for."""
    send: bool = True
    """Whether what a ``capture`` keeps is to be sent as well."""
    reason: ShortText
    issued_by: Annotated[str, Meta(pattern=r"^(finding|person):.{1,200}$")]
    issued_ns: TimeNs
    expires_ns: TimeNs
    """By the collector's clock; a station goes by what is left of it when the task comes."""
    cancelled: bool = False
    """True: not wanted any more; stop, and say so."""


class TaskResult(Record, frozen=True, kw_only=True, tag="task_result"):
    """What became of a task. ``accepted`` is not the last word, everything else is."""

    task_id: TaskId
    action: Action
    state: TaskState
    reason: ShortText
    """Why it went so; empty where it is done."""
    issued_by: ShortText
    freq_hz: FreqHz | None
    duration_s: Seconds
    """Listened for it."""
    records: Count
    """Emissions and cells reported while at it."""
    capture_id: CaptureId | None = None
