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
import numpy.typing as npt

from dsp.crc import LTE_CRC24A, BitArray
from dsp.lte import rate_matching, turbo
from dsp.lte.bch import chernoff_exponent
from dsp.lte.crs import CarrierView
from dsp.lte.params import SUBCARRIERS_PER_RB
from dsp.lte.pdsch import BLOCK_SIZES, LONGEST, allocation_soft_bits, data_elements, data_starts, scrambling_signs
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
    score: float = 0.0
    """Of the repetition: standard deviations over chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A transport block whose CRC passed."""

    octets: bytes
    hypothesis: Hypothesis
    margin: float
    """-log10 of a bound on the chance that one decoding of noise ends here, CRC included."""


def hypotheses(softs: Sequence[FloatArray], view: CarrierView, *, keep: int = KEPT) -> list[Hypothesis]:
    """Return the likeliest ways, the best first, in which the soft elements of one or more subframes carry one block each.

    ``softs``: see ``pdsch.soft_elements``; all are taken to use the same allocation. Starts are gone through from block 0 on, and none
    after one that is beyond doubt.
    """
    places = _places(view.n_rb, view.seen_blocks())
    free = data_elements(view.pci, view.n_rb, view.ports, view.cp, view.duplex)
    spans = places * np.array([1, SUBCARRIERS_PER_RB, SUBCARRIERS_PER_RB])
    scores = np.zeros((len(places), len(BLOCK_SIZES)), dtype=np.float32)
    signs = scrambling_signs(view.pci, LONGEST)
    _kernel()(np.stack(softs), free, signs, spans, _lags(), (_LEAST_REPEATED, _SURE), scores)
    best = np.argsort(scores, axis=None)[::-1][:keep]
    ways = []
    for place, size in zip(*np.unravel_index(best, scores.shape), strict=True):
        if scores[place, size] > 0.0:
            data_start, start, stop = places[place].tolist()
            way = Hypothesis(
                start=start, length=stop - start, data_start=data_start, size=BLOCK_SIZES[size], score=float(scores[place, size])
            )
            ways.append(way)
    return ways


@lru_cache(maxsize=16)
def _places(n_rb: int, seen: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Return (first symbol, first block, block after the last) of every allocation at least half of which is seen, by first block."""
    first, last = seen
    starts = range(max(first - MAX_BLOCKS, 0), last)
    every = [
        (symbol, start, stop)
        for start in starts
        for symbol in data_starts(n_rb)
        for stop in range(start + 1, min(start + MAX_BLOCKS, n_rb) + 1)
        if 2 * (min(stop, last) - max(start, first)) >= stop - start
    ]
    return np.array(every, dtype=np.int64).reshape(-1, 3)


@lru_cache(maxsize=1)
def _lags() -> npt.NDArray[np.int64]:
    """Return after how many bits the buffer of each of ``BLOCK_SIZES`` repeats."""
    return np.array([rate_matching.sent_order(*_code_block(size), 0).size for size in BLOCK_SIZES], dtype=np.int64)


def _code_block(size: int) -> tuple[int, int]:
    """Return the code block's size and its filler for a transport block of ``size`` bits."""
    whole = turbo.block_size(size + _CRC_BITS)
    return whole, whole - size - _CRC_BITS


def decode(received: Iterable[tuple[FloatArray, int]], view: CarrierView, way: Hypothesis) -> Block | None:
    """Return the block that subframes (soft elements, redundancy version) carry together, sent in this ``way``; None: no CRC passed."""
    code, filler = _code_block(way.size)
    place = {"start": way.start, "length": way.length, "data_start": way.data_start}
    parts = [(allocation_soft_bits(soft, view, **place), rv) for soft, rv in received]
    total = np.zeros((3, code + 4), dtype=np.float32)
    for bits, rv in parts:
        total += rate_matching.unmatch(bits, size=code, filler=filler, rv=rv)
    total[:2, :filler] = _FILLER_LLR
    found = turbo.decode(total)
    if found is None:
        return None
    coded = turbo.encode(found.bits)
    margin = _margin(parts, coded, filler=filler, n_words=way.size)
    return Block(octets=np.packbits(found.bits[filler:-_CRC_BITS]).tobytes(), hypothesis=way, margin=margin)


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
