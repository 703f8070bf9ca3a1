"""The sweeps of one receiver, one after the other: which bands, on which grid, how long at each hop. Times in seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from config.settings import StationSettings
from station.bands import wish_of
from station.dwell_length import DwellChoice, Wanted, dwell_for
from station.levels import Levels
from station.rounds import Rounds
from station.scan_plan import Hop, ReceiverFacts, Sweep, WantedRange, loads, plan_sweep

PROBE_S: Final = 0.02
PROBE_HOPS: Final = 4
"""At so many hops of a band its noise is measured before the dwells are chosen: one of them is likely to be quiet."""


class SweepPlans:
    """What is swept next. The plain grid and one shifted by half a hop take turns band by band: what one is blind for the other hears."""

    def __init__(self, ranges: Sequence[WantedRange], facts: ReceiverFacts) -> None:
        """Nothing is swept yet."""
        self._ranges, self._facts = tuple(ranges), facts
        self.plain = plan_sweep(ranges, facts)
        """All bands once."""
        self._rounds = Rounds(loads(ranges, self.plain.hops, facts))
        self._passes: dict[str, int] = {}

    def next(self, now_s: float) -> Sweep:
        """Return the sweep over the bands whose turn it is."""
        if not self.plain.hops:
            return self.plain
        names = self._rounds.next(now_s)
        parts = [
            plan_sweep([one for one in self._ranges if one.name == name], self._facts, shifted=self._passes.get(name, 0) % 2 == 1)
            for name in names
        ]
        return Sweep(
            hops=tuple(hop for part in parts for hop in part.hops),
            unheard=self.plain.unheard,
            unseen=tuple(sorted(one for part in parts for one in part.unseen)),
            duration_s=sum(part.duration_s for part in parts),
            revisit_s=self.plain.revisit_s,
        )

    def swept(self, sweep: Sweep, now_s: float) -> None:
        """Note that ``sweep`` ended at ``now_s``."""
        ended_s = now_s
        for name in reversed(dict.fromkeys(hop.name for hop in sweep.hops)):
            self._rounds.swept(name, ended_s)
            self._passes[name] = self._passes.get(name, 0) + 1
            ended_s -= sum(hop.dwell_s + self._facts.retune_s for hop in sweep.hops if hop.name == name)

    def revisit_s(self, name: str) -> float:
        """Return the longest time between two passes over a band, as planned."""
        return self.plain.revisit_s[name]


def wanted_powers(
    settings: StationSettings, ranges: Sequence[WantedRange], levels: Levels, time_ns: int
) -> tuple[dict[str, Wanted], list[str]]:
    """Return the weakest carrier wanted of each band that has such a wish, and what stands in the way of others, a sentence each."""
    sweep, found, problems = settings.sweep, {}, []
    for one in ranges:
        wish = wish_of(settings, one.name)
        own = wish.wanted_dbfs is not None or wish.wanted_dbm is not None
        dbfs = wish.wanted_dbfs if own else sweep.wanted_dbfs
        dbm = wish.wanted_dbm if own else sweep.wanted_dbm
        if wish.dwell_s is not None or (dbfs is None and dbm is None):
            continue
        if dbfs is None and dbm is not None:
            known = levels.over(one.lower_hz, one.upper_hz, time_ns)
            if known is None:
                problems.append(f"{one.name}: {dbm:g} dBm wanted, but levels are not calibrated there: canhsong-station calibrate")
                continue
            dbfs = dbm - known[0]
        assert dbfs is not None
        found[one.name] = Wanted(power=10 ** (dbfs / 10), width_hz=wish.wanted_width_hz or sweep.wanted_width_hz)
    return found, problems


def probe(plain: Sweep) -> Sweep:
    """Return short dwells at a few hops of each band, to measure its noise."""
    hops: list[Hop] = []
    for name in dict.fromkeys(hop.name for hop in plain.hops):
        mine = [hop for hop in plain.hops if hop.name == name]
        step = max(1, len(mine) // PROBE_HOPS)
        hops += [replace(hop, dwell_s=PROBE_S) for hop in mine[::step]]
    return replace(plain, hops=tuple(hops))


def with_dwells(
    ranges: Sequence[WantedRange],
    wanted: Mapping[str, Wanted],
    floors: Mapping[str, float],
    *,
    settings: StationSettings,
    sample_rate_hz: float,
) -> tuple[list[WantedRange], dict[str, DwellChoice]]:
    """Return ``ranges`` with dwells long enough for what is ``wanted``, and the choices. ``floors``: full scale squared per Hz."""
    choices = {
        name: dwell_for(
            one,
            floor_density=floors[name],
            sample_rate_hz=sample_rate_hz,
            analysis=settings.analysis,
            longest_s=settings.sweep.dwell_max_s,
        )
        for name, one in wanted.items()
        if name in floors
    }
    return [replace(one, dwell_s=choices[one.name].dwell_s) if one.name in choices else one for one in ranges], choices
