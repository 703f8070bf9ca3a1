"""The sequences of TS 36.211: PSS (cl. 6.11.1), SSS (cl. 6.11.2), the Gold sequence (cl. 7.2) and reference-signal values (cl. 6.10.1.1).

All are made once and kept; the arrays handed out are read-only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from dsp.crc import BitArray
from dsp.errors import ParameterError
from dsp.lte.params import CENTRE_RB, MAX_RB, N_PCI, PSS_ROOTS, SYNC_SUBCARRIERS
from dsp.lte.types import CyclicPrefix
from dsp.types import ComplexArray

_T = TypeVar("_T", bound=np.generic)
_GOLD_SKIP: Final = 1600
_GOLD_STEP: Final = 2048
"""Lengths are made in multiples of this, so that few are kept."""


def split_pci(pci: int) -> tuple[int, int]:
    """Return (N_ID1, N_ID2) of ``pci`` = 3 N_ID1 + N_ID2.

    Raises:
        ParameterError: ``pci`` is not 0 to 503.
    """
    if not 0 <= pci < N_PCI:
        raise ParameterError("pci", pci, "0 to 503")
    return divmod(pci, 3)


@lru_cache(maxsize=3)
def pss(n_id2: int) -> ComplexArray:
    """Return the primary synchronisation signal, shape (62,), magnitude 1, lowest subcarrier first (TS 36.211 cl. 6.11.1.1)."""
    if n_id2 not in (0, 1, 2):
        raise ParameterError("n_id2", n_id2, "0, 1 or 2")
    n = np.arange(SYNC_SUBCARRIERS)
    phase = np.where(n < 31, n * (n + 1), (n + 1) * (n + 2)) * PSS_ROOTS[n_id2]
    return _frozen(np.exp(-1j * np.pi * (phase % 126) / 63).astype(np.complex64))


@lru_cache(maxsize=2 * N_PCI)
def sss(pci: int, *, half: int) -> ComplexArray:
    """Return the secondary synchronisation signal of half frame ``half`` (0: subframe 0, 1: subframe 5), shape (62,), values +-1.

    TS 36.211 cl. 6.11.2.1: even places c0 s(m0) (m1 in subframe 5), odd places c1 s(m1) z(m0) (the other way round in subframe 5).
    """
    if half not in (0, 1):
        raise ParameterError("half", half, "0 or 1")
    n_id1, n_id2 = split_pci(pci)
    q = (n_id1 + (n_id1 // 30) * (n_id1 // 30 + 1) // 2) // 30
    m_prime = n_id1 + q * (q + 1) // 2
    m0 = m_prime % 31
    m1 = (m0 + m_prime // 31 + 1) % 31
    first, second = (m0, m1) if half == 0 else (m1, m0)
    s, c, z = _m_sequence((2, 0)), _m_sequence((3, 0)), _m_sequence((4, 2, 1, 0))
    out = np.empty(SYNC_SUBCARRIERS, dtype=np.complex64)
    out[0::2] = np.roll(s, -first) * np.roll(c, -n_id2)
    out[1::2] = np.roll(s, -second) * np.roll(c, -(n_id2 + 3)) * np.roll(z, -(first % 8))
    return _frozen(out)


def gold(c_init: int, *, length: int) -> BitArray:
    """Return ``length`` bits of the Gold sequence with N_C = 1600, shape (length,), values 0 and 1 (TS 36.211 cl. 7.2).

    x1(n+31) = x1(n+3) + x1(n), started with 1, 0, 0, ...; x2(n+31) = x2(n+3) + x2(n+2) + x2(n+1) + x2(n), started with ``c_init``.
    """
    first, basis = _gold_parts(-(-length // _GOLD_STEP) * _GOLD_STEP)
    chosen = (c_init >> np.arange(31) & 1).astype(bool)
    return _frozen(first[:length] ^ np.bitwise_xor.reduce(basis[chosen, :length], axis=0))


@lru_cache(maxsize=4096)
def crs(pci: int, *, slot: int, symbol: int, cp: CyclicPrefix, n_rb: int = CENTRE_RB) -> ComplexArray:
    """Return the reference-signal values of one symbol on the centre ``n_rb`` blocks, shape (2 n_rb,), magnitude 1, lowest first.

    TS 36.211 cl. 6.10.1.1: c_init = 2^10 (7 (n_s + 1) + l + 1)(2 PCI + 1) + 2 PCI + N_CP, N_CP 1 for normal, 0 for extended; the value
    at block offset m is counted from the middle of 110 blocks, so the centre blocks carry the same values on a carrier of any width.
    The values are the same for every port; the ports differ in place (``resource_grid.crs_subcarriers``).
    """
    split_pci(pci)
    n_cp = 1 if cp == "normal" else 0
    c_init = (1 << 10) * (7 * (slot + 1) + symbol + 1) * (2 * pci + 1) + 2 * pci + n_cp
    first = MAX_RB - n_rb
    bits = gold(c_init, length=2 * (first + 2 * n_rb))[2 * first :].astype(np.float32)
    scale = np.float32(1 / np.sqrt(2))
    return _frozen(((1 - 2 * bits[0::2] + 1j * (1 - 2 * bits[1::2])) * scale).astype(np.complex64))


@lru_cache(maxsize=3)
def _m_sequence(taps: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return 1 - 2 x(i), shape (31,), with x(i+5) the sum of x(i + tap), started with 0, 0, 0, 0, 1."""
    x = [0, 0, 0, 0, 1]
    for i in range(26):
        x.append(sum(x[i + tap] for tap in taps) % 2)
    return 1 - 2 * np.array(x, dtype=np.float32)


@lru_cache(maxsize=4)
def _gold_parts(length: int) -> tuple[BitArray, BitArray]:
    """Return x1, shape (length,), and what each bit of c_init adds to x2, shape (31, length), from N_C on: x2 is linear in its start."""
    start = np.eye(31, dtype=np.uint8)
    first = _lfsr(start[:1], (3, 0), _GOLD_SKIP + length)[0, _GOLD_SKIP:]
    return first, _lfsr(start, (3, 2, 1, 0), _GOLD_SKIP + length)[:, _GOLD_SKIP:]


def _lfsr(start: BitArray, taps: tuple[int, ...], n: int) -> BitArray:
    """Return n bits of x(i+31) = sum of x(i + tap) for each row of ``start``, shape (rows, 31), 28 bits a step (no tap reaches further)."""
    x = np.zeros((start.shape[0], n + 31 + 28), dtype=np.uint8)
    x[:, :31] = start
    for i in range(0, n, 28):
        x[:, i + 31 : i + 59] = np.bitwise_xor.reduce([x[:, i + tap : i + tap + 28] for tap in taps], axis=0)
    return x[:, :n]


def _frozen(array: npt.NDArray[_T]) -> npt.NDArray[_T]:
    array.setflags(write=False)
    return array
