"""generated = stored + rejected + gaps, in order, no record twice: counted out of the journal and the spool."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from collector.journal_file import segment_paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    generated: int
    stored: int
    rejected: int
    gaps: int
    duplicates: int
    missing: int
    in_order: bool

    def __str__(self) -> str:
        return (
            f"generated {self.generated}, stored {self.stored}, rejected {self.rejected}, gaps {self.gaps}, "
            f"duplicates {self.duplicates}, missing {self.missing}, {'in order' if self.in_order else 'NOT IN ORDER'}"
        )

    def holds(self) -> bool:
        return self.in_order and not self.duplicates and not self.missing and self.generated == self.stored + self.rejected + self.gaps


def balance(journal: Path, spool_id: str, generated: int) -> Balance:
    """Count what became of numbers 0 to ``generated`` - 1 of one spool."""
    stored: list[int] = []
    rejected: list[int] = []
    gaps: list[int] = []
    for path in sorted(segment_paths(journal)):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        stored += [row[0] for row in db.execute("SELECT seq FROM record WHERE spool_id = ? ORDER BY entry", (spool_id,))]
        rejected += [row[0] for row in db.execute("SELECT seq FROM rejected WHERE spool_id = ?", (spool_id,))]
        for first, last in db.execute("SELECT first_seq, last_seq FROM gap WHERE spool_id = ?", (spool_id,)):
            gaps += range(first, last + 1)
        db.close()
    times = Counter(stored + rejected + gaps)
    return Balance(
        generated=generated,
        stored=len(stored),
        rejected=len(rejected),
        gaps=len(gaps),
        duplicates=sum(count - 1 for count in times.values()),
        missing=sum(1 for seq in range(generated) if seq not in times),
        in_order=stored == sorted(stored),
    )
