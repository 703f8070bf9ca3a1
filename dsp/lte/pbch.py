"""PBCH: soft bits of every frame, the blocks they add up to, and when a MIB is to be believed (TS 36.211 cl. 6.6, 36.212 cl. 5.3.1).

A block lasts four frames; which frame of the four the first is, and over how many antenna ports it is sent, is tried out:
36 decodings of an 80 ms dwell and cell. Chance passes the CRC once in 65536 times, so a single block is believed only with a margin
(``bch.BchDecode.margin``: -log10 of a bound on the chance of one decoding) of 6 + log10 of the decodings in a search, 360 at most. Two
blocks in step (the same but for the SFN, which has moved on by the frames between) are 30 bits of agreement by themselves; the sum of their
margins must still be positive, so that both together fit better than chance ever would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dsp.lte.bch import BchDecode, Mib, combine, decode, decode_many
from dsp.lte.params import PBCH_BITS, PBCH_FRAMES, PBCH_SLOT, PBCH_SYMBOLS, SFN_CYCLE
from dsp.lte.reference_signals import FrameGrid
from dsp.lte.resource_grid import pbch_elements
from dsp.lte.types import CyclicPrefix
from dsp.types import ComplexArray, FloatArray

SINGLE_MARGIN: Final = 8.6
"""6 + log10(360): 12 quarters and blocks, 3 numbers of ports, 10 cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """The MIB of a cell as one dwell has it."""

    mib: Mib
    n_ports: int
    sfn_of_first: int
    """SFN of frame 0 of the grid's array."""
    count: int
    """Blocks of 40 ms that passed in step with each other."""
    margin: float
    """The sum of those blocks' margins."""

    @property
    def certain(self) -> bool:
        """Whether it may be believed: twice in step, or once with margin."""
        return self.margin >= (SINGLE_MARGIN if self.count < 2 else 0.0)


def soft_bits(grid: FrameGrid, channels: tuple[ComplexArray, ...], *, pci: int, noise: float) -> FloatArray:
    """Return the soft bits of every frame, (n_frames, 480 or 432), zero where not received, for ``len(channels)`` ports (1, 2 or 4).

    ``channels``: one per port, (n_frames, 4, 72). TS 36.211 cl. 6.3.4.3 (transmit diversity) undone by matched filter.
    """
    symbol, subcarrier = pbch_elements(pci, grid.cp)
    received = grid.elements[:, PBCH_SLOT][:, symbol, subcarrier]
    there = grid.valid[:, PBCH_SLOT][:, list(PBCH_SYMBOLS)].all(axis=1)
    h = [channel[:, symbol, subcarrier] for channel in channels]
    if len(h) == 1:
        sent = np.conj(h[0]) * received
    else:
        sent = np.empty_like(received)
        for pair in range(len(h) // 2):
            a, b = slice(2 * pair, None, len(h)), slice(2 * pair + 1, None, len(h))
            low, high = (0, 1) if len(h) == 2 else (pair, pair + 2)
            sent[:, a] = np.conj(h[low][:, a]) * received[:, a] + h[high][:, b] * np.conj(received[:, b])
            sent[:, b] = np.conj(h[low][:, b]) * received[:, b] - h[high][:, a] * np.conj(received[:, a])
    out = np.empty((received.shape[0], PBCH_BITS[grid.cp]), dtype=np.float32)
    out[:, 0::2], out[:, 1::2] = sent.real, sent.imag
    out[~there] = 0.0
    return out * np.float32(2.0 / noise)


def find_broadcast(soft: dict[int, FloatArray], *, pci: int, cp: CyclicPrefix) -> Broadcast | None:
    """Return the best MIB in the frames' soft bits by number of ports, or None where no block passes its CRC.

    Of what passes, blocks in step are counted; the most, then the largest margin, win.
    """
    found: list[tuple[BchDecode, int]] = []
    for n_ports, llrs in soft.items():
        spans = [span for quarter in range(PBCH_FRAMES) for span in _spans(llrs, quarter)]
        if not spans:
            continue
        combined = np.array([combine(llrs[a:b], pci=pci, cp=cp, quarter=q) for a, b, q in spans])
        passed = decode_many(combined, quarters=[q for _, _, q in spans], ports=(n_ports,))
        for (a, b, q), once in zip(spans, passed, strict=True):
            decoded = decode(llrs[a:b], pci=pci, cp=cp, quarter=q, ports=(n_ports,)) if once is not None else None
            if decoded is not None:
                found.append((decoded, (decoded.mib.sfn + q - a) % SFN_CYCLE))
    return _in_step(found)


def _spans(llrs: FloatArray, quarter: int) -> list[tuple[int, int, int]]:
    """Return (first frame, frame after the last, quarter of the first) of each block when frame 0 is quarter ``quarter`` of its block."""
    n_frames = llrs.shape[0]
    spans = []
    for first in range(-quarter, n_frames, PBCH_FRAMES):
        begin, end = max(first, 0), min(first + PBCH_FRAMES, n_frames)
        if llrs[begin:end].any():
            spans.append((begin, end, begin - first))
    return spans


def _in_step(found: list[tuple[BchDecode, int]]) -> Broadcast | None:
    """Return the largest group of blocks that say the same at the same SFN count."""
    groups: dict[tuple[int, int, int, str, str], list[BchDecode]] = {}
    for decoded, sfn in found:
        mib = decoded.mib
        groups.setdefault((decoded.n_ports, sfn, mib.n_rb, mib.phich_duration, mib.phich_resource), []).append(decoded)
    if not groups:
        return None
    (_, sfn, *_), best = max(groups.items(), key=lambda item: (len(item[1]), max(d.margin for d in item[1])))
    top = max(best, key=lambda d: d.margin)
    return Broadcast(mib=top.mib, n_ports=top.n_ports, sfn_of_first=sfn, count=len(best), margin=sum(d.margin for d in best))
