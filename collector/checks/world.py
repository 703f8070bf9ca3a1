"""One world's observations in order -> findings. A fold: the state after the same observations is the same, byte for byte.

A world is an origin (live, replay, ...), or one undated recording: what one world remembers never reaches another. Evidence adds up in
decibans (decision 11). An observation that comes late rewinds its world to a snapshot before it and folds again from there.
"""

from __future__ import annotations

import bisect
import heapq
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from collector.checks.dossiers import Dossier, finding_of
from collector.checks.sightings import Sighting, sight
from collector.checks.types import CannotJudge, Evidence, Finding, Observation, Remark, Rule, SortKey
from config.rules import RuleBook

SNAPSHOT_EVERY: Final = 2_000
"""Observations between two snapshots: what a late observation costs at most, beside its own lateness."""
THIN_AFTER, THIN_TO = 5, 5
"""Of the snapshots before the last ``THIN_AFTER``, about every ``THIN_TO``th is kept: one takes some megabytes."""
Where = tuple[str, str]
"""Rule, subject."""
RemarkKey = tuple[str, str, str, str]
"""Rule, subject, code, origin."""


class By(NamedTuple):
    """What a world is judged by."""

    rules: Mapping[str, Rule]
    book: RuleBook
    registry_version: str


@dataclass(slots=True)
class _State:
    """All that later answers depend on. The rules' memories are changed in place, everything else is made of values."""

    memories: list[Any]
    dossiers: dict[Where, Dossier] = field(default_factory=dict)
    remarks: dict[RemarkKey, Remark] = field(default_factory=dict)
    due: list[tuple[int, Where]] = field(default_factory=list)
    """Heap of when dossiers may be stale; an entry may be out of date, never missing. An undated world's clock closes nothing."""

    def frozen(self) -> _Frozen:
        """Return a copy that later changes do not reach."""
        return _Frozen(pickle.dumps(self.memories, protocol=5), dict(self.dossiers), dict(self.remarks), list(self.due))


class _Frozen(NamedTuple):
    """A state that is kept; only the memories are bytes."""

    memories: bytes
    dossiers: dict[Where, Dossier]
    remarks: dict[RemarkKey, Remark]
    due: list[tuple[int, Where]]

    def thawed(self) -> _State:
        """Return a state to go on from. The memories are our own bytes, never from outside."""
        return _State(pickle.loads(self.memories), dict(self.dossiers), dict(self.remarks), list(self.due))


class _Snapshot(NamedTuple):
    at: int
    """How many of the kept observations are folded in it."""
    closed: int
    """How many findings were closed by then."""
    state: _Frozen


class WorldChanges(NamedTuple):
    """Findings that changed, identities of those that no longer are, and which remarks are to be looked at again."""

    findings: list[Finding]
    gone: set[str]
    remarks: set[RemarkKey]


