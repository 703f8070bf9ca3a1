"""Opening the SQLite files that findings and answers are in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.errors import StorageError


def open_database(path: Path, schema: str, *, durable: bool = False, any_thread: bool = False) -> sqlite3.Connection:
    """Return a connection to ``path``, made where it is absent, readable by its owner alone, with the tables of ``schema``.

    ``durable``: a commit outlives a power cut; for what cannot be made again. ``any_thread``: not the opening thread alone may use it, but
    one at a time.

    Raises:
        StorageError: it cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        db = sqlite3.connect(path, isolation_level=None, timeout=10.0, check_same_thread=not any_thread)
        path.chmod(0o600)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        db.executescript(schema)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"{path}: cannot be opened: {error}; check the folder's permissions and the disk") from error
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Have what is done inside committed together, or, where it fails, none of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
