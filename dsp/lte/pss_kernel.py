"""The compiled loops of the PSS search."""

from __future__ import annotations

import numpy as np

from dsp.jit import compiled


@compiled
def fill_product(spectrum, replica, first, half, out):  # type: ignore[no-untyped-def]
    """Write spectrum x replica of each block to ``out`` in the FFT's order.

    ``spectrum``: (n_blocks, n) lowest frequency first; ``replica``: (2 half,), for frequencies -half to half - 1; ``first``: the bin of
    ``spectrum`` that meets replica[0]. What lies between stays as it was: zero.
    """
    n = out.shape[1]
    for block in range(out.shape[0]):
        row, target = spectrum[block], out[block]
        for k in range(half):
            target[n - half + k] = row[first + k] * replica[k]
        for k in range(half):
            target[k] = row[first + half + k] * replica[half + k]


@compiled
def add_power(correlation, weight, step, power):  # type: ignore[no-untyped-def]
    """Write weight x |correlation|^2 of the first ``step`` outputs of each block, one after the other, to ``power``."""
    for block in range(correlation.shape[0]):
        row = correlation[block]
        for k in range(step):
            value = row[k]
            power[block * step + k] = (value.real * value.real + value.imag * value.imag) * weight[block * step + k]


@compiled
def best_over_drift(power, shifts, period, margin, best, which):  # type: ignore[no-untyped-def]
    """Write to ``best``, shape (period,), the largest sum over half frames of any drift, and to ``which`` that drift's row in ``shifts``.

    ``power``: margin zeros, the half frames, margin zeros; ``shifts``: (n_drifts, n_rows) whole samples, at most ``margin``.
    """
    n_drifts, n_rows = shifts.shape
    chunk = 480
    total = np.empty(chunk, dtype=np.float32)
    for start in range(0, period, chunk):
        size = min(chunk, period - start)
        top, top_drift = best[start : start + size], which[start : start + size]
        top[:] = -1.0
        for d in range(n_drifts):
            total[:size] = 0.0
            for row in range(n_rows):
                at = margin + row * period + start + shifts[d, row]
                piece = power[at : at + size]  # a slice of its own lets the loop be vectorised
                for n in range(size):
                    total[n] += piece[n]
            for n in range(size):
                better = total[n] > top[n]
                top[n] = total[n] if better else top[n]
                top_drift[n] = d if better else top_drift[n]
