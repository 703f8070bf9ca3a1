"""Where in a carrier SIB1 lies, without its control channel: every allocation is tried against the code.

A transport block sent at less than a third of a bit per bit goes round its circular buffer more than once: the soft bits of the right
allocation repeat after as many bits as the buffer holds, whatever the redundancy version. That costs one product a bit, so all of the few
thousand allocations and sizes are ranked by it, and only the best are decoded against the 24 bits of their CRC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from dsp.crc import LTE_CRC24A, BitArray
from dsp.lte import ordered_statistics, rate_matching, turbo
from dsp.lte.bch import chernoff_exponent
from dsp.lte.crs import CarrierView
from dsp.lte.pdsch import (
    BLOCK_SIZES,
    DISTRIBUTED_SIZES,
    LONGEST,
    IntArray,
    allocation_soft_bits,
    data_elements,
    data_starts,
    scrambling_signs,
)
from dsp.lte.sib1_prior import message_prior
from dsp.lte.virtual_blocks import slot_blocks, virtual_blocks
from dsp.types import FloatArray

MAX_BLOCKS: Final = 10
KEPT: Final = 10
"""Of the ranking, so many are decoded: where the code can be decoded the right one is first or second (measured, down to -5 dB)."""
_CRC_BITS: Final = LTE_CRC24A.width
_LEAST_REPEATED: Final = 64
_FILLER_LLR: Final = 1e4
_SURE: Final = 12.0
"""A score that chance does not reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One way in which SIB1 may be sent."""

    start: int
    length: int
    data_start: int
    size: int
    """Of the transport block, bits."""
    gap: int = 0
    """0: localised; 1 or 2: distributed with that gap, start and length are virtual blocks."""
    score: float = 0.0
    """Of the repetition: standard deviations over chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A transport block whose CRC passed."""

    octets: bytes
    hypothesis: Hypothesis
    margin: float
    """-log10 of a bound on the chance that one decoding of noise ends here, CRC included."""


def hypotheses(softs: Sequence[FloatArray], view: CarrierView, *, distributed: bool = False, keep: int = KEPT) -> list[Hypothesis]:
    """Return the likeliest ways, the best first, in which the soft elements of one or more subframes carry one block each.

    ``softs``: see ``pdsch.soft_elements``; all are taken to use the same allocation. Starts are gone through from block 0 on, and none
    after one that is beyond doubt. ``distributed``: those alone, else localised ones alone.
    """
    sizes = DISTRIBUTED_SIZES if distributed else BLOCK_SIZES
    places, gaps, blocks = _places(view.n_rb, view.seen_blocks(), distributed)
    scores = np.zeros((len(places), len(sizes)), dtype=np.float32)
    elements = data_elements(view.pci, view.n_rb, view.ports, view.cp, view.duplex), scrambling_signs(view.pci, LONGEST)
    _kernel()(np.stack(softs), elements, (places, blocks), _lags(sizes), (_LEAST_REPEATED, _SURE), scores)
    best = np.argsort(scores, axis=None)[::-1][:keep]
    ways = []
    for place, size in zip(*np.unravel_index(best, scores.shape), strict=True):
        if scores[place, size] > 0.0:
            data_start, start, length = places[place].tolist()
            way = Hypothesis(
                start=start,
                length=length,
                data_start=data_start,
                size=sizes[size],
                gap=int(gaps[place]),
                score=float(scores[place, size]),
            )
            ways.append(way)
    return ways


def n_ways(view: CarrierView) -> int:
    """Return how many ways of sending are ranked in one subframe, localised and distributed."""
    both = ((BLOCK_SIZES, False), (DISTRIBUTED_SIZES, True))
    return sum(len(_places(view.n_rb, view.seen_blocks(), distributed)[0]) * len(sizes) for sizes, distributed in both)


@lru_cache(maxsize=16)
def _places(n_rb: int, seen: tuple[int, int], distributed: bool) -> tuple[IntArray, IntArray, IntArray]:
    """Return what allocations there are at least half of which is seen, by first block.

    (first symbol, first block, length), shape (n, 3); the gap of each; its blocks in both slots, (n, 2, longest).
    """
    described, gaps, blocks = [], [], []
    for gap in (1, 2) if distributed else (0,):
        n_blocks = n_rb if gap == 0 else virtual_blocks(n_rb, gap)
        for start in range(n_blocks):
            for length in range(1, min(MAX_BLOCKS, n_blocks - start) + 1):
                both = slot_blocks(n_rb, start=start, length=length, gap=gap)
                if 2 * int(np.sum((both >= seen[0]) & (both < seen[1]))) < both.size:
                    continue
                padded = np.pad(both, ((0, 0), (0, MAX_BLOCKS - length)))
                for symbol in data_starts(n_rb):
                    described.append((symbol, start, length))
                    gaps.append(gap)
                    blocks.append(padded)
    order = sorted(range(len(described)), key=lambda i: (gaps[i], described[i][1], described[i][0], described[i][2]))
    places = np.array([described[i] for i in order], dtype=np.int64).reshape(-1, 3)
    kept = np.array([blocks[i] for i in order], dtype=np.int64).reshape(-1, 2, MAX_BLOCKS)
    return places, np.array([gaps[i] for i in order], dtype=np.int64), kept


@lru_cache(maxsize=2)
def _lags(sizes: tuple[int, ...]) -> IntArray:
    """Return after how many bits the buffer of each of ``sizes`` repeats."""
    return np.array([rate_matching.sent_order(*_code_block(size), 0).size for size in sizes], dtype=np.int64)


def _code_block(size: int) -> tuple[int, int]:
    """Return the code block's size and its filler for a transport block of ``size`` bits."""
    whole = turbo.block_size(size + _CRC_BITS)
    return whole, whole - size - _CRC_BITS


