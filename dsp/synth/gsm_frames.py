"""The bits of every slot of a C0: FCCH, SCH, BCCH by TC, CCCH with nothing in it, dummy bursts elsewhere (TS 45.002 cl. 6, 7)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import numpy as np

from dsp.crc import BitArray
from dsp.gsm import coding, params

EMPTY_PAGING: Final = bytes.fromhex("1506210001f0") + bytes([0x2B] * 17)
"""Paging request type 1 without an identity (TS 44.018 cl. 9.1.22): what a network sends when it pages nobody."""


def message_at(fn: int, blocks: Mapping[str, bytes]) -> str:
    """Return the name of the message in the BCCH block that begins in frame ``fn``, of those in ``blocks``.

    TS 45.002 cl. 6.3.1.3. TC 4 and 5 take turns through the messages that are none of SI1 to SI4; in the place of one that the cell has
    not, SI3 is sent.
    """
    tc = params.tc(fn)
    name: str = params.BCCH_SCHEDULE[tc]
    extra = [n for n in ("SI2bis", "SI2ter", "SI2quater", "SI13", "SI9") if n in blocks]
    if name == "other" and extra:
        cycle = fn // (8 * params.MULTIFRAME_FRAMES)
        name = extra[(2 * cycle + tc - 4) % len(extra)]
    if name in blocks:
        return name
    return "SI3" if "SI3" in blocks else next(iter(blocks))


class FrameSource:
    """Bits of the slots of one C0: ``blocks`` are its system information messages by name, 23 octets each."""

    def __init__(self, *, bsic: int, blocks: Mapping[str, bytes], combined: bool = False, busy_slots: tuple[int, ...] = ()) -> None:
        """Code the messages once. ``busy_slots``: timeslots 1 to 7 with normal bursts of random bits instead of dummy bursts."""
        self._bsic = bsic
        self._blocks = dict(blocks)
        self._busy = busy_slots
        training_code = bsic & 7
        self._coded = {name: _bursts(octets, training_code) for name, octets in self._blocks.items()}
        self._paging = _bursts(EMPTY_PAGING, training_code)
        self._ccch = {start + k: k for start in (params.CCCH_BLOCKS_COMBINED if combined else params.CCCH_BLOCKS) for k in range(4)}

    def slots(self, first: int, n: int) -> BitArray:
        """Return the bits of ``n`` slots, shape (n, 148), uint8; slot 8 FN + TN is timeslot TN of frame FN."""
        out = np.empty((n, params.BURST_BITS), dtype=np.uint8)
        out[:] = params.DUMMY_BURST
        for row in range(-first % 8, n, 8):
            burst = self._timeslot_0((first + row) // 8 % params.HYPERFRAME_FRAMES)
            if burst is not None:
                out[row] = burst
        for timeslot in self._busy:
            for row in range((timeslot - first) % 8, n, 8):
                data = np.random.default_rng((first + row) % (8 * params.HYPERFRAME_FRAMES)).integers(0, 2, 114, dtype=np.uint8)
                out[row] = coding.normal_burst(data, self._bsic & 7)
        return out

    def _timeslot_0(self, fn: int) -> BitArray | None:
        place = fn % params.MULTIFRAME_FRAMES
        if place in params.FCCH_FRAMES:
            return np.zeros(params.BURST_BITS, dtype=np.uint8)
        if place in params.SCH_FRAMES:
            return coding.sch_burst(coding.encode_sch(self._bsic, fn))
        if place in params.BCCH_FRAMES and self._coded:
            part = place - params.BCCH_FRAMES[0]
            burst: BitArray = self._coded[message_at(fn - part, self._blocks)][part]
            return burst
        if place in self._ccch:
            fill: BitArray = self._paging[self._ccch[place]]
            return fill
        return None


@lru_cache(maxsize=256)
def _bursts(octets: bytes, training_code: int) -> BitArray:
    """Return the four bursts of a block, shape (4, 148)."""
    return np.stack([coding.normal_burst(data, training_code) for data in coding.encode_block(octets)])
