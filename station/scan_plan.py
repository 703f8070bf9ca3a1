"""Bands -> hops: where the receiver is tuned, for how long, and what of the bands stays unheard. Pure.

Each hop uses the middle of its span: the edges, where the receiver's filter falls off and aliases fold in, are cropped. The spike in
the middle of a span is blind in one sweep; every other sweep is shifted by half a hop, so that two sweeps leave nothing unseen.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from station.errors import MisuseError
from station.rounds import BandLoad, worst_gaps
from station.tuners import Tuner

MIN_CROP = 0.1
"""Part of the span that is left out at each edge, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRange:
    """A range of frequencies to be swept, and how often and how long each part of it is to be heard."""

    name: str
    lower_hz: float
    upper_hz: float
    dwell_s: float
    revisit_s: float | None = None
    """At least so often. None: as often as it comes."""
    priority: int = 5
    """1 goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One tuning of a sweep."""

    name: str
    center_freq_hz: float
    lower_hz: float
    upper_hz: float
    """The part of the span that counts."""
    dwell_s: float
    notch_hz: float
    """Width that is blind in the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnheardRange:
    """A part of a wanted range that this tuner cannot hear."""

    name: str
    lower_hz: float
    upper_hz: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverFacts:
    """What the plan has to know of the receiver."""

    tuner: Tuner
    sample_rate_hz: float
    retune_s: float
    """Time that passes between the last sample of one hop and the first good one of the next."""
    crop: float = MIN_CROP
    notch_hz: float = 10e3

    def __post_init__(self) -> None:
        """Refuse a crop that leaves nothing or too much."""
        if not MIN_CROP <= self.crop < 0.45:
            raise MisuseError(f"crop = {self.crop}: at least {MIN_CROP} of the span is left out at each edge, and less than 0.45")

    @property
    def usable_hz(self) -> float:
        """Width of a span that counts."""
        return self.sample_rate_hz * (1 - 2 * self.crop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """All hops once. ``unseen`` lists what one such sweep alone is blind for, within the audible parts."""

    hops: tuple[Hop, ...]
    unheard: tuple[UnheardRange, ...]
    unseen: tuple[tuple[float, float], ...]
    duration_s: float
    revisit_s: dict[str, float]
    """Longest time between two looks at the same band, by its name, when sweep follows sweep without looks at cells."""


def plan_sweep(wanted: Sequence[WantedRange], facts: ReceiverFacts, *, shifted: bool = False) -> Sweep:
    """Return the sweep over ``wanted``: each audible part is covered by hops of equal spacing; ``shifted`` moves the grid by half a hop.

    Raises:
        MisuseError: nothing is wanted, or a range runs backwards or has no dwell.
    """
    if not wanted:
        raise MisuseError("no band to sweep: name at least one")
    hops: list[Hop] = []
    unheard: list[UnheardRange] = []
    for part in wanted:
        if not part.lower_hz < part.upper_hz or part.dwell_s <= 0:
            raise MisuseError(
                f"{part.name}: {part.lower_hz / 1e6:g} to {part.upper_hz / 1e6:g} MHz, {part.dwell_s:g} s: must rise and last"
            )
        audible = facts.tuner.audible(part.lower_hz, part.upper_hz)
        for low, high in audible:
            hops += _hops(part, low, high, facts, shifted)
        unheard += _unheard(part, audible, facts.tuner)
    return Sweep(
        hops=tuple(hops),
        unheard=tuple(unheard),
        unseen=tuple(sorted(notch for hop in hops if (notch := _notch(hop)) is not None)),
        duration_s=sum(hop.dwell_s + facts.retune_s for hop in hops),
        revisit_s=worst_gaps(loads(wanted, hops, facts)) if hops else {},
    )


def loads(wanted: Sequence[WantedRange], hops: Sequence[Hop], facts: ReceiverFacts) -> list[BandLoad]:
    """Return what each of ``wanted`` that has ``hops`` takes, and how often it is wished; ranges of one name are one."""
    found: dict[str, BandLoad] = {}
    for part in wanted:
        duration = sum(hop.dwell_s + facts.retune_s for hop in hops if hop.name == part.name)
        if duration > 0.0 and part.name not in found:
            found[part.name] = BandLoad(name=part.name, duration_s=duration, revisit_s=part.revisit_s, priority=part.priority)
    return list(found.values())


def _hops(part: WantedRange, low: float, high: float, facts: ReceiverFacts, shifted: bool) -> list[Hop]:
    count = max(1, math.ceil((high - low) / facts.usable_hz - 1e-9))
    width = (high - low) / count
    # the shifted grid has one hop more, so that its seams fall on the centres of the plain one
    edges = [low + k * width for k in range(count + 1)]
    if shifted:
        edges = [low, *(low + (k + 0.5) * width for k in range(count)), high]
    hops = []
    beside = _beside(low, high, facts)
    for lower, upper in [(low, high)] if beside is not None else itertools.pairwise(edges):
        center = _center(lower, upper, facts) if beside is None else beside
        hops.append(
            Hop(name=part.name, center_freq_hz=center, lower_hz=lower, upper_hz=upper, dwell_s=part.dwell_s, notch_hz=facts.notch_hz)
        )
    return hops


def _beside(low: float, high: float, facts: ReceiverFacts) -> float | None:
    """Return where to tune so that a narrow range lies whole beside the spike; None: it is too wide for that, or at the tuner's end."""
    away = 2 * facts.notch_hz
    if high - low + away > facts.usable_hz / 2 - 1.0:
        return None
    places = (float(math.floor(low - away)), float(math.ceil(high + away)))
    return next((place for place in places if facts.tuner.hears(place, place)), None)


def _center(lower: float, upper: float, facts: ReceiverFacts) -> float:
    """Return where to tune for ``lower`` to ``upper``: its middle, on whole Hz, moved where the tuner's own range ends."""
    middle = round((lower + upper) / 2)
    limits = next(((low, high) for low, high in facts.tuner.ranges_hz if low <= middle <= high), None)
    return float(middle if limits is None else min(max(middle, limits[0]), limits[1]))


def _unheard(part: WantedRange, audible: Sequence[tuple[float, float]], tuner: Tuner) -> list[UnheardRange]:
    gaps, at = [], part.lower_hz
    for low, high in audible:
        if low > at:
            gaps.append((at, low))
        at = high
    if at < part.upper_hz:
        gaps.append((at, part.upper_hz))
    heard = ", ".join(f"{low / 1e6:g}-{high / 1e6:g}" for low, high in tuner.ranges_hz)
    return [UnheardRange(name=part.name, lower_hz=a, upper_hz=b, reason=f"{tuner.name} hears {heard} MHz") for a, b in gaps]


def _notch(hop: Hop) -> tuple[float, float] | None:
    """Return what of a hop's part its spike hides; None: nothing."""
    low, high = max(hop.center_freq_hz - hop.notch_hz / 2, hop.lower_hz), min(hop.center_freq_hz + hop.notch_hz / 2, hop.upper_hz)
    return (low, high) if low < high else None
