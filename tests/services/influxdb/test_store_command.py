"""`canhsong-collector store status|rebuild|backfill`, on a real InfluxDB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from collector.journal import Journal
from collector.sqlite_store import SqliteStore
from collector.store import Query
from config.wire import encode_record
from tests.end_to_end.running import emission, occupancy
from tests.services.influxdb.filling import SPOOL, OnInflux, settings_for
from tests.services.influxdb.influxd import ORG, Influxd

ALL = Query(origins=())


def run(folder: Path, *words: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CANHSONG_INFLUX_")}
    result = subprocess.run(
        [sys.executable, "-m", "collector.cli", "--data", str(folder), "store", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == expect, result.stderr
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "data" / "journal")
    for number in range(300):
        record = occupancy(number) if number % 3 == 0 else emission(number)
        journal.append((record.station, SPOOL), number, encode_record(record))
    journal.close()
    return tmp_path / "data"


def test_a_store_that_is_rebuilt_has_everything_in_the_journal(folder: Path) -> None:
    run(folder, "rebuild")
    store = SqliteStore(folder / "store.db")
    assert len(store.tracks(ALL)) == 200
    store.close()
    (told,) = [json.loads(row) for row in run(folder, "status", "--json").stdout.splitlines()]
    assert told == {"store": "sqlite", "entry": 300, "journal": 300, "behind": 0, "set_aside": 0}


def test_backfill_without_an_influxdb_says_where_to_set_one(folder: Path) -> None:
    assert "influxdb.toml" in run(folder, "backfill", expect=2).stderr


@pytest.mark.services
def test_backfill_writes_the_journal_again_and_drops_rows_that_are_no_more(influxd: Influxd, folder: Path, tmp_path: Path) -> None:
    bucket = f"b{uuid.uuid4().hex[:12]}"
    settings = settings_for(influxd.url, bucket, tmp_path)
    (folder / "influxdb.toml").write_text(
        f'[influxdb]\nurl = "{influxd.url}"\norg = "{ORG}"\nbucket = "{bucket}"\ntoken_file = "{settings.token_file}"\n'
        "raw_days = 0\nhourly_days = 0\n"
    )
    stale = OnInflux(settings, tmp_path / "other")
    stale.put(emission(9_999, station="a-station-that-is-no-more"))
    stale.close()
    for _ in range(2):
        run(folder, "backfill")
    check = OnInflux(settings, tmp_path / "reader")
    ours, theirs = check.store, SqliteStore(folder / "store.db")
    try:
        assert ours.tracks(ALL) == theirs.tracks(ALL)
        assert ours.timeline(ALL) == theirs.timeline(ALL)
        assert [row.station for row in ours.stations()] == ["nui-vong-phu"]
        assert len([row for row in check.raw("emission") if row["station"] == "nui-vong-phu"]) == 200
    finally:
        theirs.close()
        check.close()
    told = [json.loads(row) for row in run(folder, "status", "--json").stdout.splitlines()]
    assert [(one["store"], one["behind"]) for one in told] == [("sqlite", 0), ("influxdb", 0)]
