"""What is known of the bits of a SIB1 before it was heard (TS 36.331 cl. 6.2.2, unaligned PER): its kind, decimal digits, padding.

About 20 of some 176 bits, as soft values to add to those heard. Nothing here prefers a country, an operator or an identity, and what is
believed in the end is reckoned from the air alone (``sib1_search``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from dsp.lte.types import Duplex
from dsp.types import FloatArray

_CERTAIN: Final = 8.0
_RARE: Final = 3.0
"""Soft value against what fewer than one cell in twenty has."""
_DIGIT: Final = (float(np.log(8 / 2)), float(np.log(6 / 4)), float(np.log(6 / 4)), 0.0)
"""Of the four bits of a digit that may be any of 0 to 9."""
_FIRST_DIGIT: Final = (_RARE, 0.0, 0.0, 0.0)
"""Mobile country codes begin with 2 to 7, those of test networks with 0."""
_PADDING: Final = 32
"""Bits from one transport block size to the next: a base station takes the least that holds its SIB1."""


@lru_cache(maxsize=64)
def message_prior(size: int, duplex: Duplex) -> FloatArray:
    """Return the soft values, > 0 for bit 0, of a SIB1 in a transport block of ``size`` bits, shape (size,)."""
    out = np.zeros(size, dtype=np.float32)
    out[:2] = _CERTAIN, -_CERTAIN  # c1, systemInformationBlockType1
    out[3] = -_CERTAIN if duplex == "tdd" else _CERTAIN  # tdd-Config
    out[5] = _RARE  # csg-Identity
    out[6:9] = _RARE, _RARE, np.log(3.0)  # networks, less one
    out[9] = -_CERTAIN  # the first has its country code
    out[10:22] = (*_FIRST_DIGIT, *_DIGIT, *_DIGIT)
    out[23:31] = (*_DIGIT, *_DIGIT)
    padded = 1.0 - (np.arange(_PADDING) + 1.0) / _PADDING  # chance that a bit, counted from the last, is padding
    out[size - _PADDING :] += np.log((1.0 + padded) / (1.0 - padded))[::-1]
    out.setflags(write=False)
    return out
