"""``tasks.db`` in the state folder: what was asked of this station and how it went, so that a task that comes again is done once.

Used by one thread. A task's result is spooled before the book says that it is over: killed in between, the station says it twice, and the
collector takes the first.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from config.wire import Task
from station.errors import StationError

HOUR_NS: Final = 3_600_000_000_000
KEPT_NS: Final = 30 * 24 * HOUR_NS
"""How long what is over is remembered; no collector asks again after that."""
BookState = Literal["waiting", "running", "done", "refused", "failed", "expired", "cancelled"]
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS task(task_id TEXT PRIMARY KEY, task BLOB NOT NULL, came_ns INTEGER NOT NULL, deadline_ns INTEGER NOT NULL,
    collector TEXT NOT NULL, state TEXT NOT NULL, began_ns INTEGER, listened_s REAL NOT NULL DEFAULT 0,
    records INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sending(capture_id TEXT NOT NULL, collector TEXT NOT NULL, task_id TEXT, folder TEXT NOT NULL,
    meta_sha256 TEXT NOT NULL, data_sha256 TEXT NOT NULL, queued_ns INTEGER NOT NULL, outcome TEXT, reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY(capture_id, collector)) WITHOUT ROWID;
"""


class BookedTask(Struct, kw_only=True):
    """One task. ``deadline_ns``: by this machine's clock. ``collector``: who asked, by the name that its uplink has."""

    task: Task
    came_ns: int
    deadline_ns: int
    collector: str
    state: BookState = "waiting"
    began_ns: int | None = None
    listened_s: float = 0.0
    records: int = 0


class Outgoing(Struct, frozen=True, kw_only=True):
    """A capture that is to be sent."""

    capture_id: str
    collector: str
    task_id: str | None
    folder: str
    meta_sha256: str
    data_sha256: str


class TaskBook:
    """What is remembered of tasks."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, or begin it.

        Raises:
            StationError: it cannot be used.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
            path.chmod(0o600)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise StationError(f"{path}: cannot be opened: {error}; check the folder's permissions and the disk") from error

    def get(self, task_id: str) -> BookedTask | None:
        """Return what is known of a task; None: it never came."""
        return next(iter(self._tasks("WHERE task_id = ?", task_id)), None)

    def put(self, booked: BookedTask) -> None:
        """Remember ``booked``, durably."""
        self._db.execute(
            "INSERT OR REPLACE INTO task VALUES (?,?,?,?,?,?,?,?,?)",
            (
                *(booked.task.task_id, msgspec.json.encode(booked.task), booked.came_ns, booked.deadline_ns, booked.collector),
                *(booked.state, booked.began_ns, booked.listened_s, booked.records),
            ),
        )

    def unfinished(self) -> list[BookedTask]:
        """Return what is still to be done, in the order it came."""
        return self._tasks("WHERE state IN ('waiting', 'running') ORDER BY came_ns, task_id")

    def taken_since(self, since_ns: int) -> int:
        """Return how many tasks were taken on since then."""
        row = self._db.execute("SELECT count(*) FROM task WHERE came_ns > ? AND state <> 'refused'", (since_ns,)).fetchone()
        return int(row[0])

    def forget(self, now_ns: int) -> None:
        """Forget what was over long ago."""
        before = now_ns - KEPT_NS
        self._db.execute("DELETE FROM task WHERE came_ns < ? AND state NOT IN ('waiting', 'running')", (before,))
        self._db.execute("DELETE FROM sending WHERE queued_ns < ? AND outcome IS NOT NULL", (before,))

    def queue(self, outgoing: Outgoing, *, now_ns: int) -> None:
        """Remember that a capture is to be sent, until it ended; one that was refused or sent before is sent anew."""
        self._db.execute("INSERT OR REPLACE INTO sending VALUES (?,?,?,?,?,?,?,NULL,'')", (*msgspec.structs.astuple(outgoing), now_ns))

    def outgoing(self) -> list[Outgoing]:
        """Return the captures that are still to be sent, oldest first."""
        names = msgspec.structs.fields(Outgoing)
        columns = ", ".join(name.name for name in names)
        rows = self._db.execute(f"SELECT {columns} FROM sending WHERE outcome IS NULL ORDER BY queued_ns, capture_id")
        return [Outgoing(**dict(zip((name.name for name in names), row, strict=True))) for row in rows]

    def sent_everywhere(self) -> list[str]:
        """Return the captures that every collector has whole that was to get them, oldest first."""
        rows = self._db.execute(
            "SELECT capture_id FROM sending GROUP BY capture_id HAVING sum(outcome IS NULL OR outcome <> 'sent') = 0 "
            "ORDER BY min(queued_ns), capture_id"
        )
        return [row[0] for row in rows]

    def ended(self, capture_id: str, collector: str, *, outcome: str, reason: str) -> None:
        """Remember how sending a capture ended."""
        self._db.execute(
            "UPDATE sending SET outcome = ?, reason = ? WHERE capture_id = ? AND collector = ?", (outcome, reason, capture_id, collector)
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _tasks(self, rest: str, *values: object) -> list[BookedTask]:
        rows = self._db.execute(
            f"SELECT task, came_ns, deadline_ns, collector, state, began_ns, listened_s, records FROM task {rest}", values
        )
        names = ("came_ns", "deadline_ns", "collector", "state", "began_ns", "listened_s", "records")
        return [BookedTask(task=msgspec.json.decode(packed, type=Task), **dict(zip(names, row, strict=True))) for packed, *row in rows]
