"""Channel coding of the SCH and of BCCH/CCCH blocks (TS 45.003 cl. 4.1, 4.4, 4.7; TS 44.018 cl. 9.1.30a).

SCH block, bit by bit (MSB first in each field): NCC d7 d6 d5; BCC d4 d3 d2; T1 d1 d0 d15..d8 d23; T2 d22..d18; T3' d17 d16 d24.
25 bits + CRC 10 + 4 tail = 39 -> 78. A BCCH block: 184 bits (octets LSB first) + Fire code 40 + 4 tail = 228 -> 456, interleaved
over four bursts of 114. Soft bits: positive = bit 0, as in ``dsp.viterbi``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from dsp.crc import GSM_FIRE, GSM_SCH, BitArray
from dsp.errors import ParameterError
from dsp.gsm import params
from dsp.viterbi import ConvolutionalCode, Decoded, decode_tailed, encode

CODE: Final = ConvolutionalCode(constraint_length=5, taps=(0o23, 0o33))
"""TS 45.003 cl. 4.1.3: G0 = 1 + D3 + D4, G1 = 1 + D + D3 + D4."""
TAIL: Final = np.zeros(4, dtype=np.uint8)
SCH_INFORMATION_BITS: Final = 25
BLOCK_OCTETS: Final = 23
BLOCK_BITS: Final = 8 * BLOCK_OCTETS

_NCC: Final = (7, 6, 5)
_BCC: Final = (4, 3, 2)
_T1: Final = (1, 0, 15, 14, 13, 12, 11, 10, 9, 8, 23)
_T2: Final = (22, 21, 20, 19, 18)
_T3: Final = (17, 16, 24)

Scalar = TypeVar("Scalar", bound=np.generic)
_k = np.arange(456)
_BURST: Final = _k % 4
_PLACE: Final = 2 * (49 * _k % 57) + _k % 8 // 4
"""TS 45.003 cl. 4.1.4: coded bit k goes to burst k mod 4, place 2 (49 k mod 57) + (k mod 8) div 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchBlock:
    """One SCH burst decoded. ``bsic`` and ``fn`` are None where the parity failed or a field has an impossible value."""

    bsic: int | None
    fn: int | None
    word: Decoded

    @property
    def passed(self) -> bool:
        """Whether parity and fields are good: noise passes once in about 1900 tries (2^-10, and 130 of 256 values of T2, T3')."""
        return self.fn is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class BcchBlock:
    """One block of four bursts decoded. ``octets``: 23 octets, None where the Fire code found an error."""

    octets: bytes | None
    word: Decoded

    @property
    def passed(self) -> bool:
        """Whether the parity is good: noise passes once in 2^40 tries."""
        return self.octets is not None


def frame_number(t1: int, t2: int, t3: int) -> int:
    """Return the frame number of T1, T2, T3 (TS 45.002 cl. 4.3.3)."""
    return 51 * ((t3 - t2) % 26) + t3 + 51 * 26 * t1


def _field(bits: BitArray, places: tuple[int, ...]) -> int:
    value = 0
    for place in places:
        value = 2 * value + int(bits[place])
    return value


