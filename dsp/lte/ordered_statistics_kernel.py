"""The loops of ordered-statistics decoding, compiled. Imported on first use only: numba is slow to load."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.crc import BitArray
from dsp.jit import compiled
from dsp.types import FloatArray

WordArray = npt.NDArray[np.uint64]
IntArray = npt.NDArray[np.int64]
Real = Any
_MUCH = np.float32(1e30)


@compiled
def _bit(words: WordArray, at: int) -> bool:
    return bool((words[at >> 6] >> np.uint64(at & 63)) & np.uint64(1))


@compiled
def _add(a: WordArray, b: WordArray, out: WordArray) -> None:
    for i in range(a.size):
        out[i] = a[i] ^ b[i]


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
def _columns(words: WordArray, columns: IntArray, out: WordArray) -> None:
    """Write the bits of ``words`` in ``columns`` to ``out``, packed."""
    out[:] = 0
    for t in range(columns.size):
        if _bit(words, columns[t]):
            out[t >> 6] |= np.uint64(1) << np.uint64(t & 63)


@compiled
def _tables(costs: FloatArray, n_words: int) -> tuple[FloatArray, FloatArray]:
    """Return what each byte of a difference costs, (8 n_words, 256), and the least that each word and those behind it add, (n_words,)."""
    table = np.zeros((8 * n_words, 256), np.float32)
    for t in range(costs.size):
        for value in range(256):
            if value >> (t & 7) & 1:
                table[t >> 3, value] += costs[t]
    ahead = np.zeros(n_words, np.float32)
    least = np.float32(0.0)
    for byte in range(8 * n_words - 1, -1, -1):
        least += table[byte].min()
        ahead[byte >> 3] = least
    return table, ahead


@compiled
def _cost(words: WordArray, tables: tuple[FloatArray, FloatArray], least: Real) -> Real:
    """Return the sum of the table over the bytes of ``words``; very much where it cannot come below ``least``."""
    table, ahead = tables
    total = np.float32(0.0)
    for i in range(words.size):
        if total + ahead[i] >= least:
            return _MUCH
        word = words[i]
        for b in range(8):
            total += table[8 * i + b, np.int64((word >> np.uint64(8 * b)) & np.uint64(255))]
    return total


@compiled
def _search(
    base: WordArray, part: WordArray, own: FloatArray, tables: tuple[FloatArray, FloatArray], reach: int, found: tuple[WordArray, IntArray]
) -> None:
    """Write the cheapest of ``base`` and its sums with up to three rows of ``part``, (rank, n_words), and the rows, to ``found``.

    ``own``, (rank,): what each row costs beside the table; the third is one of the last ``reach``.
    """
    least = _cost(base, tables, _MUCH)
    best, chosen = found
    rank = own.size
    one, two, three = np.empty((3, base.size), np.uint64)
    for i in range(rank):
        _add(base, part[i], one)
        cost = own[i] + _cost(one, tables, least - own[i])
        if cost < least:
            least, best[:] = cost, one
            chosen[:] = i, -1, -1
        for j in range(i):
            _add(one, part[j], two)
            cost = own[i] + own[j] + _cost(two, tables, least - own[i] - own[j])
            if cost < least:
                least, best[:] = cost, two
                chosen[:] = i, j, -1
            for k in range(max(0, rank - reach), j):
                _add(two, part[k], three)
                spent = own[i] + own[j] + own[k]
                cost = spent + _cost(three, tables, least - spent)
                if cost < least:
                    least, best[:] = cost, three
                    chosen[:] = i, j, k


@compiled
def nearest(rows: WordArray, guess: WordArray, costs: FloatArray, reach: int, turned: BitArray) -> int:
    """Write to ``turned``, (n_bits,), the cheapest difference of ``guess`` to a word, up to two of the basis wrong or three of its end.

    ``rows``: of the generator, columns in order of how sure they are; ``costs``, (n_bits,): of turning each; ``reach``: of the basis,
    so many are turned by threes. Returns the rank.
    """
    work = rows.copy()
    basis = np.empty(rows.shape[0], np.int64)
    rank = _reduce(work, costs.size, basis)
    free = np.ones(costs.size, np.bool_)
    free[basis[:rank]] = False
    others = np.flatnonzero(free)
    others = others[np.argsort(-np.abs(costs[others]), kind="mergesort")]  # the dearest first: most words are given up early
    n_words = (others.size + 63) >> 6
    tables = _tables(costs[others], n_words)
    own = costs[basis[:rank]]
    part = np.empty((rank, n_words), np.uint64)
    base = np.empty(n_words, np.uint64)
    _columns(guess, others, base)
    for i in range(rank):
        _columns(work[i], others, part[i])
        if _bit(guess, basis[i]):
            _add(base, part[i], base)
    best, chosen = base.copy(), np.full(3, -1)
    _search(base, part, own, tables, reach, (best, chosen))
    for t in range(others.size):
        turned[others[t]] = _bit(best, t)
    for i in chosen:
        if i >= 0:
            turned[basis[i]] = 1
    return rank
