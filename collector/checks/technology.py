"""Rule 2, technology not licensed: a home network's cell of a technology after its last day, or on frequencies licensed for another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from collector.checks.context import Context
from collector.checks.sightings import Cell, Sighting, freqs_of
from collector.checks.types import CannotJudge, Evidence, Grade, Outcome, Reason, Severity, WantKind

DECIBANS, LIMIT = 18.0, 20.0
"""An identity with good parity is certain; that the switch-off was kept is not: what is left is 0.86."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnologyRule:
    """GSM after the switch-off, above all."""

    context: Context
    legal_basis: tuple[str, ...]
    name: ClassVar[str] = "2-technology"
    version: ClassVar[int] = 2
    severity: ClassVar[Severity] = "high"
    prior_decibans: ClassVar[float] = -10.0
    closes_after_s: ClassVar[float] = 24 * 3600.0
    wants: ClassVar[tuple[WantKind, ...]] = ("longer_dwell",)

    def begin(self) -> None:
        """Return nothing: this rule remembers nothing."""

    def observe(self, sighting: Sighting, memory: None) -> tuple[Outcome, ...]:
        """Judge one cell of a home network."""
        if not isinstance(sighting, Cell):
            return ()
        ends = [e for e in self.context.book.technology_end if e.technology == sighting.rat]
        if sighting.plmn is None:
            return (_no_network(sighting),) if ends else ()
        if not self.context.is_home(sighting):
            return ()
        if sighting.day is None:
            return (_no_date(sighting),) if ends else ()
        ended = self.context.book.technology_ended(sighting.rat, sighting.day)
        if ended is None:
            return self._other_technology(sighting)
        if (area := ended.exempts(self.context.place_of(sighting.station, sighting.place))) is not None:
            return (_exempt(sighting, area.name),)
        if (licence := self.context.licences.cell(sighting, sighting.day)) is not None:
            reason = Reason(
                code="licensed",
                vi=f"{sighting.name}: có giấy phép riêng {licence.licence_id}",
                en=f"{sighting.name}: has a licence of its own, {licence.licence_id}",
                numbers={"licence_id": licence.licence_id},
            )
            return (_for(sighting, reason),)
        rat = sighting.rat.upper()
        reason = Reason(
            code="after_switch_off",
            vi=f"{sighting.name}: {rat} của mạng trong nước vẫn phát ngày {sighting.day:%d/%m/%Y}, sau ngày cuối {ended.last_day:%d/%m/%Y}",
            en=f"{sighting.name}: {rat} of a home network on air on {sighting.day}, after its last day {ended.last_day}",
            numbers={
                "plmn": sighting.plmn, "lac": sighting.area, "ci": sighting.ci, "freq_hz": sighting.freq_hz,
                "day": sighting.day.isoformat(), "last_day": ended.last_day.isoformat(), "rule_confidence": ended.confidence,
            },
        )  # fmt: skip
        return (_against(sighting, reason, cap="suspected"),)

    def _other_technology(self, cell: Cell) -> tuple[Outcome, ...]:
        """Judge a cell against the technologies that its frequency is licensed for."""
        if cell.freq_hz is None or cell.bandwidth_hz is None or cell.day is None:
            return ()
        lower, upper = cell.freq_hz - cell.bandwidth_hz / 2, cell.freq_hz + cell.bandwidth_hz / 2
        if not self.context.licences.covers(lower, upper):
            return ()
        day = cell.day
        valid = [li for li in self.context.licences.near(lower, upper, self.context.place_of(cell.station, cell.place)) if li.valid_on(day)]
        technologies = sorted({li.technology for li in valid})
        if not technologies or cell.rat in technologies or "other" in technologies or "repeater" in technologies:
            return ()  # no licence at all is rule 1's
        reason = Reason(
            code="other_technology",
            vi=f"{cell.name}: tần số này chỉ được cấp cho {', '.join(technologies)}, nghe thấy {cell.rat}",
            en=f"{cell.name}: this frequency is licensed for {', '.join(technologies)} only, heard is {cell.rat}",
            numbers={"plmn": cell.plmn, "freq_hz": cell.freq_hz, "licensed": ", ".join(technologies)},
        )
        return (_against(cell, reason, cap="to_verify"),)


def _against(cell: Cell, reason: Reason, *, cap: Grade) -> Evidence:
    return Evidence(
        subject=_subject(cell), kind=reason.code, decibans=DECIBANS, limit_decibans=LIMIT, reason=reason, cap=cap, freqs_hz=freqs_of(cell)
    )


def _for(cell: Cell, reason: Reason) -> Evidence:
    return Evidence(subject=_subject(cell), kind=reason.code, decibans=-30.0, limit_decibans=30.0, reason=reason)


def _subject(cell: Cell) -> str:
    """Return carrier and network: a cell that changes its area and number is one device still."""
    return f"{cell.carrier} {cell.plmn}"


def _exempt(cell: Cell, area: str) -> Evidence:
    rat = cell.rat.upper()
    reason = Reason(
        code="exempt_area",
        vi=f"{cell.name}: trạm ở {area}, nơi {rat} còn được phép",
        en=f"{cell.name}: the station is at {area}, where {rat} goes on",
        numbers={"area": area},
    )
    return _for(cell, reason)


def _no_date(cell: Cell) -> CannotJudge:
    return CannotJudge(
        subject=_subject(cell),
        reason=Reason(
            code="no_date",
            vi=f"{cell.name}: không có ngày: không xét được ngày cuối của công nghệ",
            en=f"{cell.name}: no date: the technology's last day cannot be judged",
        ),
    )


def _no_network(cell: Cell) -> CannotJudge:
    return CannotJudge(
        subject=cell.carrier,
        reason=Reason(
            code="no_identity",
            vi=f"{cell.carrier}: chưa đọc được mã mạng: không biết là mạng nào",
            en=f"{cell.carrier}: its network code was not read: whose cell it is cannot be said",
        ),
    )
