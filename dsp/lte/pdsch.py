"""The PDSCH of subframe 5 as SIB1 uses it: which elements it has, its soft bits, and how large its transport blocks can be.

TS 36.211 cl. 6.3 and 6.4, TS 36.213 cl. 7.1.7: QPSK, one port or transmit diversity, scrambled with the SI-RNTI.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp.lte.crs import CarrierView, Subframe
from dsp.lte.params import CENTRE_SUBCARRIERS, SUBCARRIERS_PER_RB, SYMBOLS_PER_SLOT, pss_places, sss_places
from dsp.lte.resource_grid import crs_subcarriers, crs_symbols
from dsp.lte.sequences import gold
from dsp.lte.types import CyclicPrefix, Duplex
from dsp.types import FloatArray

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
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
_COMPACT: Final = (120, 136, 144, 176, 208, 224, 256, 280, 296, 328, 336, 392, 488, 552, 600, 632, 696, 776, 840, 904, 1000, 1064, 1128)
DISTRIBUTED_SIZES: Final = tuple(sorted({*BLOCK_SIZES, *_COMPACT, 1224, 1288, 1384, 1480, 1608, 1736}))
"""And those of format 1C (table 7.1.7.2.3-1, I_TBS 3 to 31), which is always distributed."""


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
    """Return the two soft bits of every element, shape (14 or 12, 12 n_rb, 1 or 2, 2), still scrambled, zero where not heard or not PDSCH.

    Transmit diversity (TS 36.211 cl. 6.3.4.3) is undone by matched filter on pairs within each block. With four ports, every pair is taken
    as sent from ports 0 and 2 and as from 1 and 3 (third axis): which it was depends on where the allocation begins.
    """
    free = data_elements(view.pci, view.n_rb, view.ports, view.cp, view.duplex)
    senders = {1: ((0, 0),), 2: ((0, 1),), 4: ((0, 2), (1, 3))}[view.ports]
    out = np.zeros((*free.shape, len(senders), 2), dtype=np.float32)
    scale = np.float32((2.0 if view.ports > 1 else 2.0 * np.sqrt(2)) / subframe.noise)
    for symbol, row in enumerate(free):
        k = np.flatnonzero(row)
        y, h = subframe.elements[symbol, k], subframe.channels[:, symbol, k]
        a, b = slice(0, None, 2), slice(1, None, 2)
        for pair, (low, high) in enumerate(senders):
            sent = np.conj(h[low]) * y
            if low != high:
                sent[a] += h[high, b] * np.conj(y[b])
                sent[b] -= h[high, a] * np.conj(y[a])
            out[symbol, k, pair, 0], out[symbol, k, pair, 1] = sent.real * scale, sent.imag * scale
    return out


def allocation_soft_bits(soft: FloatArray, view: CarrierView, *, blocks: IntArray, data_start: int) -> FloatArray:
    """Return the descrambled soft bits of an allocation, shape (n,), in the order sent; ``blocks``: see ``virtual_blocks.slot_blocks``."""
    free = data_elements(view.pci, view.n_rb, view.ports, view.cp, view.duplex)
    out = np.empty(2 * SUBCARRIERS_PER_RB * blocks.shape[1] * free.shape[0], dtype=np.float32)
    n = _kernel()(soft, free, scrambling_signs(view.pci, LONGEST), data_start, blocks, out)
    return out[:n]


@lru_cache(maxsize=1)
def _kernel() -> Any:
    """Return the compiled loop; numba is imported on first use."""
    from dsp.lte.sib1_kernel import gather

    return gather
