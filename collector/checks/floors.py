"""The usual floor of each span at each station, how far it is above that now, and whether it rose in the shape of a filter."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, NamedTuple

from collector.checks.sightings import Look

FLOORS_KEPT: Final = 50
FLOORS_NEEDED: Final = 5
USUAL_DB: Final = 3.0
"""A floor that rose by less is still a usual one, and remembered."""
MIN_STEPS: Final = 8
"""A profile of fewer steps shows no edges."""
MIN_WIDTH: Final = 3
"""Steps that a pass band fills at least."""
RIPPLE_DB: Final = 5.0
"""How far the rise may vary within a pass band: a filter's ripple, and the noise of the floors it is the difference of."""


class Rise(NamedTuple):
    """How far a floor is above its usual one."""

    db: float
    """Of the median, or of the pass band where there is one."""
    passed: tuple[float, float] | None
    """The pass band in Hz; None: it did not rise in the shape of a filter, or nobody knows."""
    profiled: bool
    """Whether the profile is known."""


@dataclass(slots=True)
class Floors:
    """(station, span's centre in 100 kHz) -> floors: (median, profile)."""

    known: dict[tuple[str, int], list[tuple[float, tuple[float, ...]]]] = field(default_factory=dict)

    def rise(self, look: Look) -> Rise | None:
        """Return how far the floor is above its usual one; None: not known yet. Only what is usual is remembered."""
        floors = self.known.setdefault(key_of(look), [])
        rise = _rise(look, floors) if len(floors) >= FLOORS_NEEDED else None
        if rise is None or rise.db < USUAL_DB:
            floors.append((look.floor_dbfs_hz, look.profile))
            del floors[:-FLOORS_KEPT]
        return rise


def key_of(look: Look) -> tuple[str, int]:
    """Return what a span is known by."""
    return look.station, int((look.lower_freq_hz + look.upper_freq_hz) / 2e5)


def pass_band(rises_db: Sequence[float], *, least_db: float = USUAL_DB) -> tuple[int, int] | None:
    """Return (first, end) of the steps that rose together as a filter's pass band would; None: they did not.

    One run of steps, flat to ``RIPPLE_DB``, with an edge in sight: the steps on either side of it rose by less than a quarter of it. Noise
    that a receiver makes, overload and a wide interferer raise everything.
    """
    if len(rises_db) < MIN_STEPS or (top := sorted(rises_db)[-MIN_WIDTH]) < least_db:
        return None
    runs = [list(run) for up, run in groupby(range(len(rises_db)), key=lambda i: rises_db[i] >= top / 2) if up]
    if len(runs) != 1:
        return None
    first, end = runs[0][0], runs[0][-1] + 1
    outside = [r for i, r in enumerate(rises_db) if i < first - 1 or i > end]  # the step at an edge is half in it
    inside = rises_db[first + (first > 0) : end - (end < len(rises_db))]
    if len(inside) < MIN_WIDTH or len(outside) < MIN_WIDTH or max(inside) - min(inside) > RIPPLE_DB:
        return None
    return (first, end) if statistics.fmean(outside) < top / 4 and max(outside) < top / 2 else None


def _rise(look: Look, floors: Sequence[tuple[float, tuple[float, ...]]]) -> Rise:
    median = look.floor_dbfs_hz - statistics.median([floor for floor, _ in floors])
    profiles = [profile for _, profile in floors if len(profile) == len(look.profile)]
    if not look.profile or len(profiles) < FLOORS_NEEDED:
        return Rise(median, None, False)
    rises = [now - statistics.median(before) for now, *before in zip(look.profile, *profiles, strict=True)]
    band = pass_band(rises)
    if band is None:
        return Rise(median, None, True)
    step = (look.upper_freq_hz - look.lower_freq_hz) / len(rises)
    edges = look.lower_freq_hz + band[0] * step, look.lower_freq_hz + band[1] * step
    return Rise(max(median, statistics.median(rises[band[0] : band[1]])), edges, True)
