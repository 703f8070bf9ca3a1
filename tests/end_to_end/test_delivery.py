"""From a station's uplink into the collector's store, over real sockets and processes; processes are killed on the way."""

from __future__ import annotations

from station.uplink import Uplink
from tests.end_to_end.running import Collector, emission, eventually


def test_records_become_rows_of_the_timeline(collector: Collector) -> None:
    with Uplink(collector.ingest, station="nui-vong-phu") as uplink:
        for number in range(5):
            uplink.publish(emission(number))
        assert uplink.drain(10.0)
    rows = eventually(lambda: (rows := collector.timeline()) and len(rows) == 5 and rows)
    assert [row["track_id"] for row in rows] == [f"{number:016x}" for number in reversed(range(5))]
    assert collector.timeline("--band", "B3") == []
    assert len(collector.timeline("--station", "nui-vong-phu")) == 5
