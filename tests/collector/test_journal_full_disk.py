"""A journal on a disk that is really full: what a commit could not write is not there, nor half of it, nor twice later on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collector.errors import StorageError
from collector.journal import Journal, JournalReader
from tests.end_to_end.small_disk import small_disk

KEY = ("nui-vong-phu", "0" * 32)


def append_until_full(journal: Journal, seq: int) -> None:
    while True:
        for _ in range(10):
            journal.append(KEY, seq, os.urandom(300 + 37 * (seq % 7)))
            seq += 1
        journal.commit()


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_what_a_full_disk_did_not_take_is_not_in_the_journal_and_can_be_sent_again(tmp_path: Path, kind: str) -> None:
    with small_disk(tmp_path, kind=kind, mib=3) as small:
        filler = small / "filler"
        filler.write_bytes(bytes(2**20))
        for _ in range(6):  # each time another place of the transaction is where the disk ends
            journal = Journal(small / "journal")
            seq = journal.committed_seq(KEY) + 1
            with pytest.raises(StorageError, match="make room"):
                append_until_full(journal, seq)
            journal.close()
            with JournalReader(small / "journal") as reader:
                numbers = [entry.seq for entry in reader.read(0, limit=100_000)]
            again = Journal(small / "journal")
            assert numbers == list(range(again.committed_seq(KEY) + 1))
            again.close()
            with filler.open("r+b") as file:
                file.truncate(max(0, filler.stat().st_size - 120_000))
        assert len(numbers) > 100
