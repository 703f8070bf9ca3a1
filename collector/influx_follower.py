"""InfluxDB's follower put together: what ``serve`` runs beside the others, and ``store backfill`` runs to the journal's end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from collector.followers import catch_up, follow
from collector.influx_effect import InfluxEffect
from collector.influx_file import InfluxFile
from collector.influx_rows import DAILY, HOURLY, STATE, StoreRows
from collector.influx_settings import InfluxSettings
from collector.influx_store import InfluxDoor
from collector.influx_writer import FollowerStoppedError
from collector.journal import JournalReader
from collector.places import DataFolder

_POLL_S: Final = 0.1


def influx_file(folder: Path) -> Path:
    """Return where the follower keeps its cursor and the points that were refused."""
    return folder / "influx.db"


def follow_into_influx(data: DataFolder, settings: InfluxSettings, stopped: Callable[[], bool]) -> None:
    """Follow the journal into InfluxDB until ``stopped`` says so. Its being away is waited out.

    Raises:
        MisuseError: there is no token that can be used.
        StorageError: a file of the collector cannot be used.
    """
    while not data.store.is_file():  # its follower makes it
        if stopped():
            return
        time.sleep(_POLL_S)
    try:
        with _effect(data, settings, stopped) as (effect, _, _):
            follow(data.journal, effect, stopped)
    except FollowerStoppedError:
        return


def backfill(data: DataFolder, settings: InfluxSettings, told: Callable[[int, int], None]) -> int:
    """Write everything in the journal to InfluxDB again; return how many entries. ``told`` hears (entries done, last entry).

    What the store computed (state and roll-ups) is cleared before: rows of a store that is no more do not stay.

    Raises:
        InfluxError: InfluxDB cannot be reached at the beginning.
        StorageError: a file of the collector cannot be used.
    """
    done = 0
    with _effect(data, settings, lambda: False) as (effect, file, door), JournalReader(data.journal) as reader:
        door.make_buckets()
        for ending in (STATE, HOURLY, DAILY):
            door.clear(settings.bucket + ending)
        file.set_cursor(0)
        last = reader.last_entry()
        while count := catch_up(reader, effect):
            done += count
            told(effect.cursor(), last)
    return done


@contextmanager
def _effect(
    data: DataFolder, settings: InfluxSettings, stopped: Callable[[], bool]
) -> Iterator[tuple[InfluxEffect, InfluxFile, InfluxDoor]]:
    door = InfluxDoor(settings)
    file = InfluxFile(influx_file(data.path))
    rows = StoreRows(data.store)
    effect = InfluxEffect(door, file, rows, stopped)
    try:
        yield effect, file, door
    finally:
        effect.close()
        rows.close()
        file.close()
        door.close()
