"""Rule 5, relay or repeater: one echo on cells of different sites; a carrier that its own cell allocation does not name.

Sites come from the registry: at least 1 km apart. Operators on one mast are one site and share one hill's echo. Where sites are not known,
cells count apart, and the finding is never more than a reason to verify.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import ClassVar, Final

from collector.checks.context import Context
from collector.checks.sightings import Cell, Sighting, freqs_of
from collector.checks.types import Evidence, Number, Outcome, Reason, Severity, WantKind
from config.geography import distance_km
from config.licences import Licence
from dsp.relay import CommonDelay, Echo, common_delay, estimate_echo

LOOK_AGAIN_NS: Final = 60 * 1_000_000_000
MAX_LOOKS: Final = 60
UNKNOWN_SITE_DECIBANS: Final = 11.0
"""What unknown sites can give: below the alert threshold whatever they agree on."""
MAX_DECIBANS: Final = 25.0
Looks = list[tuple[int, tuple[tuple[float, float], ...]]]


@dataclass(slots=True)
class Memory:
    """Per station: each cell's echo taps over the window, and when they were compared last."""

    looks: dict[str, dict[str, Looks]] = field(default_factory=dict)
    cells: dict[str, dict[str, Cell]] = field(default_factory=dict)
    compared_ns: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayRule:
    """Common paths of the cells that one station hears."""

    context: Context
    legal_basis: tuple[str, ...]
    name: ClassVar[str] = "5-relay"
    version: ClassVar[int] = 1
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
        looks = memory.looks.setdefault(sighting.station, {}).setdefault(sighting.name, [])
        window_ns = int(book.window_s * 1e9)
        looks.append((sighting.time_ns, tuple(t for t in sighting.taps if book.min_delay_us <= abs(t[0]) <= book.max_delay_us)))
        while (looks and sighting.time_ns - looks[0][0] > window_ns) or len(looks) > MAX_LOOKS:
            del looks[0]
        cells = memory.cells.setdefault(sighting.station, {})
        cells.pop(sighting.name, None)
        cells[sighting.name] = sighting
        outcomes = list(self._translated(sighting))
        if sighting.time_ns - memory.compared_ns.get(sighting.station, -LOOK_AGAIN_NS) >= LOOK_AGAIN_NS:
            memory.compared_ns[sighting.station] = sighting.time_ns
            _forget(memory, sighting, window_ns)
            outcomes += self._common(sighting, memory)
        return tuple(outcomes)

    def _common(self, sighting: Cell, memory: Memory) -> list[Outcome]:
        """Compare the echoes of the cells that this station heard within the window."""
        book = self.context.book.relay
        echoes: list[tuple[str, Echo | None]] = []
        known: dict[str, Licence] = {}
        where: dict[str, list[float]] = {}
        for name, looks in memory.looks[sighting.station].items():
            echo = estimate_echo([taps for _, taps in looks], min_delay_us=book.min_delay_us, max_delay_us=book.max_delay_us)
            cell = memory.cells[sighting.station][name]
            site = self._site(cell, known)
            echoes.append((site or f"? {name}", echo))
            if echo is not None:
                where.setdefault(echoes[-1][0], []).extend(freqs_of(cell))
        found = common_delay(echoes, min_delay_us=book.min_delay_us, max_delay_us=book.max_delay_us)
        if found is None or found.p_chance > book.pfa:
            return []
        sure = sum(1 for site in found.sites if not site.startswith("? ")) >= 2
        weight = min(MAX_DECIBANS if sure else UNKNOWN_SITE_DECIBANS, -10.0 * math.log10(max(found.p_chance, 1e-30)))
        outcomes: list[Outcome] = [
            Evidence(
                subject=sighting.station, kind="common_echo", decibans=weight, limit_decibans=weight, reason=_reason(sighting, found, sure),
                cap="suspected" if sure else "to_verify", replaces=True,
                freqs_hz=tuple(sorted({freq for site in found.sites for freq in where.get(site, [])})),
            )
        ]  # fmt: skip
        if (licence := self._licensed_repeater(sighting)) is not None:
            reason = Reason(
                code="licensed_repeater",
                vi=f"có giấy phép trạm lặp {licence.licence_id} trong tầm nghe của {sighting.station}",
                en=f"a repeater with licence {licence.licence_id} is within reach of {sighting.station}",
                numbers={"licence_id": licence.licence_id},
            )
            outcomes.append(
                Evidence(
                    subject=sighting.station, kind="licensed_repeater", decibans=-30.0, limit_decibans=30.0, reason=reason, replaces=True
                )
            )
        return outcomes

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

    def _site(self, cell: Cell, known: dict[str, Licence]) -> str | None:
        """Return the cell's site: the first known one within the minimum distance; None: no registry says where it stands."""
        licence = self.context.licences.cell(cell, cell.day)
        if licence is None or licence.lat_deg is None or licence.lon_deg is None:
            return None
        least_km = self.context.book.relay.min_site_distance_km
        for name, other in known.items():
            if other.lat_deg is None or other.lon_deg is None or abs(other.lat_deg - licence.lat_deg) * 110.5 > least_km:
                continue
            if _apart_km(licence.lat_deg, licence.lon_deg, other.lat_deg, other.lon_deg) < least_km:
                return name
        name = licence.site or licence.licence_id
        known[name] = licence
        return name

    def _licensed_repeater(self, cell: Cell) -> Licence | None:
        if cell.freq_hz is None or cell.day is None:
            return None
        place = self.context.place_of(cell.station, cell.place)
        near = self.context.licences.near(cell.freq_hz - 1e5, cell.freq_hz + 1e5, place)
        return next((li for li in near if li.technology == "repeater" and li.valid_on(cell.day)), None)


@functools.lru_cache(maxsize=20_000)
def _apart_km(lat1_deg: float, lon1_deg: float, lat2_deg: float, lon2_deg: float) -> float:
    return distance_km(lat1_deg, lon1_deg, lat2_deg, lon2_deg)


def _forget(memory: Memory, now: Cell, window_ns: int) -> None:
    looks, cells = memory.looks[now.station], memory.cells[now.station]
    while cells and now.time_ns - next(iter(cells.values())).time_ns > window_ns:
        name = next(iter(cells))
        del cells[name], looks[name]


def _reason(sighting: Cell, found: CommonDelay, sure: bool) -> Reason:
    places = ", ".join(site.removeprefix("? ") for site in found.sites)
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
