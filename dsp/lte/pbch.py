"""PBCH: soft bits of every frame, the blocks they add up to, and when a MIB is to be believed (TS 36.211 cl. 6.6, 36.212 cl. 5.3.1).

A block lasts four frames; which frame of the four the first is, and over how many antenna ports it is sent, is tried out. Chance passes
the CRC once in 65536 times, so a single block is believed only with a margin: the soft bits' correlation with the block coded again, over
the root of their energy, must reach 8.6. For soft bits of random signs the chance of that is below exp(-8.6^2 / 2) for any one word
(Hoeffding), and 3 x 2^24 words have a good CRC: 4.4e-9 for a decode, below 1e-6 for the 40 to 80 decodes of a search. Two
blocks in step (the same but for the SFN, which has moved on by the frames between) need no margin each... see ``MibSighting``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dsp.lte.bch import BchDecode, Mib, combine, decode_combined, encode, pack_mib
from dsp.lte.params import PBCH_BITS, PBCH_FRAMES, PBCH_SLOT, PBCH_SYMBOLS, SFN_CYCLE
from dsp.lte.reference_signals import FrameGrid
from dsp.lte.resource_grid import pbch_elements
from dsp.lte.types import CyclicPrefix
from dsp.types import ComplexArray, FloatArray

SINGLE_MARGIN: Final = 8.6


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
    """The largest margin of those blocks."""

    @property
    def certain(self) -> bool:
        """Whether it may be believed: twice in step, or once with margin."""
        return self.count >= 2 or self.margin >= SINGLE_MARGIN


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
    found: list[tuple[BchDecode, int, float]] = []
    for n_ports, llrs in soft.items():
        for quarter in range(PBCH_FRAMES):
            found += _blocks(llrs, quarter, pci=pci, cp=cp, n_ports=n_ports)
    return _in_step(found)


def _blocks(llrs: FloatArray, quarter: int, *, pci: int, cp: CyclicPrefix, n_ports: int) -> list[tuple[BchDecode, int, float]]:
    """Return (decode, SFN of frame 0, margin) of the blocks that pass when frame 0 is quarter ``quarter`` of its block."""
    out = []
    n_frames = llrs.shape[0]
    for first in range(-quarter, n_frames, PBCH_FRAMES):
        begin, end = max(first, 0), min(first + PBCH_FRAMES, n_frames)
        part = llrs[begin:end]
        if not part.any():
            continue
        decoded = decode_combined(combine(part, pci=pci, cp=cp, quarter=begin - first), quarter=begin - first, ports=(n_ports,))
        if decoded is not None:
            sfn = (decoded.mib.sfn - first) % SFN_CYCLE
            out.append((decoded, sfn, margin(part, decoded, pci=pci, cp=cp)))
    return out


def margin(llrs: FloatArray, decoded: BchDecode, *, pci: int, cp: CyclicPrefix) -> float:
    """Return the correlation of soft bits with the decoded block sent again, over the root of their energy."""
    sent = encode(pack_mib(decoded.mib), n_ports=decoded.n_ports, cp=cp, pci=pci)
    per_frame = PBCH_BITS[cp]
    part = sent[decoded.quarter * per_frame :][: llrs.size].astype(np.float64)
    flat = llrs.ravel().astype(np.float64)
    return float(np.sum(flat * (1 - 2 * part)) / np.sqrt(np.sum(flat**2)))


def _in_step(found: list[tuple[BchDecode, int, float]]) -> Broadcast | None:
    groups: dict[tuple[object, ...], list[tuple[BchDecode, int, float]]] = {}
    for decoded, sfn, sure in found:
        mib = decoded.mib
        groups.setdefault((decoded.n_ports, sfn, mib.n_rb, mib.phich_duration, mib.phich_resource), []).append((decoded, sfn, sure))
    if not groups:
        return None
    best = max(groups.values(), key=lambda g: (len({d.mib.sfn for d, _, _ in g}), max(s for _, _, s in g)))
    decoded, sfn, sure = max(best, key=lambda entry: entry[2])
    count = len({d.mib.sfn for d, _, _ in best})
    return Broadcast(mib=decoded.mib, n_ports=decoded.n_ports, sfn_of_first=sfn, count=count, margin=sure)