class World:
    """Folds observations of one world into findings. Inspectors' answers are not known here."""

    def __init__(self, by: By, *, dated: bool) -> None:
        """Start with rules that have seen nothing yet."""
        self._by, self._dated = by, dated
        self._state = _State(memories=[rule.begin() for rule in by.rules.values()])
        self._closed: list[Finding] = []
        self._seen: list[Observation] = []
        self._keys: list[SortKey] = []
        self._snapshots = [_Snapshot(0, 0, self._state.frozen())]
        self._touched: set[Where] = set()
        self._remarked: set[RemarkKey] = set()
        self._told: dict[str, Finding] = {}
        self._closed_told = 0
        self._rewound = False
        self.horizon: SortKey | None = None
        """An observation before this can no longer be fitted in. None: everything can."""
        self.snapshot_every: int | None = None
        """Observations between two snapshots; None: as usual."""

    @property
    def last(self) -> SortKey | None:
        """The latest observation that is folded."""
        return self._keys[-1] if self._keys else self.horizon

    def feed(self, fresh: dict[SortKey, Observation]) -> int:
        """Take ``fresh``; one that is already known (same key) changes nothing. Return how many were folded, again or newly."""
        start = bisect.bisect_left(self._keys, min(fresh))
        new = fresh.keys() - set(self._keys[start:])
        if not new:
            return 0
        start = bisect.bisect_left(self._keys, min(new))
        if start < len(self._keys):
            again = self._rewind(start)
            fresh = {key: fresh[key] for key in new} | {o.key: o for o in again}
            new = set(fresh)
        for key in sorted(new):
            self._fold(fresh[key], key)
        return len(new)

    def forget_but(self, count: int) -> None:
        """Drop all but the last ``count`` observations from memory, up to a snapshot; what is older and comes later cannot be fitted in."""
        usable = [i for i, one in enumerate(self._snapshots) if 0 < one.at <= len(self._keys) - count]
        if not usable:
            return
        base = self._snapshots[usable[-1]].at
        self.horizon = self._keys[base - 1]
        self._seen, self._keys = self._seen[base:], self._keys[base:]
        self._snapshots = [one._replace(at=one.at - base) for one in self._snapshots[usable[-1] :]]

    def save(self, keep: int) -> tuple[object, ...]:
        """Return what is needed to go on later: a snapshot and the observations since, ``keep`` at least where there are as many."""
        usable = [one for one in self._snapshots if one.at <= max(0, len(self._keys) - keep)]
        one = usable[-1] if usable else self._snapshots[0]
        horizon = self._keys[one.at - 1] if one.at > 0 else self.horizon
        return self._dated, one.state, self._closed, one.closed, self._seen[one.at :], horizon

    @classmethod
    def restored(cls, by: By, saved: tuple[Any, ...]) -> World:
        """Return the world that ``save`` gave; ``saved`` is trusted."""
        dated, state, closed, n_closed, seen, horizon = saved
        world = cls(by, dated=dated)
        world._state = state.thawed()
        world._closed = list(closed[:n_closed])
        world._snapshots = [_Snapshot(0, n_closed, state)]
        world.horizon = horizon
        for observation in seen:
            world._fold(observation, observation.key)
        return world

    def findings(self) -> list[Finding]:
        """Return every finding, open and closed, in no order."""
        live = (self._finding(where, d, closed_ns=None) for where, d in self._state.dossiers.items() if d.opened_ns is not None)
        return [*self._closed, *live]

    def remarks(self) -> Mapping[RemarkKey, Remark]:
        """Return what could not be judged."""
        return self._state.remarks

    def changes(self) -> WorldChanges:
        """Return what changed since the last call."""
        gone: set[str] = set()
        if self._rewound:
            now = self.findings()
            gone = self._told.keys() - {f.finding_id for f in now}
            changed = [f for f in now if self._told.get(f.finding_id) != f]
            for name in gone:
                del self._told[name]
            self._remarked |= self._state.remarks.keys()
        else:
            live = ((where, self._state.dossiers.get(where)) for where in sorted(self._touched))
            changed = self._closed[self._closed_told :]
            changed += [self._finding(where, d, closed_ns=None) for where, d in live if d is not None and d.opened_ns is not None]
        self._told.update((f.finding_id, f) for f in changed)
        self._rewound = False
        self._closed_told = len(self._closed)
        self._touched.clear()
        remarked, self._remarked = self._remarked, set()
        return WorldChanges(changed, gone, remarked)

    def _rewind(self, index: int) -> list[Observation]:
        """Go back to the last snapshot at or before ``index``; return the observations that are to be folded again."""
        while self._snapshots[-1].at > index:
            self._snapshots.pop()
        one = self._snapshots[-1]
        again = self._seen[one.at :]
        del self._seen[one.at :], self._keys[one.at :], self._closed[one.closed :]
        self._remarked |= self._state.remarks.keys()
        self._state = one.state.thawed()
        self._rewound = True
        return again

    def _snapshot(self) -> None:
        """Add a snapshot; thin out old ones."""
        self._snapshots.append(_Snapshot(len(self._keys), len(self._closed), self._state.frozen()))
        old, every = len(self._snapshots) - 1 - THIN_AFTER, self.snapshot_every or SNAPSHOT_EVERY
        if old > 1 and self._snapshots[old].at - self._snapshots[old - 2].at <= every * THIN_TO:
            del self._snapshots[old - 1]

    def _fold(self, observation: Observation, key: SortKey) -> None:
        if len(self._keys) - self._snapshots[-1].at >= (self.snapshot_every or SNAPSHOT_EVERY):
            self._snapshot()
        self._seen.append(observation)
        self._keys.append(key)
        sighting = sight(observation)
        if sighting is None:
            return
        if self._dated:
            self._close_stale(key.time_ns)
        for rule, memory in zip(self._by.rules.values(), self._state.memories, strict=True):
            weighed: dict[Where, Dossier] = {}
            for outcome in rule.observe(sighting, memory):
                if isinstance(outcome, Evidence):
                    where = (rule.name, outcome.subject)
                    weighed[where] = self._weigh(rule, outcome, sighting, where)
                else:
                    self._remark(rule, outcome, sighting)
            for where, dossier in weighed.items():  # for and against, all of it, before anything opens
                self._touched.add(where)
                self._decide(rule, where, dossier, sighting.time_ns)

    def _weigh(self, rule: Rule, evidence: Evidence, sighting: Sighting, where: Where) -> Dossier:
        time_ns = sighting.time_ns
        dossier = self._state.dossiers.get(where)
        if dossier is None:
            dossier = Dossier(opening=sighting.key, origin=sighting.origin, last_ns=time_ns)
            heapq.heappush(self._state.due, (time_ns + int(rule.closes_after_s * 1e9), where))
        dossier = self._state.dossiers[where] = dossier.with_evidence(evidence, station=sighting.station, time_ns=time_ns)
        return dossier

    def _decide(self, rule: Rule, where: Where, dossier: Dossier, time_ns: int) -> None:
        alert = self._by.book.alert
        confidence = dossier.confidence(rule.prior_decibans)
        if dossier.opened_ns is None:
            if confidence >= alert.open_confidence:
                self._state.dossiers[where] = dossier.opened(time_ns)
        elif confidence < alert.open_confidence / 2:
            self._close(where, dossier, time_ns)

    def _remark(self, rule: Rule, outcome: CannotJudge, sighting: Sighting) -> None:
        key = (rule.name, outcome.subject, outcome.reason.code, sighting.origin)
        self._remarked.add(key)
        old = self._state.remarks.get(key)
        self._state.remarks[key] = Remark(
            rule=rule.name,
            subject=outcome.subject,
            origin=sighting.origin,
            count=old.count + 1 if old else 1,
            first_ns=old.first_ns if old else sighting.time_ns,
            last_ns=sighting.time_ns,
            reason=outcome.reason,
        )

    def _close_stale(self, now_ns: int) -> None:
        due = self._state.due
        while due and due[0][0] < now_ns:
            where = heapq.heappop(due)[1]
            if (dossier := self._state.dossiers.get(where)) is None:
                continue
            limit_ns = dossier.last_ns + int(self._by.rules[where[0]].closes_after_s * 1e9)
            if limit_ns < now_ns:
                self._close(where, dossier, limit_ns)
            else:
                heapq.heappush(due, (limit_ns, where))

    def _close(self, where: Where, dossier: Dossier, time_ns: int) -> None:
        if dossier.opened_ns is not None:
            self._closed.append(self._finding(where, dossier, closed_ns=time_ns))
        del self._state.dossiers[where]

    def _finding(self, where: Where, dossier: Dossier, *, closed_ns: int | None) -> Finding:
        versions = (self._by.registry_version, self._by.book.version)
        return finding_of(self._by.rules[where[0]], where[1], dossier, closed_ns=closed_ns, book=self._by.book, versions=versions)
