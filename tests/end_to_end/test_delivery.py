"""From a station's uplink into the collector's store, over real sockets and processes; processes are killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from collector.journal import JournalReader
from station.uplink import Uplink
from tests.end_to_end.running import Collector, emission, eventually, occupancy, spectrum

STATION = "nui-vong-phu"


def journalled(collector: Collector) -> list[tuple[str, int]]:
    """(spool, seq) of every reliable record in the journal, in order."""
    with JournalReader(collector.folder / "journal") as reader:
        found, after = [], 0
        while entries := reader.read(after, limit=5000):
            found += [(entry.spool_id, entry.seq) for entry in entries if entry.seq >= 0]
            after = entries[-1].entry
    return found


def test_records_become_rows_of_the_timeline(collector: Collector) -> None:
    with Uplink(collector.ingest, station=STATION) as uplink:
        for number in range(5):
            uplink.publish(emission(number))
        uplink.publish(occupancy())
        uplink.publish_live(spectrum())
        assert uplink.drain(10.0)
    rows = eventually(lambda: (rows := collector.timeline()) and len(rows) == 5 and rows)
    assert [row["track_id"] for row in rows] == [f"{number:016x}" for number in reversed(range(5))]
    assert collector.timeline("--band", "B3") == []
    assert len(collector.timeline("--station", STATION)) == 5
    (hour,) = collector.timeline("--by-hour")
    assert (hour["tracks"], hour["listened_s"], hour["state"]) == (5, 60.0, "heard")


def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice_when_ingest_is_killed_in_mid_stream(collector: Collector) -> None:
    count, kills = 20_000, 3
    with Uplink(collector.ingest, station=STATION) as uplink:
        record, killed = emission(), set()
        for number in range(count):
            uplink.publish(record)
            if number % (count // kills) == count // kills // 2:
                eventually(lambda: uplink.connected and uplink.waiting < 8000)
                killed.add(collector.kill("ingest"))
            elif number % (count // kills) == count // kills // 2 + 1:
                assert uplink.waiting > 0  # published while nobody takes it
        assert uplink.drain(30.0), uplink.problem()
        assert uplink.rejected == type(uplink.rejected)(maxlen=uplink.rejected.maxlen)
    assert len(killed) == kills
    numbers = [seq for _, seq in journalled(collector)]
    assert numbers == list(range(count))
    assert collector.said().count("ingest was killed (SIGKILL): it is started again") == kills


def test_what_was_acknowledged_is_in_the_journal_after_kill_9_of_everything(tmp_path: Path) -> None:
    collector = Collector(tmp_path / "data")
    acknowledged = 0
    with Uplink(collector.ingest, station=STATION) as uplink:
        for _ in range(3000):
            uplink.publish(emission())
        eventually(lambda: uplink.waiting < 3000)
        parts = collector.parts().values()
        collector.process.kill()
        for number in parts:
            os.kill(number, signal.SIGKILL)
        acknowledged = 3000 - uplink.waiting
    collector.stop()
    assert len(journalled(collector)) >= acknowledged > 0


def test_a_collector_that_comes_later_gets_everything(tmp_path: Path) -> None:
    first = Collector(tmp_path / "data")
    address = first.ingest
    assert first.stop() == 0
    with Uplink(address, station=STATION) as uplink:
        for number in range(10):
            uplink.publish(emission(number))
        assert not uplink.drain(0.3)
        problem = uplink.problem() or ""
        assert address in problem
        assert "10 records wait" in problem
        assert "\n" not in problem
        second = Collector(tmp_path / "data", ingest=address)
        assert uplink.drain(10.0)
        assert uplink.problem() is None
        eventually(lambda: len(second.timeline()) == 10)
        assert second.stop() == 0


def test_a_dead_follower_is_started_again_and_goes_on_where_it_stopped(collector: Collector) -> None:
    with Uplink(collector.ingest, station=STATION) as uplink:
        uplink.publish(emission(0))
        assert uplink.drain(10.0)
        eventually(lambda: len(collector.timeline()) == 1)
        dead = collector.kill("store")
        uplink.publish(emission(1))
        assert uplink.drain(10.0)
    eventually(lambda: len(collector.timeline()) == 2)
    assert collector.parts()["store"] != dead
    assert "store was killed (SIGKILL): it is started again" in collector.said()


def test_the_processes_end_with_the_program_that_watches_them(tmp_path: Path) -> None:
    collector = Collector(tmp_path / "data")
    parts = collector.parts()
    assert {"ingest", "store", "web"} <= parts.keys()
    collector.process.kill()
    collector.stop()
    eventually(lambda: not any(Path(f"/proc/{number}").exists() for number in parts.values()))


def test_serve_ends_cleanly_by_sigterm(tmp_path: Path) -> None:
    collector = Collector(tmp_path / "data")
    parts = collector.parts()
    collector.process.send_signal(signal.SIGTERM)
    assert collector.stop() == 0
    assert not any(Path(f"/proc/{part}").exists() for part in parts.values())
    assert "Traceback" not in collector.said()


def test_an_address_in_use_is_one_line_and_ends_the_program(collector: Collector, tmp_path: Path) -> None:
    for option, address in (("--ingest", collector.ingest), ("--http", collector.page)):
        addresses = {"--ingest": "--ingest=tcp://127.0.0.1:*", "--http": "--http=127.0.0.1:0", option: f"{option}={address}"}
        result = subprocess.run(
            [sys.executable, "-m", "collector.cli", "--data", str(tmp_path / "other"), "serve", *addresses.values()],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 2
        assert f"choose another with {option}" in result.stderr
        assert "Traceback" not in result.stderr
