"""Findings ask for the evidence they want: above the thresholds, within the limits, live ones unless a setting says otherwise."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.captures import Captures, KeptCapture
from collector.checks.judge import Changes
from collector.checks.types import Contribution, Finding, Reason, Want
from collector.errors import MisuseError
from collector.judging import findings_path
from collector.judging_store import FindingsStore
from collector.task_desk import Desk, ask_for, may_ask
from collector.task_settings import AskSection, TaskSettings, task_settings
from collector.task_table import TaskTable, read_tasks, tasks_path
from tests.collector.test_task_table import MANY, result, task
from tests.end_to_end.running import T0_NS

CAPTURE = Want(what="capture", station="nui-vong-phu", freq_hz=944e6, duration_s=2.0)
WATCH = Want(what="watch", station="nui-vong-phu", freq_hz=944e6, duration_s=600.0)
DWELL = Want(what="longer_dwell", station="nui-vong-phu", freq_hz=944e6, duration_s=10.0)


def finding(number: int = 1, **changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "finding_id": f"{number:016x}",
        "rule": "4-fake-station",
        "rule_version": 1,
        "legal_basis": ("4.3",),
        "subject": "GSM 944.0 MHz",
        "origin": "live",
        "state": "open",
        "severity": "high",
        "grade": "suspected",
        "confidence": 0.9,
        "alert": True,
        "opened_ns": T0_NS,
        "last_ns": T0_NS,
        "closed_ns": None,
        "stations": ("nui-vong-phu",),
        "registry_version": "r",
        "rulebook_version": "b",
        "answer": None,
        "evidence": (
            Contribution(
                kind="k",
                station="nui-vong-phu",
                count=1,
                decibans=20.0,
                cap="confirmed",
                first_ns=T0_NS,
                last_ns=T0_NS,
                reason=Reason(code="c", vi="v", en="e"),
            ),
        ),
        "wants": (CAPTURE, WATCH, DWELL),
    }
    return Finding(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "section", "asks"),
    [
        ({}, {}, True),
        ({"state": "closed"}, {}, False),
        ({"origin": "hil"}, {}, False),
        ({"origin": "hil"}, {"origins": ("live", "hil")}, True),
        ({"grade": "information"}, {}, False),
        ({"grade": "to_verify"}, {"min_grade": "suspected"}, False),
        ({"severity": "low"}, {}, False),
        ({"severity": "low"}, {"min_severity": "low"}, True),
        ({}, {"rules": ("1-unlicensed",)}, False),
        ({}, {"automatic": False}, False),
        ({"last_ns": T0_NS - 3 * 3600 * 10**9}, {}, False),
    ],
)
def test_which_findings_ask(changes: dict[str, Any], section: dict[str, Any], asks: bool) -> None:
    assert may_ask(finding(**changes), TaskSettings(ask=AskSection(**section)), now_ns=T0_NS) is asks


def test_a_finding_asks_once_for_each_thing_it_wants(tmp_path: Path) -> None:
    table, settings = TaskTable(tasks_path(tmp_path)), TaskSettings()
    asked = ask_for([finding()], table, settings, now_ns=T0_NS)
    assert [(one.action, one.freq_hz, one.duration_s) for one in asked] == [
        ("capture", 944e6, 2.0),
        ("watch", 944e6, 600.0),
        ("dwell", 944e6, 10.0),
    ]
    assert asked[0].issued_by == f"finding:{1:016x}"
    assert "4-fake-station" in asked[0].reason
    assert ask_for([finding(), finding(2)], table, settings, now_ns=T0_NS + 10**9) == []
    later = T0_NS + 7 * 3600 * 10**9
    for one in asked:
        table.answered([result(one, "done")])
    again = ask_for([finding(last_ns=later)], table, settings, now_ns=later)
    assert len(again) == 3
    even_later = later + 7 * 3600 * 10**9
    assert ask_for([finding(last_ns=even_later)], table, settings, now_ns=even_later) == []  # six in a day are enough


def test_the_desk_asks_for_findings_that_the_judge_wrote_and_notes_nothing_twice(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    store = FindingsStore(findings_path(tmp_path))
    store.commit(Changes(everything=False, findings=(finding(last_ns=now_ns),)), None, since_ns=0)
    (tmp_path / "journal").mkdir()
    desk = Desk(tmp_path)
    try:
        desk.step()
        assert {row.task.action for row in read_tasks(tmp_path)} == {"capture", "watch", "dwell"}
        desk._look_s = 0.0
        desk._seen = -1
        desk.step()
        assert len(read_tasks(tmp_path, finding_id=f"{1:016x}")) == 3
    finally:
        desk.close()
        store.close()


def test_what_is_asked_for_a_finding_that_was_answered_or_closed_is_cancelled(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    store = FindingsStore(findings_path(tmp_path))
    store.commit(Changes(everything=False, findings=tuple(finding(n, last_ns=now_ns) for n in (1, 2))), None, since_ns=0)
    (tmp_path / "journal").mkdir()
    table = TaskTable(tasks_path(tmp_path))
    for number in (1, 2):
        table.ask(task(f"finding:{number:016x}", freq_hz=900e6 + number * 1e6, issued_ns=now_ns, expires_ns=now_ns + 10**13), MANY)
    table.ask(task(issued_ns=now_ns, expires_ns=now_ns + 10**13), MANY)
    desk = Desk(tmp_path)
    try:
        desk.step()
        answered = finding(1, last_ns=now_ns, answer="false", wants=())
        store.commit(Changes(everything=False, findings=(answered,)), None, since_ns=0)
        desk._sweep_s = 0.0
        desk.step()
        states = {row.finding_id: row.state for row in table.rows() if row.task.freq_hz != 944e6 or row.finding_id is None}
        assert states == {f"{1:016x}": "cancelling", f"{2:016x}": "open", None: "open"}
    finally:
        desk.close()
        store.close()


def kept(capture_id: str, **changes: Any) -> KeptCapture:
    fields: dict[str, Any] = {
        "station": "a",
        "capture_id": capture_id,
        "task_id": None,
        "state": "whole",
        "reason": "",
        "begun_ns": T0_NS,
        "done_ns": T0_NS,
        "held_by": None,
        "held_why": "",
        "data_bytes": 4,
        "data_sha256": "0" * 64,
        "meta_bytes": 2,
        "meta_sha256": "0" * 64,
    }
    return KeptCapture(**{**fields, **changes})


def test_captures_go_after_thirty_days_unless_somebody_holds_them(tmp_path: Path) -> None:
    captures, day_s = Captures(tmp_path), 86_400.0
    (captures.folder / "a").mkdir()
    for name in ("old", "held"):
        captures.put(kept(name))
        for part in ("data", "meta"):
            captures.path("a", name, part).write_bytes(b"abcd")  # type: ignore[arg-type]
    captures.hold(captures.find("held"), who="lan", why="vụ 12")
    captures.put(kept("half", state="coming", done_ns=None))
    captures.coming("a", "half", "data").write_bytes(b"ab")
    now_ns = time.time_ns()
    assert captures.expire(now_ns + round(6 * day_s * 1e9), keep_s=30 * day_s, partial_s=7 * day_s) == []
    gone = captures.expire(T0_NS + round(29 * day_s * 1e9), keep_s=30 * day_s, partial_s=7 * day_s)
    assert [one.capture_id for one in gone] == ["half"]
    gone = captures.expire(now_ns + round(31 * day_s * 1e9), keep_s=30 * day_s, partial_s=7 * day_s)
    assert [one.capture_id for one in gone] == ["old"]
    assert sorted(path.name for path in (captures.folder / "a").iterdir()) == ["held.sigmf-data", "held.sigmf-meta"]
    assert captures.find("old").state == "deleted"
    with pytest.raises(MisuseError, match="it is deleted"):
        captures.read(captures.find("old"), "data", who="lan", how="shown")
    captures.release(captures.find("held"), who="lan")
    gone = captures.expire(now_ns + round(31 * day_s * 1e9), keep_s=30 * day_s, partial_s=7 * day_s)
    assert [one.capture_id for one in gone] == ["held"]
    assert [(one.who, one.what) for one in captures.accesses(captures.find("held"))] == [
        ("canhsong-collector", "deleted: its time was over"),
        ("lan", "released"),
        ("lan", "held: vụ 12"),
    ]


def test_settings_are_checked_by_name(tmp_path: Path) -> None:
    assert task_settings(tmp_path) == TaskSettings()
    (tmp_path / "tasks.toml").write_text('[ask]\norigins = ["live", "hil"]\nmin_grade = "suspected"\n[captures]\nkeep_days = 5\n')
    settings = task_settings(tmp_path)
    assert (settings.ask.origins, settings.ask.min_grade, settings.captures.keep_days) == (("live", "hil"), "suspected", 5)
    (tmp_path / "tasks.toml").write_text("[captures]\nkeep_day = 5\n")
    with pytest.raises(MisuseError, match="keep_day"):
        task_settings(tmp_path)


def test_every_field_of_a_finding_s_task_can_be_sent() -> None:
    from config.wire.frames import Tasks, decode_frame, encode_frame

    settings, table_task = TaskSettings(), None
    for want in (CAPTURE, WATCH, DWELL):
        from collector.task_desk import task_for

        table_task = task_for(finding(subject="x" * 600), want, settings, now_ns=T0_NS)
        assert decode_frame(encode_frame(Tasks(tasks=[table_task], now_ns=T0_NS))) == Tasks(tasks=[table_task], now_ns=T0_NS)
    assert msgspec.structs.asdict(table_task)["cancelled"] is False  # type: ignore[type-var]
