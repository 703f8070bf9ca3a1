"""A picture of levels as a PNG with a palette (PNG specification, ISO/IEC 15948, colour type 3): for the waterfall."""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
import numpy.typing as npt

_STOPS: Final = (
    (0, 6, 12, 28),
    (48, 14, 32, 74),
    (104, 20, 94, 128),
    (160, 38, 178, 158),
    (208, 190, 220, 84),
    (240, 252, 196, 60),
    (255, 255, 244, 214),
)
"""(index, red, green, blue): night blue over teal to pale yellow, rising in lightness so that it reads in grey as well."""


def level_picture(rows_db: npt.NDArray[np.float64], *, low_db: float, high_db: float) -> bytes:
    """Return a PNG of ``rows_db``, shape (rows, columns), first row on top; ``low_db`` is darkest, ``high_db`` is brightest.

    NaN, where nothing was heard, is the darkest too.
    """
    scaled = (np.nan_to_num(rows_db, nan=low_db) - low_db) / max(high_db - low_db, 1e-9)
    indices = np.clip(np.round(scaled * 255), 0, 255).astype(np.uint8)
    height, width = indices.shape
    lines = np.zeros((height, width + 1), dtype=np.uint8)  # each line begins with its filter: 0, none
    lines[:, 1:] = indices
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"PLTE", _palette().tobytes())
        + _chunk(b"IDAT", zlib.compress(lines.tobytes(), 6))
        + _chunk(b"IEND", b"")
    )


def _palette() -> npt.NDArray[np.uint8]:
    stops = np.array(_STOPS, dtype=np.float64)
    colours = [np.interp(np.arange(256), stops[:, 0], stops[:, channel]) for channel in (1, 2, 3)]
    return np.stack(colours, axis=1).round().astype(np.uint8)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
