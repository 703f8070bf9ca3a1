"""Screens and reports show times in the time zone of ``store.toml``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.errors import MisuseError
from collector.finding_words import finding_row
from collector.local_time import shift_ms, show_times_by, zone
from collector.store import HOUR_NS
from collector.web.findings_panel import finding_row as page_row
from collector.web.findings_panel import mark_findings
from collector.web.rows import track_rows
from collector.web.timeline_chart import MAX_LANES, timeline_options
from collector.words import moment, short_moment
from tests.collector.test_charts import bars, bucket, track
from tests.collector.test_commands import run
from tests.collector.test_task_desk import finding
from tests.end_to_end.running import T0_NS, emission, fill, occupancy

SHOWN = [
    ("UTC", "2026-11-24 06:00:00", 0.0),
    ("Asia/Kolkata", "2026-11-24 11:30:00", 5.5),
    (None, "2026-11-24 13:00:00", 7.0),
]
"""``time_zone``, what T0_NS is there, hours ahead of UTC."""


def setting(folder: Path, name: str | None) -> Path:
    if name is not None:
        (folder / "store.toml").write_text(f'time_zone = "{name}"\n')
    return folder


@pytest.fixture(autouse=True)
def _default_afterwards() -> Iterator[None]:
    yield
    show_times_by(None)


@pytest.mark.parametrize(("name", "shown", "ahead_h"), SHOWN)
def test_the_page_follows_the_setting(tmp_path: Path, name: str | None, shown: str, ahead_h: float) -> None:
    show_times_by(setting(tmp_path, name))
    ahead_ms = ahead_h * 3_600_000.0
    assert moment(T0_NS) == shown
    assert track_rows([track()], now_ns=T0_NS)[0]["first"] == shown[-8:]
    assert page_row(finding(), now_ns=T0_NS)["last"] == shown[-8:]
    options, _ = timeline_options([track()], [bucket(0)])
    coverage, of_track = sorted(bars(options), key=lambda bar: bar["value"][0])
    for bar in (coverage, of_track):
        assert bar["value"][1] == T0_NS / 1e6 + ahead_ms
        assert shown in bar["tip"]
    assert options["useUTC"]
    assert options["dataZoom"][0]["startValue"] == pytest.approx(T0_NS / 1e6 + ahead_ms, abs=1000.0)
    mark_findings(options, [finding()])
    assert options["series"][1]["markLine"]["data"][0]["xAxis"] == T0_NS / 1e6 + ahead_ms


@pytest.mark.parametrize(("name", "shown", "ahead_h"), SHOWN)
def test_the_shell_follows_the_setting(tmp_path: Path, name: str | None, shown: str, ahead_h: float) -> None:
    fill(setting(tmp_path, name) / "store.db", emission(0, origin="live", first_time_ns=T0_NS), occupancy(origin="live"))
    assert shown in run(tmp_path, "timeline").stdout
    assert shown in run(tmp_path, "timeline", "--by-hour").stdout
    show_times_by(tmp_path)
    assert shown in finding_row(finding())


def test_today_is_the_one_of_the_time_zone(tmp_path: Path) -> None:
    late_ns = T0_NS + 12 * HOUR_NS  # 18:00 UTC: the next day in Viet Nam
    assert short_moment(T0_NS, now_ns=late_ns) == "24/11 13:00:00"
    show_times_by(setting(tmp_path, "UTC"))
    assert short_moment(T0_NS, now_ns=late_ns) == "06:00:00"


def test_an_hour_stays_one_where_clocks_change(tmp_path: Path) -> None:
    show_times_by(setting(tmp_path, "Europe/Berlin"))
    change_ns = int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp()) * 10**9
    assert [shift_ms(change_ns - 1000 * HOUR_NS), shift_ms(change_ns)] == [7_200_000.0, 3_600_000.0]
    many = [bucket(0, station=str(n), hour_ns=change_ns + (n % 3 - 1) * HOUR_NS) for n in range(MAX_LANES + 1)]
    drawn = bars(timeline_options([track(n) for n in range(MAX_LANES)], many)[0])
    assert len(drawn) == MAX_LANES + 1
    assert {bar["value"][2] - bar["value"][1] for bar in drawn} == {3_600_000.0}


def test_an_unknown_time_zone_is_refused_before_anything_runs(tmp_path: Path) -> None:
    fill(setting(tmp_path, "Saigon/Sometimes") / "store.db", emission(0, origin="live"))
    for command in (("timeline",), ("serve", "--http", "127.0.0.1:0", "--ingest", "tcp://127.0.0.1:*")):
        refused = run(tmp_path, *command)
        assert refused.returncode == 2, command
        assert "store.toml: " in refused.stderr
        assert "Saigon/Sometimes" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
        assert refused.stdout == ""
    show_times_by(tmp_path)
    with pytest.raises(MisuseError, match="time_zone"):
        zone()
