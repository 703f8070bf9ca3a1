"""One contract for every store: hours, days and raw occupancies, the same on SQLite and on a real InfluxDB."""

from __future__ import annotations

import pytest

from collector.store import HOUR_NS, Query
from config.wire import HealthReport, UnheardBand
from tests.collector.store_says import ALL, HOUR0, summary
from tests.end_to_end.running import T0_NS, emission, occupancy
from tests.services.influxdb.filling import OnInflux, OnSqlite, report


def test_a_track_over_several_hours_is_shared_out_among_them(filled: OnSqlite | OnInflux) -> None:
    begin = HOUR0 + HOUR_NS // 2
    filled.put(emission(first_time_ns=begin, last_time_ns=begin + 1, duty=0.5))
    filled.put(emission(event="update", first_time_ns=begin, last_time_ns=HOUR0 + 2 * HOUR_NS + HOUR_NS // 4, duty=0.5))
    hours = filled.store.timeline(ALL)
    assert [round((hour.hour_ns - HOUR0) / HOUR_NS) for hour in hours] == [0, 1, 2]
    assert [hour.on_s for hour in hours] == pytest.approx([900.0, 1800.0, 450.0])
    span = Query(origins=(), since_ns=HOUR0 + HOUR_NS, until_ns=HOUR0 + 2 * HOUR_NS)
    assert [hour.hour_ns for hour in filled.store.timeline(span)] == [HOUR0 + HOUR_NS]


def test_nobody_listened_is_not_nothing_heard(filled: OnSqlite | OnInflux) -> None:
    filled.put(occupancy(0, band="B3"), emission(band="B8"), occupancy(0, band="B28", observed_s=0.0), occupancy(0, band=None))
    states = {bucket.band: (bucket.state, bucket.listened_s) for bucket in filled.store.timeline(ALL)}
    assert states == {"B3": ("heard_nothing", 60.0), "B8": ("heard", 0.0), "B28": ("not_listening", 0.0), None: ("heard_nothing", 60.0)}
    assert filled.store.facets().bands == ["B28", "B3", "B8"]


def test_a_summary_says_how_well_the_hours_it_covers_were_heard(filled: OnSqlite | OnInflux) -> None:
    filled.put(occupancy(0), occupancy(1))
    filled.put(summary())
    (hour,) = filled.store.timeline(ALL)
    assert (hour.sensitivity_dbfs, hour.state, hour.listened_s) == (-85.0, "degraded", 120.0)
    filled.put(summary(sensitivity=[], clipped_fraction=0.0))  # what was known can be taken back
    (hour,) = filled.store.timeline(ALL)
    assert (hour.sensitivity_dbfs, hour.state) == (None, "heard_nothing")


def test_an_hour_without_a_row_is_one_in_which_nobody_listened(filled: OnSqlite | OnInflux) -> None:
    filled.put(occupancy(0), occupancy(240, band="B3"), occupancy(300, station="other"), occupancy(60, band=None))
    hours = {(b.station, b.band, round((b.hour_ns - HOUR0) / HOUR_NS)): b.state for b in filled.store.timeline(ALL)}
    first = round((T0_NS - HOUR0) / HOUR_NS)
    assert hours["nui-vong-phu", "B8", first] == "heard_nothing"
    assert {hours["nui-vong-phu", "B8", first + n] for n in range(1, 6)} == {"not_listening"}
    assert [hours["nui-vong-phu", "B3", first + n] for n in range(6)] == [*["not_listening"] * 4, "heard_nothing", "not_listening"]
    assert [key[2] for key in hours if key[1] is None] == [first + 1]  # outside every band nobody is to listen
    assert len(hours) == 3 * 6 + 1
    silent = Query(origins=(), bands=("B8",), since_ns=HOUR0 + 2 * HOUR_NS, until_ns=HOUR0 + 4 * HOUR_NS)
    buckets = filled.store.timeline(silent)
    assert [(b.station, b.state, b.listened_s) for b in buckets] == [("nui-vong-phu", "not_listening", 0.0)] * 2 + [
        ("other", "not_listening", 0.0)
    ] * 2
    before = Query(origins=(), stations=("other",), since_ns=HOUR0 - 3 * HOUR_NS, until_ns=HOUR0)
    assert [b.state for b in filled.store.timeline(before)] == ["not_listening"] * 3


def test_a_band_that_the_tuner_cannot_hear_is_said_to_be_one(filled: OnSqlite | OnInflux) -> None:
    deaf = [
        UnheardBand(band="B3", lower_freq_hz=1805e6, upper_freq_hz=1880e6, whole=True),
        UnheardBand(band="B8", lower_freq_hz=948.6e6, upper_freq_hz=960e6),
    ]
    common = {"station": "nui-vong-phu", "notes": [], "unheard": deaf}
    filled.put(occupancy(0), report(HealthReport, 0, **common), report(HealthReport, 10, **common))
    states = {b.band: b.state for b in filled.store.timeline(ALL)}
    assert states == {"B3": "tuner_cannot_hear", "B8": "degraded"}
    assert {b.band: b.state for b in filled.store.days(ALL)} == states
    filled.put(occupancy(1, band="B3"))  # with another dongle, in the same hour
    assert {b.band: b.state for b in filled.store.timeline(ALL)}["B3"] == "heard_nothing"


def test_a_day_is_one_of_the_collectors_time_zone(filled: OnSqlite | OnInflux) -> None:
    midnight_ns = 1_795_539_600_000_000_000  # 2026-11-25T00:00+07:00
    begin = midnight_ns - 30 * 60 * 10**9
    filled.put(
        emission(first_time_ns=begin, last_time_ns=midnight_ns + 30 * 60 * 10**9, start_time_ns=midnight_ns + 30 * 60 * 10**9),
        emission(1, first_time_ns=midnight_ns, last_time_ns=midnight_ns, start_time_ns=midnight_ns),
        occupancy(start_time_ns=begin),
    )
    days = filled.store.days(ALL)
    assert [(day.day_ns, day.tracks, day.onsets, day.listened_s) for day in days] == [
        (midnight_ns - 24 * HOUR_NS, 1, 1, 60.0),
        (midnight_ns, 2, 1, 0.0),
    ]
    assert [day.on_s for day in days] == pytest.approx([1800.0, 1800.0])
    assert [day.day_ns for day in filled.store.days(Query(origins=(), since_ns=midnight_ns, until_ns=midnight_ns + 1))] == [midnight_ns]


def test_raw_occupancy_comes_back_as_it_was_reported_and_once(filled: OnSqlite | OnInflux) -> None:
    odd = occupancy(0, band="a, b=c", fbo=0.25, start_time_ns=T0_NS + 123_456_789)
    filled.put(*(occupancy(n, band=band) for n in range(4) for band in ("B8", "B3", None)), odd, odd)
    rows = filled.store.occupancy(Query(origins=(), since_ns=T0_NS, until_ns=T0_NS + 120 * 10**9))
    assert [(row.start_time_ns - T0_NS, row.band) for row in rows] == [
        *((0, band) for band in (None, "B3", "B8")),
        (123_456_789, "a, b=c"),
        *((60 * 10**9, band) for band in (None, "B3", "B8")),
    ]
    assert (rows[3].fbo, rows[3].observed_s, rows[3].lower_freq_hz) == (0.25, 60.0, 952.4e6)
    assert [row.band for row in filled.store.occupancy(Query(origins=(), bands=("a, b=c",)))] == ["a, b=c"]


def test_bands_that_a_station_makes_up_stay_apart(filled: OnSqlite | OnInflux) -> None:
    names = [f"made-up-{n}" for n in range(30)]
    filled.put(*(occupancy(0, band=name) for name in names), occupancy(0))
    assert sorted(b.band or "" for b in filled.store.timeline(ALL)) == sorted([*names, "B8"])
    assert [b.band for b in filled.store.timeline(Query(origins=(), bands=("made-up-7", "B8")))] == ["B8", "made-up-7"]
    assert len(filled.store.days(Query(origins=(), bands=("made-up-7",)))) == 1
    assert filled.store.facets().bands == sorted([*names, "B8"])
