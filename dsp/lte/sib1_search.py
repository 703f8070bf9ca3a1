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
from dsp.lte.pdsch import BLOCK_SIZES, allocation_soft_bits, data_starts
from dsp.types import FloatArray

MAX_BLOCKS: Final = 10
KEPT: Final = 32
"""Of the ranking, so many are decoded."""
_CRC_BITS: Final = LTE_CRC24A.width
_LEAST_REPEATED: Final = 64
_FILLER_LLR: Final = 1e4
_LEAST_RATE_BITS: Final = 1.1
"""Bits sent for each bit of the block at least, where repetition cannot tell."""


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

    ``softs``: see ``pdsch.soft_elements``; all are taken to use the same allocation.
    """
    first, last = view.seen_blocks()
    lags = _lags()
    found: list[tuple[float, Hypothesis]] = []
    for data_start in data_starts(view.n_rb):
        for start in range(max(first - MAX_BLOCKS, 0), last):
            for length in range(1, min(MAX_BLOCKS, view.n_rb - start) + 1):
                if min(start + length, last) - max(start, first) < (length + 1) // 2:
                    continue
                bits = [allocation_soft_bits(soft, view, start=start, length=length, data_start=data_start) for soft in softs]
                use = lags[lags <= bits[0].size - _LEAST_REPEATED]
                for size, score in zip(BLOCK_SIZES[: use.size], _scores(bits, use).tolist(), strict=True):
                    way = Hypothesis(start=start, length=length, data_start=data_start, size=size, score=score)
                    found.append((score, way))
    found.sort(key=lambda pair: -pair[0])
    return [way for _, way in found[:keep]]


def _scores(bits: Sequence[FloatArray], lags: npt.NDArray[np.int64]) -> FloatArray:
    sums = np.zeros((lags.size, 2), dtype=np.float32)
    part = np.empty_like(sums)
    for one in bits:
        _kernel()(one, lags, part)
        sums += part
    scores: FloatArray = sums[:, 0] / np.sqrt(sums[:, 1] + np.float32(1e-20))
    return scores


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
    from dsp.lte.sib1_kernel import repetition

    return repetition
