"""Spools that overflow or are copied, collectors that are put back: told, counted, not mixed."""

from __future__ import annotations

import shutil
from pathlib import Path

from station.one_collector_spool import OneCollectorSpool
from station.sqlite_spool import SqliteSpool
from station.uplink import Uplink
from tests.end_to_end.balance import balance
from tests.end_to_end.running import STATION, Collector, emission, eventually


def test_what_a_bounded_spool_dropped_while_nobody_answered_is_a_gap_at_the_collector(tmp_path: Path) -> None:
    collector = Collector(tmp_path / "data")
    address = collector.ingest
    collector.stop()
    spool = OneCollectorSpool(tmp_path / "spool.db", max_bytes=120_000)
    with Uplink(address, station=STATION, spool=spool) as uplink:
        for number in range(600):
            uplink.publish(emission(number))
        collector = Collector(tmp_path / "data", ingest=address)
        try:
            assert uplink.drain(30.0), uplink.problem()
            result = balance(collector.folder / "journal", spool.spool_id, 600)
        finally:
            collector.stop()
    assert result.holds(), result
    assert result.gaps > 150
    assert result.stored > 20


def test_a_collector_restored_from_yesterdays_backup_gets_everything_again(tmp_path: Path) -> None:
    collector = Collector(tmp_path / "data")
    address = collector.ingest
    spool = OneCollectorSpool(tmp_path / "spool.db")
    with Uplink(address, station=STATION, spool=spool) as uplink:
        for number in range(50):
            uplink.publish(emission(number))
        assert uplink.drain(20.0)
        collector.stop()
        shutil.copytree(tmp_path / "data", tmp_path / "backup")
        collector = Collector(tmp_path / "data", ingest=address)
        for number in range(50, 100):
            uplink.publish(emission(number))
        assert uplink.drain(20.0)
        collector.stop()
        shutil.rmtree(tmp_path / "data")
        shutil.copytree(tmp_path / "backup", tmp_path / "data")
        collector = Collector(tmp_path / "data", ingest=address)
        try:
            uplink.publish(emission(100))
            eventually(lambda: balance(tmp_path / "data" / "journal", spool.spool_id, 101).holds(), timeout_s=30.0)
        finally:
            collector.stop()


def test_a_copied_spool_is_told_and_not_mixed(collector: Collector, tmp_path: Path) -> None:
    one, two = tmp_path / "one.db", tmp_path / "two.db"
    first = OneCollectorSpool(one)
    with Uplink(collector.ingest, station=STATION, spool=first) as uplink:
        uplink.publish(emission(0))
        assert uplink.drain(10.0)
        before = SqliteSpool(one)
        copy = before._db.execute("VACUUM INTO ?", (str(two),))
        copy.close()
        before.close()
        uplink.publish(emission(1))
        assert uplink.drain(10.0)
        second = OneCollectorSpool(two)
        with Uplink(collector.ingest, station=STATION, spool=second) as other:
            other.publish(emission(2, label="the copy's own"))
            eventually(lambda: "a spool was copied" in (other.problem() or ""))
            assert other.waiting >= 1
            uplink.publish(emission(3))
            assert uplink.drain(10.0), uplink.problem()
        assert balance(collector.folder / "journal", first.spool_id, 3).holds()
    assert "two_senders" in collector.said()


def test_a_spool_reopened_300_times_since_the_collector_heard_it_goes_on_and_a_copy_of_it_does_not(
    collector: Collector, tmp_path: Path
) -> None:
    path, copy = tmp_path / "one.db", tmp_path / "copy.db"
    first = OneCollectorSpool(path)
    with Uplink(collector.ingest, station=STATION, spool=first) as uplink:
        uplink.publish(emission(0))
        assert uplink.drain(10.0)
    idle = SqliteSpool(path)
    idle._db.execute("VACUUM INTO ?", (str(copy),)).close()
    idle._db.execute("PRAGMA synchronous=OFF")
    for _ in range(300):  # each time it is started for sending and finds no collector
        idle.draw_instance()
    idle.close()
    late = OneCollectorSpool(path)
    assert first.instances[0] not in late.instances
    with Uplink(collector.ingest, station=STATION, spool=late) as uplink:
        uplink.publish(emission(1))
        assert uplink.drain(20.0), uplink.problem()
        stranger = OneCollectorSpool(copy)
        with Uplink(collector.ingest, station=STATION, spool=stranger) as other:
            other.publish(emission(2, label="the copy's own"))
            eventually(lambda: "a spool was copied" in (other.problem() or ""))
    assert balance(collector.folder / "journal", late.spool_id, 2).holds()
