"""What the relay rule remembers of each cell at each station: its channel, level and clock over the window, and where it stands."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from collector.checks.sightings import Cell
from config.geography import distance_km
from config.licences import Licence

MAX_LOOKS: Final = 60
SOON_NS: Final = 30 * 1_000_000_000
"""Cells heard within this of each other are compared by their clocks: longer, and the receiver's own has moved."""
MIN_REFERENCES: Final = 3
MAX_REFERENCES: Final = 20


class Look(NamedTuple):
    """One cell, once."""

    time_ns: int
    power_dbfs: float
    offset_ppm: float | None
    """Against the median of the other cells heard just before."""
    taps: tuple[tuple[float, float], ...]


class Site(NamedTuple):
    """Where a licence says that a cell stands."""

    name: str
    lat_deg: float
    lon_deg: float


class Known(NamedTuple):
    """A cell as it was heard last."""

    time_ns: int
    rat: str
    freq_hz: float | None
    ppm: float | None
    site: Site | None


@dataclass(slots=True)
class Memory:
    """By station, then by cell in order of when it was heard last."""

    looks: dict[str, dict[str, list[Look]]] = field(default_factory=dict)
    cells: dict[str, dict[str, Known]] = field(default_factory=dict)
    compared_ns: dict[str, int] = field(default_factory=dict)

    def take(self, cell: Cell, site: Site | None, *, window_ns: int, delays_us: tuple[float, float]) -> None:
        """Remember one look at ``cell``."""
        cells = self.cells.setdefault(cell.station, {})
        looks = self.looks.setdefault(cell.station, {}).setdefault(cell.name, [])
        taps = tuple(t for t in cell.taps if delays_us[0] <= abs(t[0]) <= delays_us[1])
        looks.append(Look(cell.time_ns, cell.power_dbfs, _offset_ppm(cell, cells), taps))
        while (looks and cell.time_ns - looks[0].time_ns > window_ns) or len(looks) > MAX_LOOKS:
            del looks[0]
        cells.pop(cell.name, None)
        cells[cell.name] = Known(cell.time_ns, cell.rat, cell.freq_hz, cell.ppm, site)

    def forget(self, station: str, before_ns: int) -> None:
        """Forget the cells of ``station`` that were heard last before ``before_ns``."""
        cells, looks = self.cells[station], self.looks[station]
        while cells and next(iter(cells.values())).time_ns < before_ns:
            name = next(iter(cells))
            del cells[name], looks[name]

    def named(self, station: str, least_km: float) -> Iterator[tuple[str, Known, list[Look]]]:
        """Yield (site, cell, its looks) of ``station``; sites nearer than ``least_km`` are one; ``? cell`` where nobody knows it."""
        known: list[Site] = []
        for name, cell in self.cells[station].items():
            yield _site_name(cell.site, known, least_km) if cell.site else f"? {name}", cell, self.looks[station][name]


def site_of(licence: Licence | None) -> Site | None:
    """Return where ``licence`` stands; None: it says nothing."""
    if licence is None or licence.lat_deg is None or licence.lon_deg is None:
        return None
    return Site(licence.site or licence.licence_id, licence.lat_deg, licence.lon_deg)


def are_known(sites: Iterable[str]) -> bool:
    """Whether at least two of ``sites`` are places that a registry knows."""
    return sum(1 for site in sites if not site.startswith("? ")) >= 2


def offset_of(looks: list[Look], least: int) -> tuple[float, float] | None:
    """Return a cell's mean offset in ppm and its uncertainty; None: fewer than ``least`` looks know it."""
    known = [look.offset_ppm for look in looks if look.offset_ppm is not None]
    if len(known) < least:
        return None
    return statistics.fmean(known), max(0.01, statistics.stdev(known) / len(known) ** 0.5)


def _offset_ppm(cell: Cell, cells: dict[str, Known]) -> float | None:
    if cell.ppm is None or cell.ppm_sigma is None or cell.ppm_sigma >= 0.5:
        return None
    others = []
    for name, known in islice(reversed(cells.items()), MAX_REFERENCES):
        if cell.time_ns - known.time_ns > SOON_NS:
            break
        if known.ppm is not None and known.rat == cell.rat and name != cell.name:
            others.append(known.ppm)
    return cell.ppm - statistics.median(others) if len(others) >= MIN_REFERENCES else None


def _site_name(site: Site, known: list[Site], least_km: float) -> str:
    for other in known:
        if abs(other.lat_deg - site.lat_deg) * 110.5 <= least_km and _apart_km(site[1:], other[1:]) < least_km:
            return other.name
    known.append(site)
    return site.name


@functools.lru_cache(maxsize=20_000)
def _apart_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    return distance_km(*a, *b)
