"""The loops of the Viterbi decoder, compiled. Imported on first use only: numba is slow to load.

State s: the last K - 1 input bits, newest in the highest bit. Its two predecessors are (2 s) mod 2^(K-1) and that plus 1; the
register on the way is 2 s or 2 s + 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

BitArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]
Result = tuple[BitArray, np.float32, np.float32]
NEVER = np.float32(-1e30)


@njit(cache=True)
def _forward(llr: FloatArray, outputs: IntArray, metrics: FloatArray, choices: BitArray, leads: FloatArray) -> FloatArray:
    """Return the metrics of the end states; fills ``choices`` (the better predecessor) and ``leads`` (by how much), shape (n, states)."""
    n, n_out = llr.shape
    n_states = metrics.shape[0]
    old, new = metrics.copy(), np.empty_like(metrics)
    branch = np.empty(1 << n_out, dtype=np.float32)
    for t in range(n):
        for word in range(1 << n_out):
            total = np.float32(0.0)
            for j in range(n_out):
                total += -llr[t, j] if (word >> j) & 1 else llr[t, j]
            branch[word] = total
        for state in range(n_states):
            before = (2 * state) & (n_states - 1)
            first = old[before] + branch[outputs[2 * state]]
            second = old[before + 1] + branch[outputs[2 * state + 1]]
            difference = second - first
            chosen = difference > 0.0
            new[state] = second if chosen else first
            choices[t, state] = chosen
            leads[t, state] = abs(difference)
        old, new = new, old
    return old


@njit(cache=True)
def _trace(choices: BitArray, leads: FloatArray, end: int, memory: int, bits: BitArray) -> np.float32:
    """Fill ``bits`` with the word that survives in state ``end``; return the smallest lead on its way."""
    n, n_states = choices.shape
    state, margin = end, np.float32(1e30)
    for t in range(n - 1, -1, -1):
        bits[t] = state >> (memory - 1)
        margin = min(margin, leads[t, state])
        state = ((2 * state) & (n_states - 1)) + choices[t, state]
    return margin


@njit(cache=True)
def decode_between(llr: FloatArray, outputs: IntArray, constraint_length: int, start: int, end: int) -> Result:
    """Return (bits, metric, margin) of the best word from state ``start`` to state ``end``. ``llr``: shape (n, taps)."""
    n_states = 1 << (constraint_length - 1)
    n = llr.shape[0]
    metrics = np.full(n_states, NEVER, dtype=np.float32)
    metrics[start] = 0.0
    choices = np.empty((n, n_states), dtype=np.uint8)
    leads = np.empty((n, n_states), dtype=np.float32)
    last = _forward(llr, outputs, metrics, choices, leads)
    bits = np.empty(n, dtype=np.uint8)
    margin = _trace(choices, leads, end, constraint_length - 1, bits)
    return bits, last[end], margin


@njit(cache=True)
def decode_circular(llr: FloatArray, outputs: IntArray, constraint_length: int) -> Result:
    """Return (bits, metric, margin) of the best word that ends where it starts. ``llr``: shape (n, taps)."""
    n_states = 1 << (constraint_length - 1)
    n = llr.shape[0]
    choices = np.empty((n, n_states), dtype=np.uint8)
    leads = np.empty((n, n_states), dtype=np.float32)
    bounds = _forward(llr, outputs, np.zeros(n_states, dtype=np.float32), choices, leads)
    order = np.argsort(-bounds)
    best, second, margin = NEVER, NEVER, np.float32(1e30)
    bits, trial = np.empty(n, dtype=np.uint8), np.empty(n, dtype=np.uint8)
    for state in order:
        if bounds[state] <= best:  # this state and all after it: no word of theirs can win
            second = max(second, bounds[state])
            break
        metrics = np.full(n_states, NEVER, dtype=np.float32)
        metrics[state] = 0.0
        metric = _forward(llr, outputs, metrics, choices, leads)[state]
        if metric > best:
            second, best = best, metric
            margin = _trace(choices, leads, state, constraint_length - 1, trial)
            bits[:] = trial
        else:
            second = max(second, metric)
    return bits, best, min(margin, best - second)
