"""The page's list of findings with their reasons, and their marks on the timeline. All of it is drawn as text."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from nicegui import ui

from collector.checks.types import Finding
from collector.finding_words import GRADE_WORDS, RULE_WORDS, SEVERITY_WORDS
from collector.judging_store import FindingsStore
from collector.local_time import FIRST_DATED_NS, shift_ms
from collector.store import Query
from collector.task_table import TaskRow, TaskTable, tasks_path
from collector.task_words import ACTION_WORDS, TASK_STATE_WORDS
from collector.web.look import AMBER, plain
from collector.web.rows import columns
from collector.words import short_moment

COLUMNS: Final = (
    ("mark", "", "left"),
    ("rule", "Dấu hiệu / sign of", "left"),
    ("subject", "Đối tượng / subject", "left"),
    ("grade", "Mức / grade", "left"),
    ("confidence", "Tin cậy / confidence", "right"),
    ("reasons", "Lý do / reasons", "left"),
    ("last", "Lúc / last", "left"),
)
MAX_REASONS: Final = 3
MAX_SHOWN: Final = 100
MAX_MARKS: Final = 30
MAX_TASKS: Final = 3


class FindingsPanel:
    """A table that follows ``findings.db``."""

    def __init__(self, path: Path) -> None:
        """Read from ``path``, which the judge may not have made yet."""
        self._path = path
        self._store: FindingsStore | None = None
        self._tasks: TaskTable | None = None
        self.shown: list[Finding] = []

    def build(self) -> None:
        """Add the table to the page."""
        table = ui.table(columns=columns(COLUMNS), rows=[], row_key="id", pagination=5)
        self._table = table.props(
            'flat dense separator="none" no-data-label="Chưa có phát hiện / no findings" rows-per-page-label="Số hàng / rows" wrap-cells'
        ).classes("cs-table cs-findings")

    def version(self) -> int:
        """Return a number that changes when the judge has written, or a task was given or answered."""
        if self._store is None:
            self._store = FindingsStore.reading(self._path)
        if self._tasks is None:
            self._tasks = TaskTable.reading(tasks_path(self._path.parent))
        return sum(one.version() for one in (self._store, self._tasks) if one is not None)

    def draw(self, query: Query) -> None:
        """Show the findings of the chosen origins, stations and time: alerts first, then by how sure they are."""
        found: list[Finding] = []
        if self._store is not None:
            found = self._store.findings(origins=query.origins, since_ns=query.since_ns, limit=MAX_SHOWN)
        wanted = set(query.stations)
        self.shown = sorted((f for f in found if not wanted or wanted & set(f.stations)), key=_importance)
        self._table.rows = [finding_row(f, now_ns=time.time_ns(), tasks=self._asked(f)) for f in self.shown]

    def _asked(self, finding: Finding) -> Sequence[TaskRow]:
        return self._tasks.rows(finding_id=finding.finding_id, limit=MAX_TASKS) if self._tasks is not None else ()


def finding_row(finding: Finding, *, now_ns: int, tasks: Sequence[TaskRow] = ()) -> dict[str, Any]:
    """Return a finding as a row of text; reasons in both languages, the weightiest first, then what stations were asked for."""
    strongest = [c.reason for c in finding.evidence[:MAX_REASONS]]
    reasons = " · ".join(f"{_bare(r.vi, finding.subject)} / {_bare(r.en, finding.subject)}" for r in strongest)
    for one in tasks:
        reasons += f" ▸ {ACTION_WORDS.get(one.task.action, one.task.action)}: {TASK_STATE_WORDS[one.state]}"
        reasons += f" ({one.reason})" if one.reason else ""
    mark = "▲" if finding.alert else "●" if finding.state == "open" else "○"
    return {
        "id": f"{finding.origin}/{finding.finding_id}",
        "mark": mark,
        "rule": RULE_WORDS.get(finding.rule, finding.rule),
        "subject": finding.subject,
        "grade": f"{GRADE_WORDS[finding.grade]} · {SEVERITY_WORDS[finding.severity].partition(' / ')[0]}",
        "confidence": f"{finding.confidence:.0%}",
        "reasons": reasons,
        "last": short_moment(finding.last_ns, now_ns=now_ns),
    }


def mark_findings(options: dict[str, Any], findings: Sequence[Finding]) -> None:
    """Add a line to the timeline where each finding opened, informations left out; findings without a date only among such tracks."""
    bars = [bar for series in options["series"] for bar in series["data"]]
    dated = any(bar["value"][1] >= FIRST_DATED_NS / 1e6 for bar in bars)
    marked = [f for f in findings if f.grade != "information" and (f.opened_ns >= FIRST_DATED_NS) == dated][:MAX_MARKS]
    if not bars or not marked:
        return
    lines = [
        {
            "xAxis": f.opened_ns / 1e6 + shift_ms(f.opened_ns),
            "tip": f"{plain(RULE_WORDS.get(f.rule, f.rule))}\n{plain(f.subject)}\n{plain(GRADE_WORDS[f.grade])} · {f.confidence:.0%}",
            "label": {"show": False},
        }
        for f in marked
    ]
    style = {"color": AMBER, "type": "dashed", "width": 1.5}
    options["series"].append(
        {"type": "line", "data": [], "markLine": {"symbol": ["none", "triangle"], "symbolSize": 8, "lineStyle": style, "data": lines}}
    )


def _bare(reason: str, subject: str) -> str:
    """Return ``reason`` without the name before its colon where the row's subject says it already."""
    name, colon, rest = reason.partition(": ")
    return rest if colon and (name.startswith(subject) or subject.startswith(name)) else reason


def _importance(finding: Finding) -> tuple[bool, bool, float, int, str]:
    return (not finding.alert, finding.state != "open", -finding.confidence, -finding.last_ns, finding.finding_id)
