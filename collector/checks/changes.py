"""Rule 8, changes (information): a cell that is new at a station, a known one that is gone, one whose parameters changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from collector.checks.context import Context
from collector.checks.sightings import Cell, Sighting
from collector.checks.types import Evidence, Number, Outcome, Reason, Severity, WantKind

SETTLED_NS: Final = 3_600 * 1_000_000_000
"""What a station hears in its first hour is not new, it is what there is."""
GONE_NS: Final = 6 * SETTLED_NS
KNOWN_AFTER: Final = 5
"""Sightings that make a cell known."""
_PARAMETERS: Final = ("t3212", "cro_db", "barred", "neighbours", "cell_channels")


@dataclass(slots=True)
class Memory:
    """Per station: when it began, and its cells by name in order of when they were heard last."""

    began_ns: dict[str, int] = field(default_factory=dict)
    cells: dict[str, dict[str, tuple[int, int, tuple[object, ...]]]] = field(default_factory=dict)
    """station -> cell -> (last heard, sightings, parameters)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesRule:
    """What changed in the cells that a station hears."""

    context: Context
    legal_basis: tuple[str, ...]
    name: ClassVar[str] = "8-changes"
    version: ClassVar[int] = 1
    severity: ClassVar[Severity] = "information"
    prior_decibans: ClassVar[float] = 0.0
    closes_after_s: ClassVar[float] = 24 * 3600.0
    wants: ClassVar[tuple[WantKind, ...]] = ()

    def begin(self) -> Memory:
        """Return an empty memory."""
        return Memory()

    def observe(self, sighting: Sighting, memory: Memory) -> tuple[Outcome, ...]:
        """Compare one identified cell with what its station heard before, and see who has not been heard for long."""
        if not isinstance(sighting, Cell) or not sighting.identified:
            return ()
        began = memory.began_ns.setdefault(sighting.station, sighting.time_ns)
        cells = memory.cells.setdefault(sighting.station, {})
        outcomes = _gone(sighting, cells)
        before = cells.pop(sighting.name, None)
        now: tuple[object, ...] = tuple(getattr(sighting, name) for name in _PARAMETERS)
        if before is None:
            if sighting.time_ns - began > SETTLED_NS:
                outcomes.append(_new(sighting))
        else:
            now = tuple(new if new is not None else old for new, old in zip(now, before[2], strict=True))
            if changed := [n for n, old, new in zip(_PARAMETERS, before[2], now, strict=True) if old is not None and old != new]:
                outcomes.append(_changed(sighting, changed, before[2]))
        cells[sighting.name] = (sighting.time_ns, (before[1] if before else 0) + 1, now)
        return tuple(outcomes)


def _gone(cell: Cell, cells: dict[str, tuple[int, int, tuple[object, ...]]]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    while cells:
        name, (last_ns, count, _) = next(iter(cells.items()))
        if cell.time_ns - last_ns <= GONE_NS:
            break
        del cells[name]
        if count >= KNOWN_AFTER and name != cell.name:
            hours = (cell.time_ns - last_ns) / 3.6e12
            outcomes.append(
                _told(
                    name,
                    Reason(
                        code="cell_gone",
                        vi=f"{name}: trạm {cell.station} không còn nghe thấy từ {hours:.0f} giờ nay",
                        en=f"{name}: not heard by {cell.station} for {hours:.0f} hours",
                        numbers={"hours": round(hours, 1), "sightings": count},
                    ),
                )
            )
    return outcomes


def _new(cell: Cell) -> Outcome:
    numbers: dict[str, Number] = {"freq_hz": cell.freq_hz, "snr_db": cell.snr_db}
    return _told(
        cell.name,
        Reason(
            code="new_cell",
            vi=f"{cell.name}: trạm {cell.station} nghe thấy lần đầu",
            en=f"{cell.name}: heard by {cell.station} for the first time",
            numbers=numbers,
        ),
    )


def _changed(cell: Cell, names: list[str], before: tuple[object, ...]) -> Outcome:
    old = dict(zip(_PARAMETERS, before, strict=True))
    shown = ", ".join(f"{name} {_short(old[name])} → {_short(getattr(cell, name))}" for name in names)
    return _told(
        cell.name,
        Reason(code="parameters_changed", vi=f"{cell.name}: tham số thay đổi: {shown}", en=f"{cell.name}: parameters changed: {shown}"),
    )


def _short(value: object) -> str:
    return f"[{' '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def _told(subject: str, reason: Reason) -> Evidence:
    return Evidence(subject=subject, kind=reason.code, decibans=0.0, limit_decibans=0.0, reason=reason, cap="information", replaces=True)
