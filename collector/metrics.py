"""What Prometheus is told (``/metrics``): ingest's own counts, how far each follower is, the disk.

Labels are bounded: stations (the first 5000, then ``other``), the kinds of the wire contract, the followers. No text of a station becomes a
label but its name. Counters begin at 0 when ingest does; Prometheus knows a restart by that.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from collector.errors import CollectorError
from collector.influx_follower import influx_file
from collector.journal import JournalReader
from collector.places import DataFolder
from collector.station_board import connected, follower_entries, one_number
from collector.tally import BOUNDS_S, Status, read_status
from collector.task_metrics import task_metrics

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_COUNTERS: Final = {
    "messages": "Messages taken off the stations' socket",
    "frames_aside": "Frames that could not be read (kept aside)",
    "frames_refused": "Frames of a revoked key or under another station's name",
    "handshakes_refused": "Handshakes with a key that is not enrolled",
    "handshakes_failed": "Handshakes that did not come to an end: no key, not ZeroMQ, too slow",
    "two_senders": "Hellos refused because a spool was copied",
    "live_dropped": "Live records that stations dropped before sending",
}


def exposition(data: DataFolder) -> bytes:
    """Return everything in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(data))
    return generate_latest(registry)


class _Collected(Collector):
    """Asks the files at every scrape; holds nothing."""

    def __init__(self, data: DataFolder) -> None:
        self._data = data

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        status = read_status(self._data.status)
        up = status is not None and time.time_ns() - status.written_ns < 15e9
        yield GaugeMetricFamily("canhsong_ingest_up", "1 while ingest writes its status", value=float(up))
        if status is not None:
            yield from _ingest(status)
        yield from self._followers()
        yield from task_metrics(self._data.path)
        usage = shutil.disk_usage(self._data.path)
        yield GaugeMetricFamily("canhsong_disk_free_bytes", "Free space where the journal is", value=usage.free)
        yield GaugeMetricFamily("canhsong_disk_size_bytes", "Size of the disk where the journal is", value=usage.total)
        size = sum(path.stat().st_size for path in self._data.journal.glob("*.db"))
        yield GaugeMetricFamily("canhsong_journal_bytes", "Size of the journal's segments", value=size)

    def _followers(self) -> Iterator[Metric]:
        behind = GaugeMetricFamily("canhsong_follower_lag_entries", "Journal entries not committed by a follower", labels=["follower"])
        late = GaugeMetricFamily("canhsong_follower_lag_seconds", "Age of the oldest entry it has not committed", labels=["follower"])
        with JournalReader(self._data.journal) as reader:
            last = reader.last_entry()
            for name, entry in follower_entries(self._data).items():
                behind.add_metric([name], max(0, last - entry))
                oldest = reader.read(entry, limit=1)
                late.add_metric([name], max(0.0, (time.time_ns() - oldest[0].received_ns) / 1e9) if oldest else 0.0)
        yield behind
        yield late
        try:
            aside = one_number(influx_file(self._data.path), "SELECT count(*) FROM aside")
        except CollectorError:
            return
        yield GaugeMetricFamily("canhsong_influxdb_points_aside", "Points that InfluxDB never took (10,000 are kept)", value=aside)


def _ingest(status: Status) -> Iterator[Metric]:
    took = CounterMetricFamily("canhsong_records", "Records taken, live ones too", labels=["station", "kind"])
    by_station = {
        "rejected": CounterMetricFamily("canhsong_records_rejected", "Records that could not be taken", labels=["station"]),
        "gaps": CounterMetricFamily("canhsong_records_missing", "Numbers in gaps", labels=["station"]),
        "malformed": CounterMetricFamily("canhsong_frames_malformed", "Unreadable frames of stations that said hello", labels=["station"]),
    }
    for station, counts in status.stations.items():
        for kind, number in counts.records.items():
            took.add_metric([station, kind], number)
        for name, metric in by_station.items():
            metric.add_metric([station], getattr(counts, name))
    yield took
    yield from by_station.values()
    for name, text in _COUNTERS.items():
        yield CounterMetricFamily(f"canhsong_{name}", text, value=status.counters.get(name, 0))
    yield GaugeMetricFamily("canhsong_stations_connected", "Stations that are connected", value=len(connected(status)))
    yield GaugeMetricFamily("canhsong_journal_entry", "The journal's last entry", value=status.last_entry)
    yield GaugeMetricFamily("canhsong_ingest_start_time_seconds", "When ingest began", value=status.began_ns / 1e9)
    yield _commits(status)


def _commits(status: Status) -> Metric:
    total, buckets = 0, []
    for bound, number in zip([*map(str, BOUNDS_S), "+Inf"], status.commits.buckets, strict=True):
        total += number
        buckets.append((bound, float(total)))
    commits = HistogramMetricFamily("canhsong_journal_commit_seconds", "Durable commits of the journal: insert and fdatasync")
    commits.add_metric([], buckets, sum_value=status.commits.sum_s)
    return commits
