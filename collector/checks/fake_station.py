"""Rule 4, fake base station: signs published elsewhere, each with a weight of its own in the rule book, each can be switched off.

No sign is proof: odd parameters have innocent reasons. What no innocent cell does is to change its identity within minutes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Final

from collector.checks.context import Context
from collector.checks.fake_memory import TEN_MINUTES_NS, Heard, Memory, offset_outlier_ppm
from collector.checks.sightings import Cell, Sighting, freqs_of
from collector.checks.types import Evidence, Number, Outcome, Reason, Severity, WantKind
from config.geography import distance_km

HOUR_NS: Final = 3_600 * 1_000_000_000
STRONG_SNR_DB: Final = 25.0
"""A base station this strong is heard by other stations near; one that they do not hear is close and weak."""
STANDS_OUT_DB: Final = 6.0
"""A new cell this far above the strongest of the others stands out."""
NEAR_KM: Final = 5.0
"""Stations so near hear the same macro cells."""
LICENSED_DECIBANS: Final = -12.0
"""The registry knows this very cell: odd parameters are then its operator's matter. A changing identity outweighs it."""
Sign = tuple[str, str, str, dict[str, Number]]
"""Code, Vietnamese, English, numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeStationRule:
    """Signs of a fake base station on one carrier."""

    context: Context
    legal_basis: tuple[str, ...]
    name: ClassVar[str] = "4-fake-station"
    version: ClassVar[int] = 2
    severity: ClassVar[Severity] = "high"
    prior_decibans: ClassVar[float] = -20.0
    closes_after_s: ClassVar[float] = 3 * 3600.0
    wants: ClassVar[tuple[WantKind, ...]] = ("capture", "watch")

    def begin(self) -> Memory:
        """Return an empty memory."""
        return Memory()

    def observe(self, sighting: Sighting, memory: Memory) -> tuple[Outcome, ...]:
        """Weigh the signs that one identified cell shows now."""
        if not isinstance(sighting, Cell) or not sighting.identified:
            return ()
        place = self.context.place_of(sighting.station, sighting.place)
        heard = memory.take(sighting, place)
        found: list[Evidence] = []
        for code, vi, en, numbers in self._signs(sighting, memory, heard):
            heuristic = self.context.book.fake[code]
            if heuristic.enabled:
                reason = Reason(code=code, vi=f"{sighting.name}: {vi}", en=f"{sighting.name}: {en}", numbers=numbers)
                cap = "to_verify" if code == "identity_not_licensed" else "suspected"
                found.append(_evidence(sighting, code, heuristic.decibans, reason, cap=cap))
        where = (sighting.station, sighting.carrier)
        now = frozenset(e.kind for e in found)
        before = memory.told.get(where, frozenset())
        if now != before:
            memory.told[where] = now
        found += [_evidence(sighting, kind, 0.0, _over(sighting, kind)) for kind in sorted(before - now) if kind not in _LASTING]
        if found and (licence := self.context.licences.cell(sighting, sighting.day)) is not None:
            reason = Reason(
                code="licensed",
                vi=f"{sighting.name}: đúng là ô của giấy phép {licence.licence_id}",
                en=f"{sighting.name}: is the cell of licence {licence.licence_id}",
                numbers={"licence_id": licence.licence_id},
            )
            found.append(_evidence(sighting, "licensed", LICENSED_DECIBANS, reason))
        return tuple(found)

    def _signs(self, cell: Cell, memory: Memory, heard: Heard) -> Iterator[Sign]:
        yield from _identity_signs(cell, memory)
        yield from _parameter_signs(cell)
        within_hour = memory.others(cell, HOUR_NS)
        yield from _neighbour_signs(cell, within_hour)
        yield from _radio_signs(cell, memory, heard, [h for h in within_hour if cell.time_ns - h.time_ns <= TEN_MINUTES_NS])
        yield from self._place_signs(cell, memory)
        yield from self._registry_signs(cell)

    def _registry_signs(self, cell: Cell) -> Iterator[Sign]:
        home = self.context.is_home(cell)
        network = self.context.plmn.network(cell.mcc or "", cell.mnc or "")
        if self.context.plmn.country(cell.mcc or "") is None or (home and (network is None or network.withdrawn)):
            yield "unknown_network", f"mạng {cell.plmn} không tồn tại ở đây", f"there is no network {cell.plmn} here", {"plmn": cell.plmn}
        if home and cell.day is not None and (end := self.context.book.technology_ended(cell.rat, cell.day)) is not None:
            day = end.last_day.isoformat()
            yield (
                "after_switch_off", f"{cell.rat.upper()} sau ngày tắt sóng {day}", f"{cell.rat.upper()} after its last day {day}",
                {"last_day": day},
            )  # fmt: skip
        if home and cell.freq_hz is not None and cell.bandwidth_hz is not None and cell.day is not None and cell.ci is not None:
            lower, upper = cell.freq_hz - cell.bandwidth_hz / 2, cell.freq_hz + cell.bandwidth_hz / 2
            if self.context.licences.covers(lower, upper) and self.context.licences.cell(cell, cell.day) is None:
                near = self.context.licences.near(lower, upper, self.context.place_of(cell.station, cell.place))
                if any(li.ci is not None for li in near):
                    yield "identity_not_licensed", "sổ đăng ký không có ô này", "the registry has no such cell", {"ci": cell.ci}

    def _place_signs(self, cell: Cell, memory: Memory) -> Iterator[Sign]:
        """Yield whether only this station hears a strong carrier although others stand near and hear cells."""
        here = self.context.place_of(cell.station, cell.place)
        if here is None or cell.snr_db < STRONG_SNR_DB:
            return
        where = memory.carriers[cell.carrier]
        listening = []
        for station, place in memory.places.items():
            cells = memory.cells.get(station)
            if station == cell.station or not cells:
                continue
            if cell.time_ns - next(reversed(cells.values())).time_ns < TEN_MINUTES_NS and _near(here, place):
                listening.append(station)
        if listening and not any(s in where and cell.time_ns - where[s] < 6 * TEN_MINUTES_NS for s in listening):
            names = ", ".join(sorted(listening))
            yield (
                "one_station_only", f"mạnh (SNR {cell.snr_db:.0f} dB) nhưng {names} ở gần không nghe thấy",
                f"strong (SNR {cell.snr_db:.0f} dB), yet {names} nearby do not hear it", {"snr_db": cell.snr_db, "others": len(listening)},
            )  # fmt: skip


_LASTING: Final = ("identity_conflict", "area_changing")
"""What was seen stays seen, though the carrier keeps still for a while."""


def _identity_signs(cell: Cell, memory: Memory) -> Iterator[Sign]:
    recent = memory.recent(cell)
    cells = {(plmn, ci) for _, (plmn, _, ci) in recent}
    areas = [area for _, (_, area, _) in recent if area is not None]
    changes = sum(1 for a, b in pairwise(areas) if a != b)
    minutes = (cell.time_ns - recent[0][0]) / 6e10 if recent else 0.0
    if len(cells) > 1:
        shown = ", ".join(sorted(f"{plmn} CI {ci}" for plmn, ci in cells))
        yield (
            "identity_conflict", f"một sóng mang xưng {len(cells)} danh tính: {shown}", f"it gave {len(cells)} identities: {shown}",
            {"identities": len(cells), "minutes": round(minutes, 1)},
        )  # fmt: skip
    if changes >= 2:
        yield (
            "area_changing", f"LAC/TAC đổi {changes} lần/{minutes:.0f} phút", f"LAC/TAC changed {changes} times in {minutes:.0f} min",
            {"changes": changes, "minutes": round(minutes, 1)},
        )  # fmt: skip


def _parameter_signs(cell: Cell) -> Iterator[Sign]:
    if cell.t3212 is not None and 0 < cell.t3212 < 9:
        code = "t3212_very_short" if cell.t3212 < 5 else "t3212_short"
        minutes = 6 * cell.t3212
        yield code, f"T3212 chỉ {minutes} phút", f"T3212 is only {minutes} minutes", {"t3212": cell.t3212}
    if cell.cro_db is not None and cell.cro_db > 40:
        yield "cro_high", f"CRO {cell.cro_db} dB lôi kéo máy", f"CRO {cell.cro_db} dB draws handsets in", {"cro_db": cell.cro_db}
    if cell.barred:
        yield "barred", "ô bị cấm (barred)", "the cell is barred", {}


def _neighbour_signs(cell: Cell, within_hour: list[Heard]) -> Iterator[Sign]:
    if cell.neighbours is None:
        return
    own = [n for n in cell.neighbours if n != cell.channel]
    if len(own) <= 1:
        yield "neighbours_missing", f"chỉ khai {len(own)} ô lân cận", f"names {len(own)} neighbours", {"neighbours": len(own)}
    known = [h for h in within_hour if h.channel in own and h.plmn == cell.plmn and h.neighbours is not None]
    if len(known) >= 2 and not any(cell.channel in (h.neighbours or ()) for h in known):
        yield (
            "not_reciprocal", f"{len(known)} ô lân cận nghe được, không ô nào khai lại ô này",
            f"{len(known)} of its neighbours are heard, none names it in turn", {"neighbours_heard": len(known)},
        )  # fmt: skip


def _radio_signs(cell: Cell, memory: Memory, heard: Heard, others: list[Heard]) -> Iterator[Sign]:
    outlier = offset_outlier_ppm(cell, others)
    if outlier is not None and outlier[0] > outlier[1]:
        yield (
            "offset_outlier", f"tần số lệch {outlier[0]:.2f} ppm so với mọi ô khác", f"{outlier[0]:.2f} ppm off all other cells",
            {"ppm_off": round(outlier[0], 3), "limit_ppm": round(outlier[1], 3), "others": len(others)},
        )  # fmt: skip
    fresh = cell.time_ns - heard.first_ns < 1.5 * TEN_MINUTES_NS and heard.first_ns - memory.began_ns[cell.station] > HOUR_NS
    if fresh and cell.snr_db >= STRONG_SNR_DB and others and cell.power_dbfs > max(h.power_dbfs for h in others) + STANDS_OUT_DB:
        yield (
            "new_and_strong", "mới xuất hiện và mạnh hơn mọi ô khác", "new on air and stronger than every other cell",
            {"power_dbfs": cell.power_dbfs, "minutes": round((cell.time_ns - heard.first_ns) / 6e10, 1)},
        )  # fmt: skip


@functools.lru_cache(maxsize=4096)
def _near(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return abs(a[0] - b[0]) * 110.5 <= NEAR_KM and distance_km(*a, *b) <= NEAR_KM


def _over(cell: Cell, kind: str) -> Reason:
    return Reason(code=kind, vi=f"{cell.name}: dấu hiệu {kind} không còn", en=f"{cell.name}: the sign {kind} is gone")


def _evidence(cell: Cell, kind: str, decibans: float, reason: Reason, *, cap: str = "suspected") -> Evidence:
    return Evidence(
        subject=cell.carrier, kind=kind, decibans=decibans, limit_decibans=abs(decibans), reason=reason, replaces=True,
        cap="to_verify" if cap == "to_verify" else "suspected", freqs_hz=freqs_of(cell),
    )  # fmt: skip
