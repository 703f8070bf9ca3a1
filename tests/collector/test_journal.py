"""The journal: durable together, numbered across days, known duplicates, bounded leftovers."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

import collector.journal as module
from collector.errors import StorageError
from collector.journal import ASIDE_ROWS, LIVE_ROWS, Journal, JournalReader
from collector.journal_file import segment_paths

KEY = ("nui-vong-phu", "ab" * 16)


def read(folder: Path, after: int = 0) -> list[tuple[int, int, bytes]]:
    with JournalReader(folder) as reader:
        return [(entry.entry, entry.seq, entry.data) for entry in reader.read(after, limit=100_000)]


def test_only_what_was_committed_is_there_after_a_crash(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(KEY, 0, b"a")
    journal.commit()
    journal.append(KEY, 1, b"b")
    assert journal.committed_seq(KEY) == 1
    assert [seq for _, seq, _ in read(tmp_path)] == [0]
    journal._db.close()  # as by kill -9: the transaction was never committed
    again = Journal(tmp_path)
    assert again.committed_seq(KEY) == 0
    again.append(KEY, 1, b"b again")
    again.close()
    assert read(tmp_path) == [(1, 0, b"a"), (2, 1, b"b again")]


def test_entries_and_spools_go_on_over_midnight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "today", lambda: "2026-11-24")
    journal = Journal(tmp_path)
    for seq in range(3):
        journal.append(KEY, seq, b"old")
    monkeypatch.setattr(module, "today", lambda: "2026-11-25")
    journal.commit()
    assert journal.committed_seq(KEY) == 2
    for seq in range(3, 5):
        journal.append(KEY, seq, b"new")
    journal.close()
    assert sorted(path.name for path in segment_paths(tmp_path)) == ["2026-11-24.db", "2026-11-25.db"]
    assert [entry for entry, _, _ in read(tmp_path)] == [1, 2, 3, 4, 5]
    assert [entry for entry, _, _ in read(tmp_path, after=2)] == [3, 4, 5]
    assert [data for _, _, data in read(tmp_path, after=3)] == [b"new", b"new"]
    assert read(tmp_path, after=5) == []
    again = Journal(tmp_path)
    assert again.committed_seq(KEY) == 4
    again.close()


def test_a_clock_that_steps_back_a_day_does_not_reopen_yesterday(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "today", lambda: "2026-11-25")
    journal = Journal(tmp_path)
    journal.append(KEY, 0, b"")
    monkeypatch.setattr(module, "today", lambda: "2026-11-24")
    journal.commit()
    journal.append(KEY, 1, b"")
    journal.close()
    assert [path.name for path in segment_paths(tmp_path)] == ["2026-11-25.db"]


def test_live_records_and_unread_frames_are_bounded_and_counted(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number in range(LIVE_ROWS + 600):
        journal.append_live("nui-vong-phu", str(number).encode())
    for number in range(ASIDE_ROWS + 10):
        journal.set_aside(b"x" * 100_000, station=None, reason=str(number))
    journal.close()
    kept = read(tmp_path)
    assert LIVE_ROWS <= len(kept) <= LIVE_ROWS + 256
    assert kept[-1][2] == str(LIVE_ROWS + 599).encode()
    with JournalReader(tmp_path) as reader:
        assert reader.totals()["frames_aside"] == ASIDE_ROWS + 10
    (path,) = segment_paths(tmp_path)
    assert path.stat().st_size < 40_000_000
    assert path.stat().st_mode & 0o077 == 0


def test_a_commit_reaches_the_disk_before_it_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    settings = [journal._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
    journal.close()
    assert settings == [2, "wal"]  # 2: FULL


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be opened") as caught:
        Journal(tmp_path / "file")
    assert "\n" not in str(caught.value)
    (tmp_path / "2026-11-24.db").write_bytes(b"this is no database, not at all, by no means" * 100)
    with pytest.raises(StorageError, match="cannot be opened"):
        Journal(tmp_path)


def test_a_reader_holds_no_lock_on_the_writer(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(KEY, 0, b"a")
    journal.commit()
    with JournalReader(tmp_path) as reader:
        assert len(reader.read(0, limit=10)) == 1
        for seq in range(1, 200):
            journal.append(KEY, seq, b"b")
            journal.commit()
        assert len(reader.read(1, limit=1000)) == 199
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._connection(segment_paths(tmp_path)[0]).execute("DELETE FROM record")
    journal.close()


def test_a_follower_that_is_there_first_never_meets_a_segment_without_its_tables(tmp_path: Path) -> None:
    folders = [tmp_path / f"{number}" for number in range(40)]
    for folder in folders:
        folder.mkdir()
    stop = threading.Event()
    faults: list[Exception] = []

    def follow() -> None:
        while not stop.is_set():
            for folder in folders:
                with JournalReader(folder) as reader:
                    try:
                        assert reader.last_entry() == 0
                    except sqlite3.Error as error:
                        faults.append(error)

    follower = threading.Thread(target=follow)
    follower.start()
    for folder in folders:
        Journal(folder).close()
    stop.set()
    follower.join()
    assert faults == []


def test_what_a_program_that_was_killed_left_of_a_new_segment_does_no_harm(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    name = next(tmp_path.glob("*.db")).with_suffix(".new").name
    journal.close()
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / name).write_bytes(b"half a file")
    Journal(tmp_path).close()
    with JournalReader(tmp_path) as reader:
        assert reader.totals()["records"] == 0
    assert not (tmp_path / name).exists()
