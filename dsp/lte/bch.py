"""The broadcast channel: MIB (TS 36.331 cl. 6.2.2), CRC, convolutional code and rate matching (TS 36.212 cl. 5.1, 5.3.1), scrambling.

MIB, 24 bits, most significant first::

    dl-Bandwidth 3 | phich-Duration 1 | phich-Resource 2 | SFN / 4, 8 bits | 10 bits

The last ten were spare and have gained meanings (LTE-M SIB1 scheduling, system information unchanged, part of an EARFCN): any value is
taken. Soft bits are log-likelihood ratios up to a common factor, > 0 for bit 0, as QPSK sends 0 on the positive axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError
from dsp.lte.params import BANDWIDTHS_RB, PBCH_BITS, PBCH_FRAMES, PHICH_RESOURCES, SFN_CYCLE
from dsp.lte.sequences import BitArray, gold
from dsp.lte.tail_biting import decode_tail_biting, encode_tail_biting
from dsp.lte.types import CyclicPrefix
from dsp.types import FloatArray

MIB_BITS: Final = 24
CRC_BITS: Final = 16
BLOCK_BITS: Final = MIB_BITS + CRC_BITS
CODED_BITS: Final = 3 * BLOCK_BITS
CRC_MASKS: Final = {1: 0x0000, 2: 0xFFFF, 4: 0x5555}
"""By number of ports (TS 36.212 table 5.3.1.1-1), first bit first."""
_COLUMNS: Final = (1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31, 0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30)
"""TS 36.212 table 5.1.4-2."""

PhichDuration = Literal["normal", "extended"]
PhichResource = Literal["1/6", "1/2", "1", "2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mib:
    """A master information block. ``sfn`` is that of the first of its four frames: a multiple of 4, 0 to 1020."""

    n_rb: int
    phich_duration: PhichDuration
    phich_resource: PhichResource
    sfn: int
    spare: int = 0
    """The last ten bits as a number, first bit highest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BchDecode:
    """A block whose CRC passed under the mask of ``n_ports``."""

    mib: Mib
    n_ports: int
    match: float
    """How well the soft bits fit the block sent again, 0 to 1: sum of llr x sign over root (120 sum of llr squared)."""
    quarter: int
    """Which frame of the four the first soft bits belong to, 0 to 3: the frame's SFN is ``mib.sfn + quarter``."""


