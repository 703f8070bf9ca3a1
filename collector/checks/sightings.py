"""What a rule sees: the wire's records as cells, carriers and looks, with the day in Viet Nam. The one bridge from ``config.wire``."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import UNSET

from collector.checks.types import Observation, SortKey
from config.wire import EmissionReport, GsmCellReport, LteCellReport, OccupancyReport, SummaryReport

JUDGED: Final = (GsmCellReport, LteCellReport, EmissionReport, SummaryReport, OccupancyReport)
"""Kinds of records that rules see; spectra, health and the like are not judged."""
Place = tuple[float, float]
"""Latitude, longitude in degrees."""
GSM_CHANNEL_HZ: Final = 200e3
_ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What every sighting has."""

    key: SortKey
    station: str
    origin: str
    time_ns: int
    day: date | None
    """In the local calendar; None: a recording without a date."""
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell(Sighting):
    """One GSM or LTE cell in one dwell. ``area`` is LAC or TAC, ``code`` BSIC or PCI."""

    rat: Literal["gsm", "lte"]
    identified: bool
    freq_hz: float | None
    offset_hz: float
    bandwidth_hz: float | None
    channel: int | None
    code: int | None
    mcc: str | None
    mnc: str | None
    area: int | None
    ci: int | None
    cfo_hz: float | None
    ppm: float | None
    ppm_sigma: float | None
    snr_db: float
    power_dbfs: float
    dbm_minus_dbfs: float | None
    """The station's own calibration; None: it sent none."""
    taps: tuple[tuple[float, float], ...]
    """(delay in us against the strongest path, level in dB against it)."""
    t3212: int | None = None
    cro_db: int | None = None
    barred: bool | None = None
    neighbours: tuple[int, ...] | None = None
    cell_channels: tuple[int, ...] | None = None
    plmn: str | None = field(init=False)
    """``452-04``; None: not read."""
    carrier: str = field(init=False)
    """Name of the carrier and the code on it: what stays the same whatever the cell says of itself."""
    name: str = field(init=False)
    """Carrier and identity as far as they were read."""

    def __post_init__(self) -> None:
        """Make the names once: every rule asks for them."""
        plmn = f"{self.mcc}-{self.mnc}" if self.mcc is not None and self.mnc is not None else None
        where = f"{self.freq_hz / 1e6:.1f} MHz" if self.freq_hz is not None else f"{round(self.offset_hz / 1e3):+d} kHz"
        carrier = f"{self.rat} {where} {'BSIC' if self.rat == 'gsm' else 'PCI'} {'?' if self.code is None else self.code}"
        identity = "" if plmn is None else f" {plmn} {self.area}/{'?' if self.ci is None else self.ci}"
        object.__setattr__(self, "plmn", plmn)
        object.__setattr__(self, "carrier", carrier)
        object.__setattr__(self, "name", carrier + identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier(Sighting):
    """One state of one emission's track. Its edges hold 99 % of its power: skirts are no emission of their own."""

    track_id: str
    event: Literal["onset", "update", "clear"]
    relative: bool
    center_freq_hz: float
    lower_freq_hz: float
    upper_freq_hz: float
    bandwidth_hz: float
    power_dbfs: float
    snr_db: float
    duration_s: float
    duty: float
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Look(Sighting):
    """What was looked at and how well. Its time is when the looking ended, ``since_ns`` when it began."""

    source: str
    since_ns: int
    relative: bool
    lower_freq_hz: float
    upper_freq_hz: float
    duration_s: float
    floor_dbfs_hz: float
    floor_known: bool
    profile: tuple[float, ...]
    """The floor in equal steps along the span, dBFS/Hz; empty: not known."""
    overloaded: bool
    gsm_looked_s: float
    lte_looked_s: float
    cells_found: int
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupied(Sighting):
    """Occupancy of one band."""

    relative: bool
    band: str | None
    lower_freq_hz: float
    upper_freq_hz: float
    fbo: float
    observed_s: float


def sight(observation: Observation) -> Sighting | None:
    """Return what rules see of ``observation``; None: nothing that is judged (spectra)."""
    record = observation.record
    if isinstance(record, GsmCellReport):
        return _gsm(observation, record)
    if isinstance(record, LteCellReport):
        return _lte(observation, record)
    if isinstance(record, EmissionReport):
        return _carrier(observation, record)
    if isinstance(record, SummaryReport):
        return _look(observation, record)
    if isinstance(record, OccupancyReport):
        key, origin, day, place = _head(observation)
        return Occupied(
            key=key, station=key.station, origin=origin, time_ns=key.time_ns, day=day, place=place, relative=record.relative,
            band=record.band, lower_freq_hz=record.lower_freq_hz, upper_freq_hz=record.upper_freq_hz, fbo=record.fbo,
            observed_s=record.observed_s,
        )  # fmt: skip
    return None


def _head(observation: Observation) -> tuple[SortKey, str, date | None, Place | None]:
    record = observation.record
    position = record.position
    place = (position.lat_deg, position.lon_deg) if position else None
    return observation.key, record.origin, None if record.time_source == "unknown" else local_day(record.start_time_ns), place


def freqs_of(cell: Cell) -> tuple[float, ...]:
    """Return where to listen for ``cell``, if its frequency is known."""
    return () if cell.freq_hz is None else (cell.freq_hz,)


def local_day(time_ns: int) -> date:
    """Return the calendar day in Viet Nam, whose law and licences are judged by, whatever zone screens show."""
    return _day_of_hour(time_ns // 3_600_000_000_000)


@functools.lru_cache(maxsize=4096)
def _day_of_hour(hour: int) -> date:
    return datetime.fromtimestamp(hour * 3600, tz=UTC).astimezone(_ZONE).date()


def _gsm(observation: Observation, record: GsmCellReport) -> Cell:
    key, origin, day, place = _head(observation)
    return Cell(
        key=key, station=key.station, origin=origin, time_ns=key.time_ns, day=day, place=place,
        rat="gsm", identified=record.status == "identified", freq_hz=record.freq_hz, offset_hz=record.offset_hz,
        bandwidth_hz=GSM_CHANNEL_HZ, channel=record.arfcn, code=record.bsic, mcc=record.mcc, mnc=record.mnc, area=record.lac,
        ci=record.ci, cfo_hz=record.cfo_hz, ppm=record.ppm, ppm_sigma=record.ppm_sigma, snr_db=record.snr_db,
        power_dbfs=record.power_dbfs, dbm_minus_dbfs=_calibration(record),
        taps=tuple((t.delay_us, t.level_db) for t in record.taps), t3212=record.t3212,
        cro_db=record.cro_db, barred=record.barred,
        neighbours=None if record.neighbours is None else tuple(record.neighbours),
        cell_channels=None if record.cell_channels is None else tuple(record.cell_channels),
    )  # fmt: skip


def _lte(observation: Observation, record: LteCellReport) -> Cell:
    key, origin, day, place = _head(observation)
    return Cell(
        key=key, station=key.station, origin=origin, time_ns=key.time_ns, day=day, place=place,
        rat="lte", identified=record.status == "identified", freq_hz=record.freq_hz, offset_hz=record.offset_hz,
        bandwidth_hz=None if record.n_rb is None else record.n_rb * 180e3, channel=record.earfcns[0].earfcn if record.earfcns else None,
        code=record.pci, mcc=record.mcc, mnc=record.mnc, area=record.tac,
        ci=record.ci, barred=record.barred, cfo_hz=record.cfo_hz, ppm=record.ppm, ppm_sigma=record.ppm_sigma, snr_db=record.snr_db,
        power_dbfs=record.power_dbfs, dbm_minus_dbfs=_calibration(record), taps=tuple((t.delay_us, t.level_db) for t in record.taps),
    )  # fmt: skip


def _calibration(record: GsmCellReport | LteCellReport) -> float | None:
    return None if record.dbm_minus_dbfs is UNSET else record.dbm_minus_dbfs


def _carrier(observation: Observation, record: EmissionReport) -> Carrier:
    key, origin, day, place = _head(observation)
    return Carrier(
        key=key, station=key.station, origin=origin, time_ns=key.time_ns, day=day, place=place,
        track_id=record.track_id, event=record.event, relative=record.relative, center_freq_hz=record.center_freq_hz,
        lower_freq_hz=max(record.lower_freq_hz, record.center_freq_hz - record.bandwidth_hz / 2),
        upper_freq_hz=min(record.upper_freq_hz, record.center_freq_hz + record.bandwidth_hz / 2), bandwidth_hz=record.bandwidth_hz,
        power_dbfs=record.power_dbfs, snr_db=record.snr_db, duration_s=record.duration_s, duty=record.duty,
        cut=record.cut_low or record.cut_high,
    )  # fmt: skip


def _look(observation: Observation, record: SummaryReport) -> Look:
    key, origin, day, place = _head(observation)
    codes = tuple(note.partition(":")[0] for note in record.notes)
    return Look(
        key=key, station=key.station, origin=origin, time_ns=key.time_ns, day=day, place=place,
        source=record.source, since_ns=record.start_time_ns,
        relative=record.relative,
        profile=() if record.floor_profile_dbfs_hz is UNSET else tuple(record.floor_profile_dbfs_hz),
        lower_freq_hz=record.lower_freq_hz, upper_freq_hz=record.upper_freq_hz,
        duration_s=record.duration_s, floor_dbfs_hz=record.floor_dbfs_hz, floor_known=record.floor_source != "assumed",
        overloaded=(record.clipped_fraction or 0.0) > 1e-3 or "clipped" in codes or "intermodulation" in codes,
        gsm_looked_s=record.gsm_looked_s, lte_looked_s=record.lte_looked_s, cells_found=record.gsm_cells + record.lte_cells, codes=codes,
    )  # fmt: skip
