"""Observations in order -> findings. A fold: the state after the same observations is the same, byte for byte.

Evidence adds up in decibans (decision 11). An observation that comes late rewinds to a snapshot before it and folds again from there.
Each origin is a world of its own, and so are undated records: what one world remembers never reaches another.
"""

from __future__ import annotations

import bisect
import heapq
import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from collector.checks.dossiers import Dossier, finding_of
from collector.checks.sightings import Sighting, sight
from collector.checks.types import Answers, CannotJudge, Evidence, Finding, Observation, Remark, Rule, SortKey
from config.rules import RuleBook

SNAPSHOT_EVERY: Final = 10_000
"""Observations between two snapshots: what a late observation costs at most, beside its own lateness."""
Where = tuple[str, str, str]
"""World, rule, subject."""


class Changes(NamedTuple):
    """Findings that changed; ``everything``: these are all there are, and what else was said before no longer holds."""

    everything: bool
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _State:
    """All that later answers depend on; plain values, for it is pickled."""

    memories: dict[str, list[Any]] = field(default_factory=dict)
    dossiers: dict[Where, Dossier] = field(default_factory=dict)
    closed: dict[str, Finding] = field(default_factory=dict)
    remarks: dict[tuple[str, str, str, str], Remark] = field(default_factory=dict)
    due: dict[str, list[tuple[int, Where]]] = field(default_factory=dict)
    """World -> heap of when dossiers may be stale; an entry may be out of date, never missing. An undated world's clock closes nothing."""


