"""Both stores have the same answers, to the letter."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.store import HOUR_NS, Query
from config.wire import GsmCellReport
from tests.collector.store_says import ALL, summary
from tests.end_to_end.running import T0_NS, emission, occupancy
from tests.services.influxdb.filling import OnInflux, report, settings_for


@pytest.mark.services
def test_both_stores_have_the_same_answers_after_a_thousand_records(influxd: Any, tmp_path: Path) -> None:
    made = OnInflux(settings_for(influxd.url, f"b{uuid.uuid4().hex[:12]}", tmp_path), tmp_path)
    draw = random.Random(7)
    try:
        records = [_drawn(draw, number) for number in range(1000)]
        for first in range(0, 1000, 170):
            made.put(*records[first : first + 170])
        ours, theirs = made.store, made.sqlite.store
        assert ours.stations() == theirs.stations()
        assert ours.facets() == theirs.facets()
        for query in _queries(draw):
            assert ours.tracks(query) == theirs.tracks(query)
            assert ours.timeline(query) == theirs.timeline(query)
            assert ours.days(query) == theirs.days(query)
            assert ours.occupancy(query) == theirs.occupancy(query)
            assert ours.cells(query) == theirs.cells(query)
    finally:
        made.close()


def _drawn(draw: random.Random, number: int) -> Any:
    common = {
        "station": draw.choice(["a", "b-2", "c.3"]),
        "origin": draw.choice(["live", "replay"]),
        "band": draw.choice(["B3", "B8", None, "made up", 'and "this"']),
        "start_time_ns": T0_NS + draw.randrange(6 * HOUR_NS),
    }
    at_ns = common["start_time_ns"]
    kind = draw.random()
    if kind < 0.5:
        event = draw.choice(["onset", "update", "clear"])
        first_ns = at_ns - draw.randrange(3 * HOUR_NS)
        return emission(
            draw.randrange(60), **common, event=event, first_time_ns=first_ns, last_time_ns=at_ns, power_dbfs=draw.uniform(-90, -10)
        )
    if kind < 0.75:
        return occupancy(number, **common, observed_s=draw.uniform(0, 900))
    if kind < 0.8:
        return summary(station=common["station"], origin=common["origin"], start_time_ns=at_ns, clipped_fraction=draw.choice([0.0, 0.5]))
    identity = {"mcc": "452", "mnc": draw.choice(["01", "04", None]), "bsic": draw.choice([1, 2, None]), "status": "synchronised"}
    return report(GsmCellReport, **common, **identity, freq_hz=draw.choice([935.2e6, 941.2e6]), snr_db=draw.choice([None, 12.5]))


def _queries(draw: random.Random) -> Iterator[Query]:
    yield from (ALL, Query(), Query(limit=3), Query(origins=("live", "replay"), stations=("a", "c.3"), bands=("B8",)))
    for _ in range(6):
        since_ns = T0_NS + draw.randrange(-HOUR_NS, 6 * HOUR_NS)
        yield Query(origins=(), since_ns=since_ns, until_ns=since_ns + draw.randrange(3 * HOUR_NS), limit=draw.choice([5, 500]))
