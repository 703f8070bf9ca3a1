"""Rule 1, unlicensed emission: no licence covers frequency, bandwidth, time and place; or it is wider, off its centre, out of its dates.

A miss in the registry alone is never more than a reason to verify: registries have gaps.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Final

from collector.checks.context import Context
from collector.checks.sightings import Carrier, Look, Sighting
from collector.checks.types import CannotJudge, Evidence, Outcome, Reason, Severity, WantKind
from config.licences import Licence

SAME_HZ: Final = 25e3
"""Two emissions whose centres are this near (or a quarter of their width) are one carrier."""

HOLDERS_OWN: Final = ("wrong_bandwidth", "off_centre")
"""Faults of a transmitter that has a licence: they matter less than having none."""


@dataclass(slots=True)
class Carriers:
    """Names of the carriers seen so far: one name for one carrier, however its measured centre moves about."""

    centres_hz: list[float] = field(default_factory=list)

    def name(self, center_hz: float, bandwidth_hz: float) -> str:
        """Return the carrier's name: its centre as first measured."""
        reach = max(SAME_HZ, bandwidth_hz / 4)
        at = bisect.bisect_left(self.centres_hz, center_hz)
        near = [c for c in self.centres_hz[max(0, at - 1) : at + 1] if abs(c - center_hz) <= reach]
        nearest = min(near, key=lambda c: abs(c - center_hz)) if near else center_hz
        if not near:
            self.centres_hz.insert(at, center_hz)
        return f"{nearest / 1e6:.3f} MHz"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlicensedRule:
    """Carriers against licences."""

    context: Context
    legal_basis: tuple[str, ...]
    name: ClassVar[str] = "1-unlicensed"
    version: ClassVar[int] = 2
    severity: ClassVar[Severity] = "medium"
    prior_decibans: ClassVar[float] = -10.0
    closes_after_s: ClassVar[float] = 6 * 3600.0
    wants: ClassVar[tuple[WantKind, ...]] = ("capture",)

    def begin(self) -> Carriers:
        """Return a memory without carriers."""
        return Carriers()

    def observe(self, sighting: Sighting, memory: Carriers) -> tuple[Outcome, ...]:
        """Judge one state of one emission; of a look, say whether what it may have found can be judged at all."""
        if not isinstance(sighting, Carrier | Look):
            return ()
        book = self.context.book.unlicensed
        if sighting.relative:
            return (_cannot(sighting.station, "no_frequency"),)
        if not self.context.licences.covers(sighting.lower_freq_hz, sighting.upper_freq_hz):
            return (_cannot(sighting.station, "not_covered"),)
        if isinstance(sighting, Look):
            return ()
        if sighting.cut:
            return (_cannot(sighting.station, "cut_by_span"),)
        if sighting.snr_db < book.min_snr_db or sighting.duration_s < book.min_duration_s:
            return ()
        code, licence = self._against_licences(sighting)
        if code == "no_date":
            return (_cannot(sighting.station, "no_date"),)
        subject = memory.name(sighting.center_freq_hz, sighting.bandwidth_hz)
        reason = _reason(code, sighting, licence)
        if code == "licensed":
            return (Evidence(subject=subject, kind="licensed", decibans=-book.decibans, limit_decibans=book.limit_decibans, reason=reason),)
        return (
            Evidence(
                subject=subject,
                kind=code,
                decibans=book.decibans,
                limit_decibans=book.limit_decibans,
                reason=reason,
                cap="to_verify",
                freqs_hz=(sighting.center_freq_hz,),
                severity="low" if code in HOLDERS_OWN else None,
            ),
        )

    def _against_licences(self, carrier: Carrier) -> tuple[str, Licence | None]:
        """Return what is wrong (``licensed``: nothing; ``no_date``: it depends on the day) and the licence it is wrong against."""
        book = self.context.book.unlicensed
        place = self.context.place_of(carrier.station, carrier.place)
        near = self.context.licences.near(carrier.lower_freq_hz, carrier.upper_freq_hz, place)
        tolerance = max(book.edge_tolerance_khz * 1e3, book.edge_tolerance_fraction * carrier.bandwidth_hz)
        if carrier.day is None and any(licence.valid_from or licence.valid_to for licence in near):
            return "no_date", None
        valid = [licence for licence in near if carrier.day is None or licence.valid_on(carrier.day)]
        if not valid:
            expired = next(iter(near), None)
            return ("out_of_dates", expired) if expired is not None and _holds(near, carrier, tolerance) else ("no_licence", None)
        if not _holds(valid, carrier, tolerance):
            closest = max(valid, key=lambda li: (_overlap_hz(li, carrier), li.licence_id))
            own_hz = (closest.upper_mhz - closest.lower_mhz) * 1e6
            fills = _overlap_hz(closest, carrier) > 0.9 * own_hz and _starts([closest], carrier)
            if _overlap_hz(closest, carrier) < 0.5 * carrier.bandwidth_hz and not fills:
                return "no_licence", None
            return ("wrong_bandwidth" if carrier.bandwidth_hz > own_hz + tolerance else "off_centre"), closest
        return _within(valid, carrier, tolerance, book.centre_tolerance_ppm)


