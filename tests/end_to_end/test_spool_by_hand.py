"""Enrolment and a spool carried by hand, with the commands that the how-to names, as a new user gives them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from collector.journal import JournalReader
from config.wire import encode_record
from station.one_collector_spool import OneCollectorSpool
from tests.end_to_end.running import Collector, emission, eventually, occupancy

NAME = "ea-sup"


def centre(data: Path, *arguments: str, code: int = 0) -> str:
    return command("collector.cli", "--data", str(data), *arguments, code=code)


def command(module: str, *arguments: str, code: int = 0) -> str:
    result = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout.strip() if code == 0 else result.stderr.strip()


def fill(path: Path, count: int, *, first: int = 0) -> str:
    spool = OneCollectorSpool(path)
    for number in range(first, first + count):
        record = occupancy(number, station=NAME) if number % 10 == 9 else emission(number, station=NAME)
        spool.append(encode_record(record), kind="occupancy" if number % 10 == 9 else "emission")
    identity = spool.spool_id
    spool.close()
    return identity


@pytest.fixture
def enrolled(tmp_path: Path) -> tuple[Path, Path]:
    """Two commands a side: (collector's data, station's state)."""
    data, state = tmp_path / "data", tmp_path / "state"
    key = centre(data, "keys", "init")
    told = command(
        "station.cli",
        "keys",
        "init",
        "--state",
        str(state),
        "--station",
        NAME,
        "--collector",
        "tcp://127.0.0.1:5570",
        "--collector-key",
        key,
    )
    words = told.replace("'", "").split()
    assert words[:4] == ["canhsong-collector", "keys", "enrol", NAME]
    centre(data, *words[1:])
    assert command("station.cli", "keys", "show", "--state", str(state)) == words[4]
    assert (state / "station.key").stat().st_mode & 0o777 == 0o600
    return data, state


def stored(data: Path) -> list[tuple[str, int, bytes]]:
    with JournalReader(data / "journal") as reader:
        return [(entry.station, entry.seq, entry.data) for entry in reader.read(0, limit=100_000)]


def test_a_spool_carried_by_hand_is_as_one_that_was_sent_and_a_second_time_changes_nothing(
    enrolled: tuple[Path, Path], tmp_path: Path
) -> None:
    data, state = enrolled
    fill(state / "spool.db", 60)
    file = tmp_path / "stick" / "one.spool"
    file.parent.mkdir()
    command("station.cli", "spool", "--state", str(state), "export", str(file))
    assert encode_record(emission(3, station=NAME))[20:60] not in file.read_bytes()
    first = json.loads(centre(data, "import", "--json", str(file)))
    assert (first["station"], first["new"], first["known"], first["rejected"], first["gaps"]) == (NAME, 60, 0, 0, 0)
    before = stored(data)
    again = json.loads(centre(data, "import", "--json", str(file)))
    assert (again["new"], again["known"]) == (0, 60)
    assert stored(data) == before
    assert [seq for _, seq, _ in before] == list(range(60))

    fill(state / "spool.db", 40, first=60)
    collector = Collector(data)
    try:
        later = tmp_path / "stick" / "two.spool"
        command("station.cli", "spool", "--state", str(state), "export", str(later))
        through = json.loads(centre(data, "import", "--json", str(later)))  # by the running ingest
        assert (through["new"], through["known"]) == (40, 60)
        eventually(lambda: len(collector.timeline()) == 90)
    finally:
        collector.stop()
    status = json.loads(command("station.cli", "spool", "--state", str(state), "status", "--json"))
    assert (status["records"], status["gaps"], status["next_seq"]) == (100, 0, 100)


def test_a_file_that_was_changed_cut_short_or_comes_from_a_stranger_is_refused(enrolled: tuple[Path, Path], tmp_path: Path) -> None:
    data, state = enrolled
    fill(state / "spool.db", 30)
    file = tmp_path / "good.spool"
    command("station.cli", "spool", "--state", str(state), "export", str(file))
    good = file.read_bytes()
    middle = len(good) // 2
    for name, content in {
        "changed": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
        "cut": good[:-30],
        "empty": b"",
        "random": bytes(range(256)) * 4,
    }.items():
        bad = tmp_path / name
        bad.write_bytes(content)
        assert str(bad) in centre(data, "import", str(bad), code=1)
    centre(data, "keys", "revoke", NAME)
    assert "not enrolled" in centre(data, "import", str(file), code=1)
    other = tmp_path / "other"
    centre(other, "keys", "init")
    centre(other, "keys", "enrol", NAME, command("station.cli", "keys", "show", "--state", str(state)))
    assert "sealed" in centre(other, "import", str(file), code=1)  # it was sealed for the first collector
