"""What Prometheus is told of the station, on this machine alone: out of its own records and its uplink. The door to ``prometheus_client``.

    [health]
    metrics = "127.0.0.1:9570"

Labels are bounded: the kinds of the wire contract. Nothing is measured for this; it repeats what health says.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from config.wire import AnyRecord, HealthReport
from station.errors import MisuseError
from station.uplink_stats import ACK_BOUNDS_S

if TYPE_CHECKING:
    from station.uplink import Uplink

_COUNTERS: Final = {
    "sweeps": "Sweeps",
    "dwells": "Dwells analysed",
    "dropped_dwells": "Dwells not read because the analysis was behind",
    "lost_samples": "Samples missing within dwells",
    "receiver_restarts": "Restarts of the receiver",
}
"""Fields of the health report that count."""
_GAUGES: Final = {
    "receiver_open": "1 while a receiver is open",
    "clipped_fraction": "Part of the samples at full scale",
    "floor_dbfs_hz": "Noise floor",
    "floor_change_db": "Noise floor against its own history",
    "ppm": "Error of the crystal",
    "retune_ms": "Time that a retune takes",
    "temperature_c": "Temperature of the machine",
    "cpu_fraction": "Of one core",
    "disk_free_mib": "Free disk",
    "clock_step_s": "What the clock jumped by and was not believed",
}


class StationMetrics(Collector):
    """Takes the records that the station makes; answers with what they said last and how many there were."""

    def __init__(self, uplink: Uplink | None) -> None:
        """``uplink``: the way to the collector, where there is one."""
        self._uplink = uplink
        self._records: Counter[str] = Counter()
        self._health: HealthReport | None = None

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Count ``records``."""
        for record in records:
            self._records[str(record.__struct_config__.tag)] += 1
            if isinstance(record, HealthReport):
                self._health = record

    def end_of_source(self) -> None:
        """Nothing to do."""

    def close(self) -> str | None:
        """Nothing is left behind."""
        return None

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        made = CounterMetricFamily("canhsong_station_records", "Records made", labels=["kind"])
        for kind, number in sorted(self._records.items()):
            made.add_metric([kind], number)
        yield made
        if (health := self._health) is not None:
            for name, text in _COUNTERS.items():
                yield CounterMetricFamily(f"canhsong_station_{name}", text, value=getattr(health, name))
            for name, text in _GAUGES.items():
                if (value := getattr(health, name)) is not None:
                    yield GaugeMetricFamily(f"canhsong_station_{name}", text, value=float(value))
            yield GaugeMetricFamily("canhsong_station_notes", "Things that health says are wrong", value=len(health.notes))
        if self._uplink is not None:
            yield from _uplink_metrics(self._uplink)


def _uplink_metrics(uplink: Uplink) -> Iterator[Metric]:
    stats = uplink.stats
    yield GaugeMetricFamily("canhsong_station_connected", "1 while the collector answers", value=float(uplink.connected))
    yield GaugeMetricFamily("canhsong_station_spool_waiting", "Records that are not acknowledged", value=uplink.waiting)
    yield CounterMetricFamily("canhsong_station_live_dropped", "Live records dropped before sending", value=uplink.live_dropped)
    yield CounterMetricFamily("canhsong_station_batches_sent", "Batches sent, again or for the first time", value=stats.batches)
    yield CounterMetricFamily("canhsong_station_records_sent", "Reliable records sent, again or for the first time", value=stats.records)
    total, buckets = 0, []
    for bound, number in zip([*map(str, ACK_BOUNDS_S), "+Inf"], stats.ack_buckets, strict=True):
        total += number
        buckets.append((bound, float(total)))
    acks = HistogramMetricFamily("canhsong_station_ack_seconds", "From sending a batch to its acknowledgement")
    acks.add_metric([], buckets, sum_value=stats.ack_sum_s)
    yield acks


def checked_metrics(address: str) -> tuple[str, int]:
    """Return (host, port) of ``HOST:PORT``, on this machine alone: whoever reads it needs no login.

    Raises:
        MisuseError: it is none, or others could reach it.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address("127.0.0.1" if host == "localhost" else host).is_loopback and 0 <= int(port) < 65536:
            return host, int(port)
    raise MisuseError(f"health.metrics = {address!r}: give it as 127.0.0.1:PORT; others could read it otherwise, and there is no login")


@contextlib.contextmanager
def metrics_server(address: str, metrics: StationMetrics, said: Callable[[str], None] | None = None) -> Iterator[int]:
    """Serve ``/metrics`` while inside; give the port.

    Raises:
        MisuseError: ``address`` cannot be served on.
    """
    host, port = checked_metrics(address)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise MisuseError(f"health.metrics = {address!r}: {error.strerror}; choose another port") from error
    if said is not None:
        said(f"http://{address.rpartition(':')[0]}:{server.server_port}/metrics")
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
