"""Settings of a station: typed, bounded, unknown keys refused. Frozen; handed on as values, never read at import."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from config.wire.base import StationName

PositiveSeconds = Annotated[float, Meta(gt=0.0, le=86_400.0)]
Probability = Annotated[float, Meta(gt=0.0, lt=0.5)]


class StationSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who and where the station is."""

    name: StationName = "station-1"
    lat_deg: Annotated[float, Meta(ge=-90.0, le=90.0)] | None = None
    lon_deg: Annotated[float, Meta(ge=-180.0, le=180.0)] | None = None
    accuracy_m: Annotated[float, Meta(ge=0.0, le=1e6)] | None = None

    def __post_init__(self) -> None:
        """Refuse half a position."""
        if (self.lat_deg is None) != (self.lon_deg is None):
            raise ValueError("lat_deg and lon_deg belong together: give both or neither")


class AnalysisSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a dwell is analysed. The defaults suit steady carriers and bursts alike."""

    n_fft: Annotated[int, Meta(ge=256, le=65_536)] = 4096
    overlap: Annotated[float, Meta(ge=0.0, le=0.5)] = 0.5
    dwell_s: Annotated[float, Meta(ge=0.005, le=10.0)] = 0.25
    pfa: Probability | None = None
    """Probability of one or more false emissions in a dwell; None: from ``false_emissions_per_day``."""
    false_emissions_per_day: Annotated[float, Meta(gt=0.0, le=1e6)] = 0.5
    row_step_s: Annotated[float, Meta(ge=1e-6, le=10.0)] = 0.002
    merge_gap_s: Annotated[float, Meta(ge=0.0, le=10.0)] = 0.01
    merge_gap_hz: Annotated[float, Meta(ge=0.0, le=1e7)] = 25e3
    spectrum_interval_s: PositiveSeconds = 1.0
    spectrum_bins: Annotated[int, Meta(ge=64, le=4096)] = 1024
    occupancy_interval_s: PositiveSeconds = 60.0

    def __post_init__(self) -> None:
        """Refuse what the Welch estimate cannot do."""
        if self.n_fft & (self.n_fft - 1):
            raise ValueError(f"n_fft = {self.n_fft}: must be a power of two from 256 to 65536")
        if self.overlap not in (0.0, 0.5):
            raise ValueError(f"overlap = {self.overlap}: must be 0 or 0.5")


class TracksSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a track begins, speaks and ends."""

    clear_after_s: PositiveSeconds = 2.0
    """A track that was not seen for this long is cleared."""
    update_interval_s: PositiveSeconds = 60.0
    level_step_db: Annotated[float, Meta(ge=0.5, le=60.0)] = 3.0
    """A change of level that is worth an update before ``update_interval_s``."""
    hold_db: Annotated[float, Meta(ge=0.0, le=20.0)] = 3.0
    """A track is held while its band's level is at most this far below what a new carrier would need."""


class IdentitySection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When cells are looked for."""

    gsm: bool = True
    lte: bool = True
    gsm_look_s: Annotated[float, Meta(ge=0.1, le=60.0)] = 4.0
    lte_look_s: Annotated[float, Meta(ge=0.005, le=0.16)] = 0.16
    tries: Annotated[int, Meta(ge=1, le=100)] = 3
    """Looks in a row that may fail before the station waits."""
    retry_interval_s: PositiveSeconds = 60.0
    retry_interval_max_s: PositiveSeconds = 960.0
    """The wait doubles up to this while nothing changes."""


CollectorAddress = Annotated[str, Meta(pattern=r"^(tcp|ipc|inproc)://.+$", max_length=200)]
PublicKey = Annotated[str, Meta(min_length=40, max_length=40)]


class OtherCollector(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another collector that a live station sends to as well."""

    collector: CollectorAddress
    collector_key: PublicKey | None = None


class UplinkSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where findings go."""

    collector: CollectorAddress | None = None
    also: Annotated[tuple[OtherCollector, ...], Meta(max_length=8)] = ()
    """Collectors that `run` sends to at the same time, out of the same spool; each gets everything."""
    max_bytes_s: Annotated[int, Meta(ge=500, le=10**9)] | None = None
    """Cap on the bytes a second to each collector; records go before spectra. None: none."""
    drain_timeout_s: PositiveSeconds = 60.0
    """How long a finished replay waits for the collector to acknowledge."""
    collector_key: PublicKey | None = None
    """The collector's public key. None: what `keys init` noted for this address."""
    key_file: str | None = None
    """This station's keypair. None: station.key in the state folder."""
    plaintext: bool = False
    """Send to another machine without keys: for closed networks alone."""
    spool: str | None = None
    """File of the spool. None: spool.db in the state folder for a live station, none for a replay."""
    spool_mib: Annotated[int, Meta(ge=1, le=1_000_000)] = 1024
    spool_keep_days: Annotated[float, Meta(ge=0.0, le=3650.0)] = 14.0
    """How long acknowledged records stay, for a collector that is restored from a backup."""


class PlanSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data files that replace the ones that come with the program."""

    bands: str | None = None
    plmn: str | None = None


class ReceiverSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the station hears with."""

    address: Annotated[str, Meta(min_length=1, max_length=200)] = "rtlsdr"
    """rtlsdr, rtlsdr:SERIAL, rtlsdr:INDEX or rtltcp://HOST:PORT."""
    sample_rate_hz: Annotated[float, Meta(ge=225_001.0, le=2_560_000.0)] = 2.4e6
    gain_db: Annotated[float, Meta(ge=-10.0, le=60.0)] = 30.0
    ppm: Annotated[float, Meta(ge=-200.0, le=200.0)] | None = None
    """The crystal's error, > 0: fast. None: measured, and kept from run to run."""
    level_table: str | None = None
    """TOML file that turns dBFS into dBm. None: levels.toml in the state folder, where there is one."""
    bias_tee: bool = False
    """Supply an antenna amplifier over the cable. Harms what does not expect it."""


class BandWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one band is to be swept; what is not said is as for every band."""

    priority: Annotated[int, Meta(ge=1, le=9)] = 5
    """1 goes first: where the time is not enough, bands of higher numbers wait."""
    revisit_s: PositiveSeconds | None = None
    """At least so often. None: in the time that is left."""
    dwell_s: Annotated[float, Meta(ge=0.002, le=5.0)] | None = None
    wanted_dbfs: Annotated[float, Meta(ge=-200.0, le=0.0)] | None = None
    """The weakest carrier that is to be seen nine times out of ten: the dwell is made long enough for it."""
    wanted_dbm: Annotated[float, Meta(ge=-200.0, le=30.0)] | None = None
    """The same in dBm; needs a level calibration."""
    wanted_width_hz: Annotated[float, Meta(ge=1.0, le=20e6)] | None = None


class SweepSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is swept, and how."""

    bands: Annotated[tuple[str, ...], Meta(min_length=1, max_length=32)] = ("B28", "B5", "B8")
    """Names of the band plan (B8; B8-UL is its uplink) or ranges in MHz (925-960); earlier ones go first."""
    dwell_s: Annotated[float, Meta(ge=0.002, le=5.0)] = 0.05
    crop: Annotated[float, Meta(ge=0.1, lt=0.45)] = 0.1
    """Part of each span that is left out at either edge."""
    wishes: dict[str, BandWish] = field(default_factory=dict)
    """By the name in ``bands``."""
    wanted_dbfs: Annotated[float, Meta(ge=-200.0, le=0.0)] | None = None
    """The weakest carrier that is to be seen nine times out of ten, in every band without a wish of its own. None: dwell_s holds."""
    wanted_dbm: Annotated[float, Meta(ge=-200.0, le=30.0)] | None = None
    wanted_width_hz: Annotated[float, Meta(ge=1.0, le=20e6)] = 200e3
    """And how wide it is."""
    dwell_max_s: Annotated[float, Meta(ge=0.002, le=5.0)] = 1.0
    """The longest dwell that a wanted carrier may ask for."""
    gsm_dwell_s: Annotated[float, Meta(ge=0.25, le=10.0)] = 1.9
    lte_dwell_s: Annotated[float, Meta(ge=0.01, le=0.16)] = 0.08
    identity_interval_s: PositiveSeconds = 60.0
    """How often a known cell is read again."""
    sib1_window_s: Annotated[float, Meta(ge=0.03, le=0.16)] = 0.09
    """SIB1 of a carrier wider than the receiver: at each window over it, so long."""
    sib1_walk_s: Annotated[float, Meta(ge=0.0, le=20.0)] = 2.0
    """And so long at most for all windows of a carrier; 0: only what the centre shows."""


class HealthSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The station's own state, and where it keeps what must last."""

    interval_s: PositiveSeconds = 10.0
    state_folder: str | None = None
    """None: canhsong in the user's state folder."""
    gpsd: Annotated[str, Meta(pattern=r"^[^:]+:[0-9]{1,5}$")] | None = None
    """HOST:PORT of a gpsd that knows the position."""
    metrics: Annotated[str, Meta(pattern=r"^[^:]*:[0-9]{1,5}$|^\[[0-9a-f:]+\]:[0-9]{1,5}$")] | None = None
    """HOST:PORT on this machine where Prometheus may ask how the station is. None: nowhere."""


class CaptureSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ring of raw samples, and when part of it is kept."""

    ring_s: Annotated[float, Meta(ge=0.0, le=600.0)] = 10.0
    """0: no ring."""
    before_s: Annotated[float, Meta(ge=0.0, le=60.0)] = 0.5
    after_s: Annotated[float, Meta(ge=0.1, le=60.0)] = 2.0
    on_emission: bool = False
    on_cell: bool = False
    folder: str | None = None
    """None: captures in the state folder."""
    max_mib: Annotated[int, Meta(ge=1, le=1_000_000)] = 2048
    """Captures never take more than this; the disk always keeps a twentieth free."""
    send: Literal["asked", "all"] = "asked"
    """What is sent to the collector: what its tasks asked for, or every capture (the collector has to want that as well)."""
    send_kib_s: Annotated[int, Meta(ge=1, le=1_000_000)] = 256
    """Captures take no more of the link than this; records always go before them."""


class TasksSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the collector may ask of this station."""

    accept: bool = True
    per_hour: Annotated[int, Meta(ge=0, le=10_000)] = 20
    """More than this in an hour are refused."""
    max_waiting: Annotated[int, Meta(ge=1, le=1000)] = 16
    max_capture_s: Annotated[float, Meta(gt=0.0, le=600.0)] = 30.0
    max_dwell_s: Annotated[float, Meta(gt=0.0, le=600.0)] = 60.0
    max_watch_s: Annotated[float, Meta(gt=0.0, le=86_400.0)] = 3600.0
    watch_interval_s: Annotated[float, Meta(gt=0.0, le=3600.0)] = 10.0
    """How often what is watched is listened to, between two sweeps at the earliest."""
    watch_share: Annotated[float, Meta(gt=0.0, le=0.9)] = 0.3
    """Part of the time that all watches together may take from the sweeps."""


class StationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set at a station."""

    station: StationSection = field(default_factory=StationSection)
    analysis: AnalysisSection = field(default_factory=AnalysisSection)
    tracks: TracksSection = field(default_factory=TracksSection)
    identity: IdentitySection = field(default_factory=IdentitySection)
    uplink: UplinkSection = field(default_factory=UplinkSection)
    plan: PlanSection = field(default_factory=PlanSection)
    receiver: ReceiverSection = field(default_factory=ReceiverSection)
    sweep: SweepSection = field(default_factory=SweepSection)
    health: HealthSection = field(default_factory=HealthSection)
    capture: CaptureSection = field(default_factory=CaptureSection)
    tasks: TasksSection = field(default_factory=TasksSection)