def pack_mib(mib: Mib) -> BitArray:
    """Return the 24 bits of ``mib``.

    Raises:
        ParameterError: a field has no code.
    """
    if mib.n_rb not in BANDWIDTHS_RB:
        raise ParameterError("n_rb", mib.n_rb, f"one of {BANDWIDTHS_RB}")
    if not 0 <= mib.sfn < SFN_CYCLE or mib.sfn % PBCH_FRAMES:
        raise ParameterError("sfn", mib.sfn, "a multiple of 4 from 0 to 1020")
    if not 0 <= mib.spare < 1 << 10:
        raise ParameterError("spare", mib.spare, "0 to 1023")
    word = BANDWIDTHS_RB.index(mib.n_rb) << 21
    word |= (mib.phich_duration == "extended") << 20
    word |= PHICH_RESOURCES.index(mib.phich_resource) << 18
    word |= (mib.sfn // 4) << 10 | mib.spare
    return _bits(word, MIB_BITS)


def unpack_mib(bits: BitArray) -> Mib | None:
    """Return the MIB in 24 ``bits``; None where its bandwidth has no meaning (codes 6 and 7)."""
    word = _number(bits[:MIB_BITS])
    if word >> 21 >= len(BANDWIDTHS_RB):
        return None
    resource: tuple[PhichResource, ...] = ("1/6", "1/2", "1", "2")
    return Mib(
        n_rb=BANDWIDTHS_RB[word >> 21],
        phich_duration="extended" if word >> 20 & 1 else "normal",
        phich_resource=resource[word >> 18 & 3],
        sfn=(word >> 10 & 0xFF) * PBCH_FRAMES,
        spare=word & 0x3FF,
    )


def crc16(bits: BitArray) -> int:
    """Return the CRC of ``bits``, generator x16 + x12 + x5 + 1, started at 0 (TS 36.212 cl. 5.1.1, gCRC16)."""
    register = 0
    for bit in bits.tolist():
        register = (register << 1) ^ (0x1021 if (register >> 15 ^ bit) & 1 else 0)
        register &= 0xFFFF
    return register


def encode(mib_bits: BitArray, *, n_ports: int, cp: CyclicPrefix, pci: int) -> BitArray:
    """Return the scrambled bits of one 40 ms block, shape (1920,) or (1728,) with extended prefix; a quarter belongs to each frame."""
    crc = crc16(mib_bits) ^ CRC_MASKS[n_ports]
    coded = encode_tail_biting(np.concatenate([mib_bits, _bits(crc, CRC_BITS)]))
    length = PBCH_FRAMES * PBCH_BITS[cp]
    circular = coded[rate_matching_order()]
    return circular[np.arange(length) % CODED_BITS] ^ scrambling(pci, cp)


@lru_cache(maxsize=64)
def scrambling(pci: int, cp: CyclicPrefix) -> BitArray:
    """Return the scrambling bits of a 40 ms block, begun with c_init = PCI where SFN mod 4 = 0 (TS 36.211 cl. 6.6.1)."""
    return gold(pci, length=PBCH_FRAMES * PBCH_BITS[cp])


@lru_cache(maxsize=1)
def rate_matching_order() -> npt.NDArray[np.intp]:
    """Return the places in the coder's output of the bits in the circular buffer, shape (120,) (TS 36.212 cl. 5.1.4.2).

    Place 40 g + i is bit i of stream g. Each stream fills two rows of 32 columns behind 24 places of filling, the columns are put into
    order and read one by one, the filling left out.
    """
    filling = 64 - BLOCK_BITS
    matrix = (np.arange(64) - filling).reshape(2, 32)[:, list(_COLUMNS)]
    stream = matrix.T.ravel()
    stream = stream[stream >= 0]
    return np.concatenate([stream + BLOCK_BITS * g for g in range(3)]).astype(np.intp)


def combine(llrs: FloatArray, *, pci: int, cp: CyclicPrefix, quarter: int) -> FloatArray:
    """Return the 120 soft bits of the coder's output from frames that follow each other, shape (n_frames, 480) or (n_frames, 432).

    ``quarter``: which of the four the first frame is taken for; ``quarter`` + n_frames is at most 4. Still scrambled on entry.

    Raises:
        ParameterError: the frames do not fit the block.
    """
    n_frames, per_frame = llrs.shape
    if per_frame != PBCH_BITS[cp]:
        raise ParameterError("llrs.shape[1]", per_frame, f"{PBCH_BITS[cp]}")
    if quarter < 0 or quarter + n_frames > PBCH_FRAMES:
        raise ParameterError("quarter", quarter, f"0 to {PBCH_FRAMES - n_frames} for {n_frames} frames")
    at = quarter * per_frame + np.arange(n_frames * per_frame)
    signs = 1.0 - 2.0 * scrambling(pci, cp)[at].astype(np.float32)
    places = rate_matching_order()[at % CODED_BITS]
    return np.bincount(places, weights=llrs.ravel() * signs, minlength=CODED_BITS).astype(np.float32)


def decode(llrs: FloatArray, *, pci: int, cp: CyclicPrefix, quarter: int, ports: tuple[int, ...] = (1, 2, 4)) -> BchDecode | None:
    """Return the block in the soft bits of 1 to 4 frames (see ``combine``), or None where no CRC of ``ports`` passes or all is zero."""
    soft = combine(llrs, pci=pci, cp=cp, quarter=quarter)
    return decode_combined(soft, quarter=quarter, ports=ports)


def decode_combined(soft: FloatArray, *, quarter: int, ports: tuple[int, ...] = (1, 2, 4)) -> BchDecode | None:
    """Return the block in 120 soft bits of the coder's output, or None where no CRC of ``ports`` passes."""
    bits, match = decode_tail_biting(soft[np.newaxis])
    if match[0] <= 0.0:
        return None
    mask = crc16(bits[0, :MIB_BITS]) ^ _number(bits[0, MIB_BITS:])
    n_ports = next((n for n in ports if CRC_MASKS[n] == mask), None)
    mib = unpack_mib(bits[0])
    if n_ports is None or mib is None:
        return None
    return BchDecode(mib=mib, n_ports=n_ports, match=float(match[0]), quarter=quarter)


def _bits(word: int, length: int) -> BitArray:
    return (word >> np.arange(length - 1, -1, -1) & 1).astype(np.uint8)


def _number(bits: BitArray) -> int:
    return int("".join(map(str, bits.tolist())), 2)
