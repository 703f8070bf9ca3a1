"""``tasks.db``: what stations are asked for, by whom, and what became of it. Kept until answered or expired, and after that as a record.

Written in short transactions by the commands, by the desk (``collector.task_desk``) and by nobody else; ingest only reads it.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from collector.database import open_database, transaction
from collector.errors import CollectorError, MisuseError
from config.wire import Task, TaskResult
from config.wire.frames import Tasks

State = Literal["open", "accepted", "cancelling", "done", "refused", "failed", "expired", "cancelled"]
PENDING: Final = ("open", "accepted", "cancelling")
_IS_PENDING: Final = "state IN ('open', 'accepted', 'cancelling')"
HOUR_NS: Final = 3_600_000_000_000
DAY_NS: Final = 24 * HOUR_NS
LATE_NS: Final = HOUR_NS
"""How long after its time the answer to an accepted task is waited for."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS task(task_id TEXT PRIMARY KEY, station TEXT NOT NULL, finding_id TEXT, what TEXT NOT NULL, state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '', issued_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL, over_ns INTEGER NOT NULL,
    answered_ns INTEGER, capture_id TEXT,
    records INTEGER NOT NULL DEFAULT 0, listened_s REAL NOT NULL DEFAULT 0, task BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS task_by_state ON task(state, station);
