"""Observations that wait to be judged: a moment each, so that those of other stations can come first; late ones until it pays.

What is found does not depend on any of this, only when, and at what cost: a late observation has others folded again. Late ones are
gathered, and fitted in at most so often that folding again takes a third of the time.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from collector.checks.judge import world_of
from collector.checks.types import Observation, SortKey

HOLD_S: Final = 3.0
"""How long an observation waits for earlier ones that are still on their way: a sweep's records come together, at its end."""
LATE_S: Final = 2.0
"""How long late ones are gathered at least."""
REST: Final = 2.0
"""After fitting late ones in, so many times the time it took passes before it is done again."""


@dataclass(slots=True)
class _Lane:
    """What waits of one world."""

    heap: list[tuple[SortKey, int, Observation]] = field(default_factory=list)
    arrivals: deque[tuple[float, SortKey]] = field(default_factory=deque)
    """(when a batch came, its latest observation)."""


class Waiting:
    """Observations on their way into a judge."""

    def __init__(self, *, hold_s: float = HOLD_S, late_s: float = LATE_S) -> None:
        """Nothing waits."""
        self._hold_s, self._late_s = hold_s, late_s
        self._lanes: dict[str, _Lane] = {}
        self._late: list[Observation] = []
        self._late_due_s = self._rest_until_s = float("-inf")
        self._numbers = count()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._late) + sum(len(lane.heap) for lane in self._lanes.values())

    def put(self, observations: Iterable[Observation], *, is_late: Callable[[Observation], bool], now_s: float) -> None:
        """Take ``observations`` that came now."""
        latest: dict[str, SortKey] = {}
        for one in observations:
            if is_late(one):
                if not self._late:
                    self._late_due_s = max(now_s + self._late_s, self._rest_until_s)
                self._late.append(one)
                continue
            name, key = world_of(one), one.key
            lane = self._lanes.setdefault(name, _Lane())
            heapq.heappush(lane.heap, (key, next(self._numbers), one))
            latest[name] = max(latest.get(name, key), key)
        for name, key in latest.items():
            self._lanes[name].arrivals.append((now_s, key))

    def due(self, now_s: float) -> list[Observation]:
        """Return those that have waited long enough, and all that are earlier than these."""
        found: list[Observation] = []
        for name, lane in list(self._lanes.items()):
            limit: SortKey | None = None
            while lane.arrivals and lane.arrivals[0][0] <= now_s - self._hold_s:
                key = lane.arrivals.popleft()[1]
                limit = key if limit is None else max(limit, key)
            while limit is not None and lane.heap and lane.heap[0][0] <= limit:
                found.append(heapq.heappop(lane.heap)[2])
            if not lane.heap:
                del self._lanes[name]
        return found

    def late(self, now_s: float) -> list[Observation]:
        """Return the late ones, if it is time to fit them in."""
        if not self._late or now_s < self._late_due_s:
            return []
        found, self._late = self._late, []
        return found

    def fitted(self, took_s: float, now_s: float) -> None:
        """Note that late ones were fitted in by now, which took so long."""
        self._rest_until_s = now_s + REST * took_s

    def all_of_them(self) -> tuple[list[Observation], list[Observation]]:
        """Return whatever waits, in time and late, without waiting any longer."""
        found = [one for lane in self._lanes.values() for _, _, one in lane.heap]
        late, self._late = self._late, []
        self._lanes = {}
        return found, late
