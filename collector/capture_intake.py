"""Takes the pieces of captures in: each is on disk before it is acknowledged, in a thread of its own so that records never wait for it.

A station says of each file how long it is and its SHA-256 before the first byte; both stay. What is acknowledged is what the file on disk
holds, so a restart of either side goes on from there. Lies are refused, counted and kept aside, and cost the liar his capture alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from collector.captures import ASIDE, PARTS, Captures, KeptCapture, Part, used_bytes
from collector.task_settings import CaptureSection
from config.wire import Task
from config.wire.frames import CaptureAck, CaptureChunk

MAX_META_BYTES: Final = 16 * 2**20
MAX_COMING: Final = 64
"""Captures of one station that may be on their way at a time."""
ASIDE_FILES: Final = 64
ASIDE_BYTES: Final = 64 * 2**20
OPEN_FILES: Final = 64
HASH_STEP: Final = 1 << 20
AskedFor = Callable[[str, str], Task | None]
"""(station, task_id) -> the task, where the collector has given that station such a one."""


class LieError(Exception):
    """What the station says cannot be; the message is told to it."""


@dataclass(slots=True)
class _File:
    """One file while it comes."""

    path: Path
    total: int
    sha256: str
    have: int
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def open(self) -> None:
        """Take up what is on disk already."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(fd, "rb") as file:
            while piece := file.read(HASH_STEP):
                self.digest.update(piece)
                self.have += len(piece)
            os.fsync(file.fileno())
        _sync_folder(self.path.parent)

    def append(self, data: bytes) -> None:
        """Put ``data`` at the end, durably."""
        with self.path.open("r+b") as file:
            file.seek(self.have)
            file.write(data)
            file.flush()
            os.fdatasync(file.fileno())
        self.digest.update(data)
        self.have += len(data)

    def same(self, offset: int, data: bytes) -> bool:
        """Return whether the part of ``data`` that is here already is the same."""
        with self.path.open("rb") as file:
            file.seek(offset)
            here = file.read(min(len(data), self.have - offset))
        return here == data[: len(here)]


