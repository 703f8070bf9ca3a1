"""The PDSCH of subframe 5 as SIB1 uses it: which elements it has, its soft bits, and how large its transport blocks can be.

TS 36.211 cl. 6.3 and 6.4, TS 36.213 cl. 7.1.7: QPSK, one port or transmit diversity, scrambled with the SI-RNTI.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.lte.crs import CarrierView, Subframe
from dsp.lte.params import CENTRE_SUBCARRIERS, SUBCARRIERS_PER_RB, SYMBOLS_PER_SLOT, pss_places, sss_places
from dsp.lte.resource_grid import crs_subcarriers, crs_symbols
from dsp.lte.sequences import gold
from dsp.lte.types import CyclicPrefix, Duplex
from dsp.types import FloatArray

BoolArray = npt.NDArray[np.bool_]
SI_RNTI: Final = 0xFFFF
_SMALL_RB: Final = 10
LONGEST: Final = 2 * 14 * 12 * 110
"""Soft bits of a subframe at most."""

_TWO_BLOCKS: Final = (32, 56, 72, 104, 120, 144, 176, 224, 256, 296, 328, 376, 440, 488, 552, 600, 632, 696, 776, 840, 904, 1000)
_THREE_BLOCKS: Final = (56, 88, 144, 176, 208, 224, 256, 328, 392, 456, 504, 584, 680, 744, 840, 904, 968, 1064, 1160, 1288, 1384, 1480)
SMALLEST_SIB1: Final = 120
"""Bits: one PLMN, no optional field, one scheduled message are 14 octets and more."""
BLOCK_SIZES: Final = tuple(sorted(size for size in {*_TWO_BLOCKS, *_THREE_BLOCKS} if size >= SMALLEST_SIB1))
"""Columns N_PRB = 2 and 3 of TS 36.213 table 7.1.7.2.1-1, I_TBS 0 to 21: transport blocks under the SI-RNTI, format 1A."""


def data_starts(n_rb: int) -> tuple[int, ...]:
    """Return the symbols at which the PDSCH may begin (TS 36.212 table 5.3.4-1: one more where the carrier is narrow)."""
    return (2, 3, 4) if n_rb <= _SMALL_RB else (1, 2, 3)


@lru_cache(maxsize=32)
def data_elements(pci: int, n_rb: int, ports: int, cp: CyclicPrefix, duplex: Duplex) -> BoolArray:
    """Return which elements of subframe 5 can carry the PDSCH, shape (14 or 12, 12 n_rb): not reference or synchronisation signals."""
    per_slot = SYMBOLS_PER_SLOT[cp]
    free = np.ones((2 * per_slot, SUBCARRIERS_PER_RB * n_rb), dtype=bool)
    for port in range(ports):
        for slot in (0, 1):
            for symbol in crs_symbols(port, cp):
                free[slot * per_slot + symbol, crs_subcarriers(port, slot=slot, symbol=symbol, pci=pci, n_rb=n_rb)] = False
    first = (SUBCARRIERS_PER_RB * n_rb - CENTRE_SUBCARRIERS) // 2
    for slot, symbol in (*pss_places(duplex, cp), *sss_places(duplex, cp)):
        if slot in (10, 11):
            free[(slot - 10) * per_slot + symbol, first : first + CENTRE_SUBCARRIERS] = False
    free.setflags(write=False)
    return free


@lru_cache(maxsize=64)
def scrambling_signs(pci: int, length: int) -> FloatArray:
    """Return the signs of the scrambling of subframe 5 under the SI-RNTI, shape (length,) (TS 36.211 cl. 6.3.1)."""
    signs = 1.0 - 2.0 * gold(SI_RNTI << 14 | 5 << 9 | pci, length=length).astype(np.float32)
    signs.setflags(write=False)
    return signs


def soft_elements(subframe: Subframe, view: CarrierView) -> FloatArray:
    """Return the two soft bits of every element, shape (14 or 12, 12 n_rb, 2), still scrambled, zero where not heard or not PDSCH.

    Transmit diversity (TS 36.211 cl. 6.3.4.3) is undone by matched filter on pairs within each block, which is where they are, but for
    four ports on the two blocks that the synchronisation signals halve on carriers of 15, 25 and 75 blocks.
    """
    free = data_elements(view.pci, view.n_rb, view.ports, view.cp, view.duplex)
    out = np.zeros((*free.shape, 2), dtype=np.float32)
    scale = np.float32((2.0 if view.ports > 1 else 2.0 * np.sqrt(2)) / subframe.noise)
    for symbol, row in enumerate(free):
        k = np.flatnonzero(row)
        y, h = subframe.elements[symbol, k], subframe.channels[:, symbol, k]
        sent = np.conj(h[0]) * y
        for pair in range(len(h) // 2):
            a, b = slice(2 * pair, None, len(h)), slice(2 * pair + 1, None, len(h))
            low, high = (0, 1) if len(h) == 2 else (pair, pair + 2)
            sent[a] = np.conj(h[low, a]) * y[a] + h[high, b] * np.conj(y[b])
            sent[b] = np.conj(h[low, b]) * y[b] - h[high, a] * np.conj(y[a])
        out[symbol, k, 0], out[symbol, k, 1] = sent.real * scale, sent.imag * scale
    return out


def allocation_soft_bits(soft: FloatArray, view: CarrierView, *, start: int, length: int, data_start: int) -> FloatArray:
    """Return the descrambled soft bits of ``length`` blocks from block ``start`` on, shape (n,), in the order sent."""
    free = data_elements(view.pci, view.n_rb, view.ports, view.cp, view.duplex)
    span = slice(SUBCARRIERS_PER_RB * start, SUBCARRIERS_PER_RB * (start + length))
    bits = soft[data_start:, span][free[data_start:, span]].ravel()
    out: FloatArray = bits * scrambling_signs(view.pci, LONGEST)[: bits.size]
    return out