def _within(valid: Sequence[Licence], carrier: Carrier, tolerance: float, ppm: float) -> tuple[str, Licence]:
    """Judge bandwidth and centre of a carrier inside ``valid``: a licence that names one carrier's bandwidth fixes its centre too."""
    fixed = [li for li in valid if li.bandwidth_khz is not None and _overlap_hz(li, carrier) > 0.5 * carrier.bandwidth_hz]
    if not fixed or any(li.bandwidth_khz is None for li in valid):
        return "licensed", valid[0]
    wide = [li for li in fixed if carrier.bandwidth_hz <= (li.bandwidth_khz or 0.0) * 1e3 + 2 * tolerance]
    if not wide:
        return "wrong_bandwidth", fixed[0]
    single = [li for li in wide if (li.bandwidth_khz or 0.0) * 1e3 > 0.9 * (li.upper_mhz - li.lower_mhz) * 1e6]
    allowed = max(SAME_HZ, carrier.center_freq_hz * ppm * 1e-6, 0.05 * carrier.bandwidth_hz)
    if single and len(single) == len(wide):
        best = min(single, key=lambda li: abs(_centre_hz(li) - carrier.center_freq_hz))
        if abs(_centre_hz(best) - carrier.center_freq_hz) > allowed:
            return "off_centre", best
    return "licensed", wide[0]


def _centre_hz(licence: Licence) -> float:
    return (licence.lower_mhz + licence.upper_mhz) * 0.5e6


def _overlap_hz(licence: Licence, carrier: Carrier) -> float:
    return max(0.0, min(licence.upper_mhz * 1e6, carrier.upper_freq_hz) - max(licence.lower_mhz * 1e6, carrier.lower_freq_hz))


def _holds(licences: Sequence[Licence], carrier: Carrier, tolerance: float) -> bool:
    """Whether ``licences`` together, side by side, hold the carrier: neighbouring channels on air are one emission."""
    reached = carrier.lower_freq_hz + tolerance
    for licence in sorted(licences, key=lambda li: li.lower_mhz):
        if licence.lower_mhz * 1e6 <= reached + tolerance:
            reached = max(reached, licence.upper_mhz * 1e6)
    return (
        any(_overlap_hz(li, carrier) > 0 for li in licences) and reached >= carrier.upper_freq_hz - tolerance and _starts(licences, carrier)
    )


def _starts(licences: Sequence[Licence], carrier: Carrier) -> bool:
    """Whether a licence holds the carrier's centre: a tolerance alone is no licence."""
    return any(li.lower_mhz * 1e6 <= carrier.center_freq_hz <= li.upper_mhz * 1e6 for li in licences)


_WORDS: Final = {
    "no_licence": ("không có giấy phép nào cho tần số này tại nơi và lúc này", "no licence for this frequency, place and time"),
    "wrong_bandwidth": ("rộng hơn giấy phép {licence}", "wider than licence {licence}"),
    "off_centre": ("lệch khỏi tần số được cấp của giấy phép {licence}", "off the frequency assigned by licence {licence}"),
    "out_of_dates": ("giấy phép {licence} không còn hoặc chưa có hiệu lực", "licence {licence} is not in force"),
    "licensed": ("có giấy phép {licence}", "licensed by {licence}"),
}
_CANNOT: Final = {
    "no_frequency": (
        "không biết tần số trung tâm: không xét được giấy phép",
        "the centre frequency is not known: licences cannot be judged",
    ),
    "not_covered": (
        "không có sổ đăng ký nào bao trùm dải này: không xét được giấy phép",
        "no registry covers this band: licences cannot be judged",
    ),
    "cut_by_span": (
        "phát xạ bị mép dải quét cắt: không xét được băng thông",
        "cut by the span's edge: its bandwidth cannot be judged",
    ),
    "no_date": ("không có ngày: không xét được thời hạn giấy phép", "no date: the licences' dates cannot be judged"),
}


def _cannot(station: str, code: str) -> CannotJudge:
    vi, en = _CANNOT[code]
    return CannotJudge(subject=station, reason=Reason(code=code, vi=vi, en=en))


def _reason(code: str, carrier: Carrier, licence: Licence | None) -> Reason:
    name = licence.licence_id if licence is not None else ""
    vi, en = _WORDS[code]
    size = f"{carrier.center_freq_hz / 1e6:.4f} MHz, {carrier.bandwidth_hz / 1e3:.0f} kHz, SNR {carrier.snr_db:.0f} dB"
    numbers: dict[str, float | int | str | bool | None] = {
        "center_freq_hz": carrier.center_freq_hz, "bandwidth_hz": carrier.bandwidth_hz, "snr_db": carrier.snr_db,
        "licence_id": name or None, "day": _iso(carrier.day),
    }  # fmt: skip
    return Reason(code=code, vi=f"{size}: {vi.format(licence=name)}", en=f"{size}: {en.format(licence=name)}", numbers=numbers)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
