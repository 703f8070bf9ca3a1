"""What the tests of the judging follower share."""

from __future__ import annotations

from pathlib import Path

from collector.checks.types import Finding
from collector.judging import findings_path
from collector.judging_store import FindingsStore


def found(data: Path) -> list[Finding]:
    """Return every finding in ``data``, by identity."""
    store = FindingsStore(findings_path(data))
    try:
        return sorted(store.findings(origins=()), key=lambda f: f.finding_id)
    finally:
        store.close()
