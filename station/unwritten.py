"""How many records did not fit on a full disk, kept where it fits even then: in a small file that was made while there was room.

Two slots of 512 bytes take turns, each with a checksum, so that a write which a power cut tears leaves the one before. A slot:
``CSUW``, CRC-32 of the rest (u32), number of the write (u64), first and last number without a record (i64), their kinds (UTF-8, commas
between, zeros behind). Overwriting a block that is there takes no room on ext4, XFS or tmpfs; where it fails, the count is kept in memory.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Final

from station.spool import Gap

REASON: Final = "the disk was full"
_SLOT: Final = 512
_HEAD: Final = struct.Struct("<4sI")
_BODY: Final = struct.Struct("<Qqq")
_KINDS: Final = _SLOT - _HEAD.size - _BODY.size


class UnwrittenCount:
    """One range of numbers that were given and whose records could not be kept."""

    def __init__(self, path: Path, *, next_seq: int) -> None:
        """Take up what ``path`` says of numbers from ``next_seq`` on, which the spool itself would give next; make the file if need be."""
        self.gap: Gap | None = None
        """The range; None: every record has been kept. May be looked at from any thread."""
        self._writes = 0
        self._handle = _opened(path)
        if self._handle is not None:
            slots = [_read(os.pread(self._handle, _SLOT, _SLOT * n)) for n in range(2)]
            self._writes, first, last, kinds = max((slot for slot in slots if slot is not None), default=(0, -1, -1, ""))
            if last >= next_seq:
                self.gap = Gap(first_seq=max(first, next_seq), last_seq=last, kinds=kinds, reason=REASON)

    def add(self, first_seq: int, kinds: list[str]) -> bool:
        """Count one number for each of ``kinds``, from ``first_seq`` on; return whether that will be known after a power cut."""
        before = self.gap
        known = set(kinds) | set(before.kinds.split(",") if before is not None else ())
        first, last = before.first_seq if before is not None else first_seq, first_seq + len(kinds) - 1
        gap = Gap(first_seq=first, last_seq=last, kinds=",".join(sorted(known)), reason=REASON)
        durable = self._wrote(gap)
        self.gap = gap
        return durable

    def _wrote(self, gap: Gap) -> bool:
        if self._handle is None:
            return False
        self._writes += 1
        rest = _BODY.pack(self._writes, gap.first_seq, gap.last_seq) + gap.kinds.encode()[:_KINDS]
        rest = rest.ljust(_SLOT - _HEAD.size, b"\0")
        try:
            os.pwrite(self._handle, _HEAD.pack(b"CSUW", zlib.crc32(rest)) + rest, _SLOT * (self._writes % 2))
            os.fdatasync(self._handle)
        except OSError:
            return False
        return True

    def clear(self) -> None:
        """Forget the range: it is in the spool now. The file may say it still; numbers below the spool's next one do not count there."""
        self.gap = None

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _opened(path: Path) -> int | None:
    """Return a handle on ``path`` with both slots' blocks there; None: there is no room for them."""
    handle = None
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(handle).st_size < 2 * _SLOT:
            os.pwrite(handle, bytes(2 * _SLOT), 0)
            os.fsync(handle)
    except OSError:
        if handle is not None:
            os.close(handle)
        return None
    return handle


def _read(slot: bytes) -> tuple[int, int, int, str] | None:
    if len(slot) < _SLOT:
        return None
    magic, checksum = _HEAD.unpack_from(slot)
    rest = slot[_HEAD.size :]
    if magic != b"CSUW" or checksum != zlib.crc32(rest):
        return None
    writes, first, last = _BODY.unpack_from(rest)
    return writes, first, last, rest[_BODY.size :].rstrip(b"\0").decode()