CREATE INDEX IF NOT EXISTS task_by_finding ON task(finding_id, issued_ns);
CREATE INDEX IF NOT EXISTS task_by_time ON task(station, issued_ns);
CREATE TABLE IF NOT EXISTS cursor(name TEXT PRIMARY KEY, entry INTEGER NOT NULL) WITHOUT ROWID;
"""


class TooManyError(CollectorError):
    """A limit says no; the message says which."""

    exit_code = 1


class TaskRow(Struct, frozen=True, kw_only=True):
    """One task and what became of it."""

    task: Task
    state: State
    reason: str
    finding_id: str | None
    answered_ns: int | None
    capture_id: str | None
    records: int
    listened_s: float


class Limits(Struct, frozen=True, kw_only=True):
    """How often may be asked. ``what``: only the same thing counts for ``again_after_ns``."""

    per_station_hour: int
    per_finding_day: int = 2**31
    again_after_ns: int = 0


def tasks_path(data: Path) -> Path:
    """Return the place of ``tasks.db`` in a data folder."""
    return data / "tasks.db"


def new_task_id() -> str:
    """Return an identity that no task has had."""
    return secrets.token_hex(8)


class TaskTable:
    """The tasks of one data folder."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, or begin it.

        Raises:
            StorageError: it cannot be used.
        """
        self._db = open_database(path, _SCHEMA, durable=True, any_thread=True)

    @classmethod
    def reading(cls, path: Path) -> TaskTable | None:
        """Return the table in ``path`` for reading alone; None: nobody has asked for anything yet."""
        try:
            place = f"{path.absolute().as_uri()}?mode=ro"
            db = sqlite3.connect(place, uri=True, isolation_level=None, timeout=1.0, check_same_thread=False)
            db.execute("SELECT count(*) FROM cursor").fetchone()
        except sqlite3.Error:
            return None
        table = cls.__new__(cls)
        table._db = db
        return table

    def ask(self, task: Task, limits: Limits, *, now_ns: int | None = None) -> Task:
        """Keep ``task`` until it is answered or expires; durable when this returns.

        Raises:
            TooManyError: ``limits`` say no.
        """
        now_ns = time.time_ns() if now_ns is None else now_ns
        by, _, whose = task.issued_by.partition(":")
        finding_id = whose if by == "finding" else None
        what = f"{task.action} {task.station} {round((task.freq_hz or 0.0) / 1e4)} {task.capture_id or ''}".strip()
        with transaction(self._db):
            self._check(task.station, finding_id, what, limits, now_ns)
            self._db.execute(
                "INSERT INTO task(task_id, station, finding_id, what, state, issued_ns, expires_ns, over_ns, task) "
                "VALUES (?,?,?,?,'open',?,?,?,?)",
                (
                    *(task.task_id, task.station, finding_id, what, task.issued_ns, task.expires_ns),
                    *(task.expires_ns + round(task.duration_s * 1e9) + LATE_NS, msgspec.json.encode(task)),
                ),
            )
        return task

    def _check(self, station: str, finding_id: str | None, what: str, limits: Limits, now_ns: int) -> None:
        by = "finding_id IS NULL" if finding_id is None else "finding_id IS NOT NULL"
        if self._int(f"SELECT count(*) FROM task WHERE station = ? AND issued_ns > ? AND {by}", station, now_ns - HOUR_NS) >= (
            limits.per_station_hour
        ):
            raise TooManyError(f"{station} was asked {limits.per_station_hour} times in the last hour already: wait, or cancel some")
        if finding_id is None:
            return
        day = self._int("SELECT count(*) FROM task WHERE finding_id = ? AND issued_ns > ?", finding_id, now_ns - DAY_NS)
        if day >= limits.per_finding_day:
            raise TooManyError(f"finding {finding_id} asked {day} times in the last day already")
        since = now_ns - limits.again_after_ns
        if self._int("SELECT count(*) FROM task WHERE finding_id = ? AND what = ? AND issued_ns > ?", finding_id, what, since):
            raise TooManyError(f"finding {finding_id} asked for this a while ago already: {what}")
        if self._int("SELECT count(*) FROM task WHERE what = ? AND state IN ('open', 'accepted')", what):
            raise TooManyError(f"this is asked for already: {what}")

    def cancel(self, task_id: str) -> TaskRow:
        """Have the station told to stop; return the task as it then is.

        Raises:
            MisuseError: there is no such task, or it is over.
        """
        with transaction(self._db):
            row = self.row(task_id)
            if row is None or row.state not in PENDING:
                what = "no task, or more than one, has this identity" if row is None else f"it is {row.state} already"
                raise MisuseError(f"{task_id}: {what}; `canhsong-collector tasks list` shows them")
            self._db.execute("UPDATE task SET state = 'cancelling' WHERE task_id = ?", (row.task.task_id,))
        return msgspec.structs.replace(row, state="cancelling")

    def pending(self) -> list[Task]:
        """Return what stations have not answered yet, oldest first; ``cancelled`` is set where it is not wanted any more."""
        rows = self._db.execute(f"SELECT task, state FROM task WHERE {_IS_PENDING} ORDER BY issued_ns, task_id")
        tasks = []
        for packed, state in rows:
            task = msgspec.json.decode(packed, type=Task)
            tasks.append(msgspec.structs.replace(task, cancelled=True) if state == "cancelling" else task)
        return tasks

    def answered(self, results: Sequence[TaskResult], cursor: int | None = None) -> None:
        """Note what stations said, and the journal entry that it came in; the first last word about a task stays."""
        with transaction(self._db):
            for one in results:
                before = "('open')" if one.state == "accepted" else "('open', 'accepted', 'cancelling', 'expired')"
                self._db.execute(
                    "UPDATE task SET state = ?, reason = ?, answered_ns = ?, capture_id = coalesce(?, capture_id), records = ?, "
                    f"listened_s = ? WHERE task_id = ? AND station = ? AND state IN {before}",
                    (one.state, one.reason, one.start_time_ns, one.capture_id, one.records, one.duration_s, one.task_id, one.station),
                )
            if cursor is not None:
                self._db.execute("INSERT OR REPLACE INTO cursor VALUES ('tasks', ?)", (cursor,))

    def expire(self, now_ns: int) -> int:
        """Let go of what nobody answered in time; return how many that were."""
        with transaction(self._db):
            gone = self._db.execute(
                "UPDATE task SET state = 'expired', reason = 'the station did not answer in time' WHERE state = 'open' AND expires_ns < ?",
                (now_ns,),
            ).rowcount
            gone += self._db.execute(
                "UPDATE task SET state = 'expired', reason = 'the station took it and did not say how it went' "
                "WHERE state = 'accepted' AND over_ns < ?",
                (now_ns,),
            ).rowcount
            self._db.execute("UPDATE task SET state = 'cancelled' WHERE state = 'cancelling' AND expires_ns < ?", (now_ns,))
        return gone

    def cursor(self) -> int:
        """Return the last journal entry whose answers are here; 0: none."""
        return self._int("SELECT coalesce(max(entry), 0) FROM cursor")

    def row(self, task_id: str) -> TaskRow | None:
        """Return the task whose identity begins with ``task_id``; None: none or several do."""
        rows = self._rows("WHERE task_id >= ? AND task_id < ? LIMIT 2", task_id, task_id + "g")
        return rows[0] if len(rows) == 1 else None

    def rows(self, *, station: str | None = None, finding_id: str | None = None, pending: bool = False, limit: int = 200) -> list[TaskRow]:
        """Return tasks, the latest first."""
        wanted = [(f"{name} = ?", value) for name, value in (("station", station), ("finding_id", finding_id)) if value is not None]
        clauses = [clause for clause, _ in wanted] + ([_IS_PENDING] if pending else [])
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        return self._rows(f"{where} ORDER BY issued_ns DESC, task_id LIMIT ?", *(value for _, value in wanted), limit)

    def version(self) -> int:
        """Return a number that changes when another connection has written."""
        return self._int("PRAGMA data_version")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _rows(self, rest: str, *values: object) -> list[TaskRow]:
        rows = self._db.execute(
            f"SELECT task, state, reason, finding_id, answered_ns, capture_id, records, listened_s FROM task {rest}", values
        )
        names = ("state", "reason", "finding_id", "answered_ns", "capture_id", "records", "listened_s")
        return [TaskRow(task=msgspec.json.decode(packed, type=Task), **dict(zip(names, row, strict=True))) for packed, *row in rows]

    def _int(self, sql: str, *values: object) -> int:
        return int(self._db.execute(sql, values).fetchone()[0])


def frames_for(tasks: Sequence[Task], now_ns: int) -> list[Tasks]:
    """Return the frames that bring ``tasks`` to their station; what has expired is left out."""
    due = [task for task in tasks if task.cancelled or task.expires_ns > now_ns]
    return [Tasks(tasks=due[at : at + 64], now_ns=now_ns) for at in range(0, len(due), 64)]


def read_tasks(
    data: Path, *, station: str | None = None, finding_id: str | None = None, pending: bool = False, limit: int = 200
) -> list[TaskRow]:
    """Return the tasks of a data folder, the latest first; none where nobody has asked for anything yet."""
    table = TaskTable.reading(tasks_path(data))
    if table is None:
        return []
    try:
        return table.rows(station=station, finding_id=finding_id, pending=pending, limit=limit)
    finally:
        table.close()
