"""What Prometheus is told of tasks and captures."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from collector.captures import used_bytes
from collector.task_table import tasks_path

_COUNTERS: Final = {
    "captures_whole": "Captures that came whole",
    "captures_wrong": "Captures that were put aside: a wrong hash, a contradiction",
    "chunks_refused": "Pieces of captures that were refused",
}


def task_metrics(data: Path) -> Iterator[Metric]:
    """Yield how many tasks are in each state, how many captures came, and what they take; nothing where there are none yet."""
    states = _pairs(tasks_path(data), "SELECT state, count(*) FROM task GROUP BY state")
    tasks = GaugeMetricFamily("canhsong_tasks", "Tasks given to stations, by state", labels=["state"])
    for state, count in states.items():
        tasks.add_metric([state], count)
    yield tasks
    counted = _pairs(data / "captures.db", "SELECT name, value FROM counter")
    for name, text in _COUNTERS.items():
        yield CounterMetricFamily(f"canhsong_{name}", text, value=counted.get(name, 0))
    yield GaugeMetricFamily("canhsong_captures_bytes", "What captures take on disk", value=used_bytes(data / "captures"))


def _pairs(path: Path, sql: str) -> dict[str, int]:
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)
        try:
            return {str(name): int(value) for name, value in db.execute(sql)}
        finally:
            db.close()
    except sqlite3.Error:
        return {}
