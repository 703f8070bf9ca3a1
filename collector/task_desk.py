"""The collector's desk for tasks, a process of its own: takes the stations' answers out of the journal, has findings ask for the evidence
that they want, lets go of what expired, and deletes captures whose time is over.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from collector.captures import Captures
from collector.checks.types import GRADE_ORDER, Finding, Severity, Want
from collector.errors import MisuseError
from collector.followers import Heard, catch_up
from collector.journal import JournalReader
from collector.judging import findings_path
from collector.judging_store import FindingsStore
from collector.task_settings import TaskSettings, task_settings
from collector.task_table import Limits, TaskTable, TooManyError, new_task_id, tasks_path
from config.logs import Event
from config.wire import Task, TaskResult

SEVERITY_ORDER: Final[tuple[Severity, ...]] = ("information", "low", "medium", "high")
ACTION_OF: Final = {"capture": "capture", "longer_dwell": "dwell", "watch": "watch"}
LOOK_S: Final = 1.0
SWEEP_S: Final = 60.0
"""How often is looked for what has expired."""
FRESH_NS: Final = 3_600_000_000_000
"""A finding that was not heard of for so long asks no more: what it wants evidence of is over."""
CAPTURE_WIDTH_HZ: Final = 400e3
POLL_S: Final = 0.2

log = logging.getLogger("collector.tasks")


class TasksEffect:
    """The follower's side: answers of stations."""

    name = "tasks"

    def __init__(self, table: TaskTable) -> None:
        """``table`` is written with the cursor in it."""
        self._table = table

    def cursor(self) -> int:
        """Return the number of the last journal entry whose answers are in the table."""
        return self._table.cursor()

    def apply(self, heard: Sequence[Heard], cursor: int) -> None:
        """Note the answers in ``heard``, and ``cursor`` with them."""
        self._table.answered([one.record for one in heard if isinstance(one.record, TaskResult)], cursor)


def may_ask(finding: Finding, settings: TaskSettings, *, now_ns: int) -> bool:
    """Return whether a finding is of those that ask by themselves."""
    ask = settings.ask
    return (
        ask.automatic
        and finding.state == "open"
        and finding.origin in ask.origins
        and (not ask.rules or finding.rule in ask.rules)
        and GRADE_ORDER.index(finding.grade) >= GRADE_ORDER.index(ask.min_grade)
        and SEVERITY_ORDER.index(finding.severity) >= SEVERITY_ORDER.index(ask.min_severity)
        and now_ns - finding.last_ns < FRESH_NS
    )


def task_for(finding: Finding, want: Want, settings: TaskSettings, *, now_ns: int) -> Task:
    """Return what a finding asks of a station."""
    action = ACTION_OF[want.what]
    return Task(
        task_id=new_task_id(),
        station=want.station,
        action=action,
        freq_hz=want.freq_hz,
        bandwidth_hz=CAPTURE_WIDTH_HZ,
        duration_s=min(want.duration_s, settings.ask.max_capture_s) if action == "capture" else want.duration_s,
        reason=f"finding {finding.finding_id} {finding.rule}: {finding.subject}"[:400],
        issued_by=f"finding:{finding.finding_id}",
        issued_ns=now_ns,
        expires_ns=now_ns + round(settings.ask.expires_s * 1e9),
    )


def ask_for(findings: Sequence[Finding], table: TaskTable, settings: TaskSettings, *, now_ns: int) -> list[Task]:
    """Have ``findings`` ask for what they want, as far as the limits allow; return what was asked."""
    ask = settings.ask
    limits = Limits(
        per_station_hour=ask.per_station_hour, per_finding_day=ask.per_finding_day, again_after_ns=round(ask.again_after_s * 1e9)
    )
    asked = []
    for finding in findings:
        for want in finding.wants if may_ask(finding, settings, now_ns=now_ns) else ():
            try:
                asked.append(table.ask(task_for(finding, want, settings, now_ns=now_ns), limits, now_ns=now_ns))
            except TooManyError:
                continue
    return asked


class Desk:
    """Everything the process does, a step at a time."""

    def __init__(self, data: Path) -> None:
        """Open what is needed.

        Raises:
            StorageError: a file cannot be used.
            MisuseError: ``tasks.toml`` cannot be read.
        """
        self._data, self.settings = data, task_settings(data)
        self.table, self.captures = TaskTable(tasks_path(data)), Captures(data)
        self._effect = TasksEffect(self.table)
        self._reader = JournalReader(data / "journal")
        if self._reader.last_entry() < self._effect.cursor():
            log.warning(Event("journal_replaced", cursor=self._effect.cursor(), last=self._reader.last_entry()))
            self.table.answered((), 0)  # an answer that is read again changes nothing
        self._findings: FindingsStore | None = None
        self._seen = -1
        self._look_s = self._sweep_s = 0.0

    def step(self) -> bool:
        """Do what is due; return whether there is more at once."""
        more = catch_up(self._reader, self._effect) > 0
        now_s = time.monotonic()
        if now_s >= self._look_s and not more:
            self._look_s = now_s + LOOK_S
            self._ask()
        if now_s >= self._sweep_s:
            self._sweep_s = now_s + SWEEP_S
            self._sweep()
        return more

    def close(self) -> None:
        """Close everything."""
        self._reader.close()
        self.table.close()
        self.captures.close()
        if self._findings is not None:
            self._findings.close()

    def _ask(self) -> None:
        """Look at the findings, if the judge has written since the last time or a limit may have passed."""
        if self._findings is None:
            self._findings = FindingsStore.reading(findings_path(self._data))
            self._seen = -1
        if self._findings is None:
            return
        version = self._findings.version()
        if version == self._seen:
            return
        self._seen = version
        now_ns = time.time_ns()
        found = self._findings.findings(origins=self.settings.ask.origins, open_only=True, since_ns=now_ns - FRESH_NS, limit=500)
        for task in ask_for(found, self.table, self.settings, now_ns=now_ns):
            log.info(Event("asked", station=task.station, action=task.action, task=task.task_id, by=task.issued_by))

    def _cancel_needless(self) -> None:
        """Have stations stop what they do for a finding that is closed, or that somebody has answered."""
        if self._findings is None:
            return
        for row in self.table.rows(pending=True, limit=2000):
            finding = self._findings.finding(row.finding_id) if row.finding_id and row.state != "cancelling" else None
            if finding is not None and (finding.state != "open" or finding.answer is not None):
                with contextlib.suppress(MisuseError):  # it was answered just now
                    self.table.cancel(row.task.task_id)

    def _sweep(self) -> None:
        self._seen = -1
        self._cancel_needless()
        now_ns, limits = time.time_ns(), self.settings.captures
        self.table.expire(now_ns)
        for gone in self.captures.expire(now_ns, keep_s=limits.keep_days * 86_400, partial_s=limits.partial_days * 86_400):
            log.warning(Event("capture_deleted", station=gone.station, capture=gone.capture_id))


def run_desk(data: Path, stopped: Callable[[], bool]) -> None:
    """Work until ``stopped`` says so."""
    desk = Desk(data)
    try:
        while not stopped():
            if not desk.step():
                time.sleep(POLL_S)
    finally:
        desk.close()
