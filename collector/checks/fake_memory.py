"""What the fake-base-station rule remembers: identities that one carrier gave, and the cells that each station heard of late."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from collector.checks.sightings import Cell, Place

RECENT_NS: Final = 30 * 60 * 1_000_000_000
TEN_MINUTES_NS: Final = RECENT_NS // 3
MAX_IDENTITIES: Final = 12
MIN_OTHERS: Final = 3
"""Cells that must agree before one can be called an outlier."""
MAX_OTHERS: Final = 40
NEWEST: Final = 30
"""Cells that one is compared with, the latest heard."""
MIN_OUTLIER_PPM: Final = 0.3
"""Base stations hold 0.05 ppm; what is beyond six times that is not one, or moves."""

Identity = tuple[str, int | None, int | None]
"""PLMN, LAC or TAC, CI."""


class Heard(NamedTuple):
    """A cell as its station heard it last."""

    time_ns: int
    first_ns: int
    ppm: float | None
    ppm_sigma: float
    power_dbfs: float
    plmn: str | None
    channel: int | None
    neighbours: tuple[int, ...] | None


@dataclass(slots=True)
class Memory:
    """Both of it. Cells by station and carrier; identities by station and carrier, in order of time."""

    began_ns: dict[str, int] = field(default_factory=dict)
    cells: dict[str, dict[str, Heard]] = field(default_factory=dict)
    identities: dict[tuple[str, str], list[tuple[int, Identity]]] = field(default_factory=dict)
    carriers: dict[str, dict[str, int]] = field(default_factory=dict)
    """Carrier -> station -> when it was heard there last."""
    told: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """(station, carrier) -> signs that were there last time."""

    places: dict[str, Place] = field(default_factory=dict)
    """Station -> where it was when it heard its last cell: as it said, or as the centre knows."""

    def take(self, cell: Cell, place: Place | None) -> Heard:
        """Remember ``cell`` and where its station is; return it with the time when this station heard it first."""
        if place is not None:
            self.places[cell.station] = place
        self.began_ns.setdefault(cell.station, cell.time_ns)
        cells = self.cells.setdefault(cell.station, {})
        before = cells.pop(cell.carrier, None)
        first = before.first_ns if before is not None and cell.time_ns - before.time_ns < 24 * 2 * RECENT_NS else cell.time_ns
        heard = Heard(
            cell.time_ns, first, cell.ppm, cell.ppm_sigma if cell.ppm_sigma is not None else 1.0, cell.power_dbfs, cell.plmn, cell.channel,
            cell.neighbours if cell.neighbours is not None or before is None else before.neighbours,
        )  # fmt: skip
        cells[cell.carrier] = heard
        while cell.time_ns - next(iter(cells.values())).time_ns > 24 * 2 * RECENT_NS:
            del cells[next(iter(cells))]
        self.carriers.setdefault(cell.carrier, {})[cell.station] = cell.time_ns
        if cell.plmn is not None:
            self._note(cell)
        return heard

    def recent(self, cell: Cell) -> list[tuple[int, Identity]]:
        """Return the identities that this carrier gave at this station within half an hour, each change once, oldest first."""
        return self.identities.get((cell.station, cell.carrier), [])

    def others(self, cell: Cell, within_ns: int) -> list[Heard]:
        """Return the other cells that this station heard within ``within_ns``, the latest first, ``MAX_OTHERS`` at most."""
        found = []
        since_ns = cell.time_ns - within_ns
        for carrier, heard in islice(reversed(self.cells.get(cell.station, {}).items()), MAX_OTHERS):
            if heard.time_ns < since_ns:
                break
            if carrier != cell.carrier:
                found.append(heard)
        return found

    def _note(self, cell: Cell) -> None:
        identity: Identity = (cell.plmn or "", cell.area, cell.ci)
        known = self.identities.setdefault((cell.station, cell.carrier), [])
        while known and cell.time_ns - known[0][0] > RECENT_NS and len(known) > 1:
            del known[0]
        if not known or known[-1][1] != identity:
            known.append((cell.time_ns, identity))
            del known[:-MAX_IDENTITIES]


def offset_outlier_ppm(cell: Cell, others: list[Heard]) -> tuple[float, float] | None:
    """Return (ppm away from all other cells at this station, what it would take to be an outlier); None: too few to compare with."""
    known = [(h.ppm, h.ppm_sigma) for h in others if h.ppm is not None and h.ppm_sigma < 0.5]
    if cell.ppm is None or cell.ppm_sigma is None or cell.ppm_sigma >= 0.5 or len(known) < MIN_OTHERS:
        return None
    known = known[:NEWEST]
    median = statistics.median([ppm for ppm, _ in known])
    if abs(cell.ppm - median) <= MIN_OUTLIER_PPM:
        return abs(cell.ppm - median), MIN_OUTLIER_PPM
    spread = 1.4826 * statistics.median([abs(ppm - median) for ppm, _ in known])
    sigma = (cell.ppm_sigma**2 + statistics.median([s for _, s in known]) ** 2 + spread**2) ** 0.5
    return abs(cell.ppm - median), max(MIN_OUTLIER_PPM, 5.0 * sigma)
