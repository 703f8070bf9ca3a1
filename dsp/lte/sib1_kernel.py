"""The loop that ranks allocations, compiled. Imported on first use only: numba is slow to load."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.jit import compiled
from dsp.types import FloatArray

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@compiled
def gather(soft: FloatArray, free: BoolArray, signs: FloatArray, data_start: int, blocks: IntArray, out: FloatArray) -> int:
    """Write the descrambled soft bits of an allocation to ``out``, in the order sent; return how many.

    ``blocks``: the physical ones of each slot, (2, length). With four ports, ``soft`` has each element as sent from ports 0 and 2 and as
    from 1 and 3, which pairs of an allocation's elements take in turn.
    """
    n = 0
    per_slot = free.shape[0] // 2
    for symbol in range(data_start, free.shape[0]):
        slot = symbol // per_slot
        for i in range(blocks.shape[1]):
            for k in range(12 * blocks[slot, i], 12 * blocks[slot, i] + 12):
                if free[symbol, k]:
                    pair = (n >> 2) % soft.shape[2]
                    out[n] = soft[symbol, k, pair, 0] * signs[n]
                    out[n + 1] = soft[symbol, k, pair, 1] * signs[n + 1]
                    n += 2
    return n


@compiled
def repetition(bits: FloatArray, lags: IntArray, least: int, sums: FloatArray) -> None:
    """Add to ``sums``, shape (n_lags, 2), the products of bits ``lag`` apart and their squares, where there are ``least`` or more."""
    for i in range(lags.size):
        lag = lags[i]
        if bits.size < lag + least:
            continue
        total, squares = np.float32(0.0), np.float32(0.0)
        for k in range(bits.size - lag):
            product = bits[k] * bits[k + lag]
            total += product
            squares += product * product
        sums[i, 0] += total
        sums[i, 1] += squares


@compiled
def score(
    softs: FloatArray,
    elements: tuple[BoolArray, FloatArray],
    places: tuple[IntArray, IntArray],
    lags: IntArray,
    limits: tuple[int, float],
    scores: FloatArray,
) -> int:
    """Write each place's score at each lag to ``scores``, (n_places, n_lags), zero where it repeats too little; return how many places.

    ``elements``: which can carry data, and the signs of the scrambling. ``places``: (first symbol, first block, length), (n_places, 3), and
    the blocks of both slots, (n_places, 2, longest). ``limits``: the least number of repeated bits, and the score after which no later
    place in another block is looked at.
    """
    free, signs = elements
    described, blocks = places
    bits = np.empty(2 * free.size, dtype=np.float32)
    sums = np.empty((lags.size, 2), dtype=np.float32)
    sure = False
    for p in range(described.shape[0]):
        if sure and described[p, 1] != described[p - 1, 1]:
            return p
        sums[:] = 0.0
        for one in range(softs.shape[0]):
            n = gather(softs[one], free, signs, described[p, 0], blocks[p, :, : described[p, 2]], bits)
            repetition(bits[:n], lags, limits[0], sums)
        for i in range(lags.size):
            scores[p, i] = sums[i, 0] / np.sqrt(sums[i, 1]) if sums[i, 1] > 0.0 else 0.0
            sure = sure or scores[p, i] > limits[1]
    return len(described)
