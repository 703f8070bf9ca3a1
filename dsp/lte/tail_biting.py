"""The tail-biting convolutional code of TS 36.212 cl. 5.1.3.1: rate 1/3, 64 states, generators 133, 171, 165 (octal).

A cell search decodes thousands of blocks, most of them noise, on which ``dsp.viterbi``'s decoder tries nearly every state. This one gives
the same answer, the likeliest word, about ten times as fast: laps round the circle, each begun with the metrics the one before ended with,
bound what a word through each state can reach (the least gain of that state in any lap so far); a word that bites its tail and reaches
the highest bound has won, else the states are tried in the order of their bounds.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp.crc import BitArray
from dsp.errors import ParameterError
from dsp.types import FloatArray
from dsp.viterbi import ConvolutionalCode, encode

CODE: Final = ConvolutionalCode(constraint_length=7, taps=(0o133, 0o171, 0o165))


def encode_tail_biting(bits: BitArray) -> BitArray:
    """Return the coded bits, shape (3 n,): stream 133 first, then 171, then 165; the register begins with the last six ``bits``."""
    return encode(CODE, bits, tail_biting=True).reshape(-1, 3).T.reshape(-1)


def decode_tail_biting(soft: FloatArray) -> tuple[BitArray, FloatArray]:
    """Return the likeliest bits, shape (n_blocks, n), and the metric of each block, shape (n_blocks,).

    ``soft``: shape (n_blocks, 3 n), the streams as ``encode_tail_biting`` orders them, > 0 for bit 0, any scale. The metric is the sum
    of the soft bits, each with the sign of the decoded block sent again.

    Raises:
        ParameterError: the number of soft bits is no multiple of 3, or fewer than six bits come out.
    """
    n_blocks, n_soft = soft.shape
    if n_soft % 3 or n_soft < 3 * (CODE.constraint_length - 1):
        raise ParameterError("soft.shape[1]", n_soft, "a multiple of 3, at least 18")
    bits = np.empty((n_blocks, n_soft // 3), dtype=np.uint8)
    metric = np.empty(n_blocks, dtype=np.float32)
    _kernel()(np.ascontiguousarray(soft, dtype=np.float32), _branch_signs(), bits, metric)
    return bits, metric


@lru_cache(maxsize=1)
def _branch_signs() -> npt.NDArray[np.int64]:
    """Return which of the 8 sign patterns (bit g set: stream g sends a 1) leaves state 2 j with input 0, shape (32,).

    All three generators have both end taps, so from state 2 j + 1, or with input 1, the same branch sends the opposite bits.
    """
    parity = [[(2 * j & generator).bit_count() & 1 for generator in CODE.taps] for j in range(32)]
    return np.array([p[0] | p[1] << 1 | p[2] << 2 for p in parity], dtype=np.int64)


@lru_cache(maxsize=1)
def _kernel() -> Any:
    """Return the compiled decoder; numba is imported on first use."""
    from dsp.lte.tail_biting_kernel import decode_batch

    return decode_batch
