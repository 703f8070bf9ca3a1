"""The follower that fills InfluxDB: raw points from the journal, and what the store makes of them from ``store.db``.

The cursor is committed after InfluxDB has confirmed everything. What is written twice after a crash is the same points again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from collector.followers import Heard
from collector.influx_file import InfluxFile
from collector.influx_lines import raw_lines
from collector.influx_rows import DAILY, HOURLY, STATE, StoreRows, row_lines, wanted_stamps
from collector.influx_store import InfluxDoor
from collector.influx_touched import Tracer
from collector.influx_writer import FollowerStoppedError, InfluxWriter

STORE_POLL_S: Final = 0.05
PART_ENTRIES: Final = 2500


class InfluxEffect:
    """What the journal says, in InfluxDB."""

    name = "influxdb"
    batch_entries = 10_000
    """Many at a time: what a write costs is its confirmation."""

    def __init__(self, door: InfluxDoor, file: InfluxFile, rows: StoreRows, stopped: Callable[[], bool]) -> None:
        """``stopped`` ends every wait, for InfluxDB and for the embedded store."""
        self._file, self._rows, self._stopped = file, rows, stopped
        self._bucket, self._bands = door.settings.bucket, frozenset(door.settings.bands)
        self._writer = InfluxWriter(door, file, stopped)
        self._tracer = Tracer()

    def cursor(self) -> int:
        """Return the number of the last journal entry that InfluxDB has confirmed; 0: none."""
        return self._file.cursor()

    def apply(self, heard: Sequence[Heard], cursor: int) -> None:
        """Return when InfluxDB has confirmed the effect of ``heard`` and ``cursor`` is committed.

        Raises:
            FollowerStoppedError: told to end before that.
        """
        try:
            for first in range(0, len(heard), PART_ENTRIES):  # one part is put together while InfluxDB takes in the one before
                part = heard[first : first + PART_ENTRIES]
                self._writer.begin(self._bucket, [text for one in part for text in raw_lines(one, self._bands)])
            self._wait_for_store(cursor)
            rows = self._rows.read(self._tracer.touched(heard))
            by_bucket = row_lines(rows, self._file.stamps(wanted_stamps(rows, self._bands)), self._bands)
            for ending in (DAILY, HOURLY, STATE):
                self._writer.begin(self._bucket + ending, by_bucket[ending])
        finally:
            self._writer.finish()
        self._writer.begin(self._bucket + STATE, [f"follower cursor={cursor}i 0"])  # last of all: whoever sees it sees the rest
        self._writer.finish()
        self._file.set_cursor(cursor)

    def close(self) -> None:
        """End what writes."""
        self._writer.close()

    def _wait_for_store(self, cursor: int) -> None:
        while self._rows.cursor() < cursor:
            if self._stopped():
                raise FollowerStoppedError("stopped while the embedded store was behind")
            time.sleep(STORE_POLL_S)
