"""The rule book: dates, limits and weights of the Art. 4.3 checks. All configuration: ``config/data/rules_vn.toml`` is a starting point.

Weights are in decibans: 10 log10 of the likelihood ratio that one sign gives (decision 11).
"""

from __future__ import annotations

import csv
import hashlib
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from config.errors import DataFileError
from config.geography import is_within_km
from config.loading import located, read_toml

Mcc = Annotated[str, Meta(pattern=r"^\d{3}$")]
Mnc = Annotated[str, Meta(pattern=r"^\d{2,3}$")]
Decibans = Annotated[float, Meta(ge=-100.0, le=100.0)]
Probability = Annotated[float, Meta(gt=0.0, lt=1.0)]
Positive = Annotated[float, Meta(gt=0.0, le=1e9)]
MobileTechnology = Literal["gsm", "lte", "nr"]
HEURISTICS: Final = (
    "identity_conflict", "area_changing", "neighbours_missing", "not_reciprocal", "t3212_short", "t3212_very_short", "cro_high",
    "barred", "offset_outlier", "one_station_only", "new_and_strong", "identity_not_licensed", "unknown_network", "after_switch_off",
)  # fmt: skip


class AlertBook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What confidence means."""

    open_confidence: Probability
    """A finding opens here; below half of it, it closes."""
    to_verify: Probability
    suspected: Probability
    """Also the alert threshold."""
    confirmed: Probability


class ExemptArea(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a row does not hold: a circle that surely contains the place meant. No boundary is meant by it."""

    name: str
    lat_deg: Annotated[float, Meta(ge=-90.0, le=90.0)]
    lon_deg: Annotated[float, Meta(ge=-180.0, le=180.0)]
    radius_km: Annotated[float, Meta(gt=0.0, le=1000.0)]

    def holds(self, place: tuple[float, float]) -> bool:
        """Whether ``place`` (latitude, longitude in degrees) lies in it."""
        return is_within_km(place, (self.lat_deg, self.lon_deg), self.radius_km)


