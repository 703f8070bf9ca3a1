"""What stations are asked for: kept until answered or expired, within limits, the first last word stays."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from collector.errors import MisuseError
from collector.task_table import HOUR_NS, LATE_NS, Limits, TaskTable, TooManyError, frames_for, new_task_id, read_tasks, tasks_path
from config.wire import Task, TaskResult
from tests.end_to_end.running import T0_NS

MANY = Limits(per_station_hour=1000)


def task(by: str = "person:an", **changes: Any) -> Task:
    fields: dict[str, Any] = {
        "task_id": new_task_id(),
        "station": "nui-vong-phu",
        "action": "capture",
        "freq_hz": 944e6,
        "bandwidth_hz": 4e5,
        "duration_s": 2.0,
        "reason": "why",
        "issued_by": by,
        "issued_ns": T0_NS,
        "expires_ns": T0_NS + HOUR_NS,
    }
    return Task(**{**fields, **changes})


def result(one: Task, state: str, **changes: Any) -> TaskResult:
    fields: dict[str, Any] = {
        "station": one.station,
        "origin": "live",
        "start_time_ns": T0_NS + 5,
        "time_source": "ntp",
        "task_id": one.task_id,
        "action": one.action,
        "state": state,
        "reason": "",
        "issued_by": one.issued_by,
        "freq_hz": one.freq_hz,
        "duration_s": 2.0,
        "records": 3,
    }
    return TaskResult(**{**fields, **changes})


@pytest.fixture
def table(tmp_path: Path) -> TaskTable:
    return TaskTable(tasks_path(tmp_path))


def test_a_task_waits_until_it_is_answered_and_survives_the_program(tmp_path: Path, table: TaskTable) -> None:
    asked = table.ask(task(), MANY, now_ns=T0_NS)
    table.close()
    table = TaskTable(tasks_path(tmp_path))
    assert table.pending() == [asked]
    table.answered([result(asked, "accepted")], 7)
    assert table.pending() == [asked]
    table.answered([result(asked, "done", capture_id="c1")], 9)
    assert (table.pending(), table.cursor()) == ([], 9)
    (row,) = read_tasks(tmp_path)
    assert (row.state, row.capture_id, row.records, row.answered_ns) == ("done", "c1", 3, T0_NS + 5)


def test_the_first_last_word_stays_and_nobody_answers_for_another_station(table: TaskTable) -> None:
    asked = table.ask(task(), MANY, now_ns=T0_NS)
    table.answered([result(asked, "done", station="another")])
    assert table.pending() == [asked]
    table.answered([result(asked, "refused", reason="no"), result(asked, "done"), result(asked, "accepted")])
    row = table.row(asked.task_id)
    assert row is not None
    assert (row.state, row.reason) == ("refused", "no")


def test_what_nobody_answers_expires_and_a_late_answer_counts_all_the_same(table: TaskTable) -> None:
    unheard = table.ask(task(), MANY, now_ns=T0_NS)
    accepted = table.ask(task(freq_hz=945e6, action="watch", duration_s=600.0), MANY, now_ns=T0_NS)
    table.answered([result(accepted, "accepted")])
    assert table.expire(T0_NS + HOUR_NS - 1) == 0
    assert table.expire(T0_NS + HOUR_NS + 1) == 1
    assert [one.task_id for one in table.pending()] == [accepted.task_id]
    assert table.expire(T0_NS + HOUR_NS + 600 * 10**9 + LATE_NS + 1) == 1
    assert table.pending() == []
    table.answered([result(unheard, "done"), result(accepted, "done")])
    assert [row.state for row in table.rows()] == ["done", "done"]
    assert frames_for([unheard], T0_NS + HOUR_NS + 1) == []


def test_a_cancelled_task_is_sent_as_such_until_the_station_says_so(table: TaskTable) -> None:
    asked = table.ask(task(), MANY, now_ns=T0_NS)
    table.cancel(asked.task_id[:6])
    (pending,) = table.pending()
    assert (pending.task_id, pending.cancelled) == (asked.task_id, True)
    table.answered([result(asked, "cancelled")])
    assert table.pending() == []
    with pytest.raises(MisuseError, match="it is cancelled already"):
        table.cancel(asked.task_id)
    with pytest.raises(MisuseError, match="no task"):
        table.cancel("ffff")


def test_findings_and_stations_have_their_limits(table: TaskTable) -> None:
    limits = Limits(per_station_hour=3, per_finding_day=2, again_after_ns=2 * HOUR_NS)
    table.ask(task("finding:aa"), limits, now_ns=T0_NS)
    with pytest.raises(TooManyError, match="asked for this a while ago"):
        table.ask(task("finding:aa"), limits, now_ns=T0_NS + 1)
    with pytest.raises(TooManyError, match="is asked for already"):
        table.ask(task("finding:bb"), limits, now_ns=T0_NS + 1)
    table.ask(task("finding:aa", freq_hz=950e6), limits, now_ns=T0_NS + 1)
    with pytest.raises(TooManyError, match="2 times in the last day"):
        table.ask(task("finding:aa", freq_hz=951e6), limits, now_ns=T0_NS + 1)
    table.ask(task("finding:bb", freq_hz=951e6), limits, now_ns=T0_NS + 1)
    with pytest.raises(TooManyError, match="3 times in the last hour"):
        table.ask(task("finding:cc", freq_hz=952e6), limits, now_ns=T0_NS + 2)
    table.ask(task("finding:cc", freq_hz=952e6, station="another"), limits, now_ns=T0_NS + 2)
    table.ask(task(), limits, now_ns=T0_NS + 2)  # people count apart


def test_two_who_ask_at_the_same_time_do_not_pass_the_limit_together(tmp_path: Path) -> None:
    limits, refused = Limits(per_station_hour=5), []

    def ask_four() -> None:
        mine = TaskTable(tasks_path(tmp_path))
        for _ in range(4):
            try:
                mine.ask(task(), limits, now_ns=T0_NS + 1)
            except TooManyError as error:
                refused.append(error)
        mine.close()

    TaskTable(tasks_path(tmp_path)).close()
    threads = [threading.Thread(target=ask_four) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(refused) == 11
    assert len(read_tasks(tmp_path)) == 5
