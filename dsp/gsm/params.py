"""Numbers fixed by the GSM standard: rates, burst layouts, training sequences, the 51-multiframe (TS 45.002, TS 45.004)."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

BitArray = npt.NDArray[np.uint8]


def _bits(text: str) -> BitArray:
    """Return the digits of ``text`` as a read-only array of bits."""
    array = np.array([int(digit) for digit in text], dtype=np.uint8)
    array.flags.writeable = False
    return array


SYMBOL_RATE_HZ: Final = 1_625_000 / 6
"""TS 45.002 cl. 5.2: 13 MHz / 48, 270 833.3 symbols per second."""
SLOT_SYMBOLS: Final = 156.25
SLOTS_PER_FRAME: Final = 8
FRAME_SYMBOLS: Final = 1250
FRAME_S: Final = 120e-3 / 26
MULTIFRAME_FRAMES: Final = 51
SUPERFRAME_FRAMES: Final = 26 * 51
HYPERFRAME_FRAMES: Final = 2048 * SUPERFRAME_FRAMES
"""2 715 648: the frame number counts modulo this (TS 45.002 cl. 4.3.3)."""
CARRIER_SPACING_HZ: Final = 200_000.0
"""TS 45.005 cl. 2."""
GMSK_BT: Final = 0.3
"""TS 45.004 cl. 2.4."""

BURST_BITS: Final = 148
TAIL_BITS: Final = 3
NORMAL_DATA: Final = (slice(3, 60), slice(88, 145))
"""The two stretches of 57 coded bits of a normal burst (TS 45.002 cl. 5.2.3)."""
NORMAL_STEALING: Final = (60, 87)
NORMAL_TRAINING: Final = slice(61, 87)
SCH_DATA: Final = (slice(3, 42), slice(106, 145))
"""The two stretches of 39 coded bits of a synchronisation burst (TS 45.002 cl. 5.2.5)."""
SCH_TRAINING_AT: Final = slice(42, 106)

FCCH_TONE_HZ: Final = SYMBOL_RATE_HZ / 4
"""148 zero bits are a tone at +67.708 kHz (TS 45.002 cl. 5.2.4)."""
SCH_TRAINING: Final = _bits("1011100101100010000001000000111100101101010001010111011000011011")
"""TS 45.002 cl. 5.2.5, 64 bits."""
TRAINING: Final = tuple(
    _bits(text)
    for text in (
        "00100101110000100010010111",
        "00101101110111100010110111",
        "01000011101110100100001110",
        "01000111101101000100011110",
        "00011010111001000001101011",
        "01001110101100000100111010",
        "10100111110110001010011111",
        "11101111000100101110111100",
    )
)
"""TS 45.002 cl. 5.2.3: 26 bits for each training sequence code; that of BCCH and CCCH is the BCC."""
DUMMY_BURST: Final = _bits(
    "0001111101101110110000010100100111000001001000100000001111100011100010111000"
    "101110001010111010010100011001100111001111010011111000100101111101010000"
)
"""TS 45.002 cl. 5.2.6, 148 bits with the tails: fills every slot of C0 that carries nothing else."""

FCCH_FRAMES: Final = (0, 10, 20, 30, 40)
SCH_FRAMES: Final = (1, 11, 21, 31, 41)
BCCH_FRAMES: Final = (2, 3, 4, 5)
CCCH_BLOCKS: Final = (6, 12, 16, 22, 26, 32, 36, 42, 46)
"""First frame of each CCCH block of a C0 that is not combined, FN mod 51; a combined one has the first three alone."""
CCCH_BLOCKS_COMBINED: Final = (6, 12, 16)

CodedBlock = Literal["SI1", "SI2", "SI3", "SI4", "other"]
BCCH_SCHEDULE: Final[tuple[CodedBlock, ...]] = ("SI1", "SI2", "SI3", "SI4", "other", "other", "SI3", "SI4")
"""What BCCH Norm carries by TC = (FN div 51) mod 8 (TS 45.002 cl. 6.3.1.3)."""


def tc(fn: int) -> int:
    """Return the BCCH multiframe number TC of frame ``fn``, 0 to 7 (TS 45.002 cl. 6.3.1.3)."""
    return fn // MULTIFRAME_FRAMES % 8
