"""The spool on disk: numbered without holes, durable before anything is sent, nothing dropped without a gap in its place."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from station.one_collector_spool import OneCollectorSpool
from station.spool import SpoolFullError
from station.sqlite_spool import SpoolError, SqliteSpool


def everything(spool: SqliteSpool) -> list[tuple[int, bytes | None]]:
    """All numbers from the oldest on: (number, data), None where a gap stands."""
    found: list[tuple[int, bytes | None]] = []
    seq = spool.first_seq
    while seq < spool.next_seq:
        if gap := spool.gap_at(seq):
            found += [(k, None) for k in range(seq, gap.last_seq + 1)]
            seq = gap.last_seq + 1
            continue
        records = spool.read(seq, max_records=100, max_bytes=10_000)
        assert records, f"number {seq} is neither a record nor a gap"
        found += list(zip(range(seq, seq + len(records)), records, strict=True))
        seq += len(records)
    return found


def test_records_come_back_in_order_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    spool = SqliteSpool(path)
    identity = spool.spool_id
    assert [spool.append(b"r%d" % k, kind="emission") for k in range(300)] == list(range(300))
    spool.close()
    again = SqliteSpool(path)
    assert (again.spool_id, again.next_seq, again.first_seq) == (identity, 300, 0)
    assert everything(again) == [(k, b"r%d" % k) for k in range(300)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_spools_have_two_identities(tmp_path: Path) -> None:
    assert SqliteSpool(tmp_path / "a.db").spool_id != SqliteSpool(tmp_path / "b.db").spool_id


def test_each_collector_has_a_cursor_and_one_that_was_restored_from_a_backup_goes_back(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path / "spool.db")
    for k in range(10):
        spool.append(b"r%d" % k, kind="emission")
    spool.acknowledge("laptop", 9)
    spool.acknowledge("centre", 4)
    assert (spool.committed_seq("laptop"), spool.committed_seq("centre"), spool.committed_seq("else")) == (9, 4, -1)
    spool.acknowledge("laptop", 2)
    assert spool.committed_seq("laptop") == 2
    assert spool.read(3, max_records=2, max_bytes=99) == [b"r3", b"r4"]


def test_numbers_go_on_after_everything_was_dropped(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    spool = SqliteSpool(path)
    for _ in range(5):
        spool.append(b"x", kind="emission")
    spool.acknowledge("centre", 4)
    assert spool.drop_acknowledged() == 5
    spool.close()
    assert SqliteSpool(path).append(b"y", kind="emission") == 5


def test_an_acknowledged_record_stays_until_its_time_is_over(tmp_path: Path) -> None:
    kept, short = SqliteSpool(tmp_path / "kept.db"), SqliteSpool(tmp_path / "short.db", keep_s=0.0)
    for spool in (kept, short):
        spool.append_all([(b"%d" % k, "emission") for k in range(200)])
        spool.acknowledge("centre", 150)
        spool.append_all([(b"%d" % k, "emission") for k in range(200, 300)])  # looks for old records every so many
    assert kept.first_seq == 0
    assert short.first_seq == 151


def test_a_clock_that_steps_back_makes_no_collector_forgotten(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path / "spool.db")
    spool.append_all([(b"x", "emission")] * 10)
    spool.acknowledge("ahead", 9)
    spool._cursors._heard_ns["ahead"] += 30 * 86_400 * 10**9  # it was heard while the clock was a month ahead
    spool.acknowledge("behind", 3)
    assert spool.drop_acknowledged() == 4
    spool.close()


def test_when_space_runs_out_occupancy_goes_first_and_leaves_gaps(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path / "spool.db", max_bytes=64_000)
    rng = random.Random(4)
    kinds = [rng.choice(["occupancy", "emission"]) for _ in range(1500)]
    for first in range(0, 1500, 10):
        dwell = range(first, first + 10)
        assert spool.append_all([(b"%04d" % k + bytes(96), kinds[k]) for k in dwell]) == list(dwell)
    found = everything(spool)
    assert [seq for seq, _ in found] == list(range(spool.first_seq, 1500))
    dropped = [kinds[seq] for seq, data in found if data is None]
    assert dropped.count("occupancy") > 700
    assert "emission" in dropped  # 640 of about 750 detections fit
    left = [kinds[seq] for seq, data in found if data is not None]
    assert left.count("occupancy") < 20
    assert spool.status().size_bytes <= 64_000
    assert all(data is None or data.startswith(b"%04d" % seq) for seq, data in found)


def test_what_every_collector_has_goes_before_anything_that_it_lacks(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path / "spool.db", max_bytes=10_000)
    for _ in range(90):
        spool.append(bytes(100), kind="occupancy")
    spool.acknowledge("centre", 79)
    for _ in range(60):
        spool.append(bytes(100), kind="emission")
    assert spool.status().gaps == 0
    assert spool.first_seq == 80


def test_a_record_larger_than_the_spool_is_refused_and_numbers_stay(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path / "spool.db", max_bytes=1000)
    spool.append(bytes(500), kind="emission")
    with pytest.raises(SpoolFullError):
        spool.append(bytes(2000), kind="emission")
    assert spool.next_seq == 1


def test_a_file_that_is_no_spool_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_bytes(b"not a database, by far long enough to be looked at as one" * 50)
    with pytest.raises(SpoolError, match=r"spool\.db"):
        SqliteSpool(tmp_path / "spool.db")


WRITER = """
import sys
from pathlib import Path
from station.sqlite_spool import SqliteSpool
spool = SqliteSpool(Path(sys.argv[1]))
for k in range(spool.next_seq, 10**9):
    seq = spool.append(b"%d" % k, kind="emission")
    print(seq, flush=True)
