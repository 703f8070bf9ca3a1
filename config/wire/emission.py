"""``emission``: one track's onset, update or clear."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from config.wire.base import Count, Fraction, FreqHz, LevelDb, LevelRecord, Seconds, ShortText, SpanHz, TimeNs


class EmissionReport(LevelRecord, frozen=True, kw_only=True, tag="emission"):
    """One state of one track. ``track_id`` is the same from onset to clear; ``start_time_ns`` is when this state was measured."""

    track_id: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
    event: Literal["onset", "update", "clear"]
    relative: bool
    """True where the tuned centre is not known: frequencies are offsets."""
    center_freq_hz: FreqHz
    lower_freq_hz: FreqHz
    upper_freq_hz: FreqHz
    bandwidth_hz: SpanHz
    bandwidth_26db_hz: SpanHz | None
    power_dbfs: LevelDb
    peak_psd_dbfs_hz: LevelDb
    mean_psd_dbfs_hz: LevelDb
    floor_psd_dbfs_hz: LevelDb
    snr_db: LevelDb
    first_time_ns: TimeNs
    last_time_ns: TimeNs
    duration_s: Seconds
    burst_count: Count
    duty: Fraction
    cut_low: bool
    cut_high: bool
    band: Annotated[str, Meta(max_length=32)] | None
    """Band-plan name of the band that holds the centre; None outside every band or where frequencies are relative."""
    label: ShortText | None = None
    """What a synthetic scene or an annotation calls it; never set from live reception."""
