"""Rule 7, jammer: several known cells lost together while the floor rises, and the receiver is not overloaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from collector.checks.context import Context
from collector.checks.floors import Floors
from collector.checks.sightings import Cell, Look, Sighting
from collector.checks.types import Evidence, Outcome, Reason, Severity, WantKind

CELL_MEMORY_NS: Final = 30 * 60 * 1_000_000_000
KNOWN_AFTER: Final = 3
"""Sightings that make a cell known."""


@dataclass(slots=True)
class Memory:
    """Per station: floors by span, and cells by frequency."""

    floors: Floors = field(default_factory=Floors)
    cells: dict[str, dict[str, tuple[int, int, float, str]]] = field(default_factory=dict)
    """station -> carrier -> (last heard, sightings, frequency, technology)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JammerRule:
    """Known cells lost together."""

    context: Context
    legal_basis: tuple[str, ...]
    name: ClassVar[str] = "7-jammer"
    version: ClassVar[int] = 2
    severity: ClassVar[Severity] = "high"
    prior_decibans: ClassVar[float] = -12.0
    closes_after_s: ClassVar[float] = 3600.0
    wants: ClassVar[tuple[WantKind, ...]] = ("capture", "watch")

    def begin(self) -> Memory:
        """Return an empty memory."""
        return Memory()

    def observe(self, sighting: Sighting, memory: Memory) -> tuple[Outcome, ...]:
        """Remember cells; when a tuning is looked back on, count those that were looked for in it and not heard."""
        if isinstance(sighting, Cell) and sighting.freq_hz is not None:
            cells = memory.cells.setdefault(sighting.station, {})
            before = cells.pop(sighting.carrier, None)
            cells[sighting.carrier] = (sighting.time_ns, (before[1] if before else 0) + 1, sighting.freq_hz, sighting.rat)
            return ()
        if not isinstance(sighting, Look) or sighting.relative or sighting.gsm_looked_s + sighting.lte_looked_s <= 0.0:
            return ()
        cells = memory.cells.setdefault(sighting.station, {})
        while cells and sighting.time_ns - next(iter(cells.values()))[0] > CELL_MEMORY_NS:
            del cells[next(iter(cells))]
        looked = {"gsm": sighting.gsm_looked_s > 0.0, "lte": sighting.lte_looked_s > 0.0}
        known = [
            last
            for last, count, freq, rat in cells.values()
            if count >= KNOWN_AFTER and looked[rat] and sighting.lower_freq_hz <= freq <= sighting.upper_freq_hz
        ]
        rise = memory.floors.rise(sighting) if sighting.floor_known else None
        lost = sum(1 for last in known if last < sighting.since_ns)
        return self._judged(sighting, len(known), lost, None if rise is None else rise.db)

    def _judged(self, look: Look, known: int, lost: int, rise_db: float | None) -> tuple[Outcome, ...]:
        book = self.context.book.interference
        if look.overloaded or rise_db is None or rise_db < book.floor_rise_db:
            return ()
        if lost < book.cells_lost or lost < book.cells_lost_fraction * known:
            return ()
        reason = Reason(
            code="cells_lost_power_up",
            vi=f"{look.station}: mất cùng lúc {lost}/{known} ô đã biết trong khi nền tăng {rise_db:.1f} dB, máy thu không quá tải",
            en=f"{look.station}: {lost} of {known} known cells lost together, the floor rose by {rise_db:.1f} dB, receiver not overloaded",
            numbers={"lost": lost, "known": known, "rise_db": round(rise_db, 1)},
        )
        return (
            Evidence(
                subject=f"{look.station} {look.lower_freq_hz / 1e6:.1f}-{look.upper_freq_hz / 1e6:.1f} MHz", kind=reason.code,
                decibans=18.0, limit_decibans=24.0, reason=reason, cap="suspected",
                freqs_hz=((look.lower_freq_hz + look.upper_freq_hz) / 2,),
            ),
        )  # fmt: skip
