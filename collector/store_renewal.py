"""A ``store.db`` of an older version: put aside under a name that says so, so that its follower makes a new one from the journal.

The old file is kept, and what is in it alone is said: the spectra that the journal has let go, and all from before the journal's first
entry where segments are gone. Only whoever holds the folder's lock may do this: nobody else must have the store open.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from collector.errors import StorageError
from collector.journal import JournalReader
from collector.sqlite_schema import SCHEMA_VERSION


def renew_store(store: Path, journal: Path) -> str | None:
    """Put ``store`` aside where it is of an older version; return what to say about it, None: nothing was done.

    A newer one, or one that cannot be read, is left to its follower, which refuses it.

    Raises:
        StorageError: it cannot be moved.
    """
    version = _version(store)
    if version is None or not 0 < version < SCHEMA_VERSION:
        return None
    kept = put_aside(store, f"version-{version}")
    return (
        f"{store.name} is of version {version}, this program makes {SCHEMA_VERSION}: it is made again from the journal, "
        f"and the page fills meanwhile. The old one is {kept}; {only_there(journal)}"
    )


def put_aside(store: Path, why: str) -> Path:
    """Move ``store`` beside itself, to ``store.WHY.db`` or the first free number after that; return where it is.

    Raises:
        StorageError: it cannot be moved.
    """
    names = (f"{store.stem}.{why}{f'-{number}' if number > 1 else ''}{store.suffix}" for number in range(1, 10_000))
    kept = next(path for path in map(store.with_name, names) if not path.exists())
    try:
        with contextlib.closing(sqlite3.connect(store, timeout=10.0)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # all of it is in the one file now
        store.rename(kept)
        for left in ("-wal", "-shm"):
            Path(f"{store}{left}").unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"{store}: cannot be put aside: {error}; move it away by hand") from error
    return kept


def first_entry(journal: Path) -> int:
    """Return the number of the first entry that the journal still holds; 1: it begins at its beginning, or holds none."""
    with JournalReader(journal) as reader:
        return reader.first_entry() or 1


def only_there(journal: Path) -> str:
    """Return what a store that was put aside holds that ``journal`` cannot give again."""
    if (first := first_entry(journal)) > 1:
        return f"the journal begins with entry {first} and does not hold what came before: keep that file, it is in there alone"
    return "older spectra are in there alone: delete it when nobody wants them"


def _version(store: Path) -> int | None:
    if not store.is_file():
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)) as db:
            return int(db.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error:
        return None
