"""The follower that judges: observations from the journal are folded into findings, live as they come, and again over the past.

Its answer depends on what is in the journal, the registry, the rule book and the recorded answers alone. An observation too old to be
fitted in, or another registry or rule book, makes it judge the journal again in order of time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from collector.cases import Cases
from collector.checks.context import Context
from collector.checks.judge import Changes, Judge
from collector.checks.rules import all_rules, new_judge
from collector.checks.types import Observation, SortKey, answers_of
from collector.errors import MisuseError
from collector.followers import Heard, decode
from collector.journal import JournalReader
from collector.judging_store import FindingsStore, Saved
from collector.registry_folder import judging_context, stamp
from config.logs import Event
from config.wire import SpectrumReport

SAVE_EVERY: Final = 20_000
"""Journal entries between two saved states: what a restart judges again at most."""
KEEP: Final = 100_000
"""Observations that a late one can be fitted in among."""
BATCH: Final = 1_000
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

    def __init__(self, data: Path, *, context: Context | None = None) -> None:
        """Go on where the last one stopped; judge again where it judged by something else.

        Raises:
            StorageError: a file cannot be opened.
            DataFileError: registry, rule book or stations in the data folder cannot be read.
        """
        self._data, self._given = data, context
        self._store = FindingsStore(findings_path(data))
        self._cases = Cases(cases_path(data))
        self._cursor = self._saved_cursor = self._since_ns = 0
        self._begin()
        saved = self._store.saved()
        if saved is None:
            return
        self._cursor, self._since_ns = saved.cursor, saved.since_ns
        if saved.versions != self._versions():
            log.warning(Event("judging_again", why="the registry or the rules changed"))
            self.again(self._since_ns)
        elif saved.position is None:
            self._judge.restore(saved.state)
            self._saved_cursor = saved.cursor
        else:
            self.again(self._since_ns, resume=True)

    def cursor(self) -> int:
        """Return the number of the last journal entry that was judged."""
        return self._cursor

    def apply(self, heard: Sequence[Heard], cursor: int) -> None:
        """Judge ``heard``; commit what changed."""
        if self._given is None and stamp(self._data) != self._stamp:
            log.warning(Event("judging_again", why="the registry or the rules changed"))
            self.again(self._since_ns)
        if self._cases.count() != self._answers:
            self._take_answers()
        fresh = self._observations(heard)
        if any(o.record.time_source != "unknown" and o.record.start_time_ns < self._judge.horizon_ns for o in fresh):
            log.warning(Event("judging_again", why="an observation is older than what can be fitted in"))
            self.again(self._since_ns)
            return
        if cursor > self._cursor:
            self._judge.feed(fresh)
            self._judge.forget_but(KEEP)
            self._cursor = cursor
            self._commit(self._saved() if cursor - self._saved_cursor >= SAVE_EVERY else None)

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
            order, last = _in_order(reader, since_ns, saved.cursor if position and saved else None)
            self._since_ns, self._cursor = since_ns, last
            if not position:
                self._store.commit(Changes(everything=True, findings=()), (), self._saved(0), since_ns=since_ns)
            for at in range(position, len(order), BATCH):
                self._judge.feed(self._observations(decode([e for n in order[at : at + BATCH] for e in reader.read(n - 1, limit=1)])))
                self._judge.forget_but(BATCH)
                if (at // BATCH) % (SAVE_EVERY // BATCH) == SAVE_EVERY // BATCH - 1:
                    self._commit(self._saved(at + BATCH))
                if progress is not None:
                    progress(min(at + BATCH, len(order)), len(order))
        self._commit(self._saved())
        return len(order)

    def close(self) -> None:
        """Save the state and close."""
        self._commit(self._saved())
        self._store.close()
        self._cases.close()

    def _observations(self, heard: Sequence[Heard]) -> list[Observation]:
        return [
            Observation(spool_id=one.entry.spool_id, seq=one.entry.seq, record=one.record)
            for one in heard
            if one.entry.seq >= 0 and one.record.start_time_ns >= self._since_ns and not isinstance(one.record, SpectrumReport)
        ]

    def _begin(self) -> None:
        self._stamp = stamp(self._data)
        self._context = self._given or judging_context(self._data)
        answers = self._cases.answers()
        self._answers = len(answers)
        self._judge: Judge = new_judge(self._context, answers_of(answers))

    def _take_answers(self) -> None:
        answers = self._cases.answers()
        self._answers = len(answers)
        self._judge.answer_by(answers_of(answers))

    def _commit(self, saved: Saved | None) -> None:
        self._store.commit(self._judge.take_changes(), self._judge.remarks(), saved, since_ns=self._since_ns)

    def _saved(self, position: int | None = None) -> Saved:
        self._saved_cursor = self._cursor
        return Saved(
            cursor=self._cursor, versions=self._versions(), since_ns=self._since_ns, position=position, state=self._judge.save()
        )  # fmt: skip

    def _versions(self) -> str:
        rules = ",".join(f"{rule.name}={rule.version}" for rule in all_rules(self._context))
        return f"{self._context.licences.registry.version} {self._context.book.version} {rules}"


def _in_order(reader: JournalReader, since_ns: int, until: int | None) -> tuple[list[int], int]:
    """Return the numbers of the journal's entries from ``since_ns`` on, in order of their observations, and the last number there is.

    ``until``: leave out what came after this entry.
    """
    keys: list[tuple[SortKey, int]] = []
    cursor = 0
    while entries := reader.read(cursor, limit=BATCH):
        for heard in decode([e for e in entries if until is None or e.entry <= until]):
            record = heard.record
            if heard.entry.seq >= 0 and record.start_time_ns >= since_ns and not isinstance(record, SpectrumReport):
                key = SortKey(record.start_time_ns, record.station, heard.entry.spool_id, heard.entry.seq)
                keys.append((key, heard.entry.entry))
        cursor = entries[-1].entry
        if until is not None and cursor >= until:
            cursor = until
            break
    return [number for _, number in sorted(keys)], cursor


def unknown_finding(finding_id: str) -> MisuseError:
    """Return the error for an identity that no finding, or more than one, has."""
    return MisuseError(f"{finding_id}: no finding, or more than one, has this identity; `canhsong-collector findings list` shows them")
