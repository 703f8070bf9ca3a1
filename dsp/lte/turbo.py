"""The turbo code of TS 36.212 cl. 5.1.3.2: rate 1/3, two 8-state coders, a quadratic permutation between them.

Decoded by log-MAP with a straight line for its correction (max-log-MAP gives 0.2 dB away), until the CRC passes. Code blocks up to 2240
bits, all SIB1 can have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp.crc import LTE_CRC24A, BitArray
from dsp.errors import ParameterError
from dsp.types import FloatArray

TAIL_BITS: Final = 12
ITERATIONS: Final = 10

IndexArray = npt.NDArray[np.int64]

# fmt: off
_QPP: Final = (
    (3, 10), (7, 12), (19, 42), (7, 16), (7, 18), (11, 20), (5, 22), (11, 24), (7, 26), (41, 84), (103, 90), (15, 32), (9, 34), (17, 108),
    (9, 38), (21, 120), (101, 84), (21, 44), (57, 46), (23, 48), (13, 50), (27, 52), (11, 36), (27, 56), (85, 58), (29, 60), (33, 62),
    (15, 32), (17, 198), (33, 68), (103, 210), (19, 36), (19, 74), (37, 76), (19, 78), (21, 120), (21, 82), (115, 84), (193, 86), (21, 44),
    (133, 90), (81, 46), (45, 94), (23, 48), (243, 98), (151, 40), (155, 102), (25, 52), (51, 106), (47, 72), (91, 110), (29, 168),
    (29, 114), (247, 58), (29, 118), (89, 180), (91, 122), (157, 62), (55, 84), (31, 64),
    (17, 66), (35, 68), (227, 420), (65, 96), (19, 74), (37, 76), (41, 234), (39, 80), (185, 82), (43, 252), (21, 86), (155, 44), (79, 120),
    (139, 92), (23, 94), (217, 48), (25, 98), (17, 80), (127, 102), (25, 52), (239, 106), (17, 48), (137, 110), (215, 112), (29, 114),
    (15, 58), (147, 118), (29, 60), (59, 122), (65, 124), (55, 84), (31, 64),
    (17, 66), (171, 204), (67, 140), (35, 72), (19, 74), (39, 76), (19, 78), (199, 240), (21, 82), (211, 252), (21, 86), (43, 88),
    (149, 60), (45, 92), (49, 846), (71, 48), (13, 28), (17, 80), (25, 102), (183, 104), (55, 954), (127, 96), (27, 110), (29, 112),
    (29, 114), (57, 116), (45, 354), (31, 120), (59, 610), (185, 124), (113, 420), (31, 64),
    (17, 66), (171, 136), (209, 420),
)
# fmt: on
"""(f1, f2) of TS 36.212 table 5.1.3-3, by block size as in ``BLOCK_SIZES``."""
BLOCK_SIZES: Final[tuple[int, ...]] = (*range(40, 513, 8), *range(528, 1025, 16), *range(1056, 2049, 32), *range(2112, 2241, 64))


@dataclass(frozen=True, slots=True, kw_only=True)
class TurboDecode:
    """A block whose CRC24A passed."""

    bits: BitArray
    """Shape (n,), filler in front and CRC behind included."""
    half_iterations: int


def block_size(n_bits: int) -> int:
    """Return the smallest code block that holds ``n_bits``, CRC included (TS 36.212 cl. 5.1.2: K+).

    Raises:
        ParameterError: more than 2240.
    """
    for size in BLOCK_SIZES:
        if size >= n_bits:
            return size
    raise ParameterError("n_bits", n_bits, f"at most {BLOCK_SIZES[-1]}")


@lru_cache(maxsize=len(BLOCK_SIZES))
def interleaver(size: int) -> IndexArray:
    """Return which input bit the second coder takes at each step, shape (size,): f1 i + f2 i^2 modulo ``size``.

    Raises:
        ParameterError: ``size`` is no code block's.
    """
    if size not in BLOCK_SIZES:
        raise ParameterError("size", size, "a code block size of TS 36.212 table 5.1.3-3, at most 2240")
    f1, f2 = _QPP[BLOCK_SIZES.index(size)]
    i = np.arange(size, dtype=np.int64)
    order: IndexArray = (f1 * i + f2 * i * i) % size
    order.setflags(write=False)
    return order


def encode(bits: BitArray) -> BitArray:
    """Return the three coded streams, shape (3, n + 4), of ``bits``, shape (n,): systematic, parity, parity of the interleaved bits.

    The last four columns are the tail bits, in the standard's order.
    """
    n = bits.size
    out = np.zeros((3, n + 4), dtype=np.uint8)
    first, tail = _recursive(bits)
    second, other_tail = _recursive(bits[interleaver(n)])
    out[0, :n], out[1, :n], out[2, :n] = bits, first, second
    out[:, n:] = np.array(tail + other_tail, dtype=np.uint8).reshape(4, 3).T
    return out


def _recursive(bits: BitArray) -> tuple[list[int], list[int]]:
    """Return the parity bits of one coder and its six tail bits: input and parity, three times."""
    s1 = s2 = s3 = 0
    parity, tail = [], []
    for u in bits.tolist():
        a = u ^ s2 ^ s3
        parity.append(a ^ s1 ^ s3)
        s1, s2, s3 = a, s1, s2
    for _ in range(3):
        tail += [s2 ^ s3, s1 ^ s3]
        s1, s2, s3 = 0, s1, s2
    return parity, tail


def decode(soft: FloatArray, *, iterations: int = ITERATIONS) -> TurboDecode | None:
    """Return the block in ``soft``, shape (3, n + 4), > 0 for bit 0, any scale, or None where its CRC24A never passed.

    The word of all zeros, which passes any CRC, is no block. Filler bits have very large soft values. Decoding ends at the first half
    iteration whose CRC passes, so the CRC is asked up to twice an iteration.
    """
    bits, _, taken = _decoded(soft, LTE_CRC24A.polynomial | 1 << LTE_CRC24A.width, iterations)
    return TurboDecode(bits=bits, half_iterations=taken) if taken and bits.any() else None


def sureness(soft: FloatArray, *, iterations: int = ITERATIONS) -> FloatArray:
    """Return the soft values of all coded bits after so many iterations, shape of ``soft``; no CRC is asked."""
    return _decoded(soft, 0, iterations)[1]


def _decoded(soft: FloatArray, polynomial: int, iterations: int) -> tuple[BitArray, FloatArray, int]:
    """Return the bits, the soft values of all coded bits, and the half iterations taken until the CRC passed, else 0."""
    bits = np.empty(soft.shape[1] - 4, dtype=np.uint8)
    sure = np.empty(soft.shape, dtype=np.float32)
    limits = (polynomial, iterations)
    taken = _kernel()(np.ascontiguousarray(soft, dtype=np.float32), interleaver(bits.size), _trellis(), limits, bits, sure)
    return bits, sure, taken


@lru_cache(maxsize=1)
def _trellis() -> tuple[IndexArray, IndexArray]:
    """Return, shape (8, 4) each, (state before, state before, branch, branch) and (next, branch of 0, next, branch of 1) of each state.

    A branch is 2 x input + parity.
    """
    before: list[list[tuple[int, int]]] = [[] for _ in range(8)]
    after = []
    for s in range(8):
        row: list[int] = []
        for u in (0, 1):
            a = u ^ (s >> 1 & 1) ^ (s & 1)
            branch = 2 * u + (a ^ (s >> 2 & 1) ^ (s & 1))
            row += [a << 2 | s >> 1, branch]
            before[a << 2 | s >> 1].append((s, branch))
        after.append(row)
    return np.array([[x[0], y[0], x[1], y[1]] for x, y in before], dtype=np.int64), np.array(after, dtype=np.int64)


@lru_cache(maxsize=1)
def _kernel() -> Any:
    """Return the compiled decoder; numba is imported on first use."""
    from dsp.lte.turbo_kernel import decode_one

    return decode_one
