"""Who answers, whose days they are, and what is let go: by settings."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from collector.errors import MisuseError
from collector.followers import Heard
from collector.service import Service
from collector.sqlite_effect import SqliteEffect
from collector.sqlite_retention import DAY_NS, prune
from collector.sqlite_store import SqliteStore
from collector.store import HOUR_NS, Query
from collector.store_settings import StoreSettings, store_settings
from collector.web.coverage_bars import coverage_bars
from tests.collector.test_charts import bucket
from tests.end_to_end.running import T0_NS, emission, fill, occupancy
from tests.services.influxdb.filling import entry

ALL = Query(origins=())


def put(effect: SqliteEffect, *records: object) -> None:
    cursor = effect.cursor()
    effect.apply([Heard(entry(cursor + n, one), one) for n, one in enumerate(records, 1)], cursor + len(records))  # type: ignore[arg-type]


def aged(days: int, **changes: object) -> list[object]:
    at_ns = T0_NS - days * DAY_NS
    return [
        emission(days, origin="live", event="clear", start_time_ns=at_ns, first_time_ns=at_ns, last_time_ns=at_ns, **changes),
        occupancy(origin="live", start_time_ns=at_ns),
    ]


def test_what_is_too_old_is_let_go_by_its_kind_and_recordings_stay(tmp_path: Path) -> None:
    effect = SqliteEffect(tmp_path / "store.db")
    put(effect, *aged(0), *aged(5), *aged(50), *aged(500), emission(7, first_time_ns=1, last_time_ns=2, start_time_ns=2))
    long_ago = {"first_time_ns": T0_NS - 401 * DAY_NS, "last_time_ns": T0_NS - 400 * DAY_NS}
    put(effect, emission(8, origin="live", event="update", **long_ago))  # still on
    store = SqliteStore(tmp_path / "store.db")
    assert prune(effect._db, StoreSettings(), T0_NS) == 0
    assert prune(effect._db, StoreSettings(raw_days=10, hourly_days=100), T0_NS) > 0
    assert sorted(track.track_id[-3:] for track in store.tracks(ALL)) == ["000", "005", "007", "008"]
    assert [round((T0_NS - row.start_time_ns) / DAY_NS) for row in store.occupancy(ALL)] == [5, 0]
    heard = [b for b in store.timeline(Query(since_ns=T0_NS - 600 * DAY_NS, until_ns=T0_NS + HOUR_NS)) if b.state == "heard"]
    assert [round((T0_NS - b.hour_ns) / DAY_NS) for b in heard] == [50, 5, 0]
    assert len({day.day_ns for day in store.days(Query())}) > 4  # days stay for ever
    assert prune(effect._db, StoreSettings(raw_days=10, hourly_days=100), T0_NS) == 0
    store.close()
    effect.close()


def test_a_day_begins_where_the_time_zone_says(tmp_path: Path) -> None:
    effect = SqliteEffect(tmp_path / "store.db", StoreSettings(time_zone="UTC"))
    put(effect, occupancy(0))
    store = SqliteStore(tmp_path / "store.db")
    assert [day.day_ns for day in store.days(ALL)] == [T0_NS // DAY_NS * DAY_NS]
    store.close()
    effect.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [('time_zone = "Saigon/Sometimes"', "time_zone"), ('answers = "oracle"', "answers"), ("x = 1", "unknown field"), ("[", "store.toml")],
)
def test_settings_that_cannot_be_meant_are_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "store.toml").write_text(text)
    with pytest.raises(MisuseError, match=words):
        store_settings(tmp_path)


def test_influxdb_that_is_to_answer_and_is_not_set_is_one_line(tmp_path: Path) -> None:
    fill(tmp_path / "store.db", emission())
    (tmp_path / "store.toml").write_text('answers = "influxdb"\n')
    service = Service(tmp_path / "store.db")
    with pytest.raises(MisuseError, match="no InfluxDB is set"):
        service.tracks(ALL)


def test_the_page_is_told_of_silence_up_to_now(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    fill(tmp_path / "store.db", occupancy(origin="live", start_time_ns=now_ns - 5 * HOUR_NS))
    service = Service(tmp_path / "store.db")
    states = [b.state for b in service.timeline(Query(since_ns=now_ns - 6 * HOUR_NS))]
    assert states[0] == "not_listening"
    assert states[1] == "heard_nothing"
    assert set(states[2:]) == {"not_listening"}
    assert len(states) == 7
    service.close()


def test_equal_hours_in_a_row_are_one_bar_and_each_state_looks_its_own() -> None:
    states = ["heard_nothing"] * 3 + ["not_listening"] * 4 + ["tuner_cannot_hear"] + ["degraded"] + ["heard_nothing"]
    buckets = [bucket(n, tracks=0, state=state) for n, state in enumerate(states)] + [bucket(20, tracks=0, state="heard_nothing")]
    bars = coverage_bars(buckets, lambda _: 0, lambda station, band: f"{station}{band}")
    assert [round((bar["value"][2] - bar["value"][1]) / 3.6e6) for bar in bars] == [3, 4, 1, 1, 1, 1]
    assert len({(bar["itemStyle"]["color"], bar["value"][3]) for bar in bars}) == 4
    assert "không nghe / not listening" in bars[1]["tip"]
    assert coverage_bars(buckets, lambda _: None, lambda station, band: "") == []
