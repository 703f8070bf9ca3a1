"""The spool on a disk that is really full: what does not fit is counted, also across a restart, and nothing else is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from station.spool import Gap
from station.sqlite_spool import SqliteSpool
from station.unwritten import REASON, UnwrittenCount
from tests.end_to_end.small_disk import small_disk
from tests.station.test_sqlite_spool import everything


@pytest.fixture(params=["tmpfs", "ext4"])
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MiB."""
    with small_disk(tmp_path, kind=request.param, mib=6) as folder:
        yield folder


def fill(spool: SqliteSpool) -> int:
    """Append until the disk is full; return the first number whose record did not fit."""
    while not spool.disk_full:
        seq = spool.append(os.urandom(10_000), kind="emission")
    return seq


def test_on_a_full_disk_records_become_a_gap_and_nothing_else_is_lost(small: Path) -> None:
    spool = SqliteSpool(small / "spool.db")
    lost_from = fill(spool)
    for k in range(20):
        assert spool.append(bytes(10_000), kind="emission" if k % 2 else "occupancy") == lost_from + 1 + k
    assert spool.next_seq == lost_from + 21
    assert spool.gap_at(lost_from + 3) == Gap(first_seq=lost_from, last_seq=lost_from + 20, kinds="emission,occupancy", reason=REASON)
    spool.acknowledge("centre", lost_from // 2)
    seq = spool.append(b"fits again", kind="emission")
    assert not spool.disk_full
    assert seq == lost_from + 21
    gap = spool.gap_at(lost_from)
    assert gap is not None
    assert (gap.first_seq, gap.last_seq, gap.kinds, gap.reason) == (lost_from, seq - 1, "emission,occupancy", REASON)
    assert [n for n, _ in everything(spool)] == list(range(spool.first_seq, seq + 1))
    spool.close()


def test_what_a_full_disk_cost_is_known_after_a_restart(small: Path) -> None:
    killed = SqliteSpool(small / "spool.db")
    lost_from = fill(killed)
    for _ in range(7):
        killed.append(bytes(10_000), kind="gsm_cell")
    again = SqliteSpool(small / "spool.db")  # the other never closed it
    assert again.next_seq == lost_from + 8
    assert again.append(bytes(10_000), kind="emission") == lost_from + 8
    assert again.gap_at(lost_from) == Gap(first_seq=lost_from, last_seq=lost_from + 8, kinds="emission,gsm_cell", reason=REASON)
    assert again.status().gaps == 9
    again.acknowledge("centre", again.next_seq - 1)  # the gap went to the collector while the disk was full
    seq = again.append(b"fits", kind="emission")
    assert seq == lost_from + 9
    again.close()
    third = SqliteSpool(small / "spool.db")
    assert (third.next_seq, third.disk_full) == (lost_from + 10, False)
    assert [n for n, _ in everything(third)] == list(range(third.first_seq, lost_from + 10))
    third.close()
    killed.close()


def test_a_torn_write_of_the_count_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "unwritten"
    count = UnwrittenCount(path, next_seq=100)
    assert count.gap is None
    assert count.add(100, ["emission"])
    assert count.add(101, ["occupancy", "emission"])
    count.close()
    whole = path.read_bytes()
    assert len(whole) == 1024
    assert UnwrittenCount(path, next_seq=100).gap == Gap(first_seq=100, last_seq=102, kinds="emission,occupancy", reason=REASON)
    path.write_bytes(whole[:300] + b"\xff" + whole[301:])  # the second write went into the first slot
    assert UnwrittenCount(path, next_seq=100).gap == Gap(first_seq=100, last_seq=100, kinds="emission", reason=REASON)
    path.write_bytes(bytes(1024))
    assert UnwrittenCount(path, next_seq=100).gap is None


def test_numbers_that_the_spool_has_since_then_do_not_count_again(tmp_path: Path) -> None:
    count = UnwrittenCount(tmp_path / "unwritten", next_seq=5)
    count.add(5, ["emission"] * 3)
    count.close()
    assert UnwrittenCount(tmp_path / "unwritten", next_seq=8).gap is None
    assert UnwrittenCount(tmp_path / "unwritten", next_seq=7).gap == Gap(first_seq=7, last_seq=7, kinds="emission", reason=REASON)


def test_without_room_for_the_count_lost_numbers_are_not_sent_before_they_are_in_the_spool(small: Path) -> None:
    spool = SqliteSpool(small / "spool.db")
    spool._lost.close()  # as where the file could not be made
    lost_from = fill(spool)
    assert spool.append(bytes(10_000), kind="emission") == lost_from + 1
    assert spool.next_seq == lost_from
    assert spool.gap_at(lost_from) is None
    spool.acknowledge("centre", lost_from // 2)
    assert spool.append(b"fits", kind="emission") == lost_from + 2
    assert spool.gap_at(lost_from + 1) is not None
    assert spool.next_seq == lost_from + 3
    spool.close()


def test_the_disks_of_these_tests_are_small(small: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        (small / "large").write_bytes(bytes(7 * 2**20))
    assert subprocess.run(["mountpoint", "-q", str(small)], check=False).returncode == 0
