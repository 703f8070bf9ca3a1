"""A store of an older version is put aside and made again; nothing that the journal no longer holds is lost."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from collector.cli import cli
from collector.errors import StorageError
from collector.followers import catch_up
from collector.journal import Journal, JournalReader
from collector.places import DataFolder
from collector.sqlite_effect import SqliteEffect
from collector.sqlite_schema import SCHEMA_VERSION
from collector.sqlite_store import SqliteStore
from collector.store_renewal import renew_store
from config.wire import encode_record
from tests.end_to_end.running import emission

KEY = ("ea-sup", "ab" * 16)


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    """A journal with three entries, and the store of them, which says that it is of version 2; a part of it is in its log still."""
    folder = DataFolder(path=tmp_path)
    journal = Journal(folder.journal)
    for seq in range(3):
        journal.append(KEY, seq, encode_record(emission(station="ea-sup")))
    journal.close()
    follow(folder)
    set_version(folder.store, 2)
    return folder


def follow(data: DataFolder) -> None:
    effect = SqliteEffect(data.store)
    with JournalReader(data.journal) as reader:
        while catch_up(reader, effect):
            pass
    effect.close()


def set_version(path: Path, version: int) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")


def records(path: Path) -> int:
    store = SqliteStore(path)
    try:
        return sum(row.records for row in store.stations())
    finally:
        store.close()


def without_first_entries(data: DataFolder) -> None:
    """Take the first two entries out of the journal, as when its first segments are gone."""
    for path in data.journal.glob("*.db"):
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("DELETE FROM record WHERE entry < 3")


def test_an_older_store_is_refused_by_its_follower_and_made_again_after_it_was_put_aside(data: DataFolder) -> None:
    with pytest.raises(StorageError, match="version 2"):
        SqliteEffect(data.store)
    said = renew_store(data.store, data.journal)
    assert said is not None
    kept = data.path / "store.version-2.db"
    assert str(kept) in said
    assert "alone: delete it when" in said
    assert not data.store.exists()
    follow(data)
    assert records(data.store) == records(kept) == 3
    assert renew_store(data.store, data.journal) is None


def test_what_the_journal_no_longer_holds_stays_in_the_file_that_was_put_aside_and_is_said(data: DataFolder) -> None:
    without_first_entries(data)
    said = renew_store(data.store, data.journal)
    assert said is not None
    assert "begins with entry 3" in said
    assert "keep that file" in said
    follow(data)
    assert records(data.store) == 1
    assert records(data.path / "store.version-2.db") == 3


def test_a_second_old_store_takes_no_other_ones_name(data: DataFolder) -> None:
    renew_store(data.store, data.journal)
    follow(data)
    set_version(data.store, 2)
    said = renew_store(data.store, data.journal)
    assert said is not None
    assert "store.version-2-2.db" in said
    assert records(data.path / "store.version-2.db") == records(data.path / "store.version-2-2.db") == 3


def test_what_is_only_in_the_write_ahead_log_goes_with_the_file(data: DataFolder) -> None:
    with contextlib.closing(sqlite3.connect(data.store, isolation_level=None)) as held:
        held.execute("PRAGMA wal_autocheckpoint=0")
        held.execute("UPDATE station SET records = 7")
        copy = data.path / "of-a-killed-program"
        copy.mkdir()
        for path in data.path.glob("store.db*"):
            (copy / path.name).write_bytes(path.read_bytes())
    assert (copy / "store.db-wal").stat().st_size > 0
    renew_store(copy / "store.db", data.journal)
    assert {path.name for path in copy.iterdir()} == {"store.version-2.db"}
    assert records(copy / "store.version-2.db") == 7


def test_a_newer_store_and_a_file_that_is_none_are_left_where_they_are(data: DataFolder) -> None:
    set_version(data.store, SCHEMA_VERSION + 1)
    assert renew_store(data.store, data.journal) is None
    with pytest.raises(StorageError, match="a newer program made it"):
        SqliteEffect(data.store)
    other = data.path / "other.db"
    other.write_bytes(b"no database at all" * 100)
    assert renew_store(other, data.journal) is None
    assert other.exists()
    assert renew_store(data.path / "absent.db", data.journal) is None


def test_a_rebuild_by_hand_keeps_the_old_store_where_the_journal_is_no_longer_whole(data: DataFolder) -> None:
    without_first_entries(data)
    result = CliRunner().invoke(cli, ["--data", str(data.path), "store", "rebuild"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "keep that file" in result.output
    assert records(data.store) == 1
    assert records(data.path / "store.before-rebuild.db") == 3
