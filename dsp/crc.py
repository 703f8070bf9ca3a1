"""Cyclic codes over arrays of bits: the parities of GSM (TS 45.003) and LTE (TS 36.212), as one product over GF(2) each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.errors import TooFewSamplesError

BitArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crc:
    """A systematic cyclic code: ``width`` parity bits follow the information bits, highest power first."""

    width: int
    polynomial: int
    """Generator without its leading term: bit k is the coefficient of D^k."""
    inverted: bool = False
    """The parity bits are sent inverted (the remainder of a good word is all ones, not zero)."""

    def parity(self, bits: npt.NDArray[np.integer]) -> BitArray:
        """Return the parity bits, shape (..., width), uint8, of ``bits``, shape (..., n), 0 or 1, first sent bit first."""
        matrix = _parity_matrix(self.width, self.polynomial, bits.shape[-1])
        # uint8 products overflow modulo 256, which leaves the lowest bit, the sum modulo 2, as it is
        parity: BitArray = np.matmul(bits.astype(np.uint8), matrix, dtype=np.uint8) & np.uint8(1)
        return parity ^ np.uint8(self.inverted)

    def append(self, bits: npt.NDArray[np.integer]) -> BitArray:
        """Return ``bits``, shape (..., n), with their parity behind them, shape (..., n + width), uint8."""
        return np.concatenate([bits.astype(np.uint8), self.parity(bits)], axis=-1)

    def passes(self, word: npt.NDArray[np.integer]) -> bool:
        """Return whether ``word``, shape (n + width,), information and parity, is a word of the code.

        Raises:
            TooFewSamplesError: ``word`` has no room for information.
        """
        n = word.shape[-1] - self.width
        if n < 1:
            raise TooFewSamplesError(word.shape[-1], self.width + 1)
        return bool(np.array_equal(self.parity(word[:n]), word[n:]))


@lru_cache(maxsize=64)
def _parity_matrix(width: int, polynomial: int, n: int) -> BitArray:
    """Return the parity of each unit vector, shape (n, width): row k is D^(width + n - 1 - k) modulo the generator."""
    matrix = np.zeros((n, width), dtype=np.uint8)
    remainder = polynomial
    for row in range(n - 1, -1, -1):
        matrix[row] = [(remainder >> (width - 1 - k)) & 1 for k in range(width)]
        carry = remainder >> (width - 1)
        remainder = ((remainder << 1) & ((1 << width) - 1)) ^ (polynomial if carry else 0)
    matrix.flags.writeable = False
    return matrix


GSM_SCH: Final = Crc(width=10, polynomial=0x175, inverted=True)
"""TS 45.003 cl. 4.7: D10 + D8 + D6 + D5 + D4 + D2 + 1."""

GSM_FIRE: Final = Crc(width=40, polynomial=1 << 26 | 1 << 23 | 1 << 17 | 1 << 3 | 1, inverted=True)
"""TS 45.003 cl. 4.1.2: (D23 + 1)(D17 + D3 + 1)."""

LTE_CRC16: Final = Crc(width=16, polynomial=0x1021)
"""TS 36.212 cl. 5.1.1: D16 + D12 + D5 + 1. The antenna-port mask of the BCH is the caller's."""

LTE_CRC24A: Final = Crc(width=24, polynomial=0x864CFB)
"""TS 36.212 cl. 5.1.1: D24 + D23 + D18 + D17 + D14 + D11 + D10 + D7 + D6 + D5 + D4 + D3 + D + 1."""