class Judge:
    """Folds observations into findings; ``feed`` takes them in any order, the answer depends on their keys alone."""

    def __init__(self, rules: Sequence[Rule], *, book: RuleBook, registry_version: str, answers: Answers | None = None) -> None:
        """Start with ``rules`` that have seen nothing yet."""
        self._rules = {rule.name: rule for rule in rules}
        self._book = book
        self._versions = (registry_version, book.version)
        self._answers = answers or Answers()
        self._state = _State()
        self._horizon_ns = 0
        self._everything_changed = False
        self._touched: set[Where] = set()
        self._closed_since: set[str] = set()
        self._seen: list[Observation] = []
        self._keys: list[SortKey] = []
        self._snapshots: list[tuple[int, bytes]] = [(0, pickle.dumps(self._state))]

    @property
    def horizon_ns(self) -> int:
        """An observation before this time can no longer be fitted in: judge again from the journal. 0: everything can."""
        return self._horizon_ns

    def feed(self, observations: Iterable[Observation]) -> int:
        """Take ``observations``; one that is already known (same key) changes nothing. Return how many were folded, again or newly."""
        fresh = {o.key: o for o in observations}
        if not fresh:
            return 0
        start = bisect.bisect_left(self._keys, min(fresh))
        tail = self._seen[start:]
        new = fresh.keys() - {o.key for o in tail}
        if not new:
            return 0
        start = bisect.bisect_left(self._keys, min(new))
        folded = 0
        if start < len(self._seen):
            again = self._rewind(start)
            fresh = {key: fresh[key] for key in new} | {o.key: o for o in again}
            new = set(fresh)
        for key in sorted(new):
            self._fold(fresh[key], key)
            folded += 1
        return folded

    def forget_but(self, count: int) -> None:
        """Drop all but the last ``count`` observations from memory, up to a snapshot; what is older and comes later cannot be fitted in."""
        usable = [at for at, _ in self._snapshots if at <= len(self._keys) - count]
        if not usable or (base := usable[-1]) == 0:
            return
        self._horizon_ns = self._keys[base].time_ns
        self._seen, self._keys = self._seen[base:], self._keys[base:]
        self._snapshots = [(at - base, blob) for at, blob in self._snapshots if at >= base]

    def save(self) -> bytes:
        """Return what is needed to go on later: an old snapshot and the observations since, so that late ones can still be fitted in."""
        at, blob = self._snapshots[max(0, len(self._snapshots) - 2)]
        horizon_ns = self._keys[at].time_ns if 0 < at < len(self._keys) else self._horizon_ns
        return pickle.dumps((blob, self._seen[at:], horizon_ns), protocol=5)

    def restore(self, saved: bytes) -> None:
        """Go on from what ``save`` gave; ``saved`` is trusted."""
        blob, seen, self._horizon_ns = pickle.loads(saved)
        self._state = pickle.loads(blob)
        self._seen, self._keys, self._snapshots = [], [], [(0, blob)]
        for observation in seen:
            self._fold(observation, observation.key)
        self._everything_changed = True

    def answer_by(self, answers: Answers) -> None:
        """Take ``answers`` in place of those before: they change what findings say, not what is remembered."""
        self._answers = answers
        self._everything_changed = True

    def take_changes(self) -> Changes:
        """Return what changed since the last call; after a rewind, everything."""
        if self._everything_changed:
            found = self.findings()
        else:
            live = ((where, self._state.dossiers.get(where)) for where in self._touched)
            found = (
                *(self._finding(where, d, closed_ns=None) for where, d in live if d is not None and d.opened_ns is not None),
                *(self._state.closed[name] for name in self._closed_since),
            )
        changes = Changes(everything=self._everything_changed, findings=tuple(sorted(found, key=lambda f: (f.opened_ns, f.finding_id))))
        self._everything_changed = False
        self._touched.clear()
        self._closed_since.clear()
        return changes

    def findings(self) -> tuple[Finding, ...]:
        """Return every finding, open and closed, in order of opening and identity."""
        live = (self._finding(where, d, closed_ns=None) for where, d in self._state.dossiers.items() if d.opened_ns is not None)
        return tuple(sorted((*self._state.closed.values(), *live), key=lambda f: (f.opened_ns, f.finding_id)))

    def remarks(self) -> tuple[Remark, ...]:
        """Return what could not be judged, by rule and subject."""
        return tuple(self._state.remarks[key] for key in sorted(self._state.remarks))

    def _rewind(self, index: int) -> list[Observation]:
        """Go back to the last snapshot at or before ``index``; return the observations that are to be folded again."""
        while self._snapshots[-1][0] > index:
            self._snapshots.pop()
        at, blob = self._snapshots[-1]
        again = self._seen[at:]
        del self._seen[at:], self._keys[at:]
        self._state = pickle.loads(blob)  # our own bytes, never from outside
        self._everything_changed = True
        return again

    def _fold(self, observation: Observation, key: SortKey) -> None:
        if len(self._seen) - self._snapshots[-1][0] >= SNAPSHOT_EVERY:
            self._snapshots.append((len(self._seen), pickle.dumps(self._state, protocol=5)))
        self._seen.append(observation)
        self._keys.append(key)
        sighting = sight(observation)
        if sighting is None:
            return
        world = sighting.origin if sighting.day is not None else f"{sighting.origin}, undated"
        if sighting.day is not None:
            self._close_stale(world, key.time_ns)
        memories = self._state.memories.get(world)
        if memories is None:
            memories = self._state.memories[world] = [rule.begin() for rule in self._rules.values()]
        for rule, memory in zip(self._rules.values(), memories, strict=True):
            weighed: dict[Where, Dossier] = {}
            for outcome in rule.observe(sighting, memory):
                if isinstance(outcome, Evidence):
                    where = (world, rule.name, outcome.subject)
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
            dossier = self._state.dossiers[where] = Dossier(opening=sighting.key, origin=sighting.origin, last_ns=time_ns)
            heapq.heappush(self._state.due.setdefault(where[0], []), (time_ns + int(rule.closes_after_s * 1e9), where))
        dossier.add(evidence, station=sighting.station, time_ns=time_ns)
        return dossier

    def _decide(self, rule: Rule, where: Where, dossier: Dossier, time_ns: int) -> None:
        confidence = dossier.confidence(rule.prior_decibans)
        if dossier.opened_ns is None:
            if confidence >= self._book.alert.open_confidence:
                dossier.opened_ns = time_ns
        elif confidence < self._book.alert.open_confidence / 2:
            self._close(where, dossier, time_ns)

    def _remark(self, rule: Rule, outcome: CannotJudge, sighting: Sighting) -> None:
        key = (rule.name, outcome.subject, outcome.reason.code, sighting.origin)
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

    def _close_stale(self, world: str, now_ns: int) -> None:
        due = self._state.due.get(world, [])
        while due and due[0][0] < now_ns:
            where = heapq.heappop(due)[1]
            if (dossier := self._state.dossiers.get(where)) is None:
                continue
            limit_ns = dossier.last_ns + int(self._rules[where[1]].closes_after_s * 1e9)
            if limit_ns < now_ns:
                self._close(where, dossier, limit_ns)
            else:
                heapq.heappush(due, (limit_ns, where))

    def _close(self, where: Where, dossier: Dossier, time_ns: int) -> None:
        if dossier.opened_ns is not None:
            finding = self._finding(where, dossier, closed_ns=time_ns)
            self._state.closed[finding.finding_id] = finding
            self._closed_since.add(finding.finding_id)
        del self._state.dossiers[where]

    def _finding(self, where: Where, dossier: Dossier, *, closed_ns: int | None) -> Finding:
        rule = self._rules[where[1]]
        return finding_of(rule, where[2], dossier, closed_ns=closed_ns, book=self._book, versions=self._versions, answers=self._answers)
