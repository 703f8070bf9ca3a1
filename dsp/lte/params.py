"""Numbers fixed by TS 36.211, 36.212 and 36.331: sizes, symbol times, where the synchronisation signals and the PBCH lie.

A radio frame has 10 subframes of 2 slots; a slot has 7 symbols (normal prefix) or 6 (extended). Subcarriers are counted from the lowest
used one, the unused one at the carrier's centre (DC) left out, so the centre six blocks of any carrier are 0 to 71.
"""

from __future__ import annotations

from typing import Final

from dsp.errors import ParameterError
from dsp.lte.types import CyclicPrefix, Duplex

SUBCARRIER_HZ: Final = 15_000.0
FRAME_S: Final = 10e-3
SLOTS_PER_FRAME: Final = 20
SUBCARRIERS_PER_RB: Final = 12
BANDWIDTHS_RB: Final = (6, 15, 25, 50, 75, 100)
"""In the order of ``dl-Bandwidth`` (TS 36.331 cl. 6.2.2, MasterInformationBlock)."""
MAX_RB: Final = 110
"""N_RB^max,DL: where the reference sequence is counted from (TS 36.211 cl. 6.10.1.2)."""
CENTRE_RB: Final = 6
CENTRE_SUBCARRIERS: Final = 72
N_PCI: Final = 504
SFN_CYCLE: Final = 1024
SYMBOLS_PER_SLOT: Final[dict[CyclicPrefix, int]] = {"normal": 7, "extended": 6}

PSS_ROOTS: Final = (25, 29, 34)
"""By N_ID2 (TS 36.211 table 6.11.1.1-1)."""
SYNC_SUBCARRIERS: Final = 62
SYNC_FIRST_SUBCARRIER: Final = 5
"""Of the centre 72: five are left empty on either side of PSS and SSS."""

PBCH_SLOT: Final = 1
PBCH_SYMBOLS: Final = (0, 1, 2, 3)
PBCH_FRAMES: Final = 4
"""One transport block lasts 40 ms; its first frame has SFN mod 4 = 0."""
PBCH_BITS: Final[dict[CyclicPrefix, int]] = {"normal": 480, "extended": 432}
"""Per radio frame (TS 36.211 cl. 6.6.1: 1920 and 1728 in 40 ms)."""

PHICH_RESOURCES: Final = ("1/6", "1/2", "1", "2")

# TS 36.211 table 6.12-1, in samples at 30.72 MS/s.
_BASE_FFT: Final = 2048
_CP_FIRST: Final[dict[CyclicPrefix, int]] = {"normal": 160, "extended": 512}
_CP_OTHER: Final[dict[CyclicPrefix, int]] = {"normal": 144, "extended": 512}


def cp_lengths(cp: CyclicPrefix, *, n_fft: int) -> tuple[int, ...]:
    """Return the prefix length of each symbol of a slot, in samples at ``n_fft`` x 15 kHz; ``n_fft`` is a multiple of 128.

    Raises:
        ParameterError: the prefixes are no whole number of samples.
    """
    if n_fft < 128 or n_fft % 128:
        raise ParameterError("n_fft", n_fft, "a multiple of 128")
    first, other = _CP_FIRST[cp] * n_fft // _BASE_FFT, _CP_OTHER[cp] * n_fft // _BASE_FFT
    return (first,) + (other,) * (SYMBOLS_PER_SLOT[cp] - 1)


def symbol_starts(cp: CyclicPrefix, *, n_fft: int) -> tuple[int, ...]:
    """Return where each symbol's useful part begins, in samples from the slot's start at ``n_fft`` x 15 kHz."""
    starts, at = [], 0
    for length in cp_lengths(cp, n_fft=n_fft):
        starts.append(at + length)
        at += length + n_fft
    return tuple(starts)


def pss_places(duplex: Duplex, cp: CyclicPrefix) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (slot, symbol) of the two PSS of a frame (TS 36.211 cl. 6.11.1.2)."""
    if duplex == "tdd":
        return (2, 2), (12, 2)
    last = SYMBOLS_PER_SLOT[cp] - 1
    return (0, last), (10, last)


def sss_places(duplex: Duplex, cp: CyclicPrefix) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (slot, symbol) of the two SSS of a frame (TS 36.211 cl. 6.11.2.2); the first is sequence 0, the second sequence 1."""
    last = SYMBOLS_PER_SLOT[cp] - 1
    if duplex == "tdd":
        return (1, last), (11, last)
    return (0, last - 1), (10, last - 1)
