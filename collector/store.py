"""What a store answers, whichever database is behind it: one contract, the same answers (decision 3).

Times are ns UTC. Answers are bounded: at most ``Query.limit`` rows, buckets from roll-ups, waterfalls thinned.
"""

from __future__ import annotations

from typing import Final, Literal, Protocol

from msgspec import Struct

from config.wire import HealthReport

HOUR_NS: Final = 3_600_000_000_000
ENDLESS_NS: Final = 2**63 - 1
"""The end of a question that has none: the last time that fits in a store's integers."""
MAX_ROWS: Final = 2000
MAX_RAW: Final = 50_000
"""Raw rows of one answer: a station-day of a dozen bands has 17,280."""
NO_BAND: Final = ""
"""How a store keeps tracks outside every band."""

TrackState = Literal["open", "cleared"]
CoverageState = Literal["heard", "heard_nothing", "not_listening", "degraded", "tuner_cannot_hear"]


class Query(Struct, frozen=True, kw_only=True):
    """What is asked for. Empty tuples: everything. A row counts if it touches the time span [``since_ns``, ``until_ns``)."""

    since_ns: int = 0
    until_ns: int = ENDLESS_NS
    stations: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    origins: tuple[str, ...] = ("live",)
    limit: int = 500


class TrackRow(Struct, frozen=True, kw_only=True):
    """One track as it was last reported. Frequencies are offsets where ``relative``."""

    station: str
    track_id: str
    origin: str
    band: str | None
    relative: bool
    label: str | None
    center_freq_hz: float
    lower_freq_hz: float
    upper_freq_hz: float
    bandwidth_hz: float
    power_dbfs: float
    snr_db: float
    first_time_ns: int
    last_time_ns: int
    watched_until_ns: int
    """An open track goes on, as far as is known, until its station was heard of last; a cleared one ended at ``last_time_ns``."""
    burst_count: int
    duty: float
    state: TrackState
    time_source: str
    dbm_minus_dbfs: float | None = None
    """Added to a level in dBFS it gives dBm at the station's receiver; None: not calibrated."""


class TimelineBucket(Struct, frozen=True, kw_only=True, gc=False):
    """One hour of one band at one station, from the roll-up. ``listened_s`` 0: nobody listened, which is not "nothing heard"."""

    station: str
    band: str | None
    origin: str
    hour_ns: int
    tracks: int
    onsets: int
    on_s: float
    max_power_dbfs: float | None
    listened_s: float
    sensitivity_dbfs: float | None
    state: CoverageState


class DayBucket(Struct, frozen=True, kw_only=True):
    """One day of one band at one station, from the roll-up; ``day_ns``: its beginning in the collector's time zone."""

    station: str
    band: str | None
    origin: str
    day_ns: int
    tracks: int
    onsets: int
    on_s: float
    max_power_dbfs: float | None
    listened_s: float
    sensitivity_dbfs: float | None
    state: CoverageState


class OccupancyRow(Struct, frozen=True, kw_only=True, gc=False):
    """One observation of one band, as it was reported."""

    station: str
    band: str | None
    origin: str
    start_time_ns: int
    lower_freq_hz: float
    upper_freq_hz: float
    observed_s: float
    fbo: float
    sro: float


def occupancy_row(values: tuple[str, str, str, int, float, float, float, float, float]) -> OccupancyRow:
    """Return the row of what a store keeps of it, in the order of its fields; ``NO_BAND`` is no band."""
    station, band, origin, start_time_ns, lower, upper, observed_s, fbo, sro = values
    return OccupancyRow(
        station=station,
        band=band or None,
        origin=origin,
        start_time_ns=start_time_ns,
        lower_freq_hz=lower,
        upper_freq_hz=upper,
        observed_s=observed_s,
        fbo=fbo,
        sro=sro,
    )


class CellRow(Struct, frozen=True, kw_only=True):
    """One cell as it was last reported."""

    station: str
    origin: str
    rat: Literal["gsm", "lte"]
    status: str
    freq_hz: float | None
    band: str | None
    channel: int | None
    """ARFCN or EARFCN."""
    code: int | None
    """BSIC (decimal) or PCI."""
    mcc: str | None
    mnc: str | None
    area: int | None
    """LAC or TAC."""
    cell_id: int | None
    snr_db: float | None
    power_dbfs: float | None
    first_time_ns: int
    last_time_ns: int
    reports: int


class Waterfall(Struct, frozen=True, kw_only=True):
    """The last spectra of one tuning: ``rows`` (newest last) over equal steps; the newest's mean, max-hold and floor in dBFS/Hz."""

    station: str
    origin: str
    relative: bool
    lower_freq_hz: float
    step_hz: float
    times_ns: list[int]
    rows_dbfs_hz: list[list[float]]
    mean_dbfs_hz: list[float]
    max_dbfs_hz: list[float]
    floor_dbfs_hz: list[float]


class StationRow(Struct, frozen=True, kw_only=True):
    """One station: when it was last heard of (the collector's clock), and how much it has sent."""

    station: str
    last_received_ns: int
    last_time_ns: int
    records: int
    origins: list[str]


class HealthRow(Struct, frozen=True, kw_only=True):
    """The latest health report of one station and origin; ``received_ns`` is the collector's clock, ``start_time_ns`` the station's."""

    station: str
    origin: str
    start_time_ns: int
    received_ns: int
    report: HealthReport


class CaptureRow(Struct, frozen=True, kw_only=True):
    """One capture as its station announced it. Whether its samples are here is for ``collector.captures`` to say."""

    station: str
    capture_id: str
    origin: str
    reason: str
    center_freq_hz: float
    sample_rate_hz: float
    start_time_ns: int
    duration_s: float
    n_samples: int
    n_segments: int
    sha256: str
    meta_sha256: str | None
    task_id: str | None


class Facets(Struct, frozen=True, kw_only=True):
    """What there is to choose from."""

    stations: list[str]
    bands: list[str]
    origins: list[str]


class Store(Protocol):
    """Answers about what was heard."""

    def tracks(self, query: Query) -> list[TrackRow]:
        """Return the tracks in ``query``, the latest first."""
        ...

    def timeline(self, query: Query) -> list[TimelineBucket]:
        """Return hourly buckets by station, band and hour: hours in which nobody listened too (``coverage``)."""
        ...

    def days(self, query: Query) -> list[DayBucket]:
        """Return daily buckets by station, band and day: of every day with tracks or with listening."""
        ...

    def occupancy(self, query: Query) -> list[OccupancyRow]:
        """Return at most ``MAX_RAW`` occupancies that began in ``query``, by station, time and band."""
        ...

    def cells(self, query: Query) -> list[CellRow]:
        """Return the cells in ``query``, the latest first."""
        ...

    def waterfall(self, query: Query, *, rows: int) -> Waterfall | None:
        """Return the last spectra of the tuning that was heard last in ``query``; None: there are none."""
        ...

    def stations(self) -> list[StationRow]:
        """Return every station that ever sent a record, by name."""
        ...

    def healths(self) -> list[HealthRow]:
        """Return the latest health report of every station and origin, by name."""
        ...

    def captures(self, query: Query) -> list[CaptureRow]:
        """Return the captures that were announced in ``query``, the latest first; bands are not looked at."""
        ...

    def facets(self) -> Facets:
        """Return the stations, bands and origins there are."""
        ...

    def version(self) -> int:
        """Return a number that changes whenever an answer may have changed."""
        ...

    def close(self) -> None:
        """Let go of whatever is held."""
        ...
