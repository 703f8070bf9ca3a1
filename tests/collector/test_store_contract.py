"""One contract for every store: the same records give the same answers on SQLite and on a real InfluxDB."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.store import HOUR_NS, Query
from collector.words import level
from config.wire import GsmCellReport, HealthReport, LteCellReport, SensitivityReport, SummaryReport, UnheardBand
from tests.collector.station_says import announcement, health
from tests.end_to_end.running import T0_NS, emission, occupancy, spectrum
from tests.services.influxdb.filling import OnInflux, OnSqlite, report, settings_for

ALL = Query(origins=())
HOUR0 = T0_NS // HOUR_NS * HOUR_NS
HOSTILE = ["' OR 1=1 --", "x'; DROP TABLE track; --", '"', "%", "\x00", '") |> drop() //', "a,b=c d\\", "${x}", "Băng 8\n❄", "a\r\\n\r\n"]


@pytest.fixture(params=["sqlite", pytest.param("influxdb", marks=pytest.mark.services)])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OnSqlite | OnInflux]:
    made: OnSqlite | OnInflux
    if request.param == "sqlite":
        made = OnSqlite(tmp_path)
    else:
        server = request.getfixturevalue("influxd")
        made = OnInflux(settings_for(server.url, f"b{uuid.uuid4().hex[:12]}", tmp_path), tmp_path)
    yield made
    made.close()


def summary(**fields: Any) -> SummaryReport:
    given = {"station": "nui-vong-phu", "lower_freq_hz": 952.4e6, "upper_freq_hz": 954.8e6, "duration_s": 120.0, "clipped_fraction": 0.2}
    return report(SummaryReport, **{**given, "sensitivity": [SensitivityReport(width_hz=586.0, power_dbfs=-85.0)], **fields})


def test_an_empty_store_has_empty_answers(filled: OnSqlite | OnInflux) -> None:
    assert (filled.store.tracks(ALL), filled.store.timeline(ALL), filled.store.cells(ALL), filled.store.stations()) == ([], [], [], [])
    facets = filled.store.facets()
    assert (facets.stations, facets.bands, facets.origins) == ([], [], [])
    assert filled.store.waterfall(ALL, rows=5) is None


def test_a_track_is_one_row_with_its_latest_state(filled: OnSqlite | OnInflux) -> None:
    filled.put(emission(event="onset", label="BTS"), emission(event="update", last_time_ns=T0_NS + 10**10, power_dbfs=-30.0))
    filled.put(emission(event="clear", last_time_ns=T0_NS + 2 * 10**10))
    (track,) = filled.store.tracks(ALL)
    assert (track.state, track.last_time_ns, track.first_time_ns, track.label) == ("cleared", T0_NS + 2 * 10**10, T0_NS, None)
    (hour,) = filled.store.timeline(ALL)
    assert (hour.tracks, hour.onsets, hour.max_power_dbfs) == (1, 1, -30.0)
    assert hour.on_s == pytest.approx(20.0)


def test_a_calibrated_station_s_track_says_what_makes_dbm_of_it_and_another_s_that_nothing_does(filled: OnSqlite | OnInflux) -> None:
    filled.put(emission(0, dbm_minus_dbfs=-49.7, dbm_sigma_db=0.8), emission(1))
    tracks = {track.track_id: track for track in filled.store.tracks(ALL)}
    known, unknown = tracks[f"{0:016x}"], tracks[f"{1:016x}"]
    assert (known.dbm_minus_dbfs, unknown.dbm_minus_dbfs) == (-49.7, None)
    assert level(known) == f"{known.power_dbfs - 49.7:.1f} dBm"
    assert level(unknown) == f"{unknown.power_dbfs:.1f} dBFS"


def test_an_open_track_goes_on_until_its_station_was_heard_of_last(filled: OnSqlite | OnInflux) -> None:
    filled.put(emission(0), emission(1, event="clear"), spectrum(30), spectrum(900, origin="replay"))
    by_id = {track.track_id: track for track in filled.store.tracks(ALL)}
    assert by_id[f"{0:016x}"].watched_until_ns == T0_NS + 30 * 10**9
    assert by_id[f"{1:016x}"].watched_until_ns == by_id[f"{1:016x}"].last_time_ns
    assert len(filled.store.tracks(Query(origins=(), since_ns=T0_NS + 20 * 10**9))) == 1


def test_many_tracks_of_one_millisecond_stay_apart_and_in_order(filled: OnSqlite | OnInflux) -> None:
    same = {"start_time_ns": T0_NS, "first_time_ns": T0_NS, "last_time_ns": T0_NS + 5}
    filled.put(*(emission(n, **same) for n in range(40)))
    filled.put(*(emission(n, **same) for n in reversed(range(40))))
    assert [track.track_id for track in filled.store.tracks(ALL)] == [f"{n:016x}" for n in range(40)]
    assert len(filled.store.tracks(Query(origins=(), limit=7))) == 7


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


def test_a_cell_is_one_row_for_each_identity(filled: OnSqlite | OnInflux) -> None:
    place = {"freq_hz": 941.2e6, "arfcn": 31, "band": "P-GSM900"}
    viettel = {"mcc": "452", "mnc": "04", "lac": 30151, "ci": 20511, "bsic": 29, "status": "identified"}
    filled.put(report(GsmCellReport, 0, **place, status="carrier"), report(GsmCellReport, 1, **place, **viettel))
    filled.put(
        report(GsmCellReport, 2, **place, **{**viettel, "mnc": "004"}), report(LteCellReport, 3, status="synchronised", pci=301, earfcns=[])
    )
    cells = filled.store.cells(ALL)
    assert [(cell.rat, cell.mnc, cell.code, cell.reports, cell.band) for cell in cells] == [
        ("lte", None, 301, 1, None),
        ("gsm", "004", 29, 1, "P-GSM900"),
        ("gsm", "04", 29, 2, "P-GSM900"),
    ]
    assert [cell.rat for cell in filled.store.cells(Query(origins=(), bands=("P-GSM900",), limit=1))] == ["gsm"]
    assert filled.store.cells(Query(origins=(), until_ns=T0_NS)) == []


def test_a_station_s_latest_health_is_one_row_an_origin(filled: OnSqlite | OnInflux) -> None:
    filled.put(health(0), health(10, spool_waiting=9, notes=HOSTILE[:4], disk_free_mib=None), health(5, station="b", origin="hil"))
    second, first = filled.store.healths()
    assert (first.station, first.origin, first.start_time_ns) == ("nui-vong-phu", "live", T0_NS + 10 * 10**9)
    assert first.report == health(10, spool_waiting=9, notes=HOSTILE[:4], disk_free_mib=None)
    assert (second.station, second.origin) == ("b", "hil")
    filled.put(health(3, sweeps=2))  # the station's clock went back: what came last from one spool is its latest
    assert filled.store.healths()[1].report.sweeps == 2


def test_captures_are_listed_as_announced(filled: OnSqlite | OnInflux) -> None:
    filled.put(announcement("a", 0, reason=HOSTILE[1]), announcement("b", 10, task_id="0" * 16), announcement("c", 20, origin="hil"))
    filled.put(announcement("a", 0, reason="another reason"))
    rows = filled.store.captures(Query())
    assert [(row.capture_id, row.task_id) for row in rows] == [("b", "0" * 16), ("a", None)]
    assert (rows[1].reason, rows[1].n_samples, rows[1].sha256) == (HOSTILE[1], 2_400_000, "ab" * 32)
    assert [row.capture_id for row in filled.store.captures(Query(since_ns=T0_NS + 15 * 10**9, origins=()))] == ["c"]
    assert filled.store.captures(Query(stations=("other",))) == []


def test_only_live_records_are_in_a_default_answer(filled: OnSqlite | OnInflux) -> None:
    filled.put(emission(0), emission(1, origin="live"), emission(2, origin="replay"), spectrum(0))
    assert [track.origin for track in filled.store.tracks(Query())] == ["live"]
    assert [bucket.origin for bucket in filled.store.timeline(Query())] == ["live"]
    assert filled.store.waterfall(Query(), rows=10) is None
    assert filled.store.waterfall(ALL, rows=10) is not None
    assert filled.store.facets().origins == ["live", "replay", "synthetic"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_in_a_question_are_values_and_never_a_query(filled: OnSqlite | OnInflux, name: str) -> None:
    filled.put(emission())
    for query in (Query(origins=(), stations=(name,)), Query(origins=(), bands=(name,)), Query(origins=(name,))):
        assert filled.store.tracks(query) == []
        assert filled.store.timeline(query) == []
        assert filled.store.cells(query) == []
    assert len(filled.store.tracks(ALL)) == 1


@pytest.mark.parametrize("name", [*HOSTILE, "'); DROP TABLE track; -- <script> \u202e ❄"])
def test_labels_and_bands_come_back_as_they_were_sent(filled: OnSqlite | OnInflux, name: str) -> None:
    filled.put(emission(label=name, band=name))
    (track,) = filled.store.tracks(Query(origins=(), bands=(name,)))
    assert (track.label, track.band) == (name, name)
    assert [bucket.band for bucket in filled.store.timeline(Query(origins=(), bands=(name,)))] == [name]
    assert filled.store.facets().bands == [name]


def test_the_version_changes_when_an_answer_may_have(filled: OnSqlite | OnInflux) -> None:
    filled.put(emission())
    before = filled.store.version()
    filled.put(emission(1))
    assert filled.store.version() != before


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
