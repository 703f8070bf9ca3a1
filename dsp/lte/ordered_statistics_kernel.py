"""The loops of ordered-statistics decoding, compiled. Imported on first use only: numba is slow to load."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.jit import compiled
from dsp.types import FloatArray

WordArray = npt.NDArray[np.uint64]
IntArray = npt.NDArray[np.int64]
Real = Any
_LEAST_SURE = 64
"""Of the basis: so many are turned by threes."""


@compiled
def _bit(words: WordArray, at: int) -> bool:
    return bool((words[at >> 6] >> np.uint64(at & 63)) & np.uint64(1))


@compiled
def _add(a: WordArray, b: WordArray, out: WordArray) -> None:
    for i in range(a.size):
        out[i] = a[i] ^ b[i]


@compiled
def _least_ahead(table: FloatArray) -> FloatArray:
    """Return the least that each word and those after it can add, (n_bytes / 8,), for ``table``, (n_bytes, 256)."""
    rest = np.zeros(table.shape[0] // 8, np.float32)
    ahead = np.float32(0.0)
    for byte in range(table.shape[0] - 1, -1, -1):
        ahead += table[byte].min()
        rest[byte // 8] = ahead
    return rest


@compiled
def _cost(words: WordArray, table: FloatArray, rest: FloatArray, least: Real) -> Real:
    """Return the sum of ``table``, (n_bytes, 256), over the bytes of ``words``; ``least`` or more where it cannot come below that."""
    total = np.float32(0.0)
    for i in range(words.size):
        if total + rest[i] >= least:
            return least
        word = words[i]
        for b in range(8):
            total += table[8 * i + b, np.int64((word >> np.uint64(8 * b)) & np.uint64(255))]
    return total


@compiled
def _reduce(rows: WordArray, n_bits: int, basis: IntArray) -> int:
    """Bring ``rows`` to one each for the first independent columns, kept in ``basis``; return how many there are."""
    found = 0
    spare = np.empty(rows.shape[1], np.uint64)
    for column in range(n_bits):
        pivot = found
        while pivot < rows.shape[0] and not _bit(rows[pivot], column):
            pivot += 1
        if pivot == rows.shape[0]:
            continue
        spare[:] = rows[pivot]
        rows[pivot] = rows[found]
        rows[found] = spare
        for i in range(rows.shape[0]):
            if i != found and _bit(rows[i], column):
                _add(rows[i], spare, rows[i])
        basis[found] = column
        found += 1
        if found == rows.shape[0]:
            break
    return found


@compiled
def nearest(rows: WordArray, guess: WordArray, table: FloatArray, n_bits: int, best: WordArray) -> int:
    """Write to ``best`` the cheapest difference of ``guess`` to a word, up to two of the basis wrong or three of its end.

    ``rows``: of the generator, columns in order of how sure they are. Returns the rank.
    """
    work = rows.copy()
    basis = np.empty(rows.shape[0], np.int64)
    rank = _reduce(work, n_bits, basis)
    base, one, two, three = guess.copy(), guess.copy(), guess.copy(), guess.copy()
    for i in range(rank):
        if _bit(guess, basis[i]):
            _add(base, work[i], base)
    best[:] = base
    rest = _least_ahead(table)
    least = _cost(base, table, rest, np.float32(np.inf))
    for i in range(rank):
        _add(base, work[i], one)
        cost = _cost(one, table, rest, least)
        if cost < least:
            least = cost
            best[:] = one
        for j in range(i):
            _add(one, work[j], two)
            cost = _cost(two, table, rest, least)
            if cost < least:
                least = cost
                best[:] = two
            for k in range(max(0, rank - _LEAST_SURE), j):
                _add(two, work[k], three)
                cost = _cost(three, table, rest, least)
                if cost < least:
                    least = cost
                    best[:] = three
    return rank
