"""One contract for every store: tracks, cells, health, captures and names, the same on SQLite and on a real InfluxDB."""

from __future__ import annotations

import pytest

from collector.store import Query
from collector.words import level
from config.wire import GsmCellReport, LteCellReport
from tests.collector.station_says import announcement, health
from tests.collector.store_says import ALL, HOSTILE
from tests.end_to_end.running import T0_NS, emission, spectrum
from tests.services.influxdb.filling import OnInflux, OnSqlite, report


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
