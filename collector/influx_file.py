"""``influx.db``: how far InfluxDB's follower has come, the points that InfluxDB refused, and the stamps of rows that change."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from collector.errors import StorageError
from collector.influx_lines import MS_NS

ASIDE_ROWS: Final = 10_000
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS cursor(name TEXT PRIMARY KEY, entry INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aside(line TEXT PRIMARY KEY, bucket TEXT NOT NULL, error TEXT NOT NULL, at_ns INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS stamp(number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, stamp_ns INTEGER NOT NULL);
"""


class InfluxFile:
    """The follower's own memory. Its one writer is the follower."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, made where it is absent.

        Raises:
            StorageError: it cannot be opened.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10.0)
            path.chmod(0o600)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")  # a stamp that was used and forgotten would be a row written twice
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"{path}: cannot be opened: {error}; check the folder's permissions and the disk") from error

    def cursor(self) -> int:
        """Return the last journal entry that InfluxDB has confirmed; 0: none."""
        row = self._db.execute("SELECT entry FROM cursor WHERE name = 'influxdb'").fetchone()
        return int(row[0]) if row else 0

    def set_cursor(self, entry: int) -> None:
        """Note that everything up to ``entry`` is confirmed."""
        self._db.execute("INSERT OR REPLACE INTO cursor VALUES ('influxdb', ?)", (entry,))

    def set_aside(self, bucket: str, line: str, error: str) -> None:
        """Keep a point that was refused, once however often it is tried; the oldest of ``ASIDE_ROWS`` makes room."""
        self._db.execute("INSERT OR REPLACE INTO aside VALUES (?,?,?,?)", (line, bucket, error, time.time_ns()))
        self._db.execute("DELETE FROM aside WHERE rowid <= (SELECT max(rowid) FROM aside) - ?", (ASIDE_ROWS,))

    def aside(self) -> list[tuple[str, str, str]]:
        """Return (bucket, line, error) of every refused point that is kept."""
        return list(self._db.execute("SELECT bucket, line, error FROM aside ORDER BY rowid"))

    def stamps(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Return the stamps of rows, by key; ``wanted`` has their times in ns, for those that have none yet.

        A row keeps its stamp however it changes, and no two rows of one millisecond have the same.
        """
        stamps = self._known(wanted)
        fresh = [key for key in wanted if key not in stamps]
        if fresh:
            self._db.execute("BEGIN IMMEDIATE")
            last = int(self._db.execute("SELECT coalesce(max(number), 0) FROM stamp").fetchone()[0])
            for number, key in enumerate(fresh, start=last + 1):
                stamps[key] = wanted[key] // MS_NS * MS_NS + number % MS_NS
                self._db.execute("INSERT INTO stamp VALUES (?,?,?)", (number, key, stamps[key]))
            self._db.execute("COMMIT")
        return stamps

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _known(self, keys: Iterable[str]) -> dict[str, int]:
        every: Sequence[str] = list(keys)
        found: dict[str, int] = {}
        for first in range(0, len(every), 500):
            some = every[first : first + 500]
            marks = ",".join("?" * len(some))
            found.update(self._db.execute(f"SELECT key, stamp_ns FROM stamp WHERE key IN ({marks})", some))
        return found
