"""``summary``: what was looked at and how well, so that "nothing found" means something."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from config.wire.base import Count, Fraction, FreqHz, LevelDb, LevelRecord, Seconds, ShortText, SpanHz, TimeNs


class SensitivityReport(Struct, frozen=True, kw_only=True):
    """The weakest steady carrier of one width that would have been seen with probability 0.5."""

    width_hz: SpanHz
    power_dbfs: LevelDb


class SummaryReport(LevelRecord, frozen=True, kw_only=True, tag="summary"):
    """One tuning of one run or recording, looked back on."""

    source: ShortText
    """File name of the recording, or receiver."""
    relative: bool
    center_freq_hz: FreqHz | None
    lower_freq_hz: FreqHz
    upper_freq_hz: FreqHz
    duration_s: Seconds
    sample_rate_hz: SpanHz
    resolution_hz: SpanHz
    n_averages: Count
    dwells: Count
    pfa: Fraction
    """Stated probability of one or more false emissions in one dwell."""
    floor_source: Literal["free_bins", "reference", "assumed"]
    floor_dbfs_hz: LevelDb
    sensitivity: list[SensitivityReport]
    tracks: Count
    gsm_cells: Count
    lte_cells: Count
    clipped_fraction: Fraction | None
    full_scale_known: bool
    """False where a cf32 recording exceeds its full scale: dBFS is then relative and clipping is not judged."""
    gsm_looked_s: Seconds
    lte_looked_s: Seconds
    notes: Annotated[list[ShortText], Meta(max_length=64)]
    """Codes and words on what limits this answer, e.g. `floor_assumed: a signal filling the whole span would be invisible`."""
    end_time_ns: TimeNs | UnsetType = UNSET
    """When what is looked back on ended; absent: ``duration_s`` after its start, for it was looked at without a break."""
    floor_profile_dbfs_hz: Annotated[list[LevelDb], Meta(max_length=256)] | UnsetType = UNSET
    """The floor in equal steps from ``lower_freq_hz`` to ``upper_freq_hz``; absent: only its median is known."""

    @property
    def until_ns(self) -> int:
        """When what is looked back on ended."""
        return self.start_time_ns + round(self.duration_s * 1e9) if self.end_time_ns is UNSET else self.end_time_ns
