"""The page and the API out of InfluxDB, by setting: the same answers as out of the embedded store."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from collector.service import Service
from collector.store import Query
from tests.end_to_end.running import T0_NS, emission, occupancy, spectrum
from tests.services.influxdb.filling import OnInflux, settings_for
from tests.services.influxdb.influxd import ORG, Influxd

pytestmark = pytest.mark.services
ALL = Query(origins=(), since_ns=T0_NS - 10**13, until_ns=T0_NS + 10**13)


def test_who_answers_is_a_setting_and_the_answers_are_the_same(influxd: Influxd, tmp_path: Path) -> None:
    settings = settings_for(influxd.url, f"b{uuid.uuid4().hex[:12]}", tmp_path)
    filled = OnInflux(settings, tmp_path)
    filled.put(*(emission(n) for n in range(20)), *(occupancy(n) for n in range(0, 300, 50)), occupancy(3, band="made up"), spectrum())
    embedded = Service(tmp_path / "store.db")
    (tmp_path / "influxdb.toml").write_text(
        f'[influxdb]\nurl = "{influxd.url}"\norg = "{ORG}"\nbucket = "{settings.bucket}"\ntoken_file = "{settings.token_file}"\n'
    )
    (tmp_path / "store.toml").write_text('answers = "influxdb"\n')
    influx = Service(tmp_path / "store.db")
    try:
        assert (embedded.health().store, influx.health().store) == ("sqlite", "influxdb")
        for ask in ("tracks", "timeline", "days", "occupancy", "cells"):
            told = getattr(influx, ask)(ALL)
            assert told == getattr(embedded, ask)(ALL)
            assert told or ask == "cells"
        assert influx.waterfall(ALL) == embedded.waterfall(ALL) is not None  # spectra are in the embedded store alone
        assert influx.facets() == embedded.facets()
        assert {bucket.state for bucket in influx.timeline(ALL)} >= {"heard", "heard_nothing", "not_listening"}
    finally:
        influx.close()
        embedded.close()
        filled.close()
