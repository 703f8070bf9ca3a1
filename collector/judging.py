"""The follower that judges: observations from the journal are folded into findings, live as they come, and again over the past.

Its answer depends on what is in the journal, the registry, the rule book and the recorded answers alone. An observation that is late has
those after it judged again, from a snapshot in memory or from a checkpoint in ``findings.db``; another registry or rule book, all of them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from collector.cases import Cases
from collector.checks.context import Context
from collector.checks.judge import Changes, Judge, world_of
from collector.checks.rules import all_rules, new_judge
from collector.checks.types import Observation, answers_of
from collector.errors import MisuseError
from collector.followers import Heard
from collector.journal import JournalReader
from collector.judging_order import Order, in_order, observations_of, pieces
from collector.judging_queue import Waiting
from collector.judging_store import FindingsStore, Saved
from collector.registry_folder import judging_context, stamp, tables_version

SAVE_EVERY: Final = 20_000
"""Journal entries between two saved states: what a restart judges again at most."""
KEEP: Final = 50_000
"""Observations of a world that a late one can be fitted in among without going back to a checkpoint."""
BATCH: Final = 1_000
CHECKPOINT_EVERY: Final = 100_000
CHECKPOINTS: Final = 12
AGAIN_SNAPSHOTS: Final = 10_000
"""Judging again takes fewer snapshots: nothing comes late."""
Progress = Callable[[int, int], None]
"""(judged, all)."""

log = logging.getLogger("collector.judging")


def findings_path(data: Path) -> Path:
    """Return the place of ``findings.db`` in a data folder."""
    return data / "findings.db"


def cases_path(data: Path) -> Path:
    """Return the place of ``cases.db`` in a data folder."""
    return data / "cases.db"


def lock_path(data: Path) -> Path:
    """Return the lock that the one judge of a data folder holds."""
    return data / "judging.lock"


class JudgingEffect:
    """The judge behind a cursor. The one writer of ``findings.db``."""

    name = "judging"

    def __init__(self, data: Path, *, context: Context | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Go on where the last one stopped; judge again where it judged by something else.

        Raises:
            StorageError: a file cannot be opened.
            DataFileError: registry, rule book or stations in the data folder cannot be read.
        """
        self._data, self._given, self._clock = data, context, clock
        self._store = FindingsStore(findings_path(data))
        self._cases = Cases(cases_path(data))
        self._cursor = self._saved_cursor = self._since_ns = 0
        self._begin()
        saved = self._store.saved()
        if saved is None:
            return
        self._cursor, self._since_ns = saved.cursor, saved.since_ns
        if saved.versions != self._versions():
            log.warning("the registry or the rules changed: judging again")
            self.again(self._since_ns)
        elif saved.position is None:
            self._judge.restore(saved.state)
            self._saved_cursor = saved.cursor
        else:
            self.again(self._since_ns, resume=True)

    def cursor(self) -> int:
        """Return the number of the last journal entry that was taken in."""
        return self._cursor

    def apply(self, heard: Sequence[Heard], cursor: int) -> None:
        """Take ``heard`` in; judge what has waited long enough."""
        self._waiting.put(observations_of(heard, since_ns=self._since_ns), is_late=self._judge.is_late, now_s=self._clock())
        self._cursor = max(cursor, self._cursor)
        self.tick()
        if self._cursor - self._saved_cursor >= SAVE_EVERY:
            self._settle()

    def tick(self) -> None:
        """Judge what has waited long enough; look whether registry, rules or answers changed. To be called often."""
        if self._given is None and stamp(self._data) != self._stamp:
            log.warning("the registry or the rules changed: judging again")
            self.again(self._since_ns)
            return
        if self._cases.count() != self._answers:
            self._take_answers()
            self._commit(None)
        now_s = self._clock()
        self._fit(self._waiting.due(now_s), self._waiting.late(now_s))

    def again(self, since_ns: int, *, resume: bool = False, progress: Progress | None = None) -> int:
        """Judge all that the journal holds from ``since_ns`` on, in order of time; return how many observations there were.

        State and position are saved on the way: ``resume`` goes on from there, where nothing that matters has changed.
        """
        saved = self._store.saved() if resume else None
        self._begin()
        position = 0
        with JournalReader(self._data / "journal") as reader:
            if saved is not None and saved.position is not None and saved.versions == self._versions():
                self._judge.restore(saved.state)
                since_ns, position = saved.since_ns, saved.position
            self._since_ns = since_ns
            order = in_order(reader, since_ns=since_ns, until=saved.cursor if position and saved else None)
            if not position:
                self._cursor = order.last
                self._store.drop_checkpoints([one.number for one in self._store.checkpoints()])
                self._store.commit(Changes(everything=True, findings=()), self._saved(0), since_ns=since_ns)
            self._fold(reader, order, position, progress=progress, resumable=True)
        return len(order.entries)

    def close(self) -> None:
        """Judge what still waits, save the state and close."""
        self._settle()
        self._store.close()
        self._cases.close()

    def _fit(self, fresh: list[Observation], late: list[Observation]) -> None:
        """Judge ``fresh`` and ``late`` ones; commit what changed."""
        if late:
            wrong = [c.number for c in self._store.checkpoints() if not all(c.is_before(world_of(o), o.key) for o in late)]
            self._store.drop_checkpoints(wrong)
        if not fresh and not late:
            return
        began_s = self._clock()
        if any(self._judge.is_too_late(one) for one in late):
            self._back()
        else:
            self._judge.feed([*fresh, *late])
            self._judge.forget_but(KEEP)
            self._commit(None)
        if late:
            now_s = self._clock()
            self._waiting.fitted(now_s - began_s, now_s)

    def _back(self) -> None:
        """Go back to the last checkpoint that the late ones are behind (others were dropped), and judge again from there."""
        points = self._store.checkpoints()
        if not points:
            log.warning("an observation is older than every checkpoint: judging again from the beginning")
            self.again(self._since_ns)
            return
        log.info("going back to a checkpoint at entry %d to fit late observations in", points[-1].below)
        self._judge.restore(self._store.checkpoint_state(points[-1].number))
        with JournalReader(self._data / "journal") as reader:
            order = in_order(reader, since_ns=self._since_ns, after=points[-1].below, known=self._judge.is_folded)
            self._fold(reader, order, 0)

    def _fold(
        self, reader: JournalReader, order: Order, position: int, *, progress: Progress | None = None, resumable: bool = False
    ) -> None:
        """Judge the entries of ``order`` from ``position`` on, and save the state, on the way too; what waited is among them."""
        self._judge.snapshot_every(AGAIN_SNAPSHOTS)
        saved_at = checkpoint_at = position
        for at, observations in pieces(reader, order, position=position, size=BATCH, since_ns=self._since_ns):
            self._judge.feed(observations)
            self._judge.forget_but(BATCH)
            if at - checkpoint_at >= CHECKPOINT_EVERY:
                self._store.add_checkpoint(order.lowest_from(at) - 1, self._judge.reached(), self._judge.save(0), keep=CHECKPOINTS)
                checkpoint_at = at
            if resumable and at - saved_at >= SAVE_EVERY and at < len(order.entries):
                self._cursor = order.last
                self._commit(self._saved(at))
                saved_at = at
            if progress is not None:
                progress(at, len(order.entries))
        self._judge.snapshot_every(None)
        self._waiting.all_of_them()
        self._cursor = order.last
        self._commit(self._saved())

    def _begin(self) -> None:
        self._stamp = stamp(self._data)
        self._context = self._given or judging_context(self._data)
        self._tables = "" if self._given else tables_version(self._data)
        answers = self._cases.answers()
        self._answers = len(answers)
        self._judge: Judge = new_judge(self._context, answers_of(answers))
        self._waiting = Waiting()

    def _take_answers(self) -> None:
        answers = self._cases.answers()
        self._answers = len(answers)
        self._judge.answer_by(answers_of(answers))

    def _settle(self) -> None:
        """Judge all that waits, and save the state; now and then as a checkpoint too."""
        self._fit(*self._waiting.all_of_them())
        self._commit(self._saved())
        if self._cursor - max((point.below for point in self._store.checkpoints()), default=0) >= CHECKPOINT_EVERY:
            self._store.add_checkpoint(self._cursor, self._judge.reached(), self._judge.save(0), keep=CHECKPOINTS)

    def _commit(self, saved: Saved | None) -> None:
        self._store.commit(self._judge.take_changes(), saved, since_ns=self._since_ns)

    def _saved(self, position: int | None = None) -> Saved:
        self._saved_cursor = self._cursor
        return Saved(
            cursor=self._cursor, versions=self._versions(), since_ns=self._since_ns, position=position, state=self._judge.save()
        )  # fmt: skip

    def _versions(self) -> str:
        rules = ",".join(f"{rule.name}={rule.version}" for rule in all_rules(self._context))
        return f"{self._context.licences.registry.version} {self._context.book.version} {self._tables} {rules}"


def unknown_finding(finding_id: str) -> MisuseError:
    """Return the error for an identity that no finding, or more than one, has."""
    return MisuseError(f"{finding_id}: no finding, or more than one, has this identity; `canhsong-collector findings list` shows them")
