"""``occupancy``: how much of the time channels and bands were in use (ITU-R SM.1880)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from config.wire.base import Count, Fraction, FreqHz, Record, Seconds, SpanHz


class ChannelOccupancy(Struct, frozen=True, kw_only=True):
    """Frequency channel occupancy (FCO) of one channel: time occupied / time observed."""

    center_freq_hz: FreqHz
    fco: Fraction


class OccupancyReport(Record, frozen=True, kw_only=True, tag="occupancy"):
    """Occupancy of one band over one observation."""

    relative: bool
    band: Annotated[str, Meta(max_length=32)] | None
    lower_freq_hz: FreqHz
    upper_freq_hz: FreqHz
    channel_width_hz: SpanHz
    observed_s: Seconds
    revisits: Count
    fbo: Fraction
    """Frequency band occupancy: part of the band's bins above the threshold, mean over time."""
    sro: Fraction
    """Spectrum resource occupancy: mean of the channels' FCO."""
    channels: Annotated[list[ChannelOccupancy], Meta(max_length=4096)]
