"""Rule 3, foreign network: how far from the border, how strong against what is to be expected there: spill, over the limit, or a relay.

What is judged is the mean level of a cell at a station: single levels fade. Without a calibration no level is judged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Final

from collector.checks.context import Context, StationFacts
from collector.checks.propagation import field_dbuv_m, path_loss_db
from collector.checks.sightings import Cell, Place, Sighting, freqs_of
from collector.checks.types import CannotJudge, Evidence, Grade, Number, Outcome, Reason, Severity, WantKind
from config.geography import BORDER_UNCERTAINTY_KM, border_distance_km, distance_km
from config.rules import LevelLimit

HEARD, NEITHER = 3.0, 10.0
OUTSIDE_BLOCK: Final = {"high": 4.0, "medium": 3.0, "low": 2.0}
"""By how well the network's blocks are known."""
EXPECTED, BETWEEN, OVER_LIMIT, RELAY = -6.0, -3.0, 8.0, 14.0
MEAN_OVER: Final = 50
"""Levels that the running mean remembers."""
_LTE_MEASURED_HZ: Final = 1.08e6
"""Part of an LTE carrier that ``power_dbfs`` is measured in."""


@dataclass(slots=True)
class Levels:
    """Running mean of each cell's level at each station: (station, cell) -> (count, mean dBm)."""

    means: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)

    def add(self, station: str, cell: str, level_dbm: float) -> tuple[int, float]:
        """Take one more level; return how many there were and their mean."""
        count, mean = self.means.get((station, cell), (0, 0.0))
        count = min(count + 1, MEAN_OVER)
        value = count, mean + (level_dbm - mean) / count
        self.means[station, cell] = value
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRule:
    """Cells of networks that are not this country's."""

    context: Context
    legal_basis: tuple[str, ...]
    name: ClassVar[str] = "3-foreign"
    version: ClassVar[int] = 2
    severity: ClassVar[Severity] = "high"
    prior_decibans: ClassVar[float] = -3.0
    closes_after_s: ClassVar[float] = 24 * 3600.0
    wants: ClassVar[tuple[WantKind, ...]] = ("longer_dwell", "capture")

    def begin(self) -> Levels:
        """Return a memory without levels."""
        return Levels()

    def observe(self, sighting: Sighting, memory: Levels) -> tuple[Outcome, ...]:
        """Judge one cell that said which network it is of."""
        if not isinstance(sighting, Cell) or not sighting.identified:
            return ()
        if sighting.plmn is None:
            return (_cannot(sighting.carrier, "no_network"),)
        if self.context.is_home(sighting):
            return ()
        country = self.context.plmn.country(sighting.mcc or "")
        if sighting.mcc not in self.context.book.neighbour_mccs:
            return (_state(sighting, "neither", NEITHER, _neither(sighting, country.name_vi if country else None), cap="to_verify"),)
        network = self.context.plmn.network(sighting.mcc or "", sighting.mnc or "")
        names = (country.name_vi if country else "?", country.name_en if country else "?", network.name if network else "?")
        heard = Reason(
            code="foreign_cell",
            vi=f"{sighting.name}: mạng {names[2]} của {names[0]} nghe được tại {sighting.station}",
            en=f"{sighting.name}: network {names[2]} of {names[1]} heard at {sighting.station}",
            numbers={"plmn": sighting.plmn, "lac": sighting.area, "ci": sighting.ci, "freq_hz": sighting.freq_hz},
        )
        return (_state(sighting, "foreign_cell", HEARD, heard), *self._block(sighting), *self._level(sighting, memory))

    def _block(self, cell: Cell) -> tuple[Outcome, ...]:
        """Judge whether the cell is on frequencies that its network holds at home."""
        own = [b for b in self.context.blocks if (b.mcc, b.mnc) == (cell.mcc, cell.mnc)]
        if not own or cell.freq_hz is None or any(b.lower_mhz * 1e6 <= cell.freq_hz <= b.upper_mhz * 1e6 for b in own):
            return ()
        reason = Reason(
            code="outside_own_block",
            vi=f"{cell.name}: ngoài dải tần của mạng này ở nước họ",
            en=f"{cell.name}: outside the frequencies that this network holds at home",
            numbers={"freq_hz": cell.freq_hz},
        )
        weight = min(OUTSIDE_BLOCK[block.confidence] for block in own)
        return (_state(cell, "outside_own_block", weight, reason),)

    def _level(self, cell: Cell, memory: Levels) -> tuple[Outcome, ...]:
        """Judge the mean level against the limit and against what the distance gives."""
        facts = self.context.facts(cell.station)
        place = self.context.place_of(cell.station, cell.place)
        calibration = cell.dbm_minus_dbfs if cell.dbm_minus_dbfs is not None else facts.dbm_minus_dbfs
        missing = "no_frequency" if cell.freq_hz is None else "no_calibration" if calibration is None else None
        missing = missing or ("no_position" if place is None else None)
        if missing or cell.freq_hz is None or calibration is None or place is None:
            return (_cannot(cell.name, missing or "no_position"),)
        _, level_dbm = memory.add(cell.station, cell.name, cell.power_dbfs + calibration + _widened_db(cell))
        border_km = border_distance_km(*place)
        expected_dbm = self._expected_dbm(cell, facts, place, border_km)
        field_now = field_dbuv_m(power_dbm=level_dbm, freq_mhz=cell.freq_hz / 1e6, antenna_gain_dbi=facts.gain_dbi)
        limit = self._limit(cell, border_km)
        z = (level_dbm - expected_dbm) / self.context.book.foreign.sigma_db
        over = limit is not None and field_now > limit.field_dbuv_m + 10 * math.log10(_width_hz(cell) / (limit.reference_khz * 1e3))
        code, decibans = _classed(z, over)
        numbers: dict[str, Number] = {
            "border_km": round(border_km, 1), "border_uncertainty_km": BORDER_UNCERTAINTY_KM, "level_dbm": round(level_dbm, 1),
            "expected_dbm": round(expected_dbm, 1), "sigma_db": self.context.book.foreign.sigma_db, "field_dbuv_m": round(field_now, 1),
            "limit_dbuv_m": limit.field_dbuv_m if limit else None, "over_limit": over if limit else None,
        }  # fmt: skip
        return (_state(cell, "level", decibans, _level_reason(code, cell, numbers), cap="suspected"),)

    def _expected_dbm(self, cell: Cell, facts: StationFacts, place: Place, border_km: float) -> float:
        """Return the innocent median level: from the cell's own site where a registry knows it, else from one near the line."""
        book = self.context.book.foreign
        eirp_dbm, distance = book.eirp_dbm, max(0.0, border_km - BORDER_UNCERTAINTY_KM) + book.border_gap_km
        licence = self.context.licences.cell(cell, cell.day)
        if licence is not None and licence.lat_deg is not None and licence.lon_deg is not None:
            distance = distance_km(place[0], place[1], licence.lat_deg, licence.lon_deg)
            eirp_dbm = licence.eirp_dbm if licence.eirp_dbm is not None else eirp_dbm
        loss = path_loss_db(
            freq_mhz=round((cell.freq_hz or 0.0) / 1e6), distance_km=round(distance, 1), transmitter_m=book.height_m,
            receiver_m=facts.height_m, terrain_dh_m=book.terrain_dh_m,
        )  # fmt: skip
        return eirp_dbm - loss + facts.gain_dbi

    def _limit(self, cell: Cell, border_km: float) -> LevelLimit | None:
        """Return the limit of the farthest line inside the country that the station is behind of."""
        mhz = (cell.freq_hz or 0.0) / 1e6
        fitting = [
            li
            for li in self.context.book.level_limit
            if li.technology == cell.rat and li.lower_mhz <= mhz <= li.upper_mhz and li.distance_km <= border_km
        ]
        return max(fitting, key=lambda li: li.distance_km, default=None)


