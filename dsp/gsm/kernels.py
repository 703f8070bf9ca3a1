"""The receiver's loops, compiled. Imported on first use only: numba is slow to load. No loop writes to its input."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Complex64 = npt.NDArray[np.complex64]
Complex128 = npt.NDArray[np.complex128]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
TINY = 1e-300


@njit(cache=True)
def filtered(stream: Complex64, table: Complex128, start: float, step: float, n: int) -> Complex128:
    """Return the filter's output at stream samples start + k step, shape (n,); ``table``: a row for each fraction of a sample."""
    phases, taps = table.shape[0] - 1, table.shape[1]
    out = np.zeros(n, np.complex128)
    for k in range(n):
        at = start + k * step
        base = int(np.floor(at))
        row = int((at - base) * phases + 0.5)
        first = base - taps // 2 + 1
        total = 0.0 + 0.0j
        for i in range(max(0, -first), min(taps, stream.shape[0] - first)):
            total += table[row, i] * stream[first + i]
        out[k] = total
    return out


@njit(cache=True)
def derotated(stream: Complex64, table: Complex128, start: float, step: float, n: int, turn: float) -> Complex128:
    """Return ``filtered`` symbols with the carrier's ``turn`` (radians a sample) and GMSK's quarter turn a symbol taken off."""
    out = filtered(stream, table, start, step, n)
    for k in range(n):
        angle = -turn * (start + k * step) - 0.5 * np.pi * (k % 4)
        out[k] *= complex(np.cos(angle), np.sin(angle))
    return out


@njit(cache=True)
def _branches(y: Complex128, taps: Complex128, noise: float, prior: Float64) -> Float64:
    """Return the likelihood of each branch, shape (n, 2^taps), the best of a symbol near 1.

    Code c of a branch: bit i is symbol k - i, 1 for a = -1; so c >> 1 is the state before, c without its highest bit the one after.
    """
    n, codes = y.shape[0], 1 << taps.shape[0]
    means = np.zeros(codes, np.complex128)
    for c in range(codes):
        for i in range(taps.shape[0]):
            means[c] += taps[i] if (c >> i) & 1 == 0 else -taps[i]
    gamma = np.empty((n, codes))
    for k in range(n):
        lowest = np.inf
        for c in range(codes):
            d = y[k] - means[c]
            gamma[k, c] = (d.real * d.real + d.imag * d.imag) / noise
            lowest = min(lowest, gamma[k, c])
        zero = 1.0 / (1.0 + np.exp(-prior[k]))
        for c in range(codes):
            gamma[k, c] = np.exp(lowest - gamma[k, c]) * (zero if c & 1 == 0 else 1.0 - zero)
    return gamma


@njit(cache=True)
def _forward(gamma: Float64) -> Float64:
    """Return the probability of each state before each symbol given what came before, shape (n + 1, states)."""
    n, codes = gamma.shape
    states = codes // 2
    alpha = np.zeros((n + 1, states))
    alpha[0, :] = 1.0 / states
    for k in range(n):
        total = 0.0
        for c in range(codes):
            v = alpha[k, c >> 1] * gamma[k, c]
            alpha[k + 1, c & (states - 1)] += v
            total += v
        scale = 1.0 / max(total, TINY)
        for s in range(states):
            alpha[k + 1, s] *= scale
    return alpha


@njit(cache=True)
def posterior(y: Complex128, taps: Complex128, noise: float, prior: Float64) -> Float64:
    """Return log P(0)/P(1) of each bit given all of ``y``, shape (n,): forward and backward sums of the branches (BCJR)."""
    gamma = _branches(y, taps, noise, prior)
    alpha = _forward(gamma)
    n, codes = gamma.shape
    states = codes // 2
    beta, fresh, llr = np.ones(states), np.zeros(states), np.zeros(n)
    for k in range(n - 1, -1, -1):
        zero, one, total = TINY, TINY, 0.0
        fresh[:] = 0.0
        for c in range(codes):
            v = gamma[k, c] * beta[c & (states - 1)]
            fresh[c >> 1] += v
            total += v
            if c & 1 == 0:
                zero += alpha[k, c >> 1] * v
            else:
                one += alpha[k, c >> 1] * v
        llr[k] = np.log(zero / one)
        scale = 1.0 / max(total, TINY)
        for s in range(states):
            beta[s] = fresh[s] * scale
    return llr


