"""``captures.db`` and the folder ``captures``: samples that stations sent, as SigMF pairs of mode 0600, and who read them when.

A pair is in ``captures/STATION/ID.sigmf-data`` and ``.sigmf-meta`` once all of it is here and its hashes are right; until then its files
end in ``.part``. What was wrong is in ``captures/.aside``. Pairs are deleted after ``keep_days`` unless somebody holds them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from collector.database import open_database
from collector.errors import MisuseError, StorageError

Part = Literal["data", "meta"]
PARTS: Final[tuple[Part, ...]] = ("data", "meta")
CaptureState = Literal["coming", "whole", "wrong", "refused", "deleted"]
ASIDE: Final = ".aside"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS capture(station TEXT NOT NULL, capture_id TEXT NOT NULL, task_id TEXT, state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '', begun_ns INTEGER NOT NULL, done_ns INTEGER, held_by TEXT, held_why TEXT NOT NULL DEFAULT '',
    data_bytes INTEGER, data_sha256 TEXT, meta_bytes INTEGER, meta_sha256 TEXT, PRIMARY KEY(station, capture_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS access(number INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
    station TEXT NOT NULL, capture_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


class KeptCapture(Struct, frozen=True, kw_only=True):
    """One capture as far as it is here."""

    station: str
    capture_id: str
    task_id: str | None
    state: CaptureState
    reason: str
    begun_ns: int
    done_ns: int | None
    held_by: str | None
    held_why: str
    data_bytes: int | None
    data_sha256: str | None
    meta_bytes: int | None
    meta_sha256: str | None


class Access(Struct, frozen=True, kw_only=True):
    """Somebody read or changed something, and when."""

    time_ns: int
    who: str
    what: str
    station: str
    capture_id: str


class Captures:
    """The captures of one data folder. Each method is one short transaction; several processes may do so at a time."""

    def __init__(self, data: Path) -> None:
        """Open what is in the data folder, or begin it.

        Raises:
            StorageError: it cannot be used.
        """
        self.folder = data / "captures"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageError(f"{self.folder}: cannot be made: {error}; check the folder's permissions and the disk") from error
        self._db = open_database(data / "captures.db", _SCHEMA, durable=True, any_thread=True)

    def path(self, station: str, capture_id: str, part: Part) -> Path:
        """Return where a file of a whole pair is."""
        return self.folder / station / f"{capture_id}.sigmf-{part}"

    def coming(self, station: str, capture_id: str, part: Part) -> Path:
        """Return where a file is while it comes."""
        return self.folder / station / f"{capture_id}.{part}.part"

    def put(self, kept: KeptCapture) -> None:
        """Keep ``kept`` in the place of what was known of it."""
        row = msgspec.structs.astuple(kept)
        names = ", ".join(field.name for field in msgspec.structs.fields(KeptCapture))
        self._db.execute(f"INSERT OR REPLACE INTO capture({names}) VALUES ({','.join('?' * len(row))})", row)

    def get(self, station: str, capture_id: str) -> KeptCapture | None:
        """Return what is known of one capture."""
        return next(iter(self._rows("WHERE station = ? AND capture_id = ?", station, capture_id)), None)

    def find(self, capture_id: str, station: str | None = None) -> KeptCapture:
        """Return the capture that is meant.

        Raises:
            MisuseError: there is none, or there are several of that name.
        """
        rows = self._rows("WHERE capture_id = ? AND (? IS NULL OR station = ?)", capture_id, station, station)
        if len(rows) != 1:
            what = "no capture has this name here" if not rows else "several stations have one of this name: give --station"
            raise MisuseError(f"{capture_id}: {what}; `canhsong-collector captures list` shows them")
        return rows[0]

    def rows(self, *, station: str | None = None, limit: int = 500) -> list[KeptCapture]:
        """Return what is here, the latest first."""
        return self._rows("WHERE ? IS NULL OR station = ? ORDER BY begun_ns DESC, station, capture_id LIMIT ?", station, station, limit)

    def coming_now(self) -> list[KeptCapture]:
        """Return what is on its way."""
        return self._rows("WHERE state = 'coming'")

    def others_of(self, task_id: str, capture_id: str) -> bool:
        """Return whether a task has brought another capture than ``capture_id``."""
        return bool(self._rows("WHERE task_id = ? AND capture_id <> ? AND state IN ('coming', 'whole', 'wrong')", task_id, capture_id))

    def hold(self, kept: KeptCapture, *, who: str, why: str) -> None:
        """Keep a capture until it is released, however old it gets."""
        self._db.execute(
            "UPDATE capture SET held_by = ?, held_why = ? WHERE station = ? AND capture_id = ?", (who, why, kept.station, kept.capture_id)
        )
        self.log(kept, who=who, what=f"held: {why}" if why else "held")

    def release(self, kept: KeptCapture, *, who: str) -> None:
        """Let a capture go when its time comes."""
        self._db.execute(
            "UPDATE capture SET held_by = NULL, held_why = '' WHERE station = ? AND capture_id = ?", (kept.station, kept.capture_id)
        )
        self.log(kept, who=who, what="released")

    def log(self, kept: KeptCapture, *, who: str, what: str) -> None:
        """Write down who did what; durable when this returns, so it comes before the reading."""
        self._db.execute(
            "INSERT INTO access(time_ns, who, what, station, capture_id) VALUES (?,?,?,?,?)",
            (time.time_ns(), who[:200], what[:200], kept.station, kept.capture_id),
        )

    def accesses(self, kept: KeptCapture | None = None, *, limit: int = 500) -> list[Access]:
        """Return who read or changed ``kept`` (None: any), the latest first."""
        where, values = ("", ()) if kept is None else ("WHERE station = ? AND capture_id = ?", (kept.station, kept.capture_id))
        rows = self._db.execute(
            f"SELECT time_ns, who, what, station, capture_id FROM access {where} ORDER BY number DESC LIMIT ?", (*values, limit)
        )
        return [Access(time_ns=t, who=who, what=what, station=s, capture_id=c) for t, who, what, s, c in rows]

    def read(self, kept: KeptCapture, part: Part, *, who: str, how: str) -> Path:
        """Return the path of a file that ``who`` is about to read; it is written down first.

        Raises:
            MisuseError: it is not here, or not all of it.
        """
        path = self.path(kept.station, kept.capture_id, part)
        if kept.state != "whole" or not path.is_file():
            raise MisuseError(
                f"{kept.capture_id}: its samples are not here: it is {kept.state}" + (f" ({kept.reason})" if kept.reason else "")
            )
        self.log(kept, who=who, what=f"{how}: {part}")
        return path

    def export(self, kept: KeptCapture, folder: Path, *, who: str) -> list[Path]:
        """Copy a pair into ``folder``, mode 0600, and return the copies.

        Raises:
            MisuseError: it is not here, or there are files of that name already.
        """
        copies = []
        for part in PARTS:
            source = self.read(kept, part, who=who, how=f"exported to {folder}")
            copy = folder / source.name
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with source.open("rb") as file, os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                    shutil.copyfileobj(file, out, 1 << 20)
            except OSError as error:
                raise MisuseError(f"{copy}: cannot be written: {error.strerror}") from error
            copies.append(copy)
        return copies

    def expire(self, now_ns: int, *, keep_s: float, partial_s: float) -> list[KeptCapture]:
        """Delete pairs that are too old and that nobody holds, and what stopped coming; return what went."""
        gone = self._rows("WHERE state = 'whole' AND held_by IS NULL AND done_ns < ?", now_ns - round(keep_s * 1e9))
        gone += [one for one in self.coming_now() if self._still_since_ns(one) < now_ns - round(partial_s * 1e9)]
        for one in gone:
            self.log(
                one, who="canhsong-collector", what="deleted: its time was over" if one.state == "whole" else "deleted: never came whole"
            )
            for part in PARTS:
                for path in (self.path(one.station, one.capture_id, part), self.coming(one.station, one.capture_id, part)):
                    path.unlink(missing_ok=True)
            self.put(msgspec.structs.replace(one, state="deleted"))
        return gone

    def _still_since_ns(self, one: KeptCapture) -> int:
        times = [one.begun_ns]
        for part in PARTS:
            with contextlib.suppress(OSError):
                times.append(self.coming(one.station, one.capture_id, part).stat().st_mtime_ns)
        return max(times)

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter that outlives the program."""
        self._db.execute("INSERT INTO counter VALUES (?,?) ON CONFLICT(name) DO UPDATE SET value = value + excluded.value", (name, by))

    def counters(self) -> dict[str, int]:
        """Return what was counted."""
        return dict(self._db.execute("SELECT name, value FROM counter ORDER BY name"))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _rows(self, rest: str, *values: object) -> list[KeptCapture]:
        names = [field.name for field in msgspec.structs.fields(KeptCapture)]
        rows = self._db.execute(f"SELECT {', '.join(names)} FROM capture {rest}", values)
        return [KeptCapture(**dict(zip(names, row, strict=True))) for row in rows]


def used_bytes(folder: Path, station: str | None = None) -> int:
    """Return what captures take on disk: of one station, or all of them, whole, coming and put aside."""
    files = (folder / station).glob("*") if station is not None else folder.rglob("*")
    total = 0
    for path in files:
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
