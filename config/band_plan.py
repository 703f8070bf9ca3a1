"""The band plan: which bands there are, in which channels they are counted, and who holds which block."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from config.errors import DataFileError
from config.loading import located, read_toml

Confidence = Literal["high", "medium", "low", "unknown"]
Mhz = Annotated[float, Meta(gt=0.0, le=100_000.0)]
RangeMhz = tuple[Mhz, Mhz]
BandName = Annotated[str, Meta(min_length=1, max_length=29)]
UPLINK_SUFFIX = "-UL"
S = TypeVar("S", bound=Struct)


class Block(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a band and its holder (None: not known)."""

    name: str
    downlink_mhz: RangeMhz
    uplink_mhz: RangeMhz | None = None
    holder: str | None = None
    source: str
    confidence: Confidence


class Band(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One band. In TDD the downlink range is the whole band."""

    name: BandName
    title_vi: str
    title_en: str
    aliases: tuple[str, ...] = ()
    duplex: Literal["fdd", "tdd"]
    technologies: tuple[Literal["gsm", "lte", "nr"], ...]
    downlink_mhz: RangeMhz
    uplink_mhz: RangeMhz | None = None
    channel_width_mhz: Mhz
    source: str
    confidence: Confidence
    blocks: tuple[Block, ...] = msgspec.field(default=(), name="block")

    def __post_init__(self) -> None:
        """Refuse ranges that run backwards and FDD without an uplink."""
        for name, limits in (("downlink_mhz", self.downlink_mhz), ("uplink_mhz", self.uplink_mhz)):
            if limits is not None and limits[0] >= limits[1]:
                raise ValueError(f"{name} of {self.name} must rise: [{limits[0]}, {limits[1]}]")
        if self.duplex == "fdd" and self.uplink_mhz is None:
            raise ValueError(f"{self.name} is fdd: uplink_mhz is missing")


class BandPlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All bands of a country."""

    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    bands: tuple[Band, ...] = msgspec.field(name="band")

    def named(self, name: str) -> Band | None:
        """Return the band called ``name`` or having it as an alias, upper or lower case alike; None: there is none."""
        wanted = name.casefold()
        return next((band for band in self.bands if wanted in (band.name.casefold(), *(a.casefold() for a in band.aliases))), None)

    def ranges(self) -> tuple[tuple[str, float, float, float], ...]:
        """Return (name, lower edge, upper edge, channel width) in Hz of every downlink (``B8``) and uplink (``B8-UL``), by frequency."""
        found = []
        for band in self.bands:
            width = band.channel_width_mhz * 1e6
            found.append((band.name, band.downlink_mhz[0] * 1e6, band.downlink_mhz[1] * 1e6, width))
            if band.uplink_mhz is not None:
                found.append((band.name + UPLINK_SUFFIX, band.uplink_mhz[0] * 1e6, band.uplink_mhz[1] * 1e6, width))
        return tuple(sorted(found, key=lambda row: row[1]))

    def name_at(self, freq_hz: float) -> str | None:
        """Return the name of the range that holds ``freq_hz`` (lower edge included, upper edge not); None outside every range."""
        return next((name for name, lower, upper, _ in self.ranges() if lower <= freq_hz < upper), None)


class Country(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mobile country code."""

    mcc: Annotated[str, Meta(pattern=r"^\d{3}$")]
    name_vi: str
    name_en: str
    home: bool = False


class Network(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network code: "01" is not "001"."""

    mcc: Annotated[str, Meta(pattern=r"^\d{3}$")]
    mnc: Annotated[str, Meta(pattern=r"^\d{2,3}$")]
    name: str
    withdrawn: bool = False
    source: str
    confidence: Confidence


class PlmnTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Countries and networks."""

    countries: tuple[Country, ...] = msgspec.field(name="country")
    networks: tuple[Network, ...] = msgspec.field(name="network")

    def network(self, mcc: str, mnc: str) -> Network | None:
        """Return the network ``mcc``-``mnc``; None: the table has none."""
        return next((n for n in self.networks if (n.mcc, n.mnc) == (mcc, mnc)), None)

    def country(self, mcc: str) -> Country | None:
        """Return the country ``mcc``; None: the table has none."""
        return next((c for c in self.countries if c.mcc == mcc), None)


def load_band_plan(path: Path | None = None) -> BandPlan:
    """Return the band plan in ``path``; None: the one that comes with the program.

    Raises:
        DataFileError: the file cannot be read or is wrong; the message names file and key.
    """
    plan = _load(path or _packaged("bands_vn.toml"), BandPlan)
    names = [name.casefold() for band in plan.bands for name in (band.name, *band.aliases)]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise DataFileError(f"{path}: band: the name {double[0]} is given twice")
    return plan


def load_plmn_table(path: Path | None = None) -> PlmnTable:
    """Return the network codes in ``path``; None: the table that comes with the program.

    Raises:
        DataFileError: the file cannot be read or is wrong; the message names file and key.
    """
    return _load(path or _packaged("plmn_vn.toml"), PlmnTable)


def _packaged(name: str) -> Path:
    return Path(str(resources.files("config"))) / "data" / name


def _load(path: Path, kind: type[S]) -> S:
    try:
        return msgspec.convert(read_toml(path, DataFileError), kind)
    except msgspec.ValidationError as error:
        key, what = located(error)
        raise DataFileError(f"{path}: {key}: {what}") from error
