"""``findings.db``: findings, what could not be judged, the judge's state and cursor. Written by the judging follower alone, rebuildable."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from collector.checks.judge import Changes
from collector.checks.types import Finding, Remark, SortKey
from collector.database import open_database, transaction
from collector.store import Query

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS finding(finding_id TEXT PRIMARY KEY, origin TEXT NOT NULL, rule TEXT NOT NULL, state TEXT NOT NULL,
    grade TEXT NOT NULL, opened_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS finding_by_time ON finding(origin, last_ns);
CREATE TABLE IF NOT EXISTS remark(rule TEXT NOT NULL, subject TEXT NOT NULL, code TEXT NOT NULL, origin TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY(rule, subject, code, origin)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS judge(name TEXT PRIMARY KEY, cursor INTEGER NOT NULL, versions TEXT NOT NULL, since_ns INTEGER NOT NULL,
    position INTEGER, state BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoint(number INTEGER PRIMARY KEY, below INTEGER NOT NULL, reached BLOB NOT NULL, state BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Where the judge was."""

    cursor: int
    versions: str
    """Registry, rule book and rules that it judged by."""
    since_ns: int
    """Observations before this were not judged again."""
    position: int | None
    """How many of the entries up to ``cursor``, by their time, are judged, while judging again; None: all of them."""
    state: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A state that is worth going back to. All journal entries up to ``below`` are in it or behind it."""

    number: int
    below: int
    reached: dict[str, SortKey]
    """World -> the latest observation in it: whatever is not later is in."""

    def is_before(self, world: str, key: SortKey) -> bool:
        """Whether an observation of ``world`` can be judged from here on."""
        return world not in self.reached or self.reached[world] < key


class FindingsStore:
    """Findings as rows."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, or begin it.

        Raises:
            StorageError: it cannot be used.
        """
        self._db = open_database(path, _SCHEMA)

    @classmethod
    def reading(cls, path: Path) -> FindingsStore | None:
        """Return the store in ``path`` for reading alone; None: the judge has not made it yet."""
        try:
            db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10.0)
            db.execute("SELECT count(*) FROM judge").fetchone()
        except sqlite3.Error:
            return None
        store = cls.__new__(cls)
        store._db = db
        return store

    def version(self) -> int:
        """Return a number that changes when another process has written."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def saved(self) -> Saved | None:
        """Return where the judge was; None: nowhere yet."""
        row = self._db.execute("SELECT cursor, versions, since_ns, position, state FROM judge WHERE name = 'judge'").fetchone()
        return Saved(cursor=row[0], versions=row[1], since_ns=row[2], position=row[3], state=row[4]) if row else None

    def checkpoints(self) -> list[Checkpoint]:
        """Return the checkpoints, the earliest first."""
        rows = self._db.execute("SELECT number, below, reached FROM checkpoint ORDER BY number")
        return [Checkpoint(number=n, below=b, reached=msgspec.json.decode(r, type=dict[str, SortKey])) for n, b, r in rows]

    def checkpoint_state(self, number: int) -> bytes:
        """Return the state of a checkpoint."""
        return bytes(self._db.execute("SELECT state FROM checkpoint WHERE number = ?", (number,)).fetchone()[0])

    def add_checkpoint(self, below: int, reached: Mapping[str, SortKey], state: bytes, *, keep: int) -> None:
        """Add a checkpoint; only the last ``keep`` stay."""
        with transaction(self._db):
            self._db.execute("INSERT INTO checkpoint(below, reached, state) VALUES (?,?,?)", (below, msgspec.json.encode(reached), state))
            self._db.execute(
                "DELETE FROM checkpoint WHERE number NOT IN (SELECT number FROM checkpoint ORDER BY number DESC LIMIT ?)", (keep,)
            )

    def drop_checkpoints(self, numbers: Iterable[int]) -> None:
        """Forget these checkpoints."""
        self._db.executemany("DELETE FROM checkpoint WHERE number = ?", [(number,) for number in numbers])

    def commit(self, changes: Changes, saved: Saved | None, *, since_ns: int) -> None:
        """Write findings, remarks and, where given, the judge's state and cursor, together; findings over before ``since_ns`` are kept."""
        with transaction(self._db):
            if changes.everything:
                self._db.execute("DELETE FROM finding WHERE last_ns >= ?", (since_ns,))
                self._db.execute("DELETE FROM remark")
            self._db.executemany("DELETE FROM finding WHERE finding_id = ?", [(name,) for name in changes.gone])
            unsaid = "DELETE FROM remark WHERE rule = ? AND subject = ? AND code = ? AND origin = ?"
            self._db.executemany(unsaid, changes.unsaid)
            self._db.executemany(
                "INSERT OR REPLACE INTO finding VALUES (?,?,?,?,?,?,?,?)",
                [
                    (f.finding_id, f.origin, f.rule, f.state, f.grade, f.opened_ns, f.last_ns, msgspec.json.encode(f))
                    for f in changes.findings
                ],
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO remark VALUES (?,?,?,?,?)",
                [(r.rule, r.subject, r.reason.code, r.origin, msgspec.json.encode(r)) for r in changes.remarks],
            )
            if saved is not None:
                row = (saved.cursor, saved.versions, saved.since_ns, saved.position, saved.state)
                self._db.execute("INSERT OR REPLACE INTO judge VALUES ('judge',?,?,?,?,?)", row)

    def findings(
        self, *, origins: Sequence[str] = ("live",), open_only: bool = False, since_ns: int = 0, limit: int = 500
    ) -> list[Finding]:
        """Return findings, the latest first; no origin: all."""
        where = ["last_ns >= ?"] + (["state = 'open'"] if open_only else [])
        if origins:
            where.append(f"origin IN ({','.join('?' * len(origins))})")
        rows = self._db.execute(
            f"SELECT data FROM finding WHERE {' AND '.join(where)} ORDER BY last_ns DESC, finding_id LIMIT ?",
            (since_ns, *origins, limit),
        )
        return [msgspec.json.decode(row[0], type=Finding) for row in rows]

    def finding(self, finding_id: str) -> Finding | None:
        """Return the finding whose identity begins with ``finding_id``; None: none or several do."""
        low, high = finding_id, finding_id + "g"
        rows = self._db.execute("SELECT data FROM finding WHERE finding_id >= ? AND finding_id < ? LIMIT 2", (low, high)).fetchall()
        return msgspec.json.decode(rows[0][0], type=Finding) if len(rows) == 1 else None

    def remarks(self) -> list[Remark]:
        """Return what could not be judged."""
        rows = self._db.execute("SELECT data FROM remark ORDER BY rule, subject, code, origin")
        return [msgspec.json.decode(row[0], type=Remark) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def read_findings(path: Path, query: Query) -> list[Finding]:
    """Return the findings that ``query`` asks for (origins, stations, since), the latest first; none where nothing was judged yet."""
    store = FindingsStore.reading(path)
    if store is None:
        return []
    try:
        found = store.findings(origins=query.origins, since_ns=query.since_ns, limit=query.limit)
    finally:
        store.close()
    wanted = set(query.stations)
    return [f for f in found if not wanted or wanted & set(f.stations)]