def sch_information(bsic: int, fn: int) -> BitArray:
    """Return d0..d24, shape (25,), of the SCH that announces ``bsic`` in frame ``fn``.

    Raises:
        ParameterError: ``bsic`` is not 0 to 63, or ``fn`` is no frame that carries an SCH.
    """
    if not 0 <= bsic < 64:
        raise ParameterError("bsic", bsic, "0 to 63")
    if not 0 <= fn < params.HYPERFRAME_FRAMES or fn % 51 not in params.SCH_FRAMES:
        raise ParameterError("fn", fn, "0 to 2715647 with FN mod 51 in 1, 11, 21, 31, 41")
    bits = np.zeros(SCH_INFORMATION_BITS, dtype=np.uint8)
    fields = ((_NCC, bsic >> 3), (_BCC, bsic & 7), (_T1, fn // 1326), (_T2, fn % 26), (_T3, (fn % 51 - 1) // 10))
    for places, value in fields:
        for shift, place in enumerate(reversed(places)):
            bits[place] = value >> shift & 1
    return bits


def sch_fields(bits: BitArray) -> tuple[int, int] | None:
    """Return (BSIC, FN) of d0..d24, or None where T2 or T3' has a value that no frame has."""
    t2, t3_prime = _field(bits, _T2), _field(bits, _T3)
    if t2 > 25 or t3_prime > 4:
        return None
    return 8 * _field(bits, _NCC) + _field(bits, _BCC), frame_number(_field(bits, _T1), t2, 10 * t3_prime + 1)


def encode_sch(bsic: int, fn: int) -> BitArray:
    """Return the 78 coded bits of an SCH burst, uint8: 39 before and 39 after the training sequence."""
    return encode(CODE, np.concatenate([GSM_SCH.append(sch_information(bsic, fn)), TAIL]))


def decode_sch(llr: npt.NDArray[np.floating]) -> SchBlock:
    """Return what an SCH burst says, from its 78 soft bits, shape (78,), positive = bit 0."""
    word = decode_tailed(CODE, _sized(llr, 78))
    fields = sch_fields(word.bits[:SCH_INFORMATION_BITS]) if GSM_SCH.passes(word.bits[:35]) else None
    return SchBlock(bsic=fields and fields[0], fn=fields and fields[1], word=word)


def encode_block(octets: bytes) -> BitArray:
    """Return the coded and interleaved bits, shape (4, 114), uint8, of a block of 23 ``octets``.

    Raises:
        ParameterError: not 23 octets.
    """
    if len(octets) != BLOCK_OCTETS:
        raise ParameterError("len(octets)", len(octets), "23")
    bits = np.unpackbits(np.frombuffer(octets, dtype=np.uint8), bitorder="little")
    return interleave(encode(CODE, np.concatenate([GSM_FIRE.append(bits), TAIL])))


def decode_block(llr: npt.NDArray[np.floating]) -> BcchBlock:
    """Return the block that four bursts carry, from their soft bits, shape (4, 114), positive = bit 0."""
    word = decode_tailed(CODE, deinterleave(llr))
    good = GSM_FIRE.passes(word.bits[:224])
    octets = np.packbits(word.bits[:BLOCK_BITS], bitorder="little").tobytes() if good else None
    return BcchBlock(octets=octets, word=word)


def interleave(coded: npt.NDArray[np.uint8]) -> BitArray:
    """Return coded bits, shape (456,), as they lie in four bursts, shape (4, 114)."""
    out = np.empty((4, 114), dtype=np.uint8)
    out[_BURST, _PLACE] = _sized(coded, 456)
    return out


def deinterleave(llr: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return the soft bits of four bursts, shape (4, 114), in the order of the code, shape (456,)."""
    return np.ascontiguousarray(_sized(llr, 456).reshape(4, 114)[_BURST, _PLACE], dtype=np.float32)


def normal_burst(data: npt.NDArray[np.uint8], training_code: int) -> BitArray:
    """Return the 148 bits of a normal burst: ``data``, shape (114,), around the training sequence; both stealing flags 1."""
    bits = np.zeros(params.BURST_BITS, dtype=np.uint8)
    bits[params.NORMAL_DATA[0]], bits[params.NORMAL_DATA[1]] = data[:57], data[57:]
    bits[list(params.NORMAL_STEALING)] = 1
    bits[params.NORMAL_TRAINING] = params.TRAINING[training_code]
    return bits


def sch_burst(coded: npt.NDArray[np.uint8]) -> BitArray:
    """Return the 148 bits of a synchronisation burst with the 78 ``coded`` bits."""
    bits = np.zeros(params.BURST_BITS, dtype=np.uint8)
    bits[params.SCH_DATA[0]], bits[params.SCH_DATA[1]] = coded[:39], coded[39:]
    bits[params.SCH_TRAINING_AT] = params.SCH_TRAINING
    return bits


def _sized(array: npt.NDArray[Scalar], size: int) -> npt.NDArray[Scalar]:
    if array.size != size:
        raise ParameterError("size", array.size, str(size))
    return array