def _classed(z: float, over_limit: bool) -> tuple[str, float]:
    """Return what a level ``z`` sigmas over the expected one is, and what it weighs."""
    if z >= 2.0:
        return "suspected_relay", RELAY
    if z >= 1.0:
        return ("over_limit", OVER_LIMIT) if over_limit else ("expected_spill", BETWEEN)
    return "expected_spill", EXPECTED


def _width_hz(cell: Cell) -> float:
    return cell.bandwidth_hz or _LTE_MEASURED_HZ


def _widened_db(cell: Cell) -> float:
    """Return what the whole carrier has more than the part that was measured."""
    return 0.0 if cell.rat == "gsm" else 10 * math.log10(_width_hz(cell) / _LTE_MEASURED_HZ)


def _state(cell: Cell, kind: str, decibans: float, reason: Reason, *, cap: Grade = "suspected") -> Evidence:
    return Evidence(
        subject=cell.name, kind=kind, decibans=decibans, limit_decibans=abs(decibans), reason=reason, cap=cap, replaces=True,
        freqs_hz=freqs_of(cell),
    )  # fmt: skip


def _neither(cell: Cell, country: str | None) -> Reason:
    known = f" ({country})" if country else ""
    return Reason(
        code="neither_home_nor_neighbour",
        vi=f"{cell.name}: MCC {cell.mcc}{known} không phải của Việt Nam và cũng không phải của nước láng giềng",
        en=f"{cell.name}: MCC {cell.mcc} is neither Viet Nam's nor a neighbour's",
        numbers={"plmn": cell.plmn, "lac": cell.area, "ci": cell.ci, "freq_hz": cell.freq_hz},
    )


