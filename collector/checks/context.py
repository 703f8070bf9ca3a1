"""What the rules judge against: rule book, networks, licences by frequency and by identity, and what is known of the stations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Final

from collector.checks.sightings import Cell, Place
from config.band_plan import PlmnTable, load_plmn_table
from config.geography import is_within_km
from config.licences import Licence, Registry, load_registry
from config.rules import NeighbourBlock, RuleBook, load_neighbour_blocks, load_rule_book

_STEP_HZ: Final = 1e6
_MEMO: Final = 50_000
_MEMO_HZ: Final = 100e3
"""Edges of measured emissions move by kilohertz: candidates are remembered for steps of this width."""
DEFAULT_REACH_KM: Final = 35.0
"""How far a licence with a position and without ``radius_km`` may be heard: the longest GSM timing advance."""
Identity = tuple[str, str, str, int | None, int]
"""Technology, MCC, MNC, LAC or TAC (None: any), CI."""


class LicenceIndex:
    """Licences by frequency, place and cell identity; answers are remembered, for the same questions come with every sweep."""

    def __init__(self, registry: Registry) -> None:
        """Index ``registry``."""
        self.registry = registry
        self._by_mhz: defaultdict[int, list[Licence]] = defaultdict(list)
        self._by_cell: defaultdict[tuple[str, str, str, int], list[Licence]] = defaultdict(list)
        for licence in registry.licences:
            for step in range(int(licence.lower_mhz), int(licence.upper_mhz) + 1):
                self._by_mhz[step].append(licence)
            if licence.mcc and licence.mnc and licence.ci is not None:
                self._by_cell[licence.technology, licence.mcc, licence.mnc, licence.ci].append(licence)
        self._memo: dict[tuple[int, int, Place | None], tuple[Licence, ...]] = {}

    def covers(self, lower_hz: float, upper_hz: float) -> bool:
        """Whether the registry claims to know every licence there."""
        return self.registry.covers(lower_hz, upper_hz)

    def near(self, lower_hz: float, upper_hz: float, place: Place | None) -> tuple[Licence, ...]:
        """Return licences that overlap the range and may be heard at ``place`` (None: wherever they are), valid or not.

        Of licences that allow the same (range, bandwidth, technology, dates, whether they name a cell), the first stands for all.
        """
        key = (int(lower_hz // _MEMO_HZ), int(upper_hz // _MEMO_HZ), place)
        if (known := self._memo.get(key)) is None:
            if len(self._memo) >= _MEMO:
                self._memo.clear()
            known = self._memo[key] = self._search(key[0] * _MEMO_HZ, (key[1] + 1) * _MEMO_HZ, place)
        return tuple(li for li in known if li.lower_mhz * 1e6 < upper_hz and lower_hz < li.upper_mhz * 1e6)

    def cell(self, cell: Cell, day: date | None) -> Licence | None:
        """Return the licence that names ``cell`` by its identity, holds its frequency and is valid on ``day``; None: there is none."""
        if cell.mcc is None or cell.mnc is None or cell.ci is None:
            return None
        for licence in self._by_cell.get((cell.rat, cell.mcc, cell.mnc, cell.ci), ()):
            area = licence.lac if cell.rat == "gsm" else licence.tac
            in_band = cell.freq_hz is None or licence.lower_mhz * 1e6 <= cell.freq_hz <= licence.upper_mhz * 1e6
            if in_band and area in (None, cell.area) and (day is None or licence.valid_on(day)):
                return licence
        return None

    def _search(self, lower_hz: float, upper_hz: float, place: Place | None) -> tuple[Licence, ...]:
        found = {}
        for step in range(int(lower_hz // _STEP_HZ), int(upper_hz // _STEP_HZ) + 1):
            for licence in self._by_mhz.get(step, ()):
                if licence.lower_mhz * 1e6 < upper_hz and lower_hz < licence.upper_mhz * 1e6 and _heard_at(licence, place):
                    found[licence.licence_id] = licence
        alike: dict[tuple[object, ...], Licence] = {}
        for name in sorted(found):
            li = found[name]
            allows = (li.lower_mhz, li.upper_mhz, li.bandwidth_khz, li.technology, li.valid_from, li.valid_to, li.ci is None)
            alike.setdefault(allows, li)
        return tuple(alike.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class StationFacts:
    """What the centre knows of a station beyond what it sends."""

    place: Place | None = None
    height_m: float = 10.0
    gain_dbi: float = 0.0
    dbm_minus_dbfs: float | None = None
    """Calibration; None: levels are dBFS and no level is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that a rule may look at beside its sightings."""

    book: RuleBook
    plmn: PlmnTable
    licences: LicenceIndex
    blocks: tuple[NeighbourBlock, ...] = ()
    stations: Mapping[str, StationFacts] = field(default_factory=dict)

    def facts(self, station: str) -> StationFacts:
        """Return what is known of ``station``; nothing where it is not known."""
        return self.stations.get(station, StationFacts())

    def place_of(self, station: str, sent: Place | None) -> Place | None:
        """Return the place that came with a record, else the station's own."""
        return sent if sent is not None else self.facts(station).place

    def is_home(self, cell: Cell) -> bool:
        """Whether the cell says that it is of this country."""
        return cell.mcc == self.book.home_mcc


def default_context(*, registry: Registry | None = None, book: RuleBook | None = None) -> Context:
    """Return the context that comes with the program, with ``registry`` and ``book`` where they are given."""
    folder = Path(str(resources.files("config"))) / "data" / "registry_vn"
    return Context(
        book=book or load_rule_book(),
        plmn=load_plmn_table(),
        licences=LicenceIndex(registry or load_registry(folder)),
        blocks=load_neighbour_blocks(),
    )


def _heard_at(licence: Licence, place: Place | None) -> bool:
    if place is None or licence.lat_deg is None or licence.lon_deg is None:
        return True
    return is_within_km(place, (licence.lat_deg, licence.lon_deg), licence.radius_km or DEFAULT_REACH_KM)
