"""The Grafana dashboard's queries, run on a real InfluxDB that a collector filled: each answers, and most have something to show."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.wire import GsmCellReport, HealthReport, SensitivityReport, SummaryReport
from tests.end_to_end.running import T0_NS, emission, occupancy
from tests.services.influxdb.filling import OnInflux, report, settings_for
from tests.services.influxdb.influxd import Influxd

DASHBOARD = json.loads((Path(__file__).parents[3] / "deploy" / "grafana" / "canhsong.json").read_text(encoding="utf-8"))
QUERIES = [(panel["title"], target["query"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]
VARIABLES = [(one["name"], one["query"]) for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]


def interpolated(query: str, bucket: str) -> str:
    """As Grafana sends it."""
    values = {"bucket": bucket, "station:regex": "(nui-vong-phu|other)", "band:regex": "(.*)", "origin:regex": "(synthetic|live)"}
    text = re.sub(r"\$\{([a-z:]+)\}", lambda match: values[match[1]], query)
    moment = "{timeRangeStart: 2026-11-20T00:00:00Z, timeRangeStop: 2026-12-01T00:00:00Z, windowPeriod: 1h}"
    imports, _, rest = text.rpartition('"influxdata/influxdb/schema" ') if text.startswith("import") else ("", "", text)
    head = 'import "influxdata/influxdb/schema"\n' if imports or text.startswith("import") else ""
    return f"{head}option v = {moment}\n{rest}"


@pytest.fixture(scope="module")
def filled(influxd: Influxd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnInflux]:
    folder = tmp_path_factory.mktemp("dashboard")
    made = OnInflux(settings_for(influxd.url, f"b{uuid.uuid4().hex[:12]}", folder), folder)
    health: dict[str, Any] = {"station": "nui-vong-phu", "notes": [], "floor_dbfs_hz": -120.5, "spool_waiting": 4, "temperature_c": 51.0}
    seen = {"station": "nui-vong-phu", "lower_freq_hz": 952.4e6, "upper_freq_hz": 954.8e6, "duration_s": 120.0}
    made.put(
        *(emission(n) for n in range(5)),
        *(occupancy(n) for n in range(5)),
        *(report(HealthReport, n, **health, lost_samples=100 * n) for n in range(3)),
        report(GsmCellReport, 1, station="nui-vong-phu", freq_hz=941.2e6, arfcn=31, band="P-GSM900", status="identified"),
        report(SummaryReport, 0, **seen, sensitivity=[SensitivityReport(width_hz=586.0, power_dbfs=-85.0)], clipped_fraction=0.0),
    )
    yield made
    made.close()


def test_the_dashboard_names_everything_that_it_asks_for() -> None:
    known = {"influxdb", "bucket", "station", "band", "origin"}
    text = json.dumps(DASHBOARD)
    assert {one["name"] for one in DASHBOARD["templating"]["list"]} == known
    assert {name.partition(":")[0] for name in re.findall(r"\$\{([a-z:]+)\}", text)} <= known
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"]) == 12
    assert "token" not in text.lower()


@pytest.mark.services
@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])
def test_a_panel_has_something_to_show(filled: OnInflux, title: str, query: str) -> None:
    rows = filled.door.ask(interpolated(query, filled.door.settings.bucket), {})
    assert rows, title
    if "range(start: 0)" not in query:
        assert all(row["_value"] is not None for row in rows)
    if "cells" in title:
        assert [(row["rat"], row["MHz"]) for row in rows] == [("gsm", 941.2)]
    if "stations" in title:
        assert [(row["station"], row["records"]) for row in rows] == [("nui-vong-phu", 15)]
        assert abs(rows[0]["heard"].timestamp() - T0_NS / 1e9) < 1


@pytest.mark.services
@pytest.mark.parametrize(("name", "query"), VARIABLES, ids=[name for name, _ in VARIABLES])
def test_a_choice_has_its_values(filled: OnInflux, name: str, query: str) -> None:
    values = {row["_value"] for row in filled.door.ask(interpolated(query, filled.door.settings.bucket), {})}
    assert values >= {"station": {"nui-vong-phu"}, "band": {"B8"}}[name]