def decode(received: Iterable[tuple[FloatArray, int]], view: CarrierView, way: Hypothesis, *, thorough: bool = False) -> Block | None:
    """Return the block that subframes (soft elements, redundancy version) carry together, sent in this ``way``; None: no CRC passed.

    ``thorough``: where the turbo decoder gives up, the likeliest word near by is tried too.
    """
    code, filler = _code_block(way.size)
    blocks = slot_blocks(view.n_rb, start=way.start, length=way.length, gap=way.gap)
    parts = [(allocation_soft_bits(soft, view, blocks=blocks, data_start=way.data_start), rv) for soft, rv in received]
    total = np.zeros((3, code + 4), dtype=np.float32)
    for bits, rv in parts:
        total += rate_matching.unmatch(bits, size=code, filler=filler, rv=rv)
    total[:2, :filler] = _FILLER_LLR
    total[0, filler : filler + way.size] += message_prior(way.size, view.duplex)
    found, sureness = turbo.decode_or_sureness(total)
    if found is not None:
        coded = turbo.encode(found.bits)
    elif thorough and code <= ordered_statistics.LARGEST and _information(parts) > way.size:
        coded = ordered_statistics.decode(total, sureness, filler=filler)
        if not (coded[0, :code].any() and LTE_CRC24A.passes(coded[0, filler:code])):
            return None
    else:
        return None
    margin = _margin(parts, coded, filler=filler, n_words=way.size)
    return Block(octets=np.packbits(coded[0, filler : filler + way.size]).tobytes(), hypothesis=way, margin=margin)


def _information(parts: Sequence[tuple[FloatArray, int]]) -> float:
    """Return how many bits the soft bits tell at most, each taken for itself: below a block's size no decoder has anything to go by."""
    size = np.minimum(np.abs(np.concatenate([bits for bits, _ in parts])), 60.0)
    wrong = 1.0 / (1.0 + np.exp(size))
    return float(np.sum(1.0 - (np.log1p(np.exp(-size)) + wrong * size) / np.log(2.0), dtype=np.float64))


def _margin(parts: Sequence[tuple[FloatArray, int]], coded: BitArray, *, filler: int, n_words: int) -> float:
    """Return the margin: a union over 2^n_words words of Chernoff's bound on how well signs by chance agree with the soft bits."""
    soft = np.concatenate([bits for bits, _ in parts])
    sent = np.concatenate([rate_matching.match(coded, n_bits=bits.size, filler=filler, rv=rv) for bits, rv in parts])
    heard = soft != 0.0
    metric = float(np.sum(soft[heard] * (1.0 - 2.0 * sent[heard]), dtype=np.float64))
    if metric <= 0.0:
        return -float(n_words)
    return float(-(n_words * np.log(2.0) + chernoff_exponent(soft[heard], metric)) / np.log(10.0))


@lru_cache(maxsize=1)
def _kernel() -> Any:
    """Return the compiled ranking; numba is imported on first use."""
    from dsp.lte.sib1_kernel import score

    return score
