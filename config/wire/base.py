"""What every record carries: where it comes from, when it was heard and how well that is known (decision 9)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Origin = Literal["live", "replay", "synthetic", "hil"]
TimeSource = Literal["gps", "ntp", "rtc", "recording", "given", "unknown"]

# Bounds refuse NaN and infinity as well as nonsense: msgspec compares, and NaN compares false.
StationName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", description="Name the centre enrolled the station under")]
FreqHz = Annotated[float, Meta(ge=-1e11, le=1e11, description="Hz; an offset from the tuned centre where `relative` is true")]
SpanHz = Annotated[float, Meta(ge=0.0, le=1e11, description="Hz")]
LevelDb = Annotated[float, Meta(ge=-400.0, le=400.0, description="dB, dBFS or dBFS/Hz")]
Seconds = Annotated[float, Meta(ge=0.0, le=1e9, description="s")]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0, description="0 to 1")]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
TimeNs = Annotated[int, Meta(ge=0, le=2**63 - 1, description="ns since 1970-01-01T00:00Z; since the start where time_source is unknown")]
Ppm = Annotated[float, Meta(ge=-1000.0, le=1000.0, description="ppm; > 0 is a fast receiver clock")]
ShortText = Annotated[str, Meta(max_length=400)]


class Position(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the antenna was, WGS-84."""

    lat_deg: Annotated[float, Meta(ge=-90.0, le=90.0)]
    lon_deg: Annotated[float, Meta(ge=-180.0, le=180.0)]
    accuracy_m: Annotated[float, Meta(ge=0.0, le=1e6)] | None = None
    age_s: Annotated[float, Meta(ge=0.0, le=1e9)] | None = None


class Header(Struct, frozen=True, kw_only=True):
    """The part that is the same for every record of a run; ``start_time_ns`` is added record by record."""

    station: StationName
    origin: Origin
    time_source: TimeSource
    time_error_ms: Annotated[float, Meta(ge=0.0, le=1e12)] | None = None
    boot_id: Annotated[str, Meta(max_length=64)] | None = None
    position: Position | None = None


class Record(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of every message. Unknown fields are ignored on the wire, so that an older centre takes a newer station's records."""

    station: StationName
    origin: Origin
    start_time_ns: TimeNs
    time_source: TimeSource
    time_error_ms: Annotated[float, Meta(ge=0.0, le=1e12)] | None = None
    boot_id: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    monotonic_ns: TimeNs | UnsetType = UNSET
    position: Position | UnsetType = UNSET


class LevelRecord(Record, frozen=True, kw_only=True):
    """Base of the records that carry levels. Levels are dBFS; with a calibration that holds, what makes dBm of them comes with them."""

    dbm_minus_dbfs: LevelDb | UnsetType = UNSET
    """Added to any dBFS (or dBFS/Hz) of this record it gives dBm (or dBm/Hz) at the receiver's socket; absent: not calibrated."""
    dbm_sigma_db: Annotated[float, Meta(ge=0.0, le=100.0, description="dB, one standard deviation")] | UnsetType = UNSET

    def dbm(self, level_dbfs: float) -> float | None:
        """Return a level of this record in dBm (a density in dBm/Hz); None: not calibrated."""
        return None if isinstance(self.dbm_minus_dbfs, UnsetType) else level_dbfs + self.dbm_minus_dbfs
