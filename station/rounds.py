"""Which bands come next: each as often as it is wished, those of the highest priority first where the time is not enough. Pure.

A round is one pass over a band, or over several. A band with a wish has its turn when it could not wait for another band's pass; in between
the bands without one take turns. Wishes that together take more time than there is are stretched, the least important ones first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SHARE: Final = 0.8
"""Part of the time that wishes may take: the rest is for looks at cells, and for bands without a wish."""
REST: Final = 0.05
"""Part of the time that bands of lower priority get whatever the others wish."""

LEAST_ROUNDS: Final = 100
MOST_ROUNDS: Final = 20_000
ENOUGH_GAPS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class BandLoad:
    """One band: what a pass over it takes, and how often it is wished (None: as often as it comes)."""

    name: str
    duration_s: float
    revisit_s: float | None = None
    priority: int = 5


def revisits(loads: Sequence[BandLoad]) -> dict[str, float]:
    """Return for each band the time between two passes that the schedule keeps to: the wish, stretched where there is not time enough."""
    total = sum(load.duration_s for load in loads)
    if all(load.revisit_s is None for load in loads):
        return {load.name: total for load in loads}
    left = SHARE
    kept: dict[str, float] = {}
    for priority in sorted({load.priority for load in loads}):
        mine = [load for load in loads if load.priority == priority and load.revisit_s is not None]
        later = any(load.revisit_s is None or load.priority > priority for load in loads)
        need = sum(load.duration_s / (load.revisit_s or total) for load in mine)
        room = max(left - (REST if later else 0.0), 0.01)
        stretch = max(1.0, need / room)
        kept |= {load.name: (load.revisit_s or total) * stretch for load in mine}
        left = max(left - need / stretch, 0.01)
    rest = sum(load.duration_s for load in loads if load.revisit_s is None)
    return {load.name: kept.get(load.name, max(total, rest / left)) for load in loads}


class Rounds:
    """The passes over all bands, one after the other. Times in seconds of the station's clock."""

    def __init__(self, loads: Sequence[BandLoad]) -> None:
        """Every band is due at once."""
        self._loads = {load.name: load for load in loads}
        self.revisit_s = revisits(loads)
        self._together = all(load.revisit_s is None for load in loads)
        self._last_s: dict[str, float] = {}

    def next(self, now_s: float) -> tuple[str, ...]:
        """Return the bands of the next round: at first all, by priority; then all again, or the one whose turn it is at ``now_s``."""
        order = sorted(self._loads.values(), key=lambda load: load.priority)
        if self._together or not self._last_s:
            return tuple(load.name for load in order)
        wished = sorted((load for load in order if load.revisit_s is not None), key=self._latest_start_s)
        others = [load for load in order if load.revisit_s is None]
        if not others:
            return (wished[0].name,)
        other = min(others, key=lambda load: self._last_s[load.name])
        if self._latest_start_s(other) <= now_s:  # waited as long as it has to when wishes take all they may
            return (other.name,)
        urgent = [load for load in wished if self._latest_start_s(load) < now_s + other.duration_s]
        return ((urgent[0] if urgent else other).name,)

    def _latest_start_s(self, load: BandLoad) -> float:
        return self._last_s[load.name] + self.revisit_s[load.name] - load.duration_s

    def swept(self, name: str, now_s: float) -> None:
        """Note that a pass over ``name`` ended at ``now_s``."""
        self._last_s[name] = now_s


def worst_gaps(loads: Sequence[BandLoad]) -> dict[str, float]:
    """Return the longest time from pass to pass of each band when round follows round without looks at cells in between.

    Without the first round, which goes over all bands whatever is wished.
    """
    schedule, now_s = Rounds(loads), 0.0
    durations = {load.name: load.duration_s for load in loads}
    last_s: dict[str, float] = {}
    gaps: dict[str, list[float]] = {name: [] for name in durations}
    for done in range(MOST_ROUNDS):
        if done >= LEAST_ROUNDS and min(map(len, gaps.values())) >= ENOUGH_GAPS:
            break
        names = schedule.next(now_s)
        for name in names:
            now_s += durations[name]
            if name in last_s:
                gaps[name].append(now_s - last_s[name])
            last_s[name] = now_s
            schedule.swept(name, now_s)
    return {name: max([*found[1:], now_s - last_s[name]]) for name, found in gaps.items()}
