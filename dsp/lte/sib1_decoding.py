"""The transport block of a SIB1 out of the soft bits of one allocation, or of several together: quick, by ordered statistics, and deep.

The turbo decoder reads all but the weakest. Where it gives up, the likeliest of the words near where it got to is taken. And where that
one agrees with what was heard far better than chance would have it, a block is there, and the search sets out from other places: from
each layout a SIB1 may have, and from earlier iterations. The CRC chooses nothing: it is asked of the word where the turbo decoder
settles, of the likeliest near by, and of the likeliest of all, so that 2^-24 is what it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dsp.crc import LTE_CRC24A, BitArray
from dsp.lte import ordered_statistics, rate_matching, turbo
from dsp.lte.bch import chernoff_exponent
from dsp.lte.crs import CarrierView
from dsp.lte.pdsch import allocation_soft_bits
from dsp.lte.sib1_prior import log_chance, message_layouts, message_prior
from dsp.lte.sib1_search import Hypothesis, code_block
from dsp.lte.types import Duplex
from dsp.lte.virtual_blocks import slot_blocks
from dsp.types import FloatArray

SoftParts = Sequence[tuple[FloatArray, int]]
"""Soft bits of an allocation as sent, shape (n,), and their redundancy version, of each occurrence."""
_FILLER_LLR: Final = 1e4
_NEAR: Final = 2.0
"""Margin of a word near which a block is to be found: noise's likeliest words had -16 to -3 (150 tries), those near blocks 5 and more."""
_REACH: Final = 80
_STARTS: Final = ((turbo.ITERATIONS, 1.0), (2, 1.0), (3, 1.0), (5, 1.0), (8, 0.6))
"""Iterations, and how far the soft values are believed, after which a search sets out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A transport block whose CRC passed."""

    octets: bytes
    hypothesis: Hypothesis
    margin: float
    """-log10 of a bound on the chance that one decoding of noise ends here, CRC included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Soft:
    """What was heard of a block sent in one way: ``total``, its coded bits, shape (3, code + 4), > 0 for bit 0, without what is known."""

    way: Hypothesis
    parts: SoftParts
    duplex: Duplex
    total: FloatArray

    @property
    def filler(self) -> int:
        """Return how many bits of the code block are filler."""
        return code_block(self.way.size)[1]

    def with_known(self, known: FloatArray) -> FloatArray:
        """Return ``total`` with the soft values ``known``, shape (size,), of the block's bits added, and the filler."""
        out = self.total.copy()
        out[:2, : self.filler] = _FILLER_LLR
        out[0, self.filler : self.filler + self.way.size] += known
        return out

    def likelihood(self, coded: BitArray) -> float:
        """Return the logarithm of how likely the word ``coded``, shape of ``total``, is, but for a constant."""
        heard = 0.5 * float(np.sum(self.total * (1.0 - 2.0 * coded), dtype=np.float64))
        return heard + log_chance(coded[0, self.filler : self.filler + self.way.size], self.duplex)

    def margin(self, coded: BitArray) -> float:
        """Return the margin of a word: a union over all of Chernoff's bound on how well signs by chance agree with the soft bits."""
        soft = np.concatenate([bits for bits, _ in self.parts])
        sent = np.concatenate([rate_matching.match(coded, n_bits=bits.size, filler=self.filler, rv=rv) for bits, rv in self.parts])
        heard = soft != 0.0
        metric = float(np.sum(soft[heard] * (1.0 - 2.0 * sent[heard]), dtype=np.float64))
        if metric <= 0.0:
            return -float(self.way.size)
        return float(-(self.way.size * np.log(2.0) + chernoff_exponent(soft[heard], metric)) / np.log(10.0))

    def block(self, coded: BitArray) -> Block | None:
        """Return the word as a block, or None where its CRC fails or there is nothing in it."""
        code = self.total.shape[1] - 4
        if not (coded[0, :code].any() and LTE_CRC24A.passes(coded[0, self.filler : code])):
            return None
        octets = np.packbits(coded[0, self.filler : self.filler + self.way.size]).tobytes()
        return Block(octets=octets, hypothesis=self.way, margin=self.margin(coded))


def gathered(received: Iterable[tuple[FloatArray, int]], view: CarrierView, way: Hypothesis) -> Soft:
    """Return what subframes (soft elements, redundancy version) say together of a block sent in this ``way``."""
    code, filler = code_block(way.size)
    blocks = slot_blocks(view.n_rb, start=way.start, length=way.length, gap=way.gap)
    parts = [(allocation_soft_bits(soft, view, blocks=blocks, data_start=way.data_start), rv) for soft, rv in received]
    total = np.zeros((3, code + 4), dtype=np.float32)
    for bits, rv in parts:
        total += rate_matching.unmatch(bits, size=code, filler=filler, rv=rv)
    return Soft(way=way, parts=parts, duplex=view.duplex, total=total)


def decode(soft: Soft) -> Block | None:
    """Return the block the turbo decoder finds; None: no CRC passed, or one that passed on the way to another word."""
    total = soft.with_known(message_prior(soft.way.size, soft.duplex))
    found = turbo.decode(total)
    if found is None or not np.array_equal(found.bits, turbo.sureness(total)[0, : found.bits.size] < 0):
        return None
    return soft.block(turbo.encode(found.bits))


def likeliest(soft: Soft) -> BitArray | None:
    """Return the likeliest word near where the turbo decoder gets to; None: there is too little to go by, or the block is too large."""
    if code_block(soft.way.size)[0] > ordered_statistics.LARGEST or _information(soft.parts) <= soft.way.size:
        return None
    return _from(soft, message_prior(soft.way.size, soft.duplex), *_STARTS[0], reach=ordered_statistics.REACH)


def likeliest_of_all(soft: Soft, near: BitArray) -> BitArray:
    """Return the likeliest of the word ``near`` and those found from every start, or ``near`` itself where it is no better than chance."""
    if soft.margin(near) < _NEAR:
        return near
    layouts = message_layouts(soft.way.size, soft.duplex)
    words = [near, *(_from(soft, layout.soft, *start, reach=_REACH) for layout in layouts for start in _STARTS)]
    return max(words, key=soft.likelihood)


def _from(soft: Soft, known: FloatArray, iterations: int, believed: float, *, reach: int) -> BitArray:
    """Return the likeliest word where so many iterations of the turbo decoder lead, soft values scaled by ``believed``."""
    total = soft.with_known(known)
    sureness = turbo.sureness(total * np.float32(believed), iterations=iterations)
    return ordered_statistics.decode(total, sureness, filler=soft.filler, reach=reach)


def _information(parts: SoftParts) -> float:
    """Return how many bits the soft bits tell at most, each taken for itself: below a block's size no decoder has anything to go by."""
    size = np.minimum(np.abs(np.concatenate([bits for bits, _ in parts])), 60.0)
    wrong = 1.0 / (1.0 + np.exp(size))
    return float(np.sum(1.0 - (np.log1p(np.exp(-size)) + wrong * size) / np.log(2.0), dtype=np.float64))
