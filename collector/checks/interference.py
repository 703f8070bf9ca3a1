"""Rules 6 and 7: an oscillating booster (comb of lines, uplink floor raised) and a jammer (cells lost together while power rises)."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Final

from collector.checks.context import Context
from collector.checks.sightings import Carrier, Cell, Look, Sighting
from collector.checks.types import Evidence, Number, Outcome, Reason, Severity, WantKind

LINE_HZ: Final = 20e3
LINE_MEMORY_NS: Final = 5 * 60 * 1_000_000_000
MIN_SPACING_HZ, MAX_SPACING_HZ = 50e3, 2e6
SPACING_TOLERANCE: Final = 0.03
FLOORS_KEPT: Final = 50
FLOORS_NEEDED: Final = 5
CELL_MEMORY_NS: Final = 30 * 60 * 1_000_000_000
KNOWN_AFTER: Final = 3
UPLINKS_HZ: Final = ((703e6, 733e6), (824e6, 835e6), (880e6, 915e6), (1710e6, 1785e6), (1920e6, 1980e6))


@dataclass(slots=True)
class Memory:
    """Per station: narrow steady lines, floors by span, and cells by frequency."""

    lines: dict[str, dict[str, tuple[int, float]]] = field(default_factory=dict)
    """station -> track -> (time, frequency)."""
    floors: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    """(station, span's centre in 100 kHz) -> floors."""
    cells: dict[str, dict[str, tuple[int, int, float]]] = field(default_factory=dict)
    """station -> carrier -> (last heard, sightings, frequency)."""

    def floor_rise(self, look: Look) -> float | None:
        """Return how far the floor is above its usual one; None: not known yet. Only what is usual is remembered."""
        key = (look.station, int((look.lower_freq_hz + look.upper_freq_hz) / 2e5))
        floors = self.floors.setdefault(key, [])
        rise = look.floor_dbfs_hz - statistics.median(floors) if len(floors) >= FLOORS_NEEDED else None
        if rise is None or rise < 3.0:
            floors.append(look.floor_dbfs_hz)
            del floors[:-FLOORS_KEPT]
        return rise


@dataclass(frozen=True, slots=True, kw_only=True)
class BoosterRule:
    """Oscillating boosters."""

    context: Context
    legal_basis: tuple[str, ...]
    name: ClassVar[str] = "6-booster"
    version: ClassVar[int] = 1
    severity: ClassVar[Severity] = "medium"
    prior_decibans: ClassVar[float] = -12.0
    closes_after_s: ClassVar[float] = 3 * 3600.0
    wants: ClassVar[tuple[WantKind, ...]] = ("capture", "watch")

    def begin(self) -> Memory:
        """Return an empty memory."""
        return Memory()

    def observe(self, sighting: Sighting, memory: Memory) -> tuple[Outcome, ...]:
        """Look for a comb among steady lines, and for a raised floor in an uplink."""
        if isinstance(sighting, Carrier) and not sighting.relative:
            return self._line(sighting, memory)
        if isinstance(sighting, Look) and not sighting.relative and not sighting.overloaded and sighting.floor_known:
            return self._floor(sighting, memory)
        return ()

    def _line(self, carrier: Carrier, memory: Memory) -> tuple[Outcome, ...]:
        lines = memory.lines.setdefault(carrier.station, {})
        lines.pop(carrier.track_id, None)
        if carrier.bandwidth_hz > LINE_HZ or carrier.duty < 0.9 or carrier.event == "clear":
            return ()
        lines[carrier.track_id] = (carrier.time_ns, carrier.center_freq_hz)
        while lines and carrier.time_ns - next(iter(lines.values()))[0] > LINE_MEMORY_NS:
            del lines[next(iter(lines))]
        comb = _comb([freq for _, freq in lines.values()], carrier.center_freq_hz, self.context.book.interference.comb_lines)
        if comb is None:
            return ()
        count, spacing = comb
        reason = Reason(
            code="comb",
            vi=f"{carrier.station}: {count} vạch cách đều {spacing / 1e3:.1f} kHz: bộ kích sóng tự kích, trễ {1e6 / spacing:.2f} µs",
            en=f"{carrier.station}: {count} lines {spacing / 1e3:.1f} kHz apart: a booster oscillates, loop of {1e6 / spacing:.2f} us",
            numbers={"lines": count, "spacing_hz": round(spacing), "delay_us": round(1e6 / spacing, 3)},
        )
        return (
            Evidence(
                subject=carrier.station,
                kind="comb",
                decibans=9.0,
                limit_decibans=20.0,
                reason=reason,
                cap="suspected",
                freqs_hz=(carrier.center_freq_hz,),
            ),
        )

    def _floor(self, look: Look, memory: Memory) -> tuple[Outcome, ...]:
        centre = (look.lower_freq_hz + look.upper_freq_hz) / 2
        if not any(lower <= centre <= upper for lower, upper in UPLINKS_HZ):
            return ()
        rise = memory.floor_rise(look)
        if rise is None or rise < self.context.book.interference.floor_rise_db:
            return ()
        numbers: dict[str, Number] = {"rise_db": round(rise, 1), "center_freq_hz": centre}
        reason = Reason(
            code="uplink_floor_raised",
            vi=f"{look.station}: nền nhiễu đường lên {centre / 1e6:.1f} MHz tăng {rise:.1f} dB so với bình thường",
            en=f"{look.station}: the uplink's floor at {centre / 1e6:.1f} MHz is {rise:.1f} dB above its usual one",
            numbers=numbers,
        )
        return (
            Evidence(
                subject=look.station,
                kind="uplink_floor_raised",
                decibans=5.0,
                limit_decibans=16.0,
                reason=reason,
                cap="suspected",
                freqs_hz=(centre,),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JammerRule:
    """Known cells lost together."""

    context: Context
    legal_basis: tuple[str, ...]
    name: ClassVar[str] = "7-jammer"
    version: ClassVar[int] = 1
    severity: ClassVar[Severity] = "high"
    prior_decibans: ClassVar[float] = -12.0
    closes_after_s: ClassVar[float] = 3600.0
    wants: ClassVar[tuple[WantKind, ...]] = ("capture", "watch")

    def begin(self) -> Memory:
        """Return an empty memory."""
        return Memory()

    def observe(self, sighting: Sighting, memory: Memory) -> tuple[Outcome, ...]:
        """Remember cells; at each look back on a tuning, count those that were lost."""
        if isinstance(sighting, Cell) and sighting.freq_hz is not None:
            cells = memory.cells.setdefault(sighting.station, {})
            before = cells.pop(sighting.carrier, None)
            cells[sighting.carrier] = (sighting.time_ns, (before[1] if before else 0) + 1, sighting.freq_hz)
            return ()
        if not isinstance(sighting, Look) or sighting.relative or sighting.gsm_looked_s + sighting.lte_looked_s <= 0.0:
            return ()
        cells = memory.cells.setdefault(sighting.station, {})
        while cells and sighting.time_ns - next(iter(cells.values()))[0] > CELL_MEMORY_NS:
            del cells[next(iter(cells))]
        since = sighting.time_ns - 1_000_000_000
        known = [
            (last, name)
            for name, (last, count, freq) in cells.items()
            if count >= KNOWN_AFTER and sighting.lower_freq_hz <= freq <= sighting.upper_freq_hz
        ]
        rise = memory.floor_rise(sighting) if sighting.floor_known else None
        lost = [name for last, name in known if last < since]
        return self._judged(sighting, len(known), len(lost), rise)

    def _judged(self, look: Look, known: int, lost: int, rise: float | None) -> tuple[Outcome, ...]:
        book = self.context.book.interference
        if (
            look.overloaded
            or rise is None
            or rise < book.floor_rise_db
            or lost < book.cells_lost
            or lost < book.cells_lost_fraction * known
        ):
            return ()
        reason = Reason(
            code="cells_lost_power_up",
            vi=f"{look.station}: mất cùng lúc {lost}/{known} ô đã biết trong khi nền tăng {rise:.1f} dB, máy thu không quá tải",
            en=f"{look.station}: {lost} of {known} known cells lost together, the floor rose by {rise:.1f} dB, receiver not overloaded",
            numbers={"lost": lost, "known": known, "rise_db": round(rise, 1)},
        )
        return (
            Evidence(
                subject=f"{look.station} {look.lower_freq_hz / 1e6:.1f}-{look.upper_freq_hz / 1e6:.1f} MHz", kind="cells_lost_power_up",
                decibans=18.0, limit_decibans=24.0, reason=reason, cap="suspected",
                freqs_hz=((look.lower_freq_hz + look.upper_freq_hz) / 2,),
            ),
        )  # fmt: skip


def _comb(freqs_hz: list[float], one_hz: float, least: int) -> tuple[int, float] | None:
    """Return (lines, spacing) of the fullest comb that holds ``one_hz``; None: fewer than ``least`` lines are equally spaced."""
    best: tuple[int, float] | None = None
    for other in freqs_hz:
        spacing = abs(other - one_hz)
        if not MIN_SPACING_HZ <= spacing <= MAX_SPACING_HZ:
            continue
        steps = sorted({round((f - one_hz) / spacing) for f in freqs_hz if _on_comb((f - one_hz) / spacing)})
        run = _longest_run(steps)
        if run >= least and (best is None or run > best[0]):
            best = (run, spacing)
    return best


def _on_comb(steps: float) -> bool:
    return abs(steps - round(steps)) <= SPACING_TOLERANCE


def _longest_run(steps: list[int]) -> int:
    best = run = 1 if steps else 0
    for before, after in pairwise(steps):
        run = run + 1 if after == before + 1 else 1
        best = max(best, run)
    return best
