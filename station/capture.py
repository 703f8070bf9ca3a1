"""The last seconds of raw samples in a bounded file, and SigMF pairs (mode 0600, from before the onset) of what there is reason to keep."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.settings import CaptureSection
from config.wire import CaptureAnnouncement, Task
from station.capture_metadata import CaptureFacts, Segment, Wanted, sigmf_metadata
from station.errors import StationError
from station.messages import freq, header_fields

__all__ = ["CaptureError", "CaptureFacts", "CaptureRing", "CaptureWriter"]

FREE_PART: Final = 0.05
"""Part of the disk that captures leave free."""
HALF_S: Final = 600.0
"""Samples that are so old and have no metadata are of a program that was killed: writing takes seconds."""


class CaptureError(StationError):
    """Samples could not be kept."""


class CaptureRing:
    """A file that holds the last dwells, the oldest overwritten. One per receiver."""

    def __init__(self, folder: Path, *, sample_rate_hz: float, ring_s: float) -> None:
        """Make the ring's file.

        Raises:
            CaptureError: there is no room for it.
        """
        self._rate = sample_rate_hz
        self._size = 2 * round(sample_rate_hz * ring_s)
        self._segments: deque[Segment] = deque()
        self._at = 0
        self._path = folder / f".ring-{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            os.unlink(self._path)  # gone with this process, however that ends
            with os.fdopen(fd, "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
                self._bytes: npt.NDArray[np.uint8] = np.memmap(file, np.uint8, "r+", shape=(self._size,))
        except OSError as error:
            raise CaptureError(
                f"{folder}: no room for {self._size >> 20} MiB of ring: {error.strerror}: make room or set capture.ring_s"
            ) from error

    def add(self, samples: npt.NDArray[np.uint8], *, center_freq_hz: float, start_ns: int, settled_samples: int) -> None:
        """Take in one dwell: unsigned bytes, shape (2n,); one longer than the ring is cut to its end."""
        samples = samples[-self._size :]
        if self._at + len(samples) > self._size:
            self._at = 0
        while self._segments and self._overlaps(self._segments[0], self._at, len(samples)):
            self._segments.popleft()
        self._bytes[self._at : self._at + len(samples)] = samples
        segment = Segment(
            first_byte=self._at,
            n_samples=len(samples) // 2,
            center_freq_hz=center_freq_hz,
            start_ns=start_ns,
            settled_samples=settled_samples,
        )
        self._segments.append(segment)
        self._at += len(samples)

    def holding(self, freq_hz: float, *, since_ns: int, until_ns: int) -> list[Segment]:
        """Return the dwells that heard ``freq_hz`` between two times, in order."""
        return [
            one
            for one in self._segments
            if abs(one.center_freq_hz - freq_hz) < 0.5 * self._rate and one.end_ns(self._rate) > since_ns and one.start_ns < until_ns
        ]

    def samples(self, segment: Segment) -> npt.NDArray[np.uint8]:
        """Return the samples of ``segment``."""
        return self._bytes[segment.first_byte : segment.first_byte + 2 * segment.n_samples]

    @staticmethod
    def _overlaps(one: Segment, first_byte: int, n_bytes: int) -> bool:
        return one.first_byte < first_byte + n_bytes and first_byte < one.first_byte + 2 * one.n_samples


class CaptureWriter:
    """Turns triggers into SigMF pairs, when what comes after the trigger has been heard too."""

    def __init__(self, settings: CaptureSection, folder: Path, ring: CaptureRing, *, sample_rate_hz: float) -> None:
        """``folder``: where pairs are kept; halves of pairs that a killed program left there are deleted."""
        self._settings, self._folder, self._ring, self._rate = settings, folder, ring, sample_rate_hz
        _drop_halves(folder)
        self._wanted: list[Wanted] = []
        self.expendable: Callable[[], Sequence[str]] = tuple
        """Gives the captures that may go when room is needed, oldest first."""
        self.written: list[CaptureAnnouncement] = []
        """What the last ``due`` wrote, also where it raised."""

    def trigger(self, freq_hz: float, *, onset_ns: int, reason: str) -> None:
        """Want what was and will be heard at ``freq_hz`` around ``onset_ns``; what is wanted there already is not wanted twice."""
        until_ns = onset_ns + round(self._settings.after_s * 1e9)
        if any(abs(one.freq_hz - freq_hz) < 0.1 * self._rate and one.until_ns >= onset_ns for one in self._wanted):
            return
        self._wanted.append(
            Wanted(freq_hz=freq_hz, since_ns=onset_ns - round(self._settings.before_s * 1e9), until_ns=until_ns, reason=reason)
        )

    def keep(self, task: Task, *, span_ns: tuple[int, int], facts: CaptureFacts, lost_samples: int = 0) -> CaptureAnnouncement:
        """Write what the ring holds of one task's frequency in ``span_ns`` at once; return what is to be announced.

        Raises:
            CaptureError: it could not be written, or the ring holds nothing of it.
        """
        freq_hz = task.freq_hz or 0.0
        wanted = Wanted(
            freq_hz=freq_hz,
            since_ns=span_ns[0],
            until_ns=span_ns[1],
            reason=task.reason,
            task_id=task.task_id,
            issued_by=task.issued_by,
            lost_samples=lost_samples,
        )
        segments = self._ring.holding(freq_hz, since_ns=span_ns[0], until_ns=span_ns[1])
        if not segments:
            raise CaptureError(f"{freq_hz / 1e6:g} MHz: nothing was heard there")
        try:
            return self._write(wanted, segments, facts)
        except OSError as error:
            raise CaptureError(f"the capture at {freq_hz / 1e6:.3f} MHz is lost: {error.strerror or error}") from error

    def no_room_for(self, n_bytes: int) -> str | None:
        """Return why ``n_bytes`` more cannot be kept; None: they can."""
        try:
            self._check_room(n_bytes)
        except OSError as error:
            return error.strerror or str(error)
        return None

    def due(self, now_ns: int, facts: CaptureFacts, *, all_of_them: bool = False) -> list[CaptureAnnouncement]:
        """Write the pairs whose time has come; return what is to be announced.

        Raises:
            CaptureError: one could not be written; the others were tried, and nothing half written is left.
        """
        ripe = [one for one in self._wanted if all_of_them or one.until_ns <= now_ns]
        self._wanted = [one for one in self._wanted if one not in ripe]
        self.written = announced = []
        problems: list[str] = []
        for one in ripe:
            segments = self._ring.holding(one.freq_hz, since_ns=one.since_ns, until_ns=one.until_ns)
            try:
                if segments:
                    announced.append(self._write(one, segments, facts))
            except OSError as error:
                problems.append(f"{self._folder}: the capture at {one.freq_hz / 1e6:.3f} MHz is lost: {error.strerror or error}: make room")
        if problems:
            raise CaptureError("; ".join(problems))
        return announced

    def _write(self, wanted: Wanted, segments: Sequence[Segment], facts: CaptureFacts) -> CaptureAnnouncement:
        n_bytes = sum(2 * one.n_samples for one in segments)
        self._check_room(n_bytes)
        start = segments[0].start_ns
        name = f"{datetime.fromtimestamp(start / 1e9, UTC):%Y%m%dT%H%M%S}.{start // 1_000_000 % 1000:03d}Z_{wanted.freq_hz / 1e6:.4f}MHz"
        data, meta = self._folder / f"{name}.sigmf-data", self._folder / f"{name}.sigmf-meta"
        digest = hashlib.sha256()
        begun: list[Path] = []
        try:
            with _private(data, begun) as file:
                for one in segments:
                    piece = self._ring.samples(one).tobytes()
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            described = sigmf_metadata(wanted, segments, facts, rate_hz=self._rate, sha256=digest.hexdigest())
            text = json.dumps(described, indent=2, ensure_ascii=False)
            with _private(meta, begun) as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            for path in begun:
                with contextlib.suppress(OSError):
                    path.unlink()
            raise
        return CaptureAnnouncement(
            **header_fields(facts.header),
            start_time_ns=start,
            capture_id=name,
            reason=wanted.reason[:400],
            center_freq_hz=freq(wanted.freq_hz),
            sample_rate_hz=round(self._rate, 3),
            duration_s=round(n_bytes / 2 / self._rate, 6),
            n_samples=n_bytes // 2,
            n_segments=len(segments),
            sha256=digest.hexdigest(),
            meta_sha256=hashlib.sha256(text.encode()).hexdigest(),
            task_id=wanted.task_id,
        )

    def _check_room(self, n_bytes: int) -> None:
        """Make room for ``n_bytes`` where what may go is enough; else say why there is none."""
        spare = [self._folder / f"{capture_id}.sigmf-data" for capture_id in self.expendable()]
        spare = [path for path in spare if path.exists()]
        self._check_free(n_bytes - sum(path.stat().st_size for path in spare))
        for path in spare:
            try:
                self._check_free(n_bytes)
            except OSError:
                path.unlink(missing_ok=True)
                path.with_suffix(".sigmf-meta").unlink(missing_ok=True)
            else:
                return

    def _check_free(self, n_bytes: int) -> None:
        disk = shutil.disk_usage(self._folder)
        if disk.free - n_bytes < FREE_PART * disk.total:
            raise OSError(None, f"the disk has {disk.free >> 20} MiB left, a twentieth is kept free")
        held = sum(path.stat().st_size for path in self._folder.glob("*.sigmf-data"))
        if held + n_bytes > self._settings.max_mib << 20:
            raise OSError(None, f"captures take {held >> 20} MiB already (capture.max_mib = {self._settings.max_mib})")


def _drop_halves(folder: Path) -> None:
    """Delete samples that have no metadata: their program was killed while it wrote. What is being written elsewhere is left alone."""
    before_s = time.time() - HALF_S
    for data in folder.glob("*.sigmf-data"):
        with contextlib.suppress(OSError):
            if not data.with_suffix(".sigmf-meta").exists() and data.stat().st_mtime < before_s:
                data.unlink()


def _private(path: Path, begun: list[Path]) -> Any:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    begun.append(path)
    return os.fdopen(fd, "wb")
