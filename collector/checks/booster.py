"""Rule 6, oscillating booster: a comb of steady lines; an uplink's floor raised, in the shape of a filter, whatever the traffic.

A raised floor alone is only a reason to look: many handsets raise it, and so does the receiver. A booster's noise passes its filter, and it
does not go when the handsets do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Final

from collector.checks.context import Context
from collector.checks.floors import Floors, Rise, key_of
from collector.checks.sightings import Carrier, Look, Occupied, Sighting
from collector.checks.types import Evidence, Number, Outcome, Reason, Severity, WantKind

LINE_HZ: Final = 20e3
"""A line of a comb is no wider: an oscillation carries no traffic."""
LINE_MEMORY_NS: Final = 5 * 60 * 1_000_000_000
"""A comb's lines are heard in different dwells and sweeps."""
MIN_SPACING_HZ, MAX_SPACING_HZ = 50e3, 2e6
"""One over the delay around the loop, through amplifier, filters and air: 20 µs to 0.5 µs."""
SPACING_TOLERANCE: Final = 0.03
"""Of a spacing: how far a line may be off the comb's grid."""
UPLINKS_HZ: Final = ((703e6, 733e6), (824e6, 835e6), (880e6, 915e6), (1710e6, 1785e6), (1920e6, 1980e6))
TRAFFIC_MEMORY_NS: Final = 10 * 60 * 1_000_000_000
PAIRS_KEPT, PAIRS_NEEDED = 40, 5
QUIET, BUSY = 0.05, 0.2
"""Band occupancy of an uplink that nobody uses, and of one that is in use."""
QUIET_NEEDED: Final = 3
"""Looks with a raised floor and no traffic that are more than chance."""
RAISED, SHAPED, FLAT, STEADY, WITH_TRAFFIC = 3.0, 8.0, -4.0, 7.0, -14.0
"""Weights in decibans (decision 11): starting values, like those of the rule book."""
RAISED_LIMIT: Final = 11.0
"""Decibans that a raised floor alone adds up to at most, however often it is seen."""


@dataclass(slots=True)
class Memory:
    """Per station: narrow steady lines, floors, and traffic by span."""

    lines: dict[str, dict[str, tuple[int, float]]] = field(default_factory=dict)
    """station -> track -> (time, frequency)."""
    floors: Floors = field(default_factory=Floors)
    traffic: dict[str, dict[tuple[float, float], tuple[int, float]]] = field(default_factory=dict)
    """station -> (lower, upper) in Hz -> (time, band occupancy)."""
    pairs: dict[tuple[str, int], list[tuple[bool, float]]] = field(default_factory=dict)
    """span -> (floor raised, band occupancy) of its looks."""

    def occupancy(self, look: Look) -> float | None:
        """Return the occupancy of what ``look`` looked at, weighted by width; None: not known of late."""
        shares = [
            (min(upper, look.upper_freq_hz) - max(lower, look.lower_freq_hz), fbo)
            for (lower, upper), (time_ns, fbo) in self.traffic.get(look.station, {}).items()
            if look.time_ns - time_ns <= TRAFFIC_MEMORY_NS and min(upper, look.upper_freq_hz) > max(lower, look.lower_freq_hz)
        ]
        width = sum(share for share, _ in shares)
        return sum(share * fbo for share, fbo in shares) / width if width > 0.0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoosterRule:
    """Oscillating boosters."""

    context: Context
    legal_basis: tuple[str, ...]
    name: ClassVar[str] = "6-booster"
    version: ClassVar[int] = 2
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
        if isinstance(sighting, Occupied) and not sighting.relative and _is_uplink(sighting.lower_freq_hz, sighting.upper_freq_hz):
            edges = sighting.lower_freq_hz, sighting.upper_freq_hz
            memory.traffic.setdefault(sighting.station, {})[edges] = sighting.time_ns, sighting.fbo
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
            en=f"{carrier.station}: {count} lines {spacing / 1e3:.1f} kHz apart: a booster oscillates, loop of {1e6 / spacing:.2f} µs",
            numbers={"lines": count, "spacing_hz": round(spacing), "delay_us": round(1e6 / spacing, 3)},
        )
        return (_evidence(carrier, "comb", 9.0, reason, limit=20.0, freq_hz=carrier.center_freq_hz),)

    def _floor(self, look: Look, memory: Memory) -> tuple[Outcome, ...]:
        if not _is_uplink(look.lower_freq_hz, look.upper_freq_hz):
            return ()
        rise = memory.floors.rise(look)
        if rise is None:
            return ()
        raised = rise.db >= self.context.book.interference.floor_rise_db
        pairs = memory.pairs.setdefault(key_of(look), [])
        if (fbo := memory.occupancy(look)) is not None:
            pairs.append((raised, fbo))
            del pairs[:-PAIRS_KEPT]
        if not raised:
            return ()
        centre = (look.lower_freq_hz + look.upper_freq_hz) / 2
        numbers: dict[str, Number] = {"rise_db": round(rise.db, 1), "center_freq_hz": centre, "occupancy": fbo}
        reason = Reason(
            code="uplink_floor_raised",
            vi=f"{look.station}: nền nhiễu đường lên {centre / 1e6:.1f} MHz tăng {rise.db:.1f} dB so với bình thường",
            en=f"{look.station}: the uplink's floor at {centre / 1e6:.1f} MHz is {rise.db:.1f} dB above its usual one",
            numbers=numbers,
        )
        found = [_evidence(look, reason.code, RAISED, reason, limit=RAISED_LIMIT, freq_hz=centre)]
        return (*found, *_shape(look, rise), *_traffic(look, pairs))


