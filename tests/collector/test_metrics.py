"""What Prometheus and `stations` are told: of a real ingest, over real sockets, with bounded labels."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from prometheus_client.parser import text_string_to_metric_families

from collector.followers import catch_up
from collector.journal import JournalReader
from collector.metrics import exposition
from collector.places import DataFolder
from collector.sqlite_effect import SqliteEffect
from collector.station_board import STALE_NS, connected, station_lines
from collector.tally import BOUNDS_S, MAX_STATIONS, OTHER, Durations, Tally, read_status
from config.logs import Event, LineFormatter, shown_key
from config.wire.frames import Batch, Gap, Hello, encode_frame
from station.uplink import Uplink
from tests.collector.running_ingest import RunningIngest
from tests.end_to_end.running import emission, eventually, spectrum

STATION = "nui-vong-phu"
SPOOL = "cd" * 16


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(path=tmp_path)


@pytest.fixture
def ingest(data: DataFolder) -> Iterator[RunningIngest]:
    running = RunningIngest(data.journal, status=data.status)
    yield running
    running.close()


def metrics(data: DataFolder) -> dict[tuple[str, ...], float]:
    """Every sample by its name and label values."""
    families = text_string_to_metric_families(exposition(data).decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def follow(data: DataFolder) -> None:
    effect = SqliteEffect(data.store)
    with JournalReader(data.journal) as reader:
        while catch_up(reader, effect):
            pass
    effect.close()


def test_what_came_is_counted_by_station_and_kind(ingest: RunningIngest, data: DataFolder) -> None:
    with Uplink(ingest.address, station=STATION) as uplink:
        for number in range(7):
            uplink.publish(emission(number))
        uplink.publish(emission(9, station="another"))  # under another name: rejected
        uplink.publish_live(spectrum())
        assert uplink.drain(20.0)
        eventually(lambda: metrics(data).get(("canhsong_records_total", "spectrum", STATION)) == 1)
        found = metrics(data)
        assert found["canhsong_records_total", "emission", STATION] == 7
        assert found["canhsong_records_rejected_total", STATION] == 1
        assert found[("canhsong_stations_connected",)] == 1
        assert found[("canhsong_ingest_up",)] == 1
        assert found["canhsong_journal_commit_seconds_bucket", "+Inf"] == found[("canhsong_journal_commit_seconds_count",)] >= 1
        assert 0 < found[("canhsong_disk_free_bytes",)] < found[("canhsong_disk_size_bytes",)]


def test_a_follower_that_is_behind_is_seen_and_one_that_caught_up_too(ingest: RunningIngest, data: DataFolder) -> None:
    SqliteEffect(data.store).close()
    with Uplink(ingest.address, station=STATION) as uplink:
        for number in range(5):
            uplink.publish(emission(number))
        assert uplink.drain(20.0)
    time.sleep(0.05)
    found = metrics(data)
    assert found["canhsong_follower_lag_entries", "sqlite"] == 5
    assert found["canhsong_follower_lag_seconds", "sqlite"] > 0.04
    follow(data)
    found = metrics(data)
    assert found["canhsong_follower_lag_entries", "sqlite"] == found["canhsong_follower_lag_seconds", "sqlite"] == 0


def test_malformed_frames_are_counted(ingest: RunningIngest, data: DataFolder) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    client = context.socket(zmq.DEALER)
    client.linger = 0
    client.connect(ingest.address)
    client.send(encode_frame(Hello(station=STATION, program="x", spool_id=SPOOL, first_seq=0, next_seq=0)))
    for _ in range(3):
        client.send(b"\x01nonsense")
    eventually(lambda: metrics(data).get(("canhsong_frames_malformed_total", STATION)) == 3)
    client.close()
    context.term()
    assert metrics(data)[("canhsong_frames_aside_total",)] == 3


def test_stations_says_who_is_on_what_is_missing_and_whose_clock_is_wrong(ingest: RunningIngest, data: DataFolder) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    client = context.socket(zmq.DEALER)
    client.linger = 0
    client.connect(ingest.address)
    hello = Hello(station=STATION, program="x 9", spool_id=SPOOL, first_seq=2, next_seq=40, now_ns=time.time_ns() + 3600 * 10**9)
    client.send(encode_frame(hello))
    client.send(encode_frame(Batch(spool_id=SPOOL, first_seq=2, records=[b"\x01junk"])))
    client.send(encode_frame(Gap(spool_id=SPOOL, first_seq=3, last_seq=12, kinds="occupancy", reason="full")))
    eventually(lambda: ingest.totals()["gaps"] == 12)
    eventually(lambda: connected(read_status(data.status)))
    follow(data)
    (line,) = station_lines(data)
    assert (line.station, line.connected, line.gaps, line.rejected, line.records) == (STATION, True, 12, 1, 0)
    assert (line.version, line.waiting) == ("x 9", 40)
    assert line.clock_error_s == pytest.approx(3600, abs=5)
    said = subprocess.run(
        [sys.executable, "-m", "collector.cli", "--data", str(data.path), "stations", "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(said.stdout)["connected"] is True
    client.close()
    context.term()


def test_an_ingest_that_is_no_more_has_nobody_connected(ingest: RunningIngest, data: DataFolder) -> None:
    with Uplink(ingest.address, station=STATION) as uplink:
        uplink.publish(emission())
        assert uplink.drain(20.0)
        eventually(lambda: connected(read_status(data.status)))
        status = read_status(data.status)
    assert connected(status, now_ns=status.written_ns + STALE_NS + 1) == {}  # type: ignore[union-attr]
    assert connected(None) == {}
    data.status.write_text("{")
    assert read_status(data.status) is None


def test_names_without_end_are_one_label() -> None:
    tally = Tally()
    for number in range(MAX_STATIONS + 500):
        tally.took(f"s{number}", "emission")
    assert len(tally.stations) == MAX_STATIONS + 1
    assert tally.stations[OTHER].records == {"emission": 500}


def test_a_duration_is_in_the_bucket_of_the_bound_that_it_reaches() -> None:
    durations = Durations()
    for bound in BOUNDS_S:
        durations.add(bound)
    durations.add(99.0)
    assert durations.buckets == [1] * (len(BOUNDS_S) + 1)


@pytest.mark.parametrize("as_json", [False, True])
def test_whatever_a_station_is_called_a_log_line_stays_one_line(as_json: bool) -> None:
    nasty = 'a\nlevel=error event=forged b="c" \x1b[31m \u2028 Đà Nẵng'
    record = logging.LogRecord("x", logging.WARNING, "f", 1, Event("gap", station=nasty, first=1, ok=None), (), None)
    line = LineFormatter("canhsong-collector", "ingest", as_json=as_json).format(record)
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    assert line.isascii()
    if as_json:
        assert json.loads(line)["station"] == nasty
    else:
        assert 'event=gap station="a\\nlevel=error' in line
        assert line.endswith("first=1 ok=null")


def test_an_exception_and_another_librarys_words_are_one_line_too() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("lib", logging.ERROR, "f", 1, "said %s", ("x\ny",), sys.exc_info())
    line = LineFormatter("p", None, as_json=False).format(record)
    assert len(line.splitlines()) == 1
    assert 'text="said x\\ny"' in line


def test_of_a_key_a_log_shows_what_tells_it_from_others_alone() -> None:
    assert shown_key("0123456789" * 4) == "01234567..."


def test_a_running_collector_gives_metrics_to_this_machine_alone(tmp_path: Path) -> None:
    import urllib.error
    import urllib.request

    from tests.end_to_end.running import Collector

    collector = Collector(tmp_path / "data")
    try:
        with Uplink(collector.ingest, station=STATION) as uplink:
            uplink.publish(emission())
            assert uplink.drain(20.0)

        def scrape() -> str:
            with urllib.request.urlopen(f"{collector.page}metrics", timeout=10) as answer:
                return str(answer.read().decode())

        eventually(lambda: f'canhsong_records_total{{kind="emission",station="{STATION}"}} 1.0' in scrape())
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(urllib.request.Request(f"{collector.page}metrics", headers={"Host": "evil.example"}), timeout=10)
        assert not any(os.environ.get(name, "\0") in scrape() for name in ("CANHSONG_INFLUX_TOKEN",))
    finally:
        collector.stop()