@njit(cache=True)
def correlated(samples: Complex128, pattern: Complex128, lags: int) -> Float64:
    """Return |correlation|^2 / (length x energy) of ``pattern`` with every second of ``samples``, from each of ``lags`` starts on."""
    length = pattern.shape[0]
    out = np.zeros(lags)
    for lag in range(lags):
        match, energy = 0.0 + 0.0j, 1e-30
        for i in range(length):
            v = samples[lag + 2 * i]
            match += v * pattern[i]
            energy += v.real * v.real + v.imag * v.imag
        out[lag] = (match.real * match.real + match.imag * match.imag) / (length * energy)
    return out


@njit(cache=True)
def training_energies(stream: Complex64, table: Complex128, starts: Float64, half_step: float, pattern: Complex128, lags: int) -> Float64:
    """Return the normalised energy of ``pattern``, the carrier's frequency in it, at each of ``lags`` half symbols, shape (n, lags)."""
    out = np.zeros((starts.shape[0], lags))
    for f in range(starts.shape[0]):
        samples = filtered(stream, table, starts[f], half_step, lags + 2 * (pattern.shape[0] - 1))
        out[f] = correlated(samples, pattern, lags)
    return out


@njit(cache=True)
def fold_training(energy: Float64, rows: Int64, drift: float) -> tuple[float, int]:
    """Return (mean energy, lag at frame 0) of the best lag, shifting row i by rows[i] * ``drift`` lags."""
    lags = energy.shape[1]
    total = np.zeros(lags)
    for i in range(rows.shape[0]):
        shift = int(np.floor(rows[i] * drift + 0.5))
        for lag in range(max(0, -shift), min(lags, lags - shift)):
            total[lag] += energy[i, lag + shift]
    best = int(np.argmax(total))
    return total[best] / max(rows.shape[0], 1), best


@njit(cache=True)
def whitened(power: Float32, floor: Float32, reach: int, guard: int) -> Float32:
    """Return ``power`` over the ``floor`` of its bin and the mean of its row within ``reach`` bins but not ``guard``."""
    rows, bins = power.shape
    out = np.zeros((rows, bins), np.float32)
    total, z = np.zeros(bins + 1), np.zeros(bins)
    for t in range(rows):
        for b in range(bins):
            z[b] = power[t, b] / floor[b]
            total[b + 1] = total[b] + z[b]
        for b in range(bins):
            low, high = max(b - reach, 0), min(b + reach + 1, bins)
            inner_low, inner_high = max(b - guard, 0), min(b + guard + 1, bins)
            n = (high - low) - (inner_high - inner_low)
            mean = (total[high] - total[low] - total[inner_high] + total[inner_low]) / max(n, 1)
            out[t, b] = z[b] / max(mean, 1.0)
    return out


@njit(cache=True)
def fold_tones(ratio: Float32, steps: Float64, period: float, limit: float) -> tuple[Float32, Int64]:
    """Return (best sum over rows p + ``steps`` modulo ``period``, each value up to ``limit``; its p) of each bin."""
    rows, bins = ratio.shape
    best, where, score = np.zeros(bins, np.float32), np.zeros(bins, np.int64), np.zeros(bins, np.float32)
    for p in range(int(period)):
        score[:] = 0.0
        for s in steps:
            t = int((p + s) % period + 0.5)
            if t < rows:
                for b in range(bins):
                    score[b] += min(ratio[t, b], limit)
        for b in range(bins):
            if score[b] > best[b]:
                best[b] = score[b]
                where[b] = p
    return best, where
