"""Rule 5, relay or repeater: what cells of different sites share, for they all go through it.

One echo; a step of level and delay at once; a shift of their carriers by the same hertz. And a carrier that its own cell allocation does
not name. Sites come from the registry: at least 1 km apart. Operators on one mast are one site and share one hill's echo. Where sites are
not known, cells count apart, and the finding is never more than a reason to verify.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from collector.checks.context import Context
from collector.checks.relay_memory import Known, Look, Memory, are_known, offset_of, site_of
from collector.checks.sightings import Cell, Sighting, freqs_of
from collector.checks.types import Evidence, Number, Outcome, Reason, Severity, WantKind
from config.licences import Licence
from dsp.relay import JOIN_US, CommonDelay, CommonShift, Echo, JointStep, common_delay, common_shift, estimate_echo, joint_step

LOOK_AGAIN_NS: Final = 60 * 1_000_000_000
MIN_OFFSETS: Final = 5
TOGETHER_S: Final = 120.0
"""Steps this near in time are one: a station comes round to each cell once in a while."""
UNKNOWN_SITE_DECIBANS: Final = 11.0
"""What unknown sites can give with all that they share: below the alert threshold."""
UNKNOWN_STEP_DECIBANS = UNKNOWN_SHIFT_DECIBANS = 0.5
MAX_DECIBANS, STEP_DECIBANS, SHIFT_DECIBANS = 25.0, 10.0, 14.0
Cells = list[tuple[str, Known, list[Look]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayRule:
    """Common paths of the cells that one station hears."""

    context: Context
    legal_basis: tuple[str, ...]
    name: ClassVar[str] = "5-relay"
    version: ClassVar[int] = 2
    severity: ClassVar[Severity] = "high"
    prior_decibans: ClassVar[float] = -10.0
    closes_after_s: ClassVar[float] = 3 * 3600.0
    wants: ClassVar[tuple[WantKind, ...]] = ("watch", "capture")

    def begin(self) -> Memory:
        """Return an empty memory."""
        return Memory()

    def observe(self, sighting: Sighting, memory: Memory) -> tuple[Outcome, ...]:
        """Take one cell's channel; once a minute, compare all of the station's cells."""
        if not isinstance(sighting, Cell) or not sighting.identified:
            return ()
        book = self.context.book.relay
        window_ns = int(book.window_s * 1e9)
        site = site_of(self.context.licences.cell(sighting, sighting.day))
        memory.take(sighting, site, window_ns=window_ns, delays_us=(book.min_delay_us, book.max_delay_us))
        outcomes = list(self._translated(sighting))
        if sighting.time_ns - memory.compared_ns.get(sighting.station, -LOOK_AGAIN_NS) >= LOOK_AGAIN_NS:
            memory.compared_ns[sighting.station] = sighting.time_ns
            memory.forget(sighting.station, sighting.time_ns - window_ns)
            outcomes += self._compared(sighting, memory)
        return tuple(outcomes)

    def _compared(self, sighting: Cell, memory: Memory) -> list[Outcome]:
        """Compare the cells that this station heard within the window."""
        cells = list(memory.named(sighting.station, self.context.book.relay.min_site_distance_km))
        shared = [*self._echo(sighting, cells), *_shift(sighting, cells)]
        if shared and (licence := self._licensed_repeater(sighting)) is not None:
            reason = Reason(
                code="licensed_repeater",
                vi=f"có giấy phép trạm lặp {licence.licence_id} trong tầm nghe của {sighting.station}",
                en=f"a repeater with licence {licence.licence_id} is within reach of {sighting.station}",
                numbers={"licence_id": licence.licence_id},
            )
            shared.append(_evidence(sighting, -60.0, reason, sure=True, freqs_hz=()))
        return [*shared]

    def _echo(self, sighting: Cell, cells: Cells) -> list[Evidence]:
        """Judge the echoes of the cells, and whether they came with a step of level."""
        book = self.context.book.relay
        delays = {"min_delay_us": book.min_delay_us, "max_delay_us": book.max_delay_us}
        echoes: list[tuple[str, Echo | None]] = []
        steps: list[tuple[str, JointStep]] = []
        for site, _, looks in cells:
            echo = estimate_echo([o.taps for o in looks], **delays)
            step = joint_step([(o.time_ns / 1e9, o.power_dbfs, o.taps) for o in looks], **delays) if any(o.taps for o in looks) else None
            steps += [(site, step)] if step is not None else []
            echoes.append((site, step.echo if step is not None and echo is None else echo))  # since the step, not all the while
        found = common_delay(echoes, **delays)
        shared = []
        if found is not None and found.p_chance <= book.pfa:
            sure = are_known(found.sites)
            weight = min(MAX_DECIBANS if sure else UNKNOWN_SITE_DECIBANS, -10.0 * math.log10(max(found.p_chance, 1e-30)))
            freqs = _freqs(cells, found.sites)
            shared.append(_evidence(sighting, weight, _echo_reason(sighting, found, sure), sure=sure, freqs_hz=freqs, kind="common_echo"))
        if together := _together(steps):
            sites = tuple(sorted({site for site, _ in together}))
            sure = are_known(sites)
            weight = STEP_DECIBANS if sure else UNKNOWN_STEP_DECIBANS
            shared.append(_evidence(sighting, weight, _step_reason(sighting, together, sites), sure=sure, freqs_hz=_freqs(cells, sites)))
        return shared

    def _translated(self, cell: Cell) -> tuple[Outcome, ...]:
        """Judge whether the cell's own list of channels names the one it is heard on (SI1)."""
        if cell.rat != "gsm" or cell.channel is None or not cell.cell_channels or cell.channel in cell.cell_channels:
            return ()
        reason = Reason(
            code="not_in_cell_allocation",
            vi=f"{cell.name}: SI1 không kê ARFCN {cell.channel} mà sóng đang phát: nghi bộ chuyển tần",
            en=f"{cell.name}: SI1 does not list ARFCN {cell.channel} that it is heard on: a frequency-translating relay is suspected",
            numbers={"arfcn": cell.channel, "listed": len(cell.cell_channels)},
        )
        return (
            Evidence(
                subject=cell.name,
                kind="not_in_cell_allocation",
                decibans=6.0,
                limit_decibans=16.0,
                reason=reason,
                cap="suspected",
                freqs_hz=freqs_of(cell),
            ),
        )

    def _licensed_repeater(self, cell: Cell) -> Licence | None:
        if cell.freq_hz is None or cell.day is None:
            return None
        place = self.context.place_of(cell.station, cell.place)
        near = self.context.licences.near(cell.freq_hz - 1e5, cell.freq_hz + 1e5, place)
        return next((li for li in near if li.technology == "repeater" and li.valid_on(cell.day)), None)


