"""Observations -> findings, world by world, with what inspectors answered. What is found depends on keys and answers alone."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from collector.checks.dossiers import answered
from collector.checks.types import Answers, Finding, Observation, Remark, Rule, SortKey
from collector.checks.world import By, RemarkKey, World
from config.rules import RuleBook


class Changes(NamedTuple):
    """Findings and remarks that changed, and those that no longer are; ``everything``: these are all there are."""

    everything: bool
    findings: tuple[Finding, ...]
    remarks: tuple[Remark, ...] = ()
    gone: tuple[str, ...] = ()
    unsaid: tuple[RemarkKey, ...] = ()


class Judge:
    """Folds observations into findings; ``feed`` takes them in any order."""

    def __init__(self, rules: Sequence[Rule], *, book: RuleBook, registry_version: str, answers: Answers | None = None) -> None:
        """Start with ``rules`` that have seen nothing yet."""
        self._by = By({rule.name: rule for rule in rules}, book, registry_version)
        self._answers = answers or Answers()
        self._worlds: dict[str, World] = {}
        self._everything_changed = False
        self._snapshot_every: int | None = None

    def feed(self, observations: Iterable[Observation]) -> int:
        """Take ``observations``; one that is already known (same key) changes nothing. Return how many were folded, again or newly."""
        fresh: dict[str, dict[SortKey, Observation]] = {}
        for observation in observations:
            fresh.setdefault(world_of(observation), {})[observation.key] = observation
        return sum(self._world(name).feed(fresh[name]) for name in sorted(fresh))

    def is_late(self, observation: Observation) -> bool:
        """Whether its world has folded a later one already: to fit it in, some are folded again."""
        world = self._worlds.get(world_of(observation))
        return world is not None and world.last is not None and observation.key < world.last

    def is_too_late(self, observation: Observation) -> bool:
        """Whether it can no longer be fitted in: judge again from the journal."""
        world = self._worlds.get(world_of(observation))
        return world is not None and world.horizon is not None and observation.key <= world.horizon

    def forget_but(self, count: int) -> None:
        """Drop all but the last ``count`` observations of each world from memory, up to a snapshot."""
        for world in self._worlds.values():
            world.forget_but(count)

    def snapshot_every(self, count: int | None) -> None:
        """Take a snapshot every ``count`` observations; None: as usual. Where none come late, snapshots are of little use."""
        self._snapshot_every = count
        for world in self._worlds.values():
            world.snapshot_every = count

    def is_folded(self, world: str, key: SortKey) -> bool:
        """Whether the observation with this key is in, or would be behind what is in."""
        known = self._worlds.get(world)
        return known is not None and known.last is not None and key <= known.last

    def reached(self) -> dict[str, SortKey]:
        """Return the latest observation of each world that is folded."""
        return {name: world.last for name, world in self._worlds.items() if world.last is not None}

    def save(self, keep: int = 10_000) -> bytes:
        """Return what is needed to go on later, so that what comes late among the last ``keep`` observations can still be fitted in."""
        return pickle.dumps({name: world.save(keep) for name, world in self._worlds.items()}, protocol=5)

    def restore(self, saved: bytes) -> None:
        """Go on from what ``save`` gave; ``saved`` is trusted."""
        self._worlds = {name: World.restored(self._by, one) for name, one in pickle.loads(saved).items()}
        self.snapshot_every(self._snapshot_every)
        self._everything_changed = True

    def answer_by(self, answers: Answers) -> None:
        """Take ``answers`` in place of those before: they change what findings say, not what is remembered."""
        self._answers = answers
        self._everything_changed = True

    def take_changes(self) -> Changes:
        """Return what changed since the last call."""
        each = [self._worlds[name].changes() for name in sorted(self._worlds)]
        everything, self._everything_changed = self._everything_changed, False
        if everything:
            return Changes(everything=True, findings=self.findings(), remarks=self.remarks())
        keys = sorted({key for one in each for key in one.remarks})
        said = [remark for key in keys if (remark := self._remark(key)) is not None]
        return Changes(
            everything=False,
            findings=self._answered(finding for one in each for finding in one.findings),
            remarks=tuple(said),
            gone=tuple(sorted({name for one in each for name in one.gone})),
            unsaid=tuple(key for key in keys if self._remark(key) is None),
        )

    def findings(self) -> tuple[Finding, ...]:
        """Return every finding, open and closed, in order of opening and identity."""
        return self._answered(finding for world in self._worlds.values() for finding in world.findings())

    def remarks(self) -> tuple[Remark, ...]:
        """Return what could not be judged, by rule and subject."""
        keys = sorted({key for world in self._worlds.values() for key in world.remarks()})
        return tuple(remark for key in keys if (remark := self._remark(key)) is not None)

    def _remark(self, key: RemarkKey) -> Remark | None:
        """Return what the worlds say about one matter, as one; the words are those of the latest, by its time and then its text."""
        said = [one for world in self._worlds.values() if (one := world.remarks().get(key)) is not None]
        if len(said) < 2:
            return said[0] if said else None
        latest = max(said, key=lambda r: (r.last_ns, r.reason.en))
        return replace(latest, count=sum(r.count for r in said), first_ns=min(r.first_ns for r in said))

    def _world(self, name: str) -> World:
        if (world := self._worlds.get(name)) is None:
            world = self._worlds[name] = World(self._by, dated="," not in name)
            world.snapshot_every = self._snapshot_every
        return world

    def _answered(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        given = (answered(finding, self._answers) for finding in findings)
        return tuple(sorted(given, key=lambda f: (f.opened_ns, f.finding_id)))


def world_of(observation: Observation) -> str:
    """Return the name of the world that an observation belongs to: undated recordings have a clock each."""
    record = observation.record
    return world_name(record.origin, record.time_source, record.station, observation.spool_id)


def world_name(origin: str, time_source: str, station: str, spool_id: str) -> str:
    """Return the name of the world of a record with this head: its origin, or itself alone where it has no date."""
    return origin if time_source != "unknown" else f"{origin}, undated {station} {spool_id}"
