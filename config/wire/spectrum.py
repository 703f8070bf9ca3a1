"""``spectrum``: one decimated spectrum and its floor, for the waterfall. Lossy: may be dropped on the way."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from config.wire.base import FreqHz, LevelDb, LevelRecord, Seconds, SpanHz

Bins = Annotated[list[LevelDb], Meta(max_length=4096)]


class SpectrumReport(LevelRecord, frozen=True, kw_only=True, tag="spectrum"):
    """Mean, max-hold and floor densities in dBFS/Hz over equal steps from ``lower_freq_hz`` up."""

    relative: bool
    lower_freq_hz: FreqHz
    step_hz: SpanHz
    duration_s: Seconds
    mean_dbfs_hz: Bins
    max_dbfs_hz: Bins
    floor_dbfs_hz: Bins