def _evidence(cell: Cell, decibans: float, reason: Reason, *, sure: bool, freqs_hz: tuple[float, ...], kind: str | None = None) -> Evidence:
    return Evidence(
        subject=cell.station, kind=kind or reason.code, decibans=decibans, limit_decibans=abs(decibans), reason=reason,
        cap="suspected" if sure else "to_verify", replaces=True, freqs_hz=freqs_hz,
    )  # fmt: skip


def _freqs(cells: Cells, sites: Iterable[str]) -> tuple[float, ...]:
    wanted = set(sites)
    return tuple(sorted({cell.freq_hz for site, cell, _ in cells if site in wanted and cell.freq_hz is not None}))


def _together(steps: list[tuple[str, JointStep]]) -> list[tuple[str, JointStep]]:
    """Return the steps of most sites that came together and have one echo; none: fewer than two sites."""
    best: list[tuple[str, JointStep]] = []
    for _, one in steps:
        near = [
            (site, other)
            for site, other in steps
            if abs(other.time_s - one.time_s) <= TOGETHER_S and abs(other.echo.delay_us - one.echo.delay_us) <= JOIN_US
        ]
        if len({site for site, _ in near}) > len({site for site, _ in best}):
            best = near
    return best if len({site for site, _ in best}) >= 2 else []


def _shift(sighting: Cell, cells: Cells) -> list[Evidence]:
    """Judge the carriers' offsets against each other, cells of one technology together."""
    found: CommonShift | None = None
    for rat in ("gsm", "lte"):
        offsets = [
            (site, *offset, cell.freq_hz)
            for site, cell, looks in cells
            if cell.rat == rat and cell.freq_hz is not None and (offset := offset_of(looks, MIN_OFFSETS)) is not None
        ]
        found = found or common_shift(offsets)
    if found is None:
        return []
    sure, places = are_known(found.sites), _places(found.sites)
    reason = Reason(
        code="common_shift",
        vi=f"{sighting.station}: sóng mang của {len(found.sites)} vị trí ({places}) cùng lệch {found.shift_hz:+.0f} Hz so với "
        f"{found.others} ô khác: cùng đi qua một bộ chuyển tần",
        en=f"{sighting.station}: carriers of {len(found.sites)} sites ({places}) are all {found.shift_hz:+.0f} Hz off {found.others} other "
        "cells: one oscillator in their way",
        numbers={"shift_hz": round(found.shift_hz, 1), "sites": len(found.sites), "others": found.others, "sites_known": sure},
    )
    weight = SHIFT_DECIBANS if sure else UNKNOWN_SHIFT_DECIBANS
    return [_evidence(sighting, weight, reason, sure=sure, freqs_hz=_freqs(cells, found.sites))]


def _places(sites: Iterable[str]) -> str:
    return ", ".join(site.removeprefix("? ") for site in sites)


def _step_reason(sighting: Cell, steps: list[tuple[str, JointStep]], sites: tuple[str, ...]) -> Reason:
    rise = sum(step.rise_db for _, step in steps) / len(steps)
    delay = sum(step.echo.delay_us for _, step in steps) / len(steps)
    places = _places(sites)
    return Reason(
        code="joint_step",
        vi=f"{sighting.station}: {len(sites)} vị trí ({places}) cùng lúc mạnh lên {rise:.0f} dB và có thêm tiếng vọng {delay:.1f} µs",
        en=f"{sighting.station}: {len(sites)} sites ({places}) became {rise:.0f} dB stronger at once and got an echo of {delay:.1f} µs",
        numbers={"rise_db": round(rise, 1), "delay_us": round(delay, 2), "sites": len(sites)},
    )


def _echo_reason(sighting: Cell, found: CommonDelay, sure: bool) -> Reason:
    places = _places(found.sites)
    numbers: dict[str, Number] = {
        "delay_us": round(found.delay_us, 2), "sigma_us": round(found.sigma_us, 3), "sites": len(found.sites), "p_chance": found.p_chance,
        "sites_known": sure,
    }  # fmt: skip
    what = f"{found.delay_us:.2f} ± {found.sigma_us:.2f} µs"
    chance = f"{found.p_chance:.1e}"
    doubt_vi = "" if sure else "; vị trí các trạm chưa rõ, có thể cùng một cột"
    doubt_en = "" if sure else "; where they stand is not known, it may be one mast"
    return Reason(
        code="common_echo" if sure else "common_echo_unknown_sites",
        vi=f"{sighting.station}: cùng một tiếng vọng {what} trên {len(found.sites)} vị trí ({places}); ngẫu nhiên: {chance}{doubt_vi}",
        en=f"{sighting.station}: the same echo of {what} on {len(found.sites)} sites ({places}); by chance: {chance}{doubt_en}",
        numbers=numbers,
    )
