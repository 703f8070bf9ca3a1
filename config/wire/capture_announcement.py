"""``capture``: raw IQ was kept at the station; the record says what and where. The samples stay there until they are asked for."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from config.wire.base import Count, FreqHz, Record, Seconds, ShortText, SpanHz
from config.wire.task import TaskId


class CaptureAnnouncement(Record, frozen=True, kw_only=True, tag="capture"):
    """One SigMF pair. ``start_time_ns`` is its first sample."""

    capture_id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,120}$")]
    """Name of the pair without its suffix."""
    reason: ShortText
    center_freq_hz: FreqHz
    """What it was kept for."""
    sample_rate_hz: SpanHz
    duration_s: Seconds
    n_samples: Count
    n_segments: Count
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    """Of the data file."""
    meta_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Of the file of metadata."""
    task_id: TaskId | None = None
    """The task that asked for it."""
