"""Disks that are really full, at the station's spool and at the collector's journal: everything is counted, nothing else is lost."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from station.one_collector_spool import OneCollectorSpool
from station.uplink import Uplink
from tests.end_to_end.balance import balance
from tests.end_to_end.running import STATION, Collector, Ingest, emission, eventually, occupancy
from tests.end_to_end.small_disk import small_disk


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_full_disk_at_the_spool_is_counted_across_a_restart_and_the_balance_holds(tmp_path: Path, kind: str) -> None:
    ingest = Ingest(tmp_path / "data")
    address = ingest.address
    ingest.stop()
    with small_disk(tmp_path, kind=kind, mib=4) as small:
        path = small / "spool.db"
        generated = 0
        spool = OneCollectorSpool(path)
        with Uplink(address, station=STATION, spool=spool) as uplink:
            while not spool.disk_full:  # nobody takes them away
                generated = uplink.publish_all(emission(k, label="x" * 190) for k in range(20))[-1] + 1
            filler = small / "filler"  # somebody else's file takes even what little is left
            with filler.open("wb") as file:
                while True:
                    try:
                        os.write(file.fileno(), bytes(4096))
                    except OSError:
                        break
            for k in range(30):
                generated = uplink.publish(occupancy(k)) + 1
            assert spool.disk_full
        # the program ends with the disk full, and begins again with it full
        again = OneCollectorSpool(path)
        assert again.next_seq == generated
        with Uplink(address, station=STATION, spool=again) as uplink:
            generated = uplink.publish(emission()) + 1
            ingest.start()
            assert uplink.drain(30.0), uplink.problem()  # the gap is told although it cannot be written into the spool yet
            assert balance(ingest.folder / "journal", again.spool_id, generated).holds()
            filler.unlink()
            for k in range(40):
                generated = uplink.publish(emission(k)) + 1
            assert uplink.drain(30.0), uplink.problem()
            assert not again.disk_full
        result = balance(ingest.folder / "journal", again.spool_id, generated)
        ingest.stop()
    assert result.holds(), result
    assert result.gaps >= 31
    assert result.stored > 100


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_full_disk_at_the_journal_acknowledges_nothing_that_is_not_on_it_and_goes_on_when_there_is_room(
    tmp_path: Path, kind: str
) -> None:
    with small_disk(tmp_path, kind=kind, mib=24) as small:
        collector = Collector(small)
        spool = OneCollectorSpool(tmp_path / "spool.db")
        filler = small / "filler"
        try:
            with Uplink(collector.ingest, station=STATION, spool=spool) as uplink:
                uplink.publish_all(emission(k) for k in range(200))
                assert uplink.drain(20.0), uplink.problem()
                with filler.open("wb") as file:  # somebody else fills the disk to its last block
                    while True:
                        try:
                            os.write(file.fileno(), bytes(65536))
                        except OSError:
                            break
                for k in range(30):
                    uplink.publish_all(emission(k) for k in range(100))
                    time.sleep(0.1)
                assert uplink.waiting > 0
                acknowledged = spool.unacknowledged_seq
                held = balance(small / "journal", spool.spool_id, acknowledged)
                assert (held.missing, held.duplicates, held.in_order) == (0, 0, True), held  # what was acknowledged is there
                filler.unlink()
                assert uplink.drain(60.0), (uplink.problem(), collector.said())
                eventually(lambda: "ingest" in collector.parts())
            result = balance(small / "journal", spool.spool_id, 3200)
        finally:
            collector.stop()
    assert result.holds(), result
    assert (result.gaps, result.rejected, result.stored) == (0, 0, 3200)
