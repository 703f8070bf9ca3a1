"""``health``: what the station knows of its own limits, every 10 s and when something changes."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from config.wire.base import Count, Fraction, FreqHz, LevelDb, Ppm, Record, Seconds, ShortText, TimeNs


class UnheardBand(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a band that was to be swept and that this tuner cannot hear."""

    band: Annotated[str, Meta(max_length=32)]
    lower_freq_hz: FreqHz
    upper_freq_hz: FreqHz
    whole: bool = False
    """Nothing of the band is heard."""


class HealthReport(Record, frozen=True, kw_only=True, tag="health"):
    """State since the report before. Null: not known."""

    receiver: ShortText
    """Name and serial number; empty while none is open."""
    receiver_open: bool
    tuner: Annotated[str, Meta(max_length=16)]
    driver: ShortText
    """Path of the driver's library."""
    version: ShortText
    config_hash: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
    gain_db: LevelDb
    sweeps: Count
    dwells: Count
    dropped_dwells: Count
    """Whole dwells that were not read because the analysis was behind."""
    lost_samples: Count
    """Samples missing within dwells, counted against the clock."""
    receiver_restarts: Count
    clipped_fraction: Fraction | None
    floor_dbfs_hz: LevelDb | None
    floor_change_db: LevelDb | None
    """Floor against its own history at this gain: far below it, the antenna may be unplugged."""
    ppm: Ppm | None
    ppm_sigma: Annotated[float, Meta(ge=0.0, le=1000.0)] | None
    ppm_time_ns: TimeNs | None = None
    """When ``ppm`` was last solved from cells; null where it was given."""
    level_unit: Literal["dBFS", "dBm"] = "dBFS"
    """dBm: a calibration holds for this receiver at this gain; the records that it covers carry ``dbm_minus_dbfs``."""
    retune_ms: Annotated[float, Meta(ge=0.0, le=10_000.0)] | None
    """Time that a retune takes, as measured."""
    temperature_c: Annotated[float, Meta(ge=-100.0, le=300.0)] | None
    cpu_fraction: Annotated[float, Meta(ge=0.0, le=1024.0)]
    """Of one core, without the receiver's own process."""
    disk_free_mib: Count | None
    clock_step_s: Annotated[float, Meta(ge=-1e12, le=1e12)]
    """What the system's clock jumped by and was not believed."""
    clock_reference: ShortText = ""
    """What keeps the time: chrony and its source, the kernel's own discipline, a gpsd; empty: nothing does."""
    rtc_present: bool | None = None
    """Whether the machine has a clock that runs while it is off."""
    spool_waiting: Count
    live_dropped: Count
    duration_s: Seconds
    notes: Annotated[list[ShortText], Meta(max_length=64)]
    """What is wrong, one sentence each."""
    unheard: Annotated[list[UnheardBand], Meta(max_length=64)] = field(default_factory=list)
    """What of the bands that were to be swept this tuner cannot hear; empty: nothing, or an older station."""
