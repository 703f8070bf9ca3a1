"""`tasks` and `captures` as they are typed, and the same over the API."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fastapi import FastAPI

from collector.api import add_api
from collector.captures import Captures
from collector.cli import cli
from collector.errors import CollectorError
from collector.service import Service
from collector.task_metrics import task_metrics
from collector.task_table import TaskTable, read_tasks, tasks_path
from collector.task_words import plain, task_line
from collector.web.findings_panel import finding_row
from tests.collector.station_says import announcement
from tests.collector.test_api import Client
from tests.collector.test_capture_intake import DATA, META, SHA, Here
from tests.collector.test_task_desk import finding
from tests.collector.test_task_table import MANY, result, task
from tests.end_to_end.running import T0_NS, fill

STATION = "nui-vong-phu"


def run(folder: Path, *arguments: str, fails: bool = False) -> Result:
    done = CliRunner().invoke(cli, ["--data", str(folder), *arguments])
    if not fails:
        assert done.exit_code == 0, done.output + str(done.exception)
    return done


@pytest.fixture
def with_capture(tmp_path: Path) -> Path:
    """A data folder with one capture here and one at its station."""
    Here(tmp_path).send_all()
    fill(
        tmp_path / "store.db",
        announcement("c1", 0, sha256=SHA, reason="finding x: \x1b[31mđỏ"),
        announcement("c0", -100, reason="a cell not heard before"),
    )
    return tmp_path


def test_what_is_asked_is_listed_with_what_became_of_it(tmp_path: Path) -> None:
    told = run(tmp_path, "tasks", "ask", STATION, "capture", "944.2", "--for", "3", "--reason", "vụ 12", "--as", "Lan", "--json")
    asked = json.loads(told.stdout)
    assert (asked["freq_hz"], asked["duration_s"], asked["issued_by"]) == (944.2e6, 3.0, "person:Lan")
    (line,) = run(tmp_path, "tasks", "list").stdout.splitlines()
    for text in (asked["task_id"], STATION, "944.2000 MHz", "ghi IQ / capture", "chờ trạm", "person:Lan"):
        assert text in line
    (row,) = read_tasks(tmp_path)
    table = TaskTable(tasks_path(tmp_path))
    table.answered([result(row.task, "refused", reason="944.2 MHz: R820T hears \x1b]0;x\x07nothing")])
    (line,) = run(tmp_path, "tasks", "list", "--station", STATION).stdout.splitlines()
    assert "bị từ chối / refused" in line
    assert "\x1b" not in line
    assert run(tmp_path, "tasks", "list", "--pending").stdout == ""


def test_a_task_is_cancelled_by_the_beginning_of_its_identity(tmp_path: Path) -> None:
    asked = run(tmp_path, "tasks", "ask", STATION, "watch", "944.2").stdout.strip()
    assert "đang hủy / being cancelled" in run(tmp_path, "tasks", "cancel", asked[:5]).stdout
    assert isinstance(run(tmp_path, "tasks", "cancel", "ffff", fails=True).exception, CollectorError)


def test_a_station_that_never_sent_anything_is_told_apart_from_one_that_is_away(with_capture: Path, tmp_path: Path) -> None:
    assert "has never sent anything" in run(with_capture, "tasks", "ask", "typo", "watch", "944.2").stderr
    assert run(with_capture, "tasks", "ask", STATION, "watch", "944.2").stderr == ""
    assert "has never sent anything" in run(tmp_path / "empty", "tasks", "ask", STATION, "watch", "944.2").stderr


@pytest.mark.parametrize("name", ["../../etc", "", "a b", "x" * 64])
def test_what_is_no_station_is_refused_by_name(tmp_path: Path, name: str) -> None:
    done = run(tmp_path, "tasks", "ask", "--", name, "capture", "944.2", fails=True)
    assert isinstance(done.exception, CollectorError)
    assert read_tasks(tmp_path) == []


def test_captures_are_listed_held_shown_and_exported(with_capture: Path, tmp_path: Path) -> None:
    here, there = run(with_capture, "captures", "list").stdout.splitlines()
    assert "đủ / here" in here
    assert "\x1b" not in here
    assert "ở trạm / at the station" in there
    lines = [json.loads(line) for line in run(with_capture, "captures", "list", "--json").stdout.splitlines()]
    assert [(one["capture_id"], one["have_bytes"]) for one in lines] == [("c1", 100_000), ("c0", 0)]
    assert json.loads(run(with_capture, "captures", "show", "c1", "--as", "Lan").stdout) == json.loads(META)
    copies = run(with_capture, "captures", "export", "c1", str(tmp_path / "usb"), "--as", "Minh").stdout.split()
    assert [Path(one).read_bytes() for one in copies] == [DATA, META]
    assert {stat.S_IMODE(Path(one).stat().st_mode) for one in copies} == {0o600}
    run(with_capture, "captures", "hold", "c1", "--why", "vụ 12", "--as", "Lan")
    assert "giữ / held: Lan vụ 12" in run(with_capture, "captures", "list").stdout
    run(with_capture, "captures", "release", "c1", "--as", "Lan")
    log = run(with_capture, "captures", "show", "c1", "--log").stdout.splitlines()
    said = ["released", "held: vụ 12", "meta", "data", "shown: meta"]
    assert [words in line for words, line in zip(said, log, strict=True)] == [True] * 5
    assert isinstance(run(with_capture, "captures", "show", "c0", fails=True).exception, CollectorError)
    assert isinstance(run(with_capture, "captures", "export", "c1", str(tmp_path / "usb"), fails=True).exception, CollectorError)


def test_a_capture_at_a_station_is_asked_for_by_name(with_capture: Path) -> None:
    run(with_capture, "captures", "fetch", "c0", "--as", "Lan")
    (row,) = read_tasks(with_capture)
    assert (row.task.action, row.task.capture_id, row.task.station, row.task.freq_hz) == ("fetch", "c0", STATION, None)
    assert isinstance(run(with_capture, "captures", "fetch", "c9", fails=True).exception, CollectorError)


def test_the_api_has_the_same_and_writes_readings_down(with_capture: Path) -> None:
    table = TaskTable(tasks_path(with_capture))
    asked = table.ask(task("finding:00aa"), MANY)
    app = FastAPI()
    add_api(app, Service(with_capture / "store.db"))
    web = Client(app)
    (row,) = web.json("/api/tasks?finding=00aa")
    assert (row["task"]["task_id"], row["state"]) == (asked.task_id, "open")
    assert web.json("/api/tasks?finding=00ab") == []
    assert [one["capture_id"] for one in web.json("/api/captures")] == ["c1", "c0"]
    answer = web.get(f"/api/captures/{STATION}/c1/data")
    assert (answer.content, answer.headers["x-content-type-options"]) == (DATA, "nosniff")
    assert web.json(f"/api/captures/{STATION}/c1/meta") == json.loads(META)
    assert web.get(f"/api/captures/{STATION}/c0/data").status_code == 422
    assert web.get("/api/captures/..%2F..%2Fetc/passwd/data").status_code in (404, 422)
    captures = Captures(with_capture)
    log = captures.accesses(captures.find("c1"))
    assert [one.what for one in log] == ["read over the API: meta", "read over the API: data"]
    assert log[0].who.startswith("api ")


def test_prometheus_is_told_of_tasks_and_captures(with_capture: Path) -> None:
    table = TaskTable(tasks_path(with_capture))
    table.answered([result(table.ask(task(), MANY), "done")])
    table.ask(task(), MANY)
    Here(with_capture).piece("meta", 0, capture_id="c7")
    lines = {line.partition(" ")[0]: float(line.rpartition(" ")[2]) for line in _exposed(with_capture) if not line.startswith("#")}
    assert (lines['canhsong_tasks{state="done"}'], lines['canhsong_tasks{state="open"}']) == (1.0, 1.0)
    assert (lines["canhsong_captures_whole_total"], lines["canhsong_chunks_refused_total"]) == (1.0, 1.0)
    assert lines["canhsong_captures_bytes"] >= len(DATA) + len(META)
    assert list(task_metrics(with_capture / "nothing-here"))


def _exposed(folder: Path) -> list[str]:
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class Told(Collector):
        def collect(self) -> Any:
            return task_metrics(folder)

    registry = CollectorRegistry()
    registry.register(Told())
    return generate_latest(registry).decode().splitlines()


def test_a_finding_is_shown_with_its_tasks(tmp_path: Path) -> None:
    table = TaskTable(tasks_path(tmp_path))
    asked = table.ask(task(f"finding:{1:016x}"), MANY, now_ns=T0_NS)
    table.answered([result(asked, "refused", reason="no room for it")])
    row: dict[str, Any] = finding_row(finding(), now_ns=T0_NS, tasks=table.rows(finding_id=f"{1:016x}"))
    assert "▸ ghi IQ / capture: bị từ chối / refused (no room for it)" in row["reasons"]
    assert "refused" in task_line(table.rows()[0])
    assert plain("a\nb\x07") == "a�b�"
