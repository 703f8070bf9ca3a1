"""Several threads' records in one commit: what is handed over while a commit runs goes together in the next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
MAX_GROUP: Final = 10_000
"""Items that go together at most, so that nobody waits for a commit without end."""


class _Handed(Generic[Item]):
    """What one thread handed over, and what became of it."""

    __slots__ = ("error", "items", "numbers")

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.numbers: list[int] | None = None
        self.error: BaseException | None = None

    @property
    def done(self) -> bool:
        return self.numbers is not None or self.error is not None


class GroupCommit(Generic[Item]):
    """Hands what several threads bring to ``write`` in groups, in the order in which it came; one thread at a time is in ``write``."""

    def __init__(self, write: Callable[[Sequence[Item]], list[int]]) -> None:
        """``write`` makes its items durable together and returns a number for each."""
        self._write = write
        self._changed = threading.Condition()
        self._waiting: list[_Handed[Item]] = []
        self._busy = False

    def put(self, items: Sequence[Item]) -> list[int]:
        """Return the numbers of ``items`` when they are durable. Raises what ``write`` raised for the group they went in."""
        mine = _Handed(items)
        with self._changed:
            self._waiting.append(mine)
        while (group := self._turn(mine)) is not None:
            self._commit(group)
        if mine.error is not None:
            raise mine.error
        assert mine.numbers is not None
        return mine.numbers

    def _turn(self, mine: _Handed[Item]) -> list[_Handed[Item]] | None:
        """Wait; return None when ``mine`` is done, else, where nobody writes, what this thread is to write next."""
        with self._changed:
            while self._busy and not mine.done:
                self._changed.wait()
            if mine.done:
                return None
            self._busy = True
            return self._next_group()

    def _next_group(self) -> list[_Handed[Item]]:
        count, total = 0, 0
        for handed in self._waiting:
            total += len(handed.items)
            if count and total > MAX_GROUP:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    def _commit(self, group: Sequence[_Handed[Item]]) -> None:
        try:
            numbers = iter(self._write([item for handed in group for item in handed.items]))
            for handed in group:
                handed.numbers = [next(numbers) for _ in handed.items]
        except BaseException as error:  # the threads that wait have to hear of any
            for handed in group:
                handed.error = error
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
