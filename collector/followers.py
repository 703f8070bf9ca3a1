"""What follows the journal: reads entries in order, has its effect, commits its cursor with it (decision 3); so a crash costs nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from collector.errors import StorageError
from collector.journal import Entry, JournalReader
from config.errors import WireError
from config.logs import Event
from config.wire import AnyRecord, decode_record

BATCH_ENTRIES: Final = 1000
POLL_S: Final = 0.1

log = logging.getLogger("collector.followers")


class Heard(NamedTuple):
    """A decoded record and the journal entry it came in."""

    entry: Entry
    record: AnyRecord


class Effect(Protocol):
    """What a follower does with the records."""

    @property
    def name(self) -> str:
        """How logs and commands call it."""
        ...

    def cursor(self) -> int:
        """Return the number of the last journal entry whose effect is committed; 0: none."""
        ...

    def apply(self, heard: Sequence[Heard], cursor: int) -> None:
        """Commit the effect of ``heard`` and ``cursor`` together, or neither."""
        ...


def decode(entries: Sequence[Entry]) -> list[Heard]:
    """Return the records of ``entries``; one that this program cannot decode (a newer version) is logged and left to a later rebuild."""
    heard = []
    for entry in entries:
        try:
            heard.append(Heard(entry, decode_record(entry.data)))
        except WireError as error:
            log.warning(Event("undecoded", entry=entry.entry, station=entry.station, reason=str(error)))
    return heard


def catch_up(reader: JournalReader, effect: Effect) -> int:
    """Apply one batch of what is new; return how many entries there were."""
    cursor = effect.cursor()
    entries = reader.read(cursor, limit=getattr(effect, "batch_entries", BATCH_ENTRIES))
    if entries:
        effect.apply(decode(entries), entries[-1].entry)
    return len(entries)


def follow(journal: Path, effect: Effect, stopped: Callable[[], bool]) -> None:
    """Apply what comes into ``journal`` until ``stopped`` says so.

    Raises:
        StorageError: the follower has seen more than the journal holds, so new entries would pass it by unseen.
    """
    with JournalReader(journal) as reader:
        if (last := reader.last_entry()) < (cursor := effect.cursor()):
            raise StorageError(
                f"the {effect.name} store has seen entry {cursor} and {journal} ends with {last}: the journal was replaced or is older; "
                "put the right one back, or move the store away and it is made again from this one"
            )
        while not stopped():
            if catch_up(reader, effect) < BATCH_ENTRIES:
                time.sleep(POLL_S)
