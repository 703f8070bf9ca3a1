"""Blocks that the turbo decoder leaves undecided, by ordered statistics.

The coded bits are put in order of how sure the turbo decoder is of each; the surest that are independent of one another fix a word of the
code. That word and all with one or two of those bits turned, or three of the least sure, are compared with what was heard. The CRC takes no
part in it: as parity of the code it would win 0.1 dB more and be no proof any longer, for where the right word is missed the likeliest one
often is a few bits off (margins up to 6 were seen of such).
Method: Fossorier and Lin, IEEE Trans. Inf. Theory 41 (1995) 1379.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp.crc import BitArray
from dsp.lte import turbo
from dsp.types import FloatArray

REACH: Final = 64
LARGEST: Final = 400
"""Bits of a block: the work grows with their third power, and longer turbo codes leave less to be won."""

WordArray = npt.NDArray[np.uint64]


def decode(soft: FloatArray, sureness: FloatArray, *, filler: int, reach: int = REACH) -> BitArray:
    """Return the likeliest of the words tried, shape (3, n + 4), for ``soft``, same shape, > 0 for bit 0.

    ``sureness``: soft values after turbo decoding, same shape, which decide where to look. ``reach``: so many of the least sure are turned
    by threes; the words tried grow with its third power.
    """
    n = soft.shape[1] - 4
    heard, ordering = soft.ravel(), sureness.ravel()
    order = np.argsort(-np.abs(ordering), kind="stable")
    rows = _packed(_generator(n, filler)[:, order])
    guess = (ordering[order] < 0).astype(np.uint8)
    costs = np.where(guess == (heard[order] < 0), 1.0, -1.0) * np.abs(heard[order])  # of turning a bit of the guess
    turned = np.zeros(order.size, dtype=np.uint8)
    _kernel()(rows, _packed(guess[np.newaxis])[0], costs.astype(np.float32), reach, turned)
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
    """Return what each bit of a block, but for the filler, adds to the coded bits, shape (size - filler, 3 (size + 4))."""
    out = np.stack([turbo.encode(row).ravel() for row in np.eye(size, dtype=np.uint8)[filler:]])
    out.setflags(write=False)
    return out


@lru_cache(maxsize=1)
def _kernel() -> Any:
    """Return the compiled search; numba is imported on first use."""
    from dsp.lte.ordered_statistics_kernel import nearest

    return nearest