class CaptureIntake:
    """Everything about pieces but their transport. One thread calls it."""

    def __init__(self, captures: Captures, settings: CaptureSection, asked_for: AskedFor) -> None:
        """``asked_for`` says whether a task asked for a capture."""
        self._captures, self._settings, self._asked_for = captures, settings, asked_for
        self._files: dict[tuple[str, str, Part], _File] = {}

    def take(self, station: str, chunk: CaptureChunk) -> CaptureAck:
        """Return what ``station`` is to be told of ``chunk``: what is acknowledged by it is on disk.

        Raises:
            OSError: the disk did not take it; the station is told nothing and comes again.
        """
        try:
            return self._take(station, chunk)
        except LieError as error:
            self._set_aside_chunk(station, chunk, str(error))
            return self._ack(chunk, 0, "refused", str(error))
        except OSError:
            self._files.pop((station, chunk.capture_id, chunk.part), None)  # what the file holds is looked at anew
            raise

    def _take(self, station: str, chunk: CaptureChunk) -> CaptureAck:
        kept = self._captures.get(station, chunk.capture_id)
        if kept is None or kept.state in ("deleted", "refused") or (kept.state == "wrong" and chunk.task_id != kept.task_id):
            kept = self._begin(station, chunk)
        sizes = {"data": (kept.data_bytes, kept.data_sha256), "meta": (kept.meta_bytes, kept.meta_sha256)}
        told = sizes[chunk.part]
        if kept.state == "wrong":
            return self._ack(chunk, 0, "refused", kept.reason)
        if told[0] is not None and told != (chunk.total_bytes, chunk.sha256):
            raise LieError(f"length or hash of the {chunk.part} is another than before")
        if kept.state == "whole":
            return self._ack(chunk, chunk.total_bytes, "whole")
        if told[0] is None:
            kept = self._announce(kept, chunk)
        file = self._file(kept, chunk.part)
        if chunk.offset + len(chunk.data) > file.total:
            raise LieError(f"{chunk.part}: bytes {chunk.offset} to {chunk.offset + len(chunk.data)} of {file.total}")
        if chunk.offset < file.have and not file.same(chunk.offset, chunk.data):
            self._wrong(kept, reason := f"{chunk.part}: bytes from {chunk.offset} on were others before")
            raise LieError(reason)
        if chunk.data and chunk.offset == file.have:
            file.append(chunk.data)
        if file.have < file.total:
            return self._ack(chunk, file.have, "more")
        return self._complete(kept, chunk, file)

    def _begin(self, station: str, chunk: CaptureChunk) -> KeptCapture:
        """Return a capture that is to come, if it may."""
        if self._settings.accept == "asked":
            task = self._asked_for(station, chunk.task_id) if chunk.task_id is not None else None
            if task is None or task.action not in ("capture", "fetch") or (task.action == "fetch" and task.capture_id != chunk.capture_id):
                raise LieError("nobody here asked for this capture")
            if self._captures.others_of(task.task_id, chunk.capture_id):
                raise LieError("this task has its capture already")
        if sum(one.station == station for one in self._captures.coming_now()) >= MAX_COMING:
            raise LieError(f"{MAX_COMING} captures of this station are on their way already")
        kept = KeptCapture(
            station=station,
            capture_id=chunk.capture_id,
            task_id=chunk.task_id,
            state="coming",
            reason="",
            begun_ns=time.time_ns(),
            done_ns=None,
            held_by=None,
            held_why="",
            data_bytes=None,
            data_sha256=None,
            meta_bytes=None,
            meta_sha256=None,
        )
        self._captures.put(kept)
        return kept

    def _announce(self, kept: KeptCapture, chunk: CaptureChunk) -> KeptCapture:
        """Note length and hash of a file, if there is room for it."""
        mib, limits = 2**20, self._settings
        most = limits.max_capture_mib * mib if chunk.part == "data" else MAX_META_BYTES
        if not 0 < chunk.total_bytes <= most:
            self._refuse(kept, f"the {chunk.part} has {chunk.total_bytes} bytes, at most {most} are taken")
        coming = [one for one in self._captures.coming_now() if one.capture_id != kept.capture_id or one.station != kept.station]
        reserved = sum((one.data_bytes or 0) + (one.meta_bytes or 0) for one in coming)
        mine = sum((one.data_bytes or 0) + (one.meta_bytes or 0) for one in coming if one.station == kept.station)
        disk = shutil.disk_usage(self._captures.folder)
        if used_bytes(self._captures.folder) + reserved + chunk.total_bytes > limits.max_mib * mib:
            self._refuse(kept, f"captures fill the {limits.max_mib} MiB that the collector has for them")
        if used_bytes(self._captures.folder, kept.station) + mine + chunk.total_bytes > limits.max_station_mib * mib:
            self._refuse(kept, f"captures of this station fill the {limits.max_station_mib} MiB that the collector has for them")
        if disk.free - reserved - chunk.total_bytes < limits.free_part * disk.total:
            self._refuse(kept, "the collector's disk is nearly full")
        told = {f"{chunk.part}_bytes": chunk.total_bytes, f"{chunk.part}_sha256": chunk.sha256}
        kept = msgspec.structs.replace(kept, **told)
        self._captures.put(kept)
        return kept

    def _refuse(self, kept: KeptCapture, reason: str) -> None:
        """Want no more of ``kept``; it may be fetched again."""
        self._captures.put(msgspec.structs.replace(kept, state="refused", reason=reason))
        for part in PARTS:
            self._files.pop((kept.station, kept.capture_id, part), None)
            self._captures.coming(kept.station, kept.capture_id, part).unlink(missing_ok=True)
        raise LieError(reason)

    def _file(self, kept: KeptCapture, part: Part) -> _File:
        key = (kept.station, kept.capture_id, part)
        if key not in self._files:
            while len(self._files) >= OPEN_FILES:
                self._files.pop(next(iter(self._files)))
            path, final = self._captures.coming(*key), self._captures.path(*key)
            if final.is_file() and not path.exists():  # killed while the pair got its names
                final.rename(path)
            total, sha256 = (kept.data_bytes, kept.data_sha256) if part == "data" else (kept.meta_bytes, kept.meta_sha256)
            file = _File(path=path, total=total or 0, sha256=sha256 or "", have=0)
            file.open()
            self._files[key] = file
        return self._files[key]

    def _complete(self, kept: KeptCapture, chunk: CaptureChunk, file: _File) -> CaptureAck:
        """Judge a file that is all here; give the pair its names when both are."""
        self._check_hash(kept, file, chunk.part)
        other = PARTS[1 - PARTS.index(chunk.part)]
        if (kept.meta_sha256 if chunk.part == "data" else kept.data_sha256) is None:
            return self._ack(chunk, file.have, "whole")
        second = self._file(kept, other)
        if second.have < second.total:
            return self._ack(chunk, file.have, "whole")
        self._check_hash(kept, second, other)
        if unlike := self._unlike(kept):
            self._wrong(kept, unlike)
            raise LieError(unlike)
        for part in PARTS:
            self._captures.coming(kept.station, kept.capture_id, part).rename(self._captures.path(kept.station, kept.capture_id, part))
            self._files.pop((kept.station, kept.capture_id, part), None)
        _sync_folder(file.path.parent)
        self._captures.put(msgspec.structs.replace(kept, state="whole", done_ns=time.time_ns()))
        self._captures.count("captures_whole")
        return self._ack(chunk, chunk.total_bytes, "whole")

    def _check_hash(self, kept: KeptCapture, file: _File, part: Part) -> None:
        if file.digest.hexdigest() != file.sha256:
            self._wrong(kept, reason := f"the {part} that came has another hash than was said")
            raise LieError(reason)

    def _unlike(self, kept: KeptCapture) -> str:
        """Return why the metadata do not belong to the samples; empty: they do."""
        try:
            text = self._captures.coming(kept.station, kept.capture_id, "meta").read_bytes()
            top = json.loads(text)["global"]
            said, kind = top["canhsong:sha256"], top["core:datatype"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return "the metadata are no SigMF of ours"
        if said != kept.data_sha256 or not isinstance(kind, str):
            return "the metadata name another hash than that of the samples"
        return ""

    def _wrong(self, kept: KeptCapture, reason: str) -> None:
        """Put what came of ``kept`` aside and want no more of it."""
        aside = self._captures.folder / ASIDE
        aside.mkdir(exist_ok=True, mode=0o700)
        for part in PARTS:
            self._files.pop((kept.station, kept.capture_id, part), None)
            with contextlib.suppress(FileNotFoundError):
                path = self._captures.coming(kept.station, kept.capture_id, part)
                path.rename(aside / f"{time.time_ns()}-{kept.station}-{kept.capture_id}.{part}"[:200])
        self._captures.put(msgspec.structs.replace(kept, state="wrong", reason=reason))
        self._captures.count("captures_wrong")
        self._bound_aside()

    def _set_aside_chunk(self, station: str, chunk: CaptureChunk, reason: str) -> None:
        aside = self._captures.folder / ASIDE
        self._captures.count("chunks_refused")
        with contextlib.suppress(OSError):
            aside.mkdir(exist_ok=True, mode=0o700)
            said = {"station": station, "reason": reason, **msgspec.to_builtins(msgspec.structs.replace(chunk, data=chunk.data[:4096]))}
            path = aside / f"{time.time_ns()}-{station}.json"
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(msgspec.json.encode(said))
            self._bound_aside()

    def _bound_aside(self) -> None:
        """Keep the newest of what was put aside, within bounds."""
        files = sorted((self._captures.folder / ASIDE).iterdir(), key=lambda path: path.name, reverse=True)
        size = 0
        for number, path in enumerate(files):
            size += path.stat().st_size
            if number >= ASIDE_FILES or (size > ASIDE_BYTES and number):
                path.unlink(missing_ok=True)

    @staticmethod
    def _ack(chunk: CaptureChunk, offset: int, state: str, reason: str = "") -> CaptureAck:
        return CaptureAck(capture_id=chunk.capture_id, part=chunk.part, offset=offset, state=state, reason=reason[:400])  # type: ignore[arg-type]


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
