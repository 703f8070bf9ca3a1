"""Which physical resource blocks an allocation has in each of the two slots (TS 36.211 cl. 6.2.3): localised, or distributed by a gap.

Distributed blocks go by pairs of slots: the second slot's lie half the interleaver's length further on, and a gap lies between the halves.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError

IntArray = npt.NDArray[np.int64]
_COLUMNS: Final = 4
_GAPS: Final = ((11, 4, 0), (19, 8, 0), (26, 12, 0), (44, 18, 0), (49, 27, 0), (63, 27, 9), (79, 32, 16), (110, 48, 16))
"""TS 36.211 table 6.2.3.2-1: up to so many blocks, first and second gap (0: none); up to ten blocks the gap is half of them."""
_GROUP_SIZES: Final = ((10, 1), (26, 2), (63, 3), (110, 4))
"""TS 36.213 table 7.1.6.1-1: up to so many blocks, blocks of a group (P)."""


def gap_blocks(n_rb: int, gap: int) -> int:
    """Return the gap in blocks; ``gap``: 1 or 2. 0 where carriers of ``n_rb`` blocks have no such.

    Raises:
        ParameterError: ``gap`` is neither, or ``n_rb`` above 110.
    """
    if gap not in (1, 2):
        raise ParameterError("gap", gap, "1 or 2")
    if n_rb <= 10:
        return -(-n_rb // 2) if gap == 1 else 0
    for most, first, second in _GAPS:
        if n_rb <= most:
            return first if gap == 1 else second
    raise ParameterError("n_rb", n_rb, "at most 110")


def virtual_blocks(n_rb: int, gap: int) -> int:
    """Return how many virtual blocks a distributed allocation can be of, 0 where there is no such gap."""
    apart = gap_blocks(n_rb, gap)
    if apart == 0:
        return 0
    return 2 * min(apart, n_rb - apart) if gap == 1 else n_rb // (2 * apart) * 2 * apart


def slot_blocks(n_rb: int, *, start: int, length: int, gap: int = 0) -> IntArray:
    """Return the physical blocks of an allocation in the first and second slot, lowest first, shape (2, length).

    ``gap``: 0 localised, 1 or 2 distributed, ``start`` and ``length`` then in virtual blocks.
    """
    if gap == 0:
        return np.tile(np.arange(start, start + length), (2, 1))
    return np.sort(_mapping(n_rb, gap)[:, start : start + length], axis=1)


@lru_cache(maxsize=24)
def _mapping(n_rb: int, gap: int) -> IntArray:
    """Return the physical block of every virtual one in the first and second slot, shape (2, n), by the interleaver of the text."""
    n, apart = virtual_blocks(n_rb, gap), gap_blocks(n_rb, gap)
    unit = n if gap == 1 else 2 * apart
    group = next(size for most, size in _GROUP_SIZES if n_rb <= most)
    rows = -(-unit // (_COLUMNS * group)) * group
    table = np.full((rows, _COLUMNS), -1, dtype=np.int64)
    holes = (_COLUMNS * rows - unit) // 2
    room = np.ones(table.shape, dtype=bool)
    room[rows - holes :, 1::2] = False
    table[room] = np.arange(unit)  # written by rows,
    read = table.T.ravel()  # read by columns
    first = np.empty(unit, dtype=np.int64)
    first[read[read >= 0]] = np.arange(unit)
    both = np.stack([first, (first + unit // 2) % unit])
    both = np.where(both < unit // 2, both, both + apart - unit // 2)
    out: IntArray = np.concatenate([both + at for at in range(0, n, unit)], axis=1)
    out.setflags(write=False)
    return out
