"""``cases.db``: what inspectors found on the spot. People's decisions: nothing prunes this file (decision 3)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, cast

from collector.checks.types import Answer, Finding
from collector.database import open_database

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS answer(number INTEGER PRIMARY KEY, finding_id TEXT NOT NULL, rule TEXT NOT NULL, subject TEXT NOT NULL,
    answer TEXT NOT NULL CHECK(answer IN ('confirmed', 'false', 'licensed')), time_ns INTEGER NOT NULL, inspector TEXT NOT NULL,
    note TEXT NOT NULL, finding BLOB NOT NULL);
"""


class Cases:
    """Recorded answers, each with the finding as it was when it was answered. Rows are added, never changed."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, or begin it.

        Raises:
            StorageError: it cannot be used.
        """
        self._db = open_database(path, _SCHEMA, durable=True)

    def record(self, finding: Finding, answer: str, *, inspector: str, note: str = "") -> None:
        """Add what ``inspector`` found about ``finding``; a later answer to the same finding goes before it."""
        import msgspec

        row = (finding.finding_id, finding.rule, finding.subject, answer, time.time_ns(), inspector, note, msgspec.json.encode(finding))
        self._db.execute(
            "INSERT INTO answer(finding_id, rule, subject, answer, time_ns, inspector, note, finding) VALUES (?,?,?,?,?,?,?,?)", row
        )

    def answers(self) -> list[Answer]:
        """Return every answer, oldest first."""
        rows = self._db.execute("SELECT finding_id, rule, subject, answer, time_ns, inspector, note FROM answer ORDER BY number")
        return [
            Answer(finding_id=i, rule=r, subject=s, answer=cast("str", a), time_ns=t, inspector=who, note=note)  # type: ignore[arg-type]
            for i, r, s, a, t, who, note in rows
        ]

    def count(self) -> int:
        """Return how many answers there are."""
        return int(self._db.execute("SELECT count(*) FROM answer").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()
