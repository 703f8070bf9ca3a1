"""How well each hour of a band was listened to, as bars of the timeline: equal hours in a row are one bar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from collector.store import HOUR_NS, CoverageState, TimelineBucket
from collector.web.look import AMBER, QUIET, RED, TEAL
from collector.words import COVERAGE_WORDS, duration, moment

_LOOKS: Final[dict[CoverageState, tuple[str, float, float]]] = {
    "heard": (TEAL, 0.18, 0.6),
    "heard_nothing": (QUIET, 0.18, 0.55),
    "degraded": (AMBER, 0.18, 0.6),
    "tuner_cannot_hear": (RED, 0.1, 0.5),
    "not_listening": (RED, 0.04, 0.35),
}
"""Colour, height in lanes, opacity: what was not listened to is a line, not a bar."""


def coverage_bars(
    buckets: Iterable[TimelineBucket], lane_of: Callable[[str], int | None], name: Callable[[str, str | None], str]
) -> list[dict[str, Any]]:
    """Return a bar for each run of hours of one state, on the lane that ``lane_of`` gives for its ``name``; None: none is drawn."""
    ordered = sorted(buckets, key=lambda one: (one.station, one.band or "~", one.origin, one.hour_ns))
    bars = []
    for _, some in groupby(enumerate(ordered), key=lambda pair: (pair[1].station, pair[1].band, pair[1].origin, pair[1].state, _run(pair))):
        run = [one for _, one in some]
        lane = lane_of(name(run[0].station, run[0].band))
        if lane is not None:
            bars.append(_bar(run, lane))
    return bars


def _run(pair: tuple[int, TimelineBucket]) -> int:
    """Return a number that stays the same as long as hours follow each other."""
    return pair[1].hour_ns // HOUR_NS - pair[0]


def _bar(run: Sequence[TimelineBucket], lane: int) -> dict[str, Any]:
    first, last = run[0], run[-1]
    colour, height, opacity = _LOOKS[first.state]
    listened_s = sum(one.listened_s for one in run)
    tip = f"{moment(first.hour_ns)} · {len(run)} h\n{COVERAGE_WORDS[first.state]}\nnghe / listened {duration(listened_s)}"
    known = [one.sensitivity_dbfs for one in run if one.sensitivity_dbfs is not None]
    if known:
        tip += f"\nđộ nhạy / sensitivity {max(known):.0f} dBFS"
    value = [lane, first.hour_ns / 1e6, (last.hour_ns + HOUR_NS) / 1e6, height, opacity]
    return {"value": value, "itemStyle": {"color": colour}, "tip": tip}
