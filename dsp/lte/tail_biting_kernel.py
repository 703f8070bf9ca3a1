"""The loops of the tail-biting decoder, compiled. Imported on first use only: numba is slow to load.

A state is the last six bits, newest highest: from state s, bit b leads to (b << 5) | (s >> 1).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.crc import BitArray
from dsp.jit import compiled
from dsp.types import FloatArray

IntArray = npt.NDArray[np.int64]
_STATES = 64
_HALF = 32
_FREE_LAPS = 4
_MAX_LAPS = _FREE_LAPS + _STATES
_NEVER = np.float32(1e30)


@compiled
def _step(old: FloatArray, new: FloatArray, choice: BitArray, pattern: IntArray, branch: FloatArray) -> None:
    """Take one bit: ``new`` metrics from ``old``; ``choice`` is 1 where the path came from the odd one of the two states before."""
    for j in range(_HALF):
        m = branch[pattern[j]]
        even, odd = old[2 * j], old[2 * j + 1]
        a, b = even + m, odd - m
        c, d = even - m, odd + m
        choice[j] = b > a
        new[j] = max(a, b)
        choice[j + _HALF] = d > c
        new[j + _HALF] = max(c, d)


@compiled
def _lap(soft: FloatArray, pattern: IntArray, metric: FloatArray, spare: FloatArray, choices: BitArray) -> None:
    """Go once round; the metrics end up in ``metric``."""
    n = soft.size // 3
    branch = np.empty(8, dtype=np.float32)
    for i in range(n):
        x, y, z = soft[i], soft[n + i], soft[2 * n + i]
        for p in range(8):
            branch[p] = (-x if p & 1 else x) + (-y if p & 2 else y) + (-z if p & 4 else z)
        _step(metric, spare, choices[i], pattern, branch)
        metric[:] = spare


@compiled
def _trace(choices: BitArray, end: int, bits: BitArray) -> int:
    """Write the path that ends in state ``end`` to ``bits`` and return the state it began in."""
    state = end
    for i in range(bits.size - 1, -1, -1):
        bits[i] = state >> 5
        state = ((state & 31) << 1) | choices[i, state]
    return state


@compiled
def _agreement(soft: FloatArray, bits: BitArray) -> float:
    """Return the sum of ``soft`` with the signs of ``bits`` coded again."""
    n = bits.size
    state = 0
    for i in range(n - 6, n):
        state = (bits[i] << 5) | (state >> 1)
    total = 0.0
    for i in range(n):
        register = (bits[i] << 6) | state
        state = register >> 1
        for g in range(3):
            ones = register & (0o133 if g == 0 else (0o171 if g == 1 else 0o165))
            ones ^= ones >> 4
            ones ^= ones >> 2
            ones ^= ones >> 1
            total += -soft[g * n + i] if ones & 1 else soft[g * n + i]
    return total


@compiled
def _decode(soft: FloatArray, pattern: IntArray, bits: BitArray, choices: BitArray, work: FloatArray) -> int:
    """Decode one block into ``bits``; return how many laps it took. ``work``: shape (3, 64), scratch.

    A word through state s adds its metric to what s had when a lap began, and the lap keeps the best path, so no such word is better
    than what s gained in any lap.
    """
    metric, spare, bound = work[0], work[1], work[2]
    metric[:] = 0.0
    bound[:] = _NEVER
    best = -_NEVER
    laps = 0
    for _ in range(_FREE_LAPS):
        before = metric.copy()
        _lap(soft, pattern, metric, spare, choices)
        laps += 1
        for s in range(_STATES):
            bound[s] = min(bound[s], metric[s] - before[s])
        top = int(np.argmax(bound))
        if _trace(choices, top, bits) == top:
            return laps
    while laps < _MAX_LAPS:
        top = int(np.argmax(bound))
        if bound[top] <= best:
            break
        metric[:] = -_NEVER
        metric[top] = 0.0
        _lap(soft, pattern, metric, spare, choices)
        laps += 1
        bound[top] = -_NEVER
        if metric[top] > best:
            best = metric[top]
            _trace(choices, top, bits)
    return laps


@compiled
def decode_batch(soft: FloatArray, pattern: IntArray, bits: BitArray, metric: FloatArray) -> int:
    """Decode each row of ``soft`` into ``bits`` and ``metric``; return the laps taken in all."""
    choices = np.empty((bits.shape[1], _STATES), dtype=np.uint8)
    work = np.empty((3, _STATES), dtype=np.float32)
    laps = 0
    for row in range(soft.shape[0]):
        laps += _decode(soft[row], pattern, bits[row], choices, work)
        metric[row] = _agreement(soft[row], bits[row])
    return laps