class TechnologyEnd(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A technology is not licensed to home networks after ``last_day``."""

    technology: MobileTechnology
    last_day: date
    valid_from: date
    """Observations before this day are judged as if the row were not there."""
    source: str
    confidence: Literal["high", "medium", "low"]
    exempt: tuple[ExemptArea, ...] = ()
    """Where the technology goes on."""

    def exempts(self, place: tuple[float, float] | None) -> ExemptArea | None:
        """Return the exempt area that ``place`` lies in; None: none, or the place is not known."""
        return None if place is None else next((area for area in self.exempt if area.holds(place)), None)


class LevelLimit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Field strength that a foreign network may have at a distance from the border line, 3 m above ground."""

    technology: MobileTechnology
    lower_mhz: Positive
    upper_mhz: Positive
    field_dbuv_m: float
    reference_khz: Positive
    distance_km: Annotated[float, Meta(ge=0.0, le=500.0)]
    source: str


class UnlicensedBook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rule 1."""

    edge_tolerance_khz: Positive
    """By how much an emission's measured edge may lie outside its licence: what the measurement and normal skirts need."""
    edge_tolerance_fraction: Annotated[float, Meta(ge=0.0, le=0.5)]
    """The same, as a part of the emission's bandwidth; the larger holds."""
    centre_tolerance_ppm: Positive
    min_snr_db: float
    min_duration_s: Positive
    decibans: Decibans
    limit_decibans: Decibans


class ForeignBook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rule 3."""

    eirp_dbm: float
    """Assumed of a foreign base station's control carrier where no registry knows it."""
    height_m: Positive
    terrain_dh_m: Positive
    sigma_db: Positive
    """Spread of levels around the model's median: shadowing, unknown antennas."""
    border_gap_km: Annotated[float, Meta(ge=0.0, le=100.0)]
    """How far behind the line the nearest foreign base station is assumed to stand."""


class Heuristic(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sign of a fake base station, and what it weighs."""

    enabled: bool
    decibans: Decibans


class RelayBook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rule 5."""

    min_site_distance_km: Positive
    window_s: Positive
    min_delay_us: Positive
    max_delay_us: Positive
    pfa: Probability


class InterferenceBook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules 6 and 7."""

    floor_rise_db: Positive
    comb_lines: Annotated[int, Meta(ge=3, le=100)]
    cells_lost: Annotated[int, Meta(ge=2, le=100)]
    cells_lost_fraction: Probability


class NeighbourBlock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Frequencies that a foreign network holds in its own country."""

    mcc: Mcc
    mnc: Mnc
    lower_mhz: Positive
    upper_mhz: Positive
    source: Annotated[str, Meta(min_length=1)]
    """Document and date."""
    confidence: Literal["high", "medium", "low"] = "low"

    def __post_init__(self) -> None:
        """Refuse a block that runs backwards."""
        if self.lower_mhz >= self.upper_mhz:
            raise ValueError(f"upper_mhz: {self.upper_mhz} must be above lower_mhz {self.lower_mhz}")


class RuleBook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    name: str
    home_mcc: Mcc
    neighbour_mccs: tuple[Mcc, ...]
    legal_basis: tuple[str, ...]
    disabled: tuple[str, ...]
    """Names of rules that are switched off."""
    alert: AlertBook
    technology_end: tuple[TechnologyEnd, ...]
    level_limit: tuple[LevelLimit, ...]
    unlicensed: UnlicensedBook
    foreign: ForeignBook
    fake: dict[str, Heuristic]
    relay: RelayBook
    interference: InterferenceBook

    def __post_init__(self) -> None:
        """Refuse a heuristic that does not exist or is missing, and thresholds out of order."""
        if wrong := sorted(set(self.fake) ^ set(HEURISTICS)):
            raise ValueError(f"fake.{wrong[0]}: heuristics are exactly {', '.join(HEURISTICS)}")
        book = self.alert
        if not book.open_confidence < book.to_verify < book.suspected < book.confirmed:
            raise ValueError("alert: open_confidence < to_verify < suspected < confirmed must hold")

    @property
    def version(self) -> str:
        """First 12 hex digits of the SHA-256 over the content."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:12]

    def technology_ended(self, technology: str, day: date) -> TechnologyEnd | None:
        """Return the row by which ``technology`` is no longer licensed on ``day``; None: there is none."""
        return next((e for e in self.technology_end if e.technology == technology and e.valid_from <= day and day > e.last_day), None)


def load_rule_book(path: Path | None = None) -> RuleBook:
    """Return the rule book in ``path``; None: the one that comes with the program.

    Raises:
        DataFileError: the file cannot be read or is wrong; the message names file and key.
    """
    place = path or Path(str(resources.files("config"))) / "data" / "rules_vn.toml"
    try:
        return msgspec.convert(read_toml(place, DataFileError), RuleBook)
    except msgspec.ValidationError as error:
        key, what = located(error)
        raise DataFileError(f"{place}: {key}: {what}") from error


def load_neighbour_blocks(path: Path | None = None) -> tuple[NeighbourBlock, ...]:
    """Return the neighbours' blocks in ``path``; None: the table that comes with the program, which has no rows: it says why.

    Raises:
        DataFileError: a row is wrong; the message names file and line.
    """
    place = path or Path(str(resources.files("config"))) / "data" / "neighbour_blocks.csv"
    rows = []
    try:
        lines = [line for line in place.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"{place}: cannot be read: {error}") from error
    for number, row in enumerate(csv.DictReader(lines), start=1):
        try:
            rows.append(msgspec.convert(row, NeighbourBlock, strict=False))
        except (msgspec.ValidationError, TypeError) as error:
            raise DataFileError(f"{place}: row {number}: {error}; columns are mcc,mnc,lower_mhz,upper_mhz,source,confidence") from error
    return tuple(rows)
