"""The command line: what it prints, where, and how it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from collector.asking import parse_moment_ns
from collector.errors import MisuseError
from collector.places import checked_http, checked_ingest
from config.wire import EmissionReport
from tests.end_to_end.running import emission, fill, occupancy


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "collector.cli", "--data", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"COLUMNS": "160", "PATH": "/usr/bin:/bin"})


def records() -> list[EmissionReport]:
    return [emission(0, origin="live", label="[red]not markup[/] \x1b[31m"), emission(1)]


def test_timeline_shows_live_tracks_and_says_what_else_there_is(tmp_path: Path) -> None:
    fill(tmp_path / "store.db", *records(), occupancy())
    live = run(tmp_path, "timeline")
    assert live.returncode == 0
    assert "953.6000" in live.stdout
    assert "[red]not markup[/]" in live.stdout
    assert "\x1b" not in live.stdout
    assert "953.8000" not in live.stdout
    none = run(tmp_path, "timeline", "--band", "B3", "--json")
    assert none.stdout == ""
    assert "--origin synthetic" in none.stderr


def test_json_is_one_object_a_line_on_stdout(tmp_path: Path) -> None:
    fill(tmp_path / "store.db", *records(), occupancy())
    rows = [json.loads(line) for line in run(tmp_path, "timeline", "--json", "--origin", "all").stdout.splitlines()]
    assert {row["origin"] for row in rows} == {"live", "synthetic"}
    hours = [json.loads(line) for line in run(tmp_path, "timeline", "--json", "--by-hour", "--origin", "synthetic").stdout.splitlines()]
    assert [hour["listened_s"] for hour in hours] == [60.0]
    (station,) = [json.loads(line) for line in run(tmp_path, "stations", "--json").stdout.splitlines()]
    assert station["station"] == "nui-vong-phu"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("timeline",), 1, "no store there"),
        (("stations",), 1, "no store there"),
        (("timeline", "--since", "soon"), 2, "is no moment"),
        (("serve", "--http", "0.0.0.0:8070"), 2, "no login yet"),
        (("serve", "--ingest", "tcp://*:5570"), 2, "no keys yet"),
        (("serve", "--ingest", "nonsense"), 2, "tcp://127.0.0.1:PORT"),
    ],
)
def test_misuse_is_one_line_and_its_exit_code(tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    result = run(tmp_path, *arguments)
    assert result.returncode == code
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    "address", ["0.0.0.0:80", "192.168.1.2:80", "[::]:80", "example.org:80", "127.0.0.1", "127.0.0.1:99999", "", "a:b"]
)
def test_the_page_is_served_to_this_machine_alone(address: str) -> None:
    with pytest.raises(MisuseError):
        checked_http(address)


def test_loopback_addresses_are_taken() -> None:
    assert checked_http("127.0.0.1:0") == ("127.0.0.1", 0)
    assert checked_http("http://localhost:8070/") == ("localhost", 8070)
    assert checked_http("[::1]:8070") == ("::1", 8070)
    for address in ("tcp://127.0.0.1:*", "tcp://[::1]:5570", "ipc:///run/canhsong/ingest"):
        assert checked_ingest(address) == address
    for address in ("tcp://10.0.0.1:5570", "tcp://eth0:5570", "udp://127.0.0.1:1", "ipc://"):
        with pytest.raises(MisuseError):
            checked_ingest(address)


def test_moments_are_ago_or_iso() -> None:
    assert parse_moment_ns("10m", now_ns=10**18) == 10**18 - 600 * 10**9
    assert parse_moment_ns("2026-11-24T10:00:00Z") == 1_795_514_400 * 10**9
    assert parse_moment_ns("2026-11-24T17:00:00+07:00") == parse_moment_ns("2026-11-24T10:00:00")
    assert parse_moment_ns("999999d") == 0


def test_two_collectors_on_one_folder_are_refused(tmp_path: Path) -> None:
    from collector.supervisor import only_one

    with only_one(tmp_path / "serve.lock"):
        result = run(tmp_path, "serve", "--http", "127.0.0.1:0", "--ingest", "tcp://127.0.0.1:*")
    assert result.returncode == 2
    assert "another `canhsong-collector serve`" in result.stderr
