"""Where in a carrier SIB1 lies, without its control channel: every allocation is tried against the code.

A transport block sent at less than a third of a bit per bit goes round its circular buffer more than once: the soft bits of the right
allocation repeat after as many bits as the buffer holds, whatever the redundancy version. That costs one product a bit, so all of the few
thousand allocations and sizes are ranked by it, and only the best are decoded against the 24 bits of their CRC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from dsp.crc import LTE_CRC24A
from dsp.lte import rate_matching, turbo
from dsp.lte.crs import CarrierView
from dsp.lte.pdsch import (
    BLOCK_SIZES,
    DISTRIBUTED_SIZES,
    LONGEST,
    IntArray,
    data_elements,
    data_starts,
    scrambling_signs,
)
from dsp.lte.virtual_blocks import slot_blocks, virtual_blocks
from dsp.types import FloatArray

MAX_BLOCKS: Final = 10
KEPT: Final = 10
"""Of the ranking, so many are decoded: where the code can be decoded the right one is first or second (measured, down to -5 dB)."""
_LEAST_REPEATED: Final = 64
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
    return np.array([rate_matching.sent_order(*code_block(size), 0).size for size in sizes], dtype=np.int64)


def code_block(size: int) -> tuple[int, int]:
    """Return the code block's size and its filler for a transport block of ``size`` bits."""
    whole = turbo.block_size(size + LTE_CRC24A.width)
    return whole, whole - size - LTE_CRC24A.width


@lru_cache(maxsize=1)
def _kernel() -> Any:
    """Return the compiled ranking; numba is imported on first use."""
    from dsp.lte.sib1_kernel import score

    return score