def _shape(look: Look, rise: Rise) -> tuple[Evidence, ...]:
    """Return what the profile of the risen floor says."""
    if not rise.profiled:
        return ()
    if rise.passed is None:
        reason = Reason(
            code="floor_shape",
            vi=f"{look.station}: nền tăng đều trên cả dải, không có dạng bộ lọc",
            en=f"{look.station}: the floor rose all over the span, not in the shape of a filter",
        )
        return (_evidence(look, reason.code, FLAT, reason, replaces=True),)
    lower, upper = rise.passed
    edges: dict[str, Number] = {"lower_freq_hz": lower, "upper_freq_hz": upper, "rise_db": round(rise.db, 1)}
    reason = Reason(
        code="floor_shape",
        vi=f"{look.station}: nền chỉ tăng trong {lower / 1e6:.1f}-{upper / 1e6:.1f} MHz, đúng dạng dải thông của bộ lọc",
        en=f"{look.station}: the floor rose from {lower / 1e6:.1f} to {upper / 1e6:.1f} MHz alone, as a filter's pass band would",
        numbers=edges,
    )
    return (_evidence(look, reason.code, SHAPED, reason, replaces=True, freq_hz=(lower + upper) / 2),)


def _traffic(look: Look, pairs: list[tuple[bool, float]]) -> tuple[Evidence, ...]:
    """Return what the traffic says of the risen floor: whether it is there without any, or comes and goes with it."""
    up, down = [fbo for raised, fbo in pairs if raised], [fbo for raised, fbo in pairs if not raised]
    quiet = sum(1 for fbo in up if fbo < QUIET)
    if quiet >= QUIET_NEEDED:
        numbers: dict[str, Number] = {"looks": quiet, "of": len(up)}
        reason = Reason(
            code="traffic",
            vi=f"{look.station}: nền vẫn cao trong {quiet} lần quan sát không có lưu lượng đường lên",
            en=f"{look.station}: the floor stays up in {quiet} looks without any traffic in the uplink",
            numbers=numbers,
        )
        return (_evidence(look, reason.code, STEADY, reason, replaces=True),)
    if len(up) >= PAIRS_NEEDED and len(down) >= PAIRS_NEEDED and min(up) >= BUSY and sum(down) / len(down) < min(up) / 2:
        reason = Reason(
            code="traffic",
            vi=f"{look.station}: nền chỉ cao khi đường lên có lưu lượng: do thuê bao",
            en=f"{look.station}: the floor is up only while the uplink is in use: that is its users",
            numbers={"occupancy_up": round(min(up), 3), "occupancy_down": round(sum(down) / len(down), 3)},
        )
        return (_evidence(look, reason.code, WITH_TRAFFIC, reason, replaces=True),)
    return ()


def _evidence(
    sighting: Sighting, kind: str, decibans: float, reason: Reason, *, limit: float | None = None, replaces: bool = False,
    freq_hz: float | None = None,
) -> Evidence:  # fmt: skip
    return Evidence(
        subject=sighting.station, kind=kind, decibans=decibans, limit_decibans=limit or abs(decibans), reason=reason, cap="suspected",
        replaces=replaces, freqs_hz=() if freq_hz is None else (freq_hz,),
    )  # fmt: skip


def _is_uplink(lower_hz: float, upper_hz: float) -> bool:
    centre = (lower_hz + upper_hz) / 2
    return any(lower <= centre <= upper for lower, upper in UPLINKS_HZ)


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
