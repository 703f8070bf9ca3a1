"""One station, two real collectors: each gets everything, and one that is down does not hold the other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.journal import JournalReader
from station.one_collector_spool import OneCollectorSpool
from station.uplink import Uplink
from station.uplinks import Uplinks
from tests.end_to_end.balance import balance
from tests.end_to_end.running import Collector, emission, eventually, spectrum

STATION = "nui-vong-phu"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Collector, Collector]]:
    for name in ("laptop", "centre"):
        (tmp_path / name).mkdir()
    both = Collector(tmp_path / "laptop" / "data"), Collector(tmp_path / "centre" / "data")
    yield both
    for one in both:
        one.stop()


def opened(path: Path, pair: tuple[Collector, Collector]) -> tuple[Uplinks, list[Uplink], OneCollectorSpool]:
    first = OneCollectorSpool(path, collector="laptop")
    links = [
        Uplink(collector.ingest, station=STATION, spool=spool)
        for collector, spool in zip(pair, (first, first.beside("centre")), strict=True)
    ]
    return Uplinks(links), links, first


def contents(collector: Collector) -> list[tuple[int, bytes]]:
    """(seq, bytes) of every reliable record, in the journal's order."""
    with JournalReader(collector.folder / "journal") as reader:
        return [(entry.seq, entry.data) for entry in reader.read(0, limit=100_000) if entry.seq >= 0]


def test_one_collector_is_killed_for_a_while_and_both_end_equal(tmp_path: Path, pair: tuple[Collector, Collector]) -> None:
    laptop, centre = pair
    both, (to_laptop, to_centre), spool = opened(tmp_path / "spool.db", pair)
    both.put([emission(number) for number in range(50)])
    assert both.drain(20.0), both.problems()
    # the centre goes, with everything it runs, and its supervisor cannot bring it back
    parts = centre.parts()
    centre.process.kill()
    for number in parts.values():
        os.kill(number, signal.SIGKILL)
    centre.process.wait()
    began = time.monotonic()
    for number in range(50, 250, 10):
        both.put([*(emission(k) for k in range(number, number + 10)), spectrum(number)])
    assert to_laptop.drain(20.0), to_laptop.problem()
    assert time.monotonic() - began < 15.0
    assert (to_laptop.waiting, to_centre.waiting, both.waiting) == (0, 200, 200)
    eventually(lambda: [line for line in both.problems() if centre.ingest in line])
    assert len(contents(laptop)) == 250
    again = Collector(centre.folder, ingest=centre.ingest)
    try:
        assert both.drain(30.0), both.problems()
        assert both.problems() == []
        assert contents(laptop) == contents(again)
        assert [seq for seq, _ in contents(again)] == list(range(250))
        assert balance(laptop.folder / "journal", spool.spool_id, 250).holds()
        assert balance(again.folder / "journal", spool.spool_id, 250).holds()
        both.close()
    finally:
        again.stop()


def test_a_collector_that_was_never_reached_has_its_records_kept(tmp_path: Path, pair: tuple[Collector, Collector]) -> None:
    laptop, centre = pair
    first = OneCollectorSpool(tmp_path / "spool.db", collector="laptop", keep_s=0.0)
    second = first.beside("centre")
    with Uplink(laptop.ingest, station=STATION, spool=first) as uplink:
        for number in range(0, 600, 100):
            uplink.publish_all([emission(k) for k in range(number, number + 100)])
            assert uplink.drain(20.0)
    assert second.first_seq == 0  # nothing was dropped although the laptop has all and nothing is to be kept
    with Uplink(centre.ingest, station=STATION, spool=second) as uplink:
        assert uplink.drain(20.0), uplink.problem()
    assert contents(laptop) == contents(centre)


@pytest.mark.parametrize("flags", [True, False])
def test_run_sends_to_every_collector_that_is_named(tmp_path: Path, pair: tuple[Collector, Collector], flags: bool) -> None:
    # no dongle here: what `run` does with collectors is asked of the same settings, flags and state folder
    code = """
import sys, json
from pathlib import Path
from station.collector_link import open_uplinks, with_collectors, with_enrolment
from station.settings_source import load_station_settings
from tests.end_to_end.running import emission
folder = Path(sys.argv[2])
settings = with_collectors(load_station_settings(Path(sys.argv[1]), {}).settings, sys.argv[3:])
settings = with_enrolment(settings, folder, name_given=False)
links = open_uplinks(settings, settings.uplink.collector, folder=folder, say=print, spool=folder / "spool.db")
links.put([emission(k, station=settings.station.name) for k in range(20)])
print(json.dumps([links.drain(20.0), links.problems()]))
links.close()
"""
    file = tmp_path / "station.toml"
    addresses = [one.ingest for one in pair]
    lines = [f'[station]\nname = "{STATION}"']
    if not flags:
        lines.append(f'[uplink]\ncollector = "{addresses[0]}"\n[[uplink.also]]\ncollector = "{addresses[1]}"')
    file.write_text("\n".join(lines))
    done = subprocess.run(
        [sys.executable, "-c", code, str(file), str(tmp_path), *(addresses if flags else [])],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True, []]
    assert contents(pair[0]) == contents(pair[1])
    assert len(contents(pair[0])) == 20
