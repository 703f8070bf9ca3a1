"""The tail-biting convolutional code of TS 36.212 cl. 5.1.3.1: rate 1/3, 64 states, generators 133, 171, 165 (octal).

Decoding goes round the circle, each lap begun with the metrics the lap before ended with, until the best path ends in the state it
began in (the wrap-around Viterbi method), for a batch of blocks at once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError
from dsp.lte.sequences import BitArray
from dsp.types import FloatArray

GENERATORS: Final = (0o133, 0o171, 0o165)
MEMORY: Final = 6
MAX_LAPS: Final = 4


def encode_tail_biting(bits: BitArray) -> BitArray:
    """Return the coded bits, shape (3 n,): stream 133 first, then 171, then 165; the register begins with the last six ``bits``."""
    streams = []
    for generator in GENERATORS:
        taps = [delay for delay in range(MEMORY + 1) if generator >> (MEMORY - delay) & 1]
        streams.append(np.bitwise_xor.reduce([np.roll(bits, delay) for delay in taps], axis=0))
    return np.concatenate(streams).astype(np.uint8)


def decode_tail_biting(soft: FloatArray) -> tuple[BitArray, FloatArray]:
    """Return the likeliest bits, shape (n_blocks, n), and the match of each block, shape (n_blocks,).

    ``soft``: shape (n_blocks, 3 n), the streams as ``encode_tail_biting`` orders them, > 0 for bit 0, any scale. The match is the
    correlation of the soft bits with the decoded block sent again, over root (3 n sum of squares): 1 where every soft bit has the
    same size and the right sign, 0 for a block of zeros.

    Raises:
        ParameterError: the number of soft bits is no multiple of 3, or fewer than six bits come out.
    """
    n_blocks, n_soft = soft.shape
    if n_soft % 3 or n_soft < 3 * MEMORY:
        raise ParameterError("soft.shape[1]", n_soft, "a multiple of 3, at least 18")
    bits = np.empty((n_blocks, n_soft // 3), dtype=np.uint8)
    match = np.empty(n_blocks, dtype=np.float32)
    _kernel()(np.ascontiguousarray(soft, dtype=np.float32), _branch_signs(), bits, match)
    return bits, match


@lru_cache(maxsize=1)
def _branch_signs() -> npt.NDArray[np.int64]:
    """Return which of the 8 sign patterns (bit g set: stream g sends a 1) leaves state 2 j with input 0, shape (32,).

    All three generators have both end taps, so from state 2 j + 1, or with input 1, the same branch sends the opposite bits.
    """
    parity = [[(2 * j & generator).bit_count() & 1 for generator in GENERATORS] for j in range(32)]
    return np.array([p[0] | p[1] << 1 | p[2] << 2 for p in parity], dtype=np.int64)


@lru_cache(maxsize=1)
def _kernel() -> Any:
    """Return the compiled decoder; numba is imported on first use."""
    from dsp.lte.tail_biting_kernel import decode_batch

    return decode_batch
