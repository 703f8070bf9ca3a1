"""What is known of the bits of a SIB1 before it was heard (TS 36.331 cl. 6.2.2, unaligned PER): its kind, decimal digits, usual values.

About 30 of some 176 bits, as soft values to add to those heard: chances are those of networks at large, and shift where optional fields
may or may not be there. Nothing here prefers a country, an operator or an identity, and what is believed in the end is reckoned from the
air alone (``sib1_decoding``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import log
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.crc import BitArray
from dsp.lte.types import Duplex
from dsp.types import FloatArray

Chances = list[float]
"""That each bit is 1."""
_NO: Final = 3e-4
_RARE: Final = 0.05
"""What fewer than one cell in twenty has."""
_OPEN: Final = 0.5
_DIGIT: Final[Chances] = [0.2, 0.4, 0.4, 0.5]
"""The four bits of a digit that may be any of 0 to 9."""
_FIRST_DIGIT: Final[Chances] = [_RARE, 0.5, 0.5, 0.5]
"""Mobile country codes begin with 2 to 7, those of test networks with 0."""
_THREE_DIGITS: Final = 0.2
"""Network codes of three digits."""
_SECOND_NETWORK: Final = 0.12
_POWER_LIMIT: Final = 0.35
"""p-Max is there."""
_LEVEL_OFFSET: Final = 0.08
"""q-RxLevMinOffset is there."""
_PADDING: Final = 32
"""Bits from one transport block size to the next: a base station takes the least that holds its SIB1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is known of a SIB1 of which is known, too, how long its network code is and whether p-Max is there."""

    log_weight: float
    """Natural logarithm of how often there is such a one."""
    soft: FloatArray
    """log of the chances of 0 over 1, shape (size,)."""

    def log_chance(self, bits: BitArray) -> float:
        """Return the logarithm of the chance of ``bits``, shape (size,)."""
        return self.log_weight - float(np.sum(np.logaddexp(0.0, self.soft * (2.0 * bits - 1.0)), dtype=np.float64))


@lru_cache(maxsize=64)
def message_prior(size: int, duplex: Duplex) -> FloatArray:
    """Return the soft values, > 0 for bit 0, of a SIB1 in a transport block of ``size`` bits, shape (size,)."""
    ones = np.sum([weight * _ones(size, duplex, three, limited) for three, limited, weight in _kinds()], axis=0)
    return _soft(ones)


@lru_cache(maxsize=64)
def message_layouts(size: int, duplex: Duplex) -> tuple[Layout, ...]:
    """Return the same by where the fields lie, the most frequent first."""
    kinds = sorted(_kinds(), key=lambda kind: -kind[2])
    return tuple(Layout(log_weight=log(weight), soft=_soft(_ones(size, duplex, three, limited))) for three, limited, weight in kinds)


def log_chance(bits: BitArray, duplex: Duplex) -> float:
    """Return the logarithm of the chance of a SIB1 of ``bits``, shape (size,), whatever its layout."""
    return float(np.logaddexp.reduce([layout.log_chance(bits) for layout in message_layouts(bits.size, duplex)]))


def _kinds() -> list[tuple[bool, bool, float]]:
    """Return (three digits, p-Max there, how often) of each layout."""
    return [
        (three, limited, _part(three, _THREE_DIGITS) * _part(limited, _POWER_LIMIT)) for three, limited in product((False, True), repeat=2)
    ]


def _ones(size: int, duplex: Duplex, three: bool, limited: bool) -> npt.NDArray[np.float64]:
    """Return the chance that each bit is 1, shape (size,)."""
    out = np.zeros(size)
    for second, offset in product((False, True), repeat=2):
        said = _said(duplex, networks=1 + second, digits=2 + three, limited=limited, offset=offset)[:size]
        out += _part(second, _SECOND_NETWORK) * _part(offset, _LEVEL_OFFSET) * np.array(said + [_OPEN] * (size - len(said)))
    return out


def _soft(ones: npt.NDArray[np.float64]) -> FloatArray:
    out = (np.log((1.0 - ones) / ones) + _padding(ones.size)).astype(np.float32)
    out.setflags(write=False)
    return out


def _part(there: bool, chance: float) -> float:
    return chance if there else 1.0 - chance


def _said(duplex: Duplex, *, networks: int, digits: int, limited: bool, offset: bool) -> Chances:
    """Return the chances of the bits up to the first message scheduled, of a SIB1 with these optional parts."""
    code = [_sure(digits == 3), *(_DIGIT * digits), 1.0 - _RARE]  # not reserved for operator use
    tdd = duplex == "tdd"
    return [
        *(_NO, 1.0 - _NO, _sure(limited), _sure(tdd), _OPEN, _RARE),  # c1, SIB1; p-Max, tdd-Config, extension, csg-Identity
        *(_RARE / 4, _RARE / 2, _sure(networks == 2)),  # networks, less one
        *(1.0 - _NO, *_FIRST_DIGIT, *_DIGIT, *_DIGIT, *code),
        *([_RARE, *code] if networks == 2 else []),  # of the same country
        *([_OPEN] * (16 + 28)),  # tracking area, cell identity
        *(1.0 - _RARE, 0.2, _RARE),  # not barred, reselection within the frequency allowed, no CSG
        *(_sure(offset), 0.1, 0.1, *([_OPEN] * 4)),  # q-RxLevMin of 48 steps from -140 dBm, mostly among the lowest 16
        *([_OPEN] * 3 if offset else []),
        *([0.85, 0.8, *([_OPEN] * 4)] if limited else []),  # p-Max of -30 to 33 dBm, mostly 18 and more
        *((0.95, _RARE) if tdd else (0.1, 0.3)),  # band, less one: TDD from 33 on, FDD mostly below
        *([_OPEN] * 4),
        *(_RARE / 2, _RARE, 0.25, _OPEN, _OPEN),  # messages scheduled, less one: mostly up to four
        *(_RARE, 0.3, 0.6),  # the first every 8, 16 or 32 frames
        *(_RARE / 2, _RARE, 0.1, 0.2, 0.3),  # and what is in it beside SIB2
    ]


def _sure(true: bool) -> float:
    return 1.0 - _NO if true else _NO


def _padding(size: int) -> npt.NDArray[np.float64]:
    """Return the soft values of what may be padding, shape (size,)."""
    padded = 1.0 - (np.arange(_PADDING) + 1.0) / _PADDING  # chance that a bit, counted from the last, is padding
    out = np.zeros(size)
    out[size - _PADDING :] = np.log((1.0 + padded) / (1.0 - padded))[::-1]
    return out
