"""The journal in order of time: an index of numbers, small enough for millions of entries, and reading by it in large pieces."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from collector.checks.judge import world_name
from collector.checks.sightings import JUDGED
from collector.checks.types import Observation, SortKey
from collector.followers import Heard, decode
from collector.journal import Entry, JournalReader

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.int64]

READ: Final = 5_000
_RUN: Final = 64
"""Entries whose numbers are this near are read in one go."""


class _Head(Struct):
    """What the order takes of a record."""

    kind: str
    station: str
    origin: str
    start_time_ns: int
    time_source: str
    duration_s: float = 0.0
    end_time_ns: int | None = None

    @property
    def moment_ns(self) -> int:
        """As ``collector.checks.types.moment_ns``."""
        if self.kind != "summary":
            return self.start_time_ns
        return self.start_time_ns + round(self.duration_s * 1e9) if self.end_time_ns is None else self.end_time_ns


_head: Final = msgspec.msgpack.Decoder(_Head)
_KINDS: Final = frozenset(str(kind.__struct_config__.tag) for kind in JUDGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Numbers of journal entries in order of their observations; ``last``: the last entry that was looked at."""

    entries: Numbers
    last: int

    def lowest_from(self, position: int) -> int:
        """Return the lowest entry from ``position`` on; after the last, the one after ``last``."""
        rest = self.entries[position:]
        return int(rest.min()) if rest.size else self.last + 1


def in_order(
    reader: JournalReader, *, since_ns: int, after: int = 0, until: int | None = None, known: Callable[[str, SortKey], bool] | None = None
) -> Order:
    """Return the order of what is judged among the entries above ``after``, of observations from ``since_ns`` on.

    ``until``: the last entry to look at. ``known``: leave out what is known (world, key) already.
    """
    import numpy as np

    rows = array("q")
    stations: dict[str, int] = {}
    spools: dict[str, int] = {}
    cursor = after
    while entries := reader.read(cursor, limit=READ):
        for entry in entries:
            head = _head_of(entry)
            if (until is not None and entry.entry > until) or head is None or head.start_time_ns < since_ns:
                continue
            key = SortKey(head.moment_ns, head.station, entry.spool_id, entry.seq)
            if known is not None and known(world_name(head.origin, head.time_source, head.station, entry.spool_id), key):
                continue
            station, spool = stations.setdefault(head.station, len(stations)), spools.setdefault(entry.spool_id, len(spools))
            rows.extend((key.time_ns, station, spool, key.seq, entry.entry))
        cursor = entries[-1].entry
        if until is not None and cursor >= until:
            cursor = until
            break
    table = np.frombuffer(rows, np.int64).reshape(-1, 5) if rows else np.zeros((0, 5), np.int64)
    by_name = (table[:, 3], _ranks(spools)[table[:, 2]], _ranks(stations)[table[:, 1]], table[:, 0])
    return Order(entries=table[np.lexsort(by_name), 4], last=cursor)


def observations_of(heard: Sequence[Heard], *, since_ns: int) -> list[Observation]:
    """Return what of ``heard`` is judged."""
    return [
        Observation(spool_id=one.entry.spool_id, seq=one.entry.seq, record=one.record)
        for one in heard
        if one.entry.seq >= 0 and one.record.start_time_ns >= since_ns and isinstance(one.record, JUDGED)
    ]


def pieces(reader: JournalReader, order: Order, *, position: int, size: int, since_ns: int) -> Iterator[tuple[int, list[Observation]]]:
    """Yield (position after it, observations) for every ``size`` entries of ``order`` from ``position`` on."""
    for at in range(position, len(order.entries), size):
        numbers = sorted(order.entries[at : at + size].tolist())
        yield at + len(numbers), observations_of(decode(list(_read(reader, numbers))), since_ns=since_ns)


def _read(reader: JournalReader, numbers: Sequence[int]) -> Iterator[Entry]:
    """Yield the entries of these rising ``numbers``: runs with small gaps are read in one go."""
    start = 0
    for i in range(1, len(numbers) + 1):
        if i < len(numbers) and numbers[i] - numbers[i - 1] <= _RUN:
            continue
        wanted = set(numbers[start:i])
        yield from (e for e in reader.read(numbers[start] - 1, limit=numbers[i - 1] - numbers[start] + 1) if e.entry in wanted)
        start = i


def _head_of(entry: Entry) -> _Head | None:
    """Return the head of a record that is judged; None: it is none."""
    if entry.seq < 0 or not entry.data:
        return None
    try:
        head = _head.decode(memoryview(entry.data)[1:])
    except msgspec.MsgspecError:
        return None  # of a newer version, perhaps: the follower has logged it
    return head if head.kind in _KINDS else None


def _ranks(names: dict[str, int]) -> Numbers:
    import numpy as np

    ranks = np.zeros(len(names), np.int64)
    for rank, name in enumerate(sorted(names)):
        ranks[names[name]] = rank
    return ranks
