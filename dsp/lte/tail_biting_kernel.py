"""The compiled loop of the tail-biting decoder.

A state is the last six bits, newest highest: from state s, bit b leads to (b << 5) | (s >> 1).
"""

from __future__ import annotations

import numpy as np
from numba import njit

_STATES = 64
_HALF = 32


@njit(cache=True, fastmath=True)
def _add_compare_select(old, new, choice, pattern, branch):  # type: ignore[no-untyped-def]
    """One step: ``new`` metrics from ``old``; ``choice`` is 1 where the path came from the odd one of the two states before."""
    for j in range(_HALF):
        m = branch[pattern[j]]
        even, odd = old[2 * j], old[2 * j + 1]
        a, b = even + m, odd - m
        c, d = even - m, odd + m
        choice[j] = b > a
        new[j] = max(a, b)
        choice[j + _HALF] = d > c
        new[j + _HALF] = max(c, d)


@njit(cache=True, fastmath=True)
def _lap(soft, pattern, metric, spare, choices):  # type: ignore[no-untyped-def]
    """Go once round; the metrics end up in ``metric``."""
    n = soft.size // 3
    branch = np.empty(8, dtype=np.float32)
    for i in range(n):
        x, y, z = soft[i], soft[n + i], soft[2 * n + i]
        for p in range(8):
            branch[p] = (-x if p & 1 else x) + (-y if p & 2 else y) + (-z if p & 4 else z)
        _add_compare_select(metric, spare, choices[i], pattern, branch)
        metric[:] = spare


@njit(cache=True)
def _trace(choices, end, bits):  # type: ignore[no-untyped-def]
    """Write the path that ends in state ``end`` to ``bits`` and return the state it began in."""
    state = end
    for i in range(bits.size - 1, -1, -1):
        bits[i] = state >> 5
        state = ((state & 31) << 1) | choices[i, state]
    return state


@njit(cache=True)
def _correlation(soft, bits):  # type: ignore[no-untyped-def]
    """Return the match of ``soft`` with ``bits`` coded again (see ``tail_biting.decode_tail_biting``)."""
    n = bits.size
    state = 0
    for i in range(n - 6, n):
        state = (bits[i] << 5) | (state >> 1)
    total, energy = 0.0, 0.0
    for i in range(n):
        register = (bits[i] << 6) | state
        state = register >> 1
        for g in range(3):
            generator = 0o133 if g == 0 else (0o171 if g == 1 else 0o165)
            ones = register & generator
            ones ^= ones >> 4
            ones ^= ones >> 2
            ones ^= ones >> 1
            value = soft[g * n + i]
            total += -value if ones & 1 else value
            energy += value * value
    return total / np.sqrt(3 * n * energy) if energy > 0.0 else 0.0


@njit(cache=True)
def decode_batch(soft, pattern, bits, match):  # type: ignore[no-untyped-def]
    """Decode each row of ``soft`` into ``bits`` and ``match``: up to four laps, until the best path bites its tail."""
    n = bits.shape[1]
    choices = np.empty((n, _STATES), dtype=np.uint8)
    metric = np.empty(_STATES, dtype=np.float32)
    spare = np.empty(_STATES, dtype=np.float32)
    for row in range(soft.shape[0]):
        metric[:] = 0.0
        for _ in range(4):
            _lap(soft[row], pattern, metric, spare, choices)
            best = np.argmax(metric)
            if _trace(choices, best, bits[row]) == best:
                break
        match[row] = _correlation(soft[row], bits[row])
