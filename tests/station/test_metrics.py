"""What Prometheus is told of a station: over a real socket, beside a real uplink and a real collector's ingest."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.wire import HealthReport
from station.errors import MisuseError
from station.metrics import StationMetrics, checked_metrics, metrics_server
from station.uplink import Uplink
from station.uplink_stats import ACK_BOUNDS_S, MAX_UNDER_WAY, UplinkStats
from tests.collector.running_ingest import RunningIngest
from tests.end_to_end.running import T0_NS, emission


def health(**fields: Any) -> HealthReport:
    given = {"station": "a", "origin": "live", "start_time_ns": T0_NS, "time_source": "ntp", "notes": [], **fields}
    unset = {field.name: None for field in msgspec.structs.fields(HealthReport) if field.required and field.name not in given}
    numbers = dict.fromkeys(("sweeps", "dwells", "dropped_dwells", "lost_samples", "receiver_restarts", "cpu_fraction", "clock_step_s"), 0)
    return HealthReport(**{**unset, **numbers, "receiver_open": True, **given})


def scrape(port: int) -> dict[tuple[str, ...], float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_a_station_tells_what_it_made_sent_and_waits_for(tmp_path: Path) -> None:
    ingest = RunningIngest(tmp_path / "journal")
    try:
        with Uplink(ingest.address, station="nui-vong-phu") as uplink:
            metrics = StationMetrics(uplink)
            with metrics_server("127.0.0.1:0", metrics) as port:
                assert ("canhsong_station_dwells_total",) not in scrape(port)
                for number in range(5):
                    metrics.put([emission(number)])
                    uplink.publish(emission(number))
                assert uplink.drain(20.0)
                metrics.put([health(dwells=77, lost_samples=5, temperature_c=51.5, notes=["x"])])
                found = scrape(port)
        assert found["canhsong_station_records_total", "emission"] == 5
        assert (found[("canhsong_station_dwells_total",)], found[("canhsong_station_lost_samples_total",)]) == (77, 5)
        assert (found[("canhsong_station_temperature_c",)], found[("canhsong_station_notes",)]) == (51.5, 1)
        assert ("canhsong_station_ppm",) not in found  # not known is not 0
        assert (found[("canhsong_station_spool_waiting",)], found[("canhsong_station_connected",)]) == (0, 1)
        assert found[("canhsong_station_records_sent_total",)] == 5
        batches = found[("canhsong_station_batches_sent_total",)]
        assert found[("canhsong_station_ack_seconds_count",)] == found["canhsong_station_ack_seconds_bucket", "+Inf"] == batches >= 1
    finally:
        ingest.close()


@pytest.mark.parametrize(
    "address", ["0.0.0.0:9570", "192.168.1.2:9570", "example.org:9570", "[::]:9570", "127.0.0.1", ":9570", "127.0.0.1:99999"]
)
def test_metrics_are_for_this_machine_alone(address: str) -> None:
    with pytest.raises(MisuseError, match=r"127\.0\.0\.1:PORT"):
        checked_metrics(address)


def test_a_port_that_is_taken_is_one_line() -> None:
    metrics = StationMetrics(None)
    with (
        metrics_server("127.0.0.1:0", metrics) as port,
        pytest.raises(MisuseError, match="another port"),
        metrics_server(f"127.0.0.1:{port}", metrics),
    ):
        pass


def test_an_acknowledgement_ends_every_batch_that_it_covers() -> None:
    stats = UplinkStats()
    for number in range(3):
        stats.sent(10 * number + 9, 10, float(number))
    stats.acknowledged(19, 2.5)
    assert (stats.batches, stats.records, sum(stats.ack_buckets), stats.ack_sum_s) == (3, 30, 2, 4.0)
    stats.begin_again()
    stats.acknowledged(29, 9.0)
    assert sum(stats.ack_buckets) == 2
    for number in range(2 * MAX_UNDER_WAY):
        stats.sent(number, 1, 0.0)
    stats.acknowledged(2 * MAX_UNDER_WAY, 99.0)
    assert stats.ack_buckets[len(ACK_BOUNDS_S)] == MAX_UNDER_WAY