_CLASS_WORDS: Final = {
    "expected_spill": ("như dự kiến ở khoảng cách này: sóng tràn qua biên giới", "as expected at this distance: spill over the border"),
    "over_limit": ("vượt giới hạn ở khoảng cách này", "over the limit for this distance"),
    "suspected_relay": (
        "mạnh hơn nhiều so với dự kiến: nghi thiết bị chuyển tiếp",
        "far above what this distance gives: a relay is suspected",
    ),
}


def _level_reason(code: str, cell: Cell, numbers: dict[str, Number]) -> Reason:
    vi, en = _CLASS_WORDS[code]
    limit = numbers["limit_dbuv_m"]
    figures = f"{numbers['level_dbm']} dBm ({numbers['field_dbuv_m']} dBµV/m), {numbers['expected_dbm']} ± {numbers['sigma_db']} dBm"
    limit_vi = "không có giới hạn" if limit is None else f"giới hạn tham khảo {limit} dBµV/m"
    limit_en = "no limit given" if limit is None else f"guidance limit {limit} dBµV/m"
    return Reason(
        code=code,
        vi=f"{cell.name}, cách biên giới {numbers['border_km']} km: {figures} dự kiến, {limit_vi}: {vi}",
        en=f"{cell.name}, {numbers['border_km']} km from the border: {figures} expected, {limit_en}: {en}",
        numbers=numbers,
    )


_CANNOT: Final = {
    "no_network": (
        "chưa đọc được mã mạng (MIB của LTE không mang, SIB1 mới mang)",
        "its network was not read (the MIB has none, SIB1 has)",
    ),
    "no_frequency": ("không biết tần số: không xét được mức", "the frequency is not known: the level cannot be judged"),
    "no_calibration": ("trạm chưa hiệu chuẩn dBm: không xét được mức", "the station has no dBm calibration: the level cannot be judged"),
    "no_position": ("không biết vị trí trạm: không xét được mức", "the station's position is not known: the level cannot be judged"),
}


def _cannot(subject: str, code: str) -> CannotJudge:
    vi, en = _CANNOT[code]
    return CannotJudge(subject=subject, reason=Reason(code=code, vi=f"{subject}: {vi}", en=f"{subject}: {en}"))