"""


def test_what_append_returned_survives_kill_9(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "spool.db"
    rng = random.Random()
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(root)}
        )
        assert writer.stdout is not None
        assert writer.stdout.readline()
        time.sleep(rng.uniform(0.05, 0.3))
        writer.send_signal(signal.SIGKILL)
        said = [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        writer.stdout.close()
        spool = SqliteSpool(path)
        assert spool.next_seq > max(said, default=0)
        assert everything(spool) == [(k, b"%d" % k) for k in range(spool.next_seq)]
        spool.close()


def test_the_record_is_synced_before_append_returns(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path / "spool.db")
    assert spool._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert spool._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    spool.append(b"x", kind="emission")
    other = sqlite3.connect(tmp_path / "spool.db")
    assert other.execute("SELECT data FROM record").fetchall() == [(b"x",)]
    other.close()


def test_a_spool_is_sent_from_by_one_process_at_a_time(tmp_path: Path) -> None:
    first = OneCollectorSpool(tmp_path / "spool.db")
    with pytest.raises(SpoolError, match="another station sends"):
        OneCollectorSpool(tmp_path / "spool.db")
    before = list(first.instances)
    first.close()
    second = OneCollectorSpool(tmp_path / "spool.db")
    assert list(second.instances)[1:] == before
    second.close()


def test_forgetting_in_the_midst_of_a_gap_ends(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path / "spool.db", max_bytes=20_000)
    spool.append_all([(bytes(100), "occupancy")] * 800)
    assert spool.gap_at(0) is not None
    spool.acknowledge("centre", 300)
    spool.drop_acknowledged()
    assert spool.first_seq == 301
    assert spool.gap_at(301) is not None
    spool.close()


def test_a_dwells_records_go_in_one_commit_and_are_all_there_or_none(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path / "spool.db")
    statements: list[str] = []
    spool._db.set_trace_callback(statements.append)
    assert spool.append_all([(b"r%d" % k, "emission") for k in range(200)]) == list(range(200))
    assert statements.count("COMMIT") == 1
    with pytest.raises(SpoolFullError):
        spool.append_all([(b"fits", "emission"), (bytes(2**30 + 1), "emission")])
    assert spool.append_all([]) == []
    assert spool.next_seq == 200
    assert everything(spool) == [(k, b"r%d" % k) for k in range(200)]
    spool.close()


def test_what_was_drawn_at_every_opening_is_known_though_a_hello_tells_the_last_256(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path / "spool.db")
    spool._db.execute("PRAGMA synchronous=OFF")  # 300 openings, quickly
    drawn = [spool.draw_instance() for _ in range(300)]
    first = drawn[0][0]
    assert len(drawn[-1]) == 256
    assert first not in drawn[-1]
    assert spool.drew(first)
    assert not spool.drew("0" * 16)
    spool.close()
