"""The loops of the turbo decoder, compiled. Imported on first use only: numba is slow to load.

A state is the register's three bits, newest highest. From state s with input u, a = u + s2 + s3 enters the register and a + s1 + s3 is
sent as parity (g0 = 1 + D2 + D3, g1 = 1 + D + D3).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.crc import BitArray
from dsp.jit import compiled
from dsp.types import FloatArray

IntArray = npt.NDArray[np.int64]
Real = Any
_STATES = 8
_TAIL = 3
_NEVER = np.float32(-1e30)
_LN2 = np.float32(0.6931472)


@compiled
def _either(a: Real, b: Real) -> Real:
    """Return log(exp a + exp b), its correction a straight line to zero at 2.77 (0.05 off at most)."""
    return max(a, b) + max(np.float32(0.0), _LN2 - np.float32(0.25) * abs(a - b))


@compiled
def _branches(near: float, parity: float, costs: FloatArray) -> None:
    """Write the metric of (input, parity) = 00, 01, 10, 11 to ``costs``."""
    costs[0] = 0.5 * (near + parity)
    costs[1] = 0.5 * (near - parity)
    costs[2] = -costs[1]
    costs[3] = -costs[0]


@compiled
def _forward(near: FloatArray, parity: FloatArray, trellis: IntArray, alpha: FloatArray, costs: FloatArray) -> None:
    """Fill ``alpha``, shape (n + 1, 8), from state 0 on."""
    alpha[0, 0] = 0.0
    alpha[0, 1:] = _NEVER
    for k in range(alpha.shape[0] - 1):
        _branches(near[k], parity[k], costs)
        for s in range(_STATES):
            best = alpha[k, trellis[s, 0]] + costs[trellis[s, 2]]
            other = alpha[k, trellis[s, 1]] + costs[trellis[s, 3]]
            alpha[k + 1, s] = _either(best, other)


@compiled
def _end(tail: FloatArray, parity: FloatArray, beta: FloatArray, spare: FloatArray) -> None:
    """Write to ``beta`` what each state gains on its way back to zero over the last three steps."""
    beta[:] = _NEVER
    beta[0] = 0.0
    for k in range(_TAIL - 1, -1, -1):
        for s in range(_STATES):
            u = (s >> 1 ^ s) & 1
            p = (s >> 2 ^ s) & 1
            gain = (-tail[k] if u else tail[k]) + (-parity[k] if p else parity[k])
            spare[s] = 0.5 * gain + beta[s >> 1]
        beta[:] = spare


@compiled
def _siso(
    near: FloatArray, parity: FloatArray, steps: tuple[IntArray, IntArray], work: tuple[FloatArray, ...], out: FloatArray, sure: FloatArray
) -> None:
    """Write the soft bits after one constituent decoder to ``out``, shape (n,), and those of its parity to ``sure``, same shape or empty.

    ``near``: (n + 3,), systematic and prior; ``parity`` too.

    ``steps``: by state, the two states before with their branches, and (next, branch) of input 0 and 1.
    """
    before, after = steps
    alpha, beta, spare, costs = work
    n = out.size
    odd = np.empty(2, np.float32)
    _forward(near, parity, before, alpha[: n + 1], costs)
    _end(near[n:], parity[n:], beta, spare)
    for k in range(n - 1, -1, -1):
        _branches(near[k], parity[k], costs)
        zero: Real = _NEVER
        one: Real = _NEVER
        odd[:] = _NEVER
        for s in range(_STATES):
            a = beta[after[s, 0]] + costs[after[s, 1]]
            b = beta[after[s, 2]] + costs[after[s, 3]]
            spare[s] = _either(a, b)
            zero = _either(zero, alpha[k, s] + a)
            one = _either(one, alpha[k, s] + b)
            if sure.size:
                odd[after[s, 1] & 1] = _either(odd[after[s, 1] & 1], alpha[k, s] + a)
                odd[after[s, 3] & 1] = _either(odd[after[s, 3] & 1], alpha[k, s] + b)
        beta[:] = spare
        out[k] = zero - one
        if sure.size:
            sure[k] = odd[0] - odd[1]


@compiled
def _passes(bits: BitArray, polynomial: int) -> bool:
    """Return whether the 24 parity bits at the end of ``bits`` are right (zeros in front change nothing)."""
    register = 0
    for bit in bits:
        register = register << 1 | bit
        if register >> 24:
            register ^= polynomial
    return register == 0


@compiled
def decode_one(
    soft: FloatArray, order: IntArray, steps: tuple[IntArray, IntArray], limits: tuple[int, int], bits: BitArray, sure: FloatArray
) -> int:
    """Decode ``soft``, shape (3, n + 4), into ``bits``, shape (n,); return the half iterations taken, 0 where the CRC never passed.

    ``limits``: the CRC's polynomial, 0 to go on whatever it says, and the iterations. ``sure``, shape of ``soft``: the soft bits at the
    end, of the last iteration.
    """
    n = bits.size
    work = (np.empty((n + 1, _STATES), np.float32), np.empty(_STATES, np.float32), np.empty(_STATES, np.float32), np.empty(4, np.float32))
    near, turned = np.empty(n + 3, np.float32), np.empty(n + 3, np.float32)
    first, second = np.empty(n + 3, np.float32), np.empty(n + 3, np.float32)
    first[:n], second[:n] = soft[1, :n], soft[2, :n]
    for k in range(_TAIL):  # TS 36.212 cl. 5.1.3.2.2: twelve tail bits go out over three streams
        i, j = 2 * k, 2 * k + 1
        near[n + k], first[n + k] = soft[i % 3, n + i // 3], soft[j % 3, n + j // 3]
        turned[n + k], second[n + k] = soft[i % 3, n + 2 + i // 3], soft[j % 3, n + 2 + j // 3]
    near[:n] = soft[0, :n]
    out = np.empty(n, np.float32)
    sure[:] = soft
    for half in range(2 * limits[1]):
        last = half >= 2 * limits[1] - 2
        parity = sure[1 + half % 2, : n if last else 0]
        if half % 2 == 0:
            _siso(near, first, steps, work, out, parity)
            for k in range(n):
                bits[k] = out[k] < 0
            for k in range(n):
                turned[k] = soft[0, order[k]] + (out[order[k]] - near[order[k]])
        else:
            _siso(turned, second, steps, work, out, parity)
            for k in range(n):
                bits[order[k]] = out[k] < 0
                sure[0, order[k]] = out[k]
                near[order[k]] = soft[0, order[k]] + (out[k] - turned[k])
        if limits[0] and _passes(bits, limits[0]):
            return half + 1
    return 0
