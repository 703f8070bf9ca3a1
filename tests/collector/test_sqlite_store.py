"""The embedded store: journal entries in, answers out; the same whatever the batches, and once whatever is sent twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from collector.errors import StorageError
from collector.followers import Heard, catch_up, follow
from collector.journal import Entry, Journal, JournalReader
from collector.sqlite_effect import SqliteEffect
from collector.sqlite_spectra import KEPT_ROWS
from collector.sqlite_store import SqliteStore
from collector.store import HOUR_NS, Query
from config.wire import AnyRecord, SensitivityReport, SummaryReport, encode_record
from tests.end_to_end.running import T0_NS, emission, occupancy, spectrum

ALL = Query(origins=())
HOUR0 = T0_NS // HOUR_NS * HOUR_NS


class Filled:
    """A store and its one writer."""

    def __init__(self, folder: Path) -> None:
        self.effect = SqliteEffect(folder / "store.db")
        self.store = SqliteStore(folder / "store.db")

    def put(self, *records: AnyRecord) -> None:
        cursor = self.effect.cursor()
        heard = [Heard(entry(cursor + n, record), record) for n, record in enumerate(records, start=1)]
        self.effect.apply(heard, cursor + len(records))


def entry(number: int, record: AnyRecord) -> Entry:
    return Entry(entry=number, station=record.station, spool_id="ab" * 16, seq=number, received_ns=T0_NS + number, data=b"")


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    made = Filled(tmp_path)
    yield made
    made.store.close()
    made.effect.close()


def test_a_track_is_one_row_with_its_latest_state(filled: Filled) -> None:
    filled.put(emission(event="onset"), emission(event="update", last_time_ns=T0_NS + 10**10, power_dbfs=-30.0))
    filled.put(emission(event="clear", last_time_ns=T0_NS + 2 * 10**10))
    (track,) = filled.store.tracks(ALL)
    assert (track.state, track.last_time_ns, track.first_time_ns) == ("cleared", T0_NS + 2 * 10**10, T0_NS)
    (hour,) = filled.store.timeline(ALL)
    assert (hour.tracks, hour.onsets, hour.max_power_dbfs) == (1, 1, -30.0)
    assert hour.on_s == pytest.approx(20.0)


def test_an_open_track_goes_on_until_its_station_was_heard_of_last(filled: Filled) -> None:
    filled.put(emission(0), emission(1, event="clear"), spectrum(30), spectrum(900, origin="replay"))
    by_id = {track.track_id: track for track in filled.store.tracks(ALL)}
    assert by_id[f"{0:016x}"].watched_until_ns == T0_NS + 30 * 10**9
    assert by_id[f"{1:016x}"].watched_until_ns == by_id[f"{1:016x}"].last_time_ns
    assert len(filled.store.tracks(Query(origins=(), since_ns=T0_NS + 20 * 10**9))) == 1


def test_a_track_over_several_hours_is_shared_out_among_them(filled: Filled) -> None:
    begin = HOUR0 + HOUR_NS // 2
    filled.put(emission(first_time_ns=begin, last_time_ns=begin + 1, duty=0.5))
    filled.put(emission(event="update", first_time_ns=begin, last_time_ns=HOUR0 + 2 * HOUR_NS + HOUR_NS // 4, duty=0.5))
    hours = filled.store.timeline(ALL)
    assert [round((hour.hour_ns - HOUR0) / HOUR_NS) for hour in hours] == [0, 1, 2]
    assert [hour.on_s for hour in hours] == pytest.approx([900.0, 1800.0, 450.0])
    assert [hour.onsets for hour in hours] == [1, 0, 0]


def test_the_same_records_again_change_nothing(filled: Filled) -> None:
    records = [emission(0), emission(1, event="clear"), occupancy(0), occupancy(1)]
    filled.put(*records)
    before = (filled.store.tracks(ALL), filled.store.timeline(ALL))
    filled.put(*records)
    assert (filled.store.tracks(ALL), filled.store.timeline(ALL)) == before


def test_nobody_listened_is_not_nothing_heard(filled: Filled) -> None:
    filled.put(occupancy(0, band="B3"), emission(band="B8"), occupancy(0, band="B28", observed_s=5.0))
    states = {bucket.band: (bucket.state, bucket.listened_s) for bucket in filled.store.timeline(ALL)}
    assert states == {"B3": ("heard_nothing", 60.0), "B8": ("heard", 0.0), "B28": ("heard_nothing", 5.0)}


def test_a_summary_says_how_well_the_hours_it_covers_were_heard(filled: Filled) -> None:
    filled.put(occupancy(0), occupancy(1))
    filled.put(
        SummaryReport(
            station="nui-vong-phu",
            origin="synthetic",
            start_time_ns=T0_NS,
            time_source="given",
            source="x",
            relative=False,
            center_freq_hz=953.6e6,
            lower_freq_hz=952.4e6,
            upper_freq_hz=954.8e6,
            duration_s=120.0,
            sample_rate_hz=2.4e6,
            resolution_hz=586.0,
            n_averages=100,
            dwells=480,
            pfa=1e-6,
            floor_source="free_bins",
            floor_dbfs_hz=-120.0,
            sensitivity=[SensitivityReport(width_hz=200e3, power_dbfs=-70.0), SensitivityReport(width_hz=586.0, power_dbfs=-85.0)],
            tracks=0,
            gsm_cells=0,
            lte_cells=0,
            clipped_fraction=0.2,
            full_scale_known=True,
            gsm_looked_s=0.0,
            lte_looked_s=0.0,
            notes=[],
        )
    )
    (hour,) = filled.store.timeline(ALL)
    assert (hour.sensitivity_dbfs, hour.state, hour.listened_s) == (-85.0, "degraded", 120.0)


def test_only_live_records_are_in_a_default_answer(filled: Filled) -> None:
    filled.put(emission(0), emission(1, origin="live"), emission(2, origin="replay"), spectrum(0))
    assert [track.origin for track in filled.store.tracks(Query())] == ["live"]
    assert [bucket.origin for bucket in filled.store.timeline(Query())] == ["live"]
    assert filled.store.waterfall(Query(), rows=10) is None
    assert filled.store.facets().origins == ["live", "replay", "synthetic"]


@pytest.mark.parametrize("name", ["' OR 1=1 --", "x'; DROP TABLE track; --", '"', "%", "\x00"])
def test_names_in_a_question_are_values_and_never_sql(filled: Filled, name: str) -> None:
    filled.put(emission())
    for query in (Query(origins=(), stations=(name,)), Query(origins=(), bands=(name,)), Query(origins=(name,))):
        assert filled.store.tracks(query) == []
        assert filled.store.timeline(query) == []
        assert filled.store.cells(query) == []
        assert filled.store.waterfall(Query(origins=(name,)), rows=5) is None
    assert len(filled.store.tracks(ALL)) == 1


def test_labels_come_back_as_they_were_sent(filled: Filled) -> None:
    label = "'); DROP TABLE track; -- <script> \x00 \u202e ❄"
    filled.put(emission(label=label))
    assert filled.store.tracks(ALL)[0].label == label


def test_the_waterfall_is_of_the_tuning_heard_last_and_keeps_a_narrow_carrier(filled: Filled) -> None:
    levels = [-120.0] * 1024
    levels[701] = -60.0
    other = spectrum(0, lower_freq_hz=700e6)
    filled.put(other, *(spectrum(n, bins=1024, mean_dbfs_hz=levels) for n in range(5)))
    fall = filled.store.waterfall(ALL, rows=3)
    assert fall is not None
    assert fall.lower_freq_hz == 952.4e6
    assert len(fall.rows_dbfs_hz) == 3
    assert fall.times_ns == [T0_NS + n * 10**9 for n in (2, 3, 4)]
    assert fall.rows_dbfs_hz[0][701 // 4] == -60.0
    assert fall.mean_dbfs_hz == levels


def test_old_spectra_make_room(filled: Filled) -> None:
    filled.put(*(spectrum(n, bins=64) for n in range(KEPT_ROWS + 50)))
    fall = filled.store.waterfall(ALL, rows=2000)
    assert fall is not None
    assert len(fall.times_ns) == KEPT_ROWS
    assert fall.times_ns[-1] == T0_NS + (KEPT_ROWS + 49) * 10**9


def test_answers_are_bounded(filled: Filled) -> None:
    filled.put(*(emission(n) for n in range(30)))
    assert len(filled.store.tracks(Query(origins=(), limit=7))) == 7


def test_a_store_that_is_deleted_comes_back_from_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for seq, record in enumerate([emission(0), occupancy(), emission(0, event="clear"), emission(1)]):
        journal.append(("nui-vong-phu", "ab" * 16), seq, encode_record(record))
    journal.close()
    answers: list[Sequence[object]] = []
    for name in ("first.db", "second.db"):
        effect = SqliteEffect(tmp_path / name)
        with JournalReader(tmp_path / "journal") as reader:
            while catch_up(reader, effect):
                pass
        store = SqliteStore(tmp_path / name)
        answers.append([store.tracks(ALL), store.timeline(ALL), store.stations()])
        store.close()
        effect.close()
    assert answers[0] == answers[1]
    assert len(answers[0][0]) == 2  # type: ignore[arg-type]


def test_an_effect_that_fails_leaves_neither_itself_nor_its_cursor(filled: Filled) -> None:
    good = emission(0)
    broken = emission(1, power_dbfs=None)
    with pytest.raises(Exception, match="NOT NULL"):
        filled.put(good, broken)
    assert filled.effect.cursor() == 0
    assert filled.store.tracks(ALL) == []


def test_where_there_is_no_store_one_line_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="canhsong-collector serve"):
        SqliteStore(tmp_path / "nowhere" / "store.db")


def test_a_journal_that_is_older_than_the_store_is_noticed(filled: Filled, tmp_path: Path) -> None:
    Journal(tmp_path / "journal").close()
    filled.put(emission(0), emission(1))
    with pytest.raises(StorageError, match=r"has seen entry 2 and .* ends with 0"):
        follow(tmp_path / "journal", filled.effect, lambda: True)
