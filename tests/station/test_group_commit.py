"""What several threads hand over goes in groups: nobody waits for a commit of their own, everybody gets their own numbers."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from station.group_commit import MAX_GROUP, GroupCommit


class Disk:
    """Writes as slowly as it is let, and remembers the groups."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.entered, self.go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.next = 0
        self.full_at: str | None = None

    def write(self, items: Sequence[str]) -> list[int]:
        self.entered.release()
        assert self.go_on.acquire(timeout=10.0)
        if self.full_at in items:
            raise OSError("full")
        self.groups.append(list(items))
        self.next += len(items)
        return list(range(self.next - len(items), self.next))


def start(group: GroupCommit[str], found: dict[str, list[int] | Exception], *items: str) -> threading.Thread:
    def put() -> None:
        try:
            found[items[0]] = group.put(items)
        except OSError as error:
            found[items[0]] = error

    thread = threading.Thread(target=put)
    thread.start()
    return thread


def wait_for(group: GroupCommit[str], count: int) -> None:
    deadline = threading.Event()
    for _ in range(1000):
        with group._changed:
            if len(group._waiting) >= count:
                return
        deadline.wait(0.005)
    raise AssertionError(f"{count} did not come to wait")


def test_what_comes_while_a_commit_runs_goes_together_in_the_next_one() -> None:
    disk = Disk()
    group: GroupCommit[str] = GroupCommit(disk.write)
    found: dict[str, list[int] | Exception] = {}
    threads = [start(group, found, "first")]
    assert disk.entered.acquire(timeout=10.0)
    for number in range(5):
        threads.append(start(group, found, f"{number}a", f"{number}b"))
        wait_for(group, number + 1)
    disk.go_on.release(2)
    for thread in threads:
        thread.join(10.0)
    assert disk.groups == [["first"], [f"{number}{letter}" for number in range(5) for letter in "ab"]]
    assert found == {"first": [0]} | {f"{number}a": [1 + 2 * number, 2 + 2 * number] for number in range(5)}


def test_a_group_that_cannot_be_written_is_told_to_everyone_in_it_and_to_nobody_else() -> None:
    disk = Disk()
    disk.full_at = "bad"
    group: GroupCommit[str] = GroupCommit(disk.write)
    found: dict[str, list[int] | Exception] = {}
    first = start(group, found, "good")
    assert disk.entered.acquire(timeout=10.0)
    others = [start(group, found, "bad")]
    wait_for(group, 1)
    others.append(start(group, found, "beside it"))
    wait_for(group, 2)
    disk.go_on.release(2)
    for thread in (first, *others):
        thread.join(10.0)
    assert found["good"] == [0]
    assert isinstance(found["bad"], OSError)
    assert found["beside it"] is found["bad"]
    disk.go_on.release()
    assert group.put(["afterwards"]) == [1]


def test_a_group_has_a_bound_and_what_is_beyond_goes_in_the_one_after() -> None:
    disk = Disk()
    group: GroupCommit[str] = GroupCommit(disk.write)
    found: dict[str, list[int] | Exception] = {}
    first = start(group, found, "first")
    assert disk.entered.acquire(timeout=10.0)
    large = [start(group, found, *(f"{name}{k}" for k in range(MAX_GROUP - 1))) for name in "ab"]
    wait_for(group, 2)
    disk.go_on.release(3)
    for thread in (first, *large):
        thread.join(10.0)
    assert [len(written) for written in disk.groups] == [1, MAX_GROUP - 1, MAX_GROUP - 1]
    assert sorted(numbers[0] for numbers in found.values() if isinstance(numbers, list)) == [0, 1, MAX_GROUP]


def test_threads_get_numbers_in_the_order_of_what_they_wrote() -> None:
    written: list[int] = []

    def write(items: Sequence[int]) -> list[int]:
        written.extend(items)
        return list(range(len(written) - len(items), len(written)))

    group: GroupCommit[int] = GroupCommit(write)
    numbers: dict[int, int] = {}

    def work(first: int) -> None:
        for item in range(first, first + 200):
            numbers[item] = group.put([item])[0]

    threads = [threading.Thread(target=work, args=(1000 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert [written[numbers[item]] for item in sorted(numbers)] == sorted(numbers)
    assert len(written) == 1600
