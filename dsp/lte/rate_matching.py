"""Rate matching of turbo-coded blocks (TS 36.212 cl. 5.1.4.1): which coded bit is sent where, for one code block in a full buffer."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.crc import BitArray
from dsp.types import FloatArray

IndexArray = npt.NDArray[np.int64]

_COLUMNS: Final = (0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30, 1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31)
"""TS 36.212 table 5.1.4-1."""
_NOTHING: Final = -1


@lru_cache(maxsize=128)
def circular_buffer(size: int, filler: int) -> IndexArray:
    """Return the place of each bit of the circular buffer in the coder's output, shape (3 x 32 rows,); -1 where nothing is.

    Place (size + 4) g + i is bit i of stream g. ``filler``: bits at the front of the block that are not sent (streams 0 and 1).
    """
    length = size + 4
    rows = -(-length // 32)
    missing = 32 * rows - length
    column, row = np.divmod(np.arange(32 * rows), rows)
    natural = np.array(_COLUMNS)[column] + 32 * row
    buffer = np.empty(96 * rows, dtype=np.int64)
    streams = [natural - missing, natural - missing, (natural + 1) % (32 * rows) - missing]
    placed = [np.where(s >= (filler if g < 2 else 0), s + g * length, _NOTHING) for g, s in enumerate(streams)]
    buffer[: 32 * rows] = placed[0]
    buffer[32 * rows :: 2], buffer[32 * rows + 1 :: 2] = placed[1], placed[2]
    buffer.setflags(write=False)
    return buffer


@lru_cache(maxsize=512)
def sent_order(size: int, filler: int, rv: int) -> IndexArray:
    """Return the coder's output bits in the order in which redundancy version ``rv`` sends them, once round the buffer."""
    buffer = circular_buffer(size, filler)
    rows = buffer.size // 96
    start = rows * (2 * -(-buffer.size // (8 * rows)) * rv + 2)
    turned = np.roll(buffer, -start)
    order: IndexArray = turned[turned != _NOTHING]
    order.setflags(write=False)
    return order


def match(coded: BitArray, *, n_bits: int, filler: int, rv: int) -> BitArray:
    """Return the ``n_bits`` sent of ``coded``, shape (3, size + 4)."""
    order = sent_order(coded.shape[1] - 4, filler, rv)
    return coded.ravel()[order[np.arange(n_bits) % order.size]]


def unmatch(llrs: FloatArray, *, size: int, filler: int, rv: int) -> FloatArray:
    """Return the soft bits of the coder's output, shape (3, size + 4), zero where nothing came; filler is left at zero too."""
    order = sent_order(size, filler, rv)
    places = order[np.arange(llrs.size) % order.size]
    return np.bincount(places, weights=llrs, minlength=3 * (size + 4)).astype(np.float32).reshape(3, size + 4)
