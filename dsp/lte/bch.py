"""The broadcast channel: MIB (TS 36.331 cl. 6.2.2), CRC, convolutional code and rate matching (TS 36.212 cl. 5.1, 5.3.1), scrambling.

MIB, 24 bits, most significant first::

    dl-Bandwidth 3 | phich-Duration 1 | phich-Resource 2 | SFN / 4, 8 bits | 10 bits

The last ten were spare and have gained meanings (LTE-M SIB1 scheduling, system information unchanged, part of an EARFCN): any value is
taken. Soft bits are log-likelihood ratios up to a common factor, > 0 for bit 0, as QPSK sends 0 on the positive axis.

Whether a block whose CRC passed was really sent is told by ``BchDecode.margin``. Were nothing sent, the signs of the soft bits would be
fair coins whatever their sizes (the scrambling sees to that), and the chance that any of the blocks with a good CRC agrees with them
as well as the one found is at most (number of such blocks) x min over t of exp(-t metric) prod cosh(t |llr|): the union bound over
Chernoff's. The margin is -log10 of that. A search that decodes N times keeps its false passes below 1e-6 by asking for
6 + log10(N). The bound holds for the soft bits as received and for the 120 they add up to; the former says more, as a block that was
sent makes the sums larger but not the parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from dsp.crc import LTE_CRC16, BitArray
from dsp.errors import ParameterError
from dsp.lte.params import BANDWIDTHS_RB, PBCH_BITS, PBCH_FRAMES, PHICH_RESOURCES, SFN_CYCLE
from dsp.lte.sequences import gold
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

_NEWTON_STEPS: Final = 12

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
    margin: float
    """-log10 of a bound on the chance that one decoding of noise ends here, CRC included."""
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


def encode(mib_bits: BitArray, *, n_ports: int, cp: CyclicPrefix, pci: int) -> BitArray:
    """Return the scrambled bits of one 40 ms block, shape (1920,) or (1728,) with extended prefix; a quarter belongs to each frame."""
    block = LTE_CRC16.append(mib_bits)
    block[MIB_BITS:] ^= _bits(CRC_MASKS[n_ports], CRC_BITS)
    coded = encode_tail_biting(block)
    length = PBCH_FRAMES * PBCH_BITS[cp]
    circular = coded[rate_matching_order()]
    return circular[np.arange(length) % CODED_BITS] ^ scrambling(pci, cp)


@lru_cache(maxsize=8)
def next_block_signs(ones: int) -> FloatArray:
    """Return which soft bits change sign in the next 40 ms block, shape (120,), +-1, where the SFN's eight bits end in ``ones`` ones.

    Counting up by one turns the zero before them and the ones themselves (8: all bits, the counter wraps); the code and its CRC are
    linear, so the coded bits change in places that depend on nothing else. ``soft`` + the next block's times these is one block's with
    twice the energy: to be tried for each of 0 to 8, the likeliest first, half of all blocks having 0.
    """
    turned = (1 << min(ones + 1, 8)) - 1
    change = encode_tail_biting(LTE_CRC16.append(_bits(turned << 10, MIB_BITS)))
    signs = 1.0 - 2.0 * change.astype(np.float32)
    signs.setflags(write=False)
    return signs


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
    found = decode_combined(soft, quarter=quarter, ports=ports)
    if found is None:
        return None
    sent = encode(pack_mib(found.mib), n_ports=found.n_ports, cp=cp, pci=pci)[quarter * llrs.shape[1] :][: llrs.size]
    metric = float(np.sum(llrs.ravel() * (1.0 - 2.0 * sent), dtype=np.float64))
    return replace(found, margin=_margin(llrs.ravel(), metric, n_masks=len(ports)))


def decode_combined(soft: FloatArray, *, quarter: int, ports: tuple[int, ...] = (1, 2, 4)) -> BchDecode | None:
    """Return the block in 120 soft bits of the coder's output, or None where no CRC of ``ports`` passes; margin from these alone."""
    return decode_many(soft[np.newaxis], quarters=(quarter,), ports=ports)[0]


def decode_many(soft: FloatArray, *, quarters: Sequence[int], ports: tuple[int, ...] = (1, 2, 4)) -> list[BchDecode | None]:
    """Return ``decode_combined`` of each row of ``soft``, shape (n, 120), with its quarter; much faster than one by one."""
    bits, metrics = decode_tail_biting(soft)
    parities = LTE_CRC16.parity(bits[:, :MIB_BITS]) ^ bits[:, MIB_BITS:]
    masks = parities @ (1 << np.arange(CRC_BITS - 1, -1, -1))  # most are none of these: no need to look closer
    found: list[BchDecode | None] = [None] * len(soft)
    for row in np.flatnonzero(np.isin(masks, [CRC_MASKS[n] for n in ports]) & (metrics > 0.0)).tolist():
        found[row] = _judged(bits[row], soft[row], float(metrics[row]), quarter=quarters[row], ports=ports)
    return found


def _judged(block: BitArray, soft: FloatArray, metric: float, *, quarter: int, ports: tuple[int, ...]) -> BchDecode | None:
    """Return the decoded ``block`` with its margin; None where its mask is none of ``ports`` or its bandwidth has no meaning."""
    mask = _number(LTE_CRC16.parity(block[:MIB_BITS]) ^ block[MIB_BITS:])
    n_ports = next((n for n in ports if CRC_MASKS[n] == mask), None)
    mib = unpack_mib(block)
    if n_ports is None or mib is None:
        return None
    return BchDecode(mib=mib, n_ports=n_ports, margin=_margin(soft, metric, n_masks=len(ports)), quarter=quarter)


def _margin(llrs: FloatArray, metric: float, *, n_masks: int) -> float:
    words = n_masks * len(BANDWIDTHS_RB) << (MIB_BITS - 3)
    return float(-(np.log(words) + chernoff_exponent(llrs, metric)) / np.log(10.0))


def chernoff_exponent(soft: FloatArray, metric: float) -> float:
    """Return the least of sum of ln cosh(t |soft|) - t ``metric`` over t: the logarithm of a bound on P(sum of +-|soft| >= ``metric``).

    Newton's method on a convex function; ``metric`` is below the sum of |soft| or, at it, the answer is close to -n ln 2.
    """
    size = np.abs(soft, dtype=np.float64)
    size /= np.sqrt(np.mean(size * size))
    target = min(metric / float(np.sqrt(np.mean(np.square(soft, dtype=np.float64)))), (1.0 - 1e-6) * float(size.sum()))
    t = target / size.size
    for _ in range(_NEWTON_STEPS):
        slope = np.tanh(t * size)
        curvature = float(np.sum(size * size * (1.0 - slope * slope)))
        t = min(max(t + (target - float(size @ slope)) / max(curvature, 1e-9), 0.5 * t), 2.0 * t)
    log_cosh = t * size + np.log1p(np.exp(-2.0 * t * size)) - np.log(2.0)
    return min(0.0, float(log_cosh.sum()) - t * target)


def _bits(word: int, length: int) -> BitArray:
    return (word >> np.arange(length - 1, -1, -1) & 1).astype(np.uint8)


def _number(bits: BitArray) -> int:
    return int("".join(map(str, bits.tolist())), 2)
