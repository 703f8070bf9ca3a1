"""Blocks that the turbo decoder leaves undecided, by ordered statistics over turbo code and CRC together.

The coded bits are put in order of how sure the turbo decoder is of each; the surest that are independent of one another fix a word of the
joint code, in which the 24 bits of the CRC are parity like any other. That word and all with one or two of those bits turned are compared
with what was heard. Every word has a valid CRC then, which proves nothing: belief is the margin's business (``sib1_search``).
Method: Fossorier and Lin, IEEE Trans. Inf. Theory 41 (1995) 1379.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp.crc import LTE_CRC24A, BitArray
from dsp.lte import turbo
from dsp.types import FloatArray

LARGEST: Final = 400
"""Bits of a block: the work grows with their third power, and longer turbo codes leave less to be won."""
_BYTES: Final = (np.arange(256)[:, np.newaxis] >> np.arange(8) & 1).astype(np.float32)

WordArray = npt.NDArray[np.uint64]


def decode(soft: FloatArray, sureness: FloatArray, *, filler: int) -> BitArray:
    """Return the likeliest of the words tried, shape (3, n + 4), for ``soft``, same shape, > 0 for bit 0.

    ``sureness``: soft values after turbo decoding, same shape, which decide where to look.
    """
    n = soft.shape[1] - 4
    heard, ordering = soft.ravel(), sureness.ravel()
    order = np.argsort(-np.abs(ordering), kind="stable")
    rows = _packed(_generator(n, filler)[:, order])
    guess = (ordering[order] < 0).astype(np.uint8)
    cost = np.where(guess == (heard[order] < 0), 1.0, -1.0) * np.abs(heard[order])  # of turning a bit of the guess
    padded = np.zeros(rows.shape[1] * 64, dtype=np.float32)
    padded[: cost.size] = cost
    best = np.zeros(rows.shape[1], dtype=np.uint64)
    _kernel()(rows, _packed(guess[np.newaxis])[0], np.ascontiguousarray(padded.reshape(-1, 8) @ _BYTES.T), order.size, best)
    turned = np.unpackbits(best.view(np.uint8), bitorder="little")[: order.size]
    out = np.empty(order.size, dtype=np.uint8)
    out[order] = guess ^ turned
    return out.reshape(3, -1)


def _packed(bits: BitArray) -> WordArray:
    """Return rows of bits, (m, n), as 64-bit words, (m, ceil(n / 64)), the first bit lowest."""
    room = np.zeros((bits.shape[0], -(-bits.shape[1] // 64) * 64), dtype=np.uint8)
    room[:, : bits.shape[1]] = bits
    return np.packbits(room, axis=1, bitorder="little").view(np.uint64)


@lru_cache(maxsize=16)
def _generator(size: int, filler: int) -> BitArray:
    """Return what each message bit adds to the coded bits, CRC included, shape (n_message, 3 (size + 4))."""
    n_message = size - filler - LTE_CRC24A.width
    blocks = [LTE_CRC24A.append(row) for row in np.eye(n_message, dtype=np.uint8)]
    out = np.stack([turbo.encode(np.concatenate([np.zeros(filler, dtype=np.uint8), block])).ravel() for block in blocks])
    out.setflags(write=False)
    return out


@lru_cache(maxsize=1)
def _kernel() -> Any:
    """Return the compiled search; numba is imported on first use."""
    from dsp.lte.ordered_statistics_kernel import nearest

    return nearest
