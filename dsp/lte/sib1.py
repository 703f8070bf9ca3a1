"""SIB1 of a cell whose MIB was read: who the operator is, where the cell belongs, out of the samples of one dwell.

SIB1 comes in subframe 5 of every even frame, over and over, in one of four redundancy versions (TS 36.321 cl. 5.3.1: 0, 2, 3, 1 by SFN).
No control channel is read. Nothing is believed that does not parse as a SIB1 and came out identical twice, or once with a margin that noise
reaches in less than one dwell in a million.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dsp.crc import BitArray
from dsp.lte.crs import CarrierView, frames_inside, read_subframe
from dsp.lte.narrowband import Narrowband
from dsp.lte.ofdm import SAMPLE_RATE_HZ
from dsp.lte.params import SUBCARRIER_HZ
from dsp.lte.pdsch import soft_elements
from dsp.lte.sib1_decoding import Block, Soft, decode, gathered, likeliest, likeliest_of_all
from dsp.lte.sib1_message import Sib1, Sib1Message, parse
from dsp.lte.sib1_search import Hypothesis, hypotheses, n_ways
from dsp.lte.types import LteCell
from dsp.types import ComplexArray, FloatArray

REDUNDANCY: Final = (0, 2, 3, 1)
"""By SFN / 2 modulo 4."""
RARE: Final = 6.0
"""-log10 of the chance per dwell that noise is believed."""
_THOROUGH: Final = 3
"""So many of the ranking are decoded thoroughly where the quick decoder finds nothing."""
_PASSED: Final = 0.9
"""Part of its rate that ``Narrowband`` passes whole."""
_ENOUGH: Final = 2
_MOST_FRAMES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Occurrence:
    """Subframe 5 of one frame: soft elements, and the SFN where it is known."""

    frame: int
    soft: FloatArray
    sfn: int | None


def find_sib1(iq: ComplexArray, cell: LteCell, *, sample_rate_hz: float) -> Sib1:
    """Return the SIB1 of an identified ``cell`` in the samples it was found in, shape (n,), at ``sample_rate_hz``.

    Blocks of the carrier outside the samples' band are taken as not heard.
    """
    view = cell_view(cell, sample_rate_hz=sample_rate_hz)
    if view is None:
        return Sib1(status="not_tried", reason="no MIB was read")
    first, last = view.seen_blocks()
    if first == last:
        return Sib1(status="not_tried", reason="no block of the carrier lies in the samples' band")
    try:
        clean, rate_hz = on_grid(iq - iq.mean(), sample_rate_hz=sample_rate_hz)  # less a receiver's DC spike
        frame_sample = view.frame_sample * rate_hz / sample_rate_hz
        view = replace(view, sample_rate_hz=rate_hz, frame_sample=frame_sample, band_hz=sample_rate_hz)
        return search_sib1(clean, view, sfn=cell.sfn)
    except ImportError:
        return Sib1(status="not_tried", reason="the package pycrate is not installed: without it nothing can be known for a SIB1")


def with_sib1(iq: ComplexArray, cells: Sequence[LteCell], *, sample_rate_hz: float) -> tuple[LteCell, ...]:
    """Return ``cells`` with the SIB1 of each identified one."""
    return tuple(
        replace(cell, sib1=find_sib1(iq, cell, sample_rate_hz=sample_rate_hz)) if cell.status == "identified" else cell for cell in cells
    )


def cell_view(cell: LteCell, *, sample_rate_hz: float) -> CarrierView | None:
    """Return where the cell lies in the samples; None where too little is known of it."""
    if cell.n_rb is None or cell.ports is None:
        return None
    ppm = cell.ppm if cell.ppm is not None else 0.0
    if cell.freq_hz is not None and not cell.raster_ambiguous:
        ppm = -cell.cfo_hz / cell.freq_hz * 1e6
    return CarrierView(
        sample_rate_hz=sample_rate_hz,
        frame_sample=float(cell.frame_sample),
        stretch=1.0 + ppm * 1e-6,
        offset_hz=cell.offset_hz,
        pci=cell.pci,
        n_rb=cell.n_rb,
        ports=cell.ports,
        cp=cell.cp,
        duplex=cell.duplex,
    )


def on_grid(iq: ComplexArray, *, sample_rate_hz: float) -> tuple[ComplexArray, float]:
    """Return the samples at a rate that is a multiple of 15 kHz, and that rate: as they are, or from a multiple of 1.92 MS/s."""
    if abs(sample_rate_hz / SUBCARRIER_HZ - round(sample_rate_hz / SUBCARRIER_HZ)) <= 1e-3:
        return iq, sample_rate_hz
    factor = int(np.ceil(sample_rate_hz / (_PASSED * SAMPLE_RATE_HZ)))
    band = Narrowband(iq, sample_rate_hz)
    return band.around(0.0, factor=factor)[0], factor * band.out_rate_hz


def search_sib1(iq: ComplexArray, view: CarrierView, *, sfn: int | None) -> Sib1:
    """Return the SIB1 of the cell that ``view`` describes; ``sfn`` is that of the frame at ``view.frame_sample``, None: not known."""
    found: list[tuple[int, Block]] = []
    seen: list[_Occurrence] = []
    needed = single_margin(view, frames=min(len(frames_inside(view, iq.size)), _MOST_FRAMES), sfn_known=sfn is not None)
    for occurrence in _occurrences(iq, view, sfn):
        seen.append(occurrence)
        block = _single(occurrence, view, [block.hypothesis for _, block in found])
        if block is not None:
            found.append((occurrence.frame, block))
            answer = _believed(found, needed)
            if answer is not None and (answer.count >= _ENOUGH or answer.margin >= 2 * needed):
                return answer
    answer = _believed(found, needed)
    if answer is None and len(seen) > 1:
        block = _together(seen, view)
        answer = _believed([*found, *([(-1, block)] if block is not None else [])], needed)
    return answer or Sib1(status="not_seen", reason=_reason(view, seen))


def _occurrences(iq: ComplexArray, view: CarrierView, sfn: int | None) -> Iterator[_Occurrence]:
    for frame in frames_inside(view, iq.size)[:_MOST_FRAMES]:
        number = None if sfn is None else (sfn + frame) % 1024
        if number is None or number % 2 == 0:
            yield _Occurrence(frame=frame, soft=soft_elements(read_subframe(iq, view, frame), view), sfn=number)


def _single(occurrence: _Occurrence, view: CarrierView, known: Sequence[Hypothesis]) -> Block | None:
    """Return the block of one occurrence, ways that succeeded before tried first."""
    versions = (0, 1, 2, 3) if occurrence.sfn is None else tuple(dict.fromkeys((_version(occurrence.sfn), 0)))
    parts = [[(occurrence.soft, rv)] for rv in versions]
    return _first([(part, way, 0) for way in known for part in parts], view) or _any([occurrence], parts, view)


def _together(seen: Sequence[_Occurrence], view: CarrierView) -> Block | None:
    """Return the block that several occurrences carry at one place, weak as each may be."""
    for group, patterns in _patterns(seen):
        if len(group) < 2:
            continue
        parts = [[(one.soft, rv) for one, rv in zip(group, pattern, strict=True)] for pattern in patterns]
        block = _any(group, parts, view)
        if block is not None:
            return block
    return None


def _any(group: Sequence[_Occurrence], parts: Sequence[list[tuple[FloatArray, int]]], view: CarrierView) -> Block | None:
    """Return the block in one of ``parts``, localised or, where there is none, distributed."""
    for distributed in (False, True):
        ways = enumerate(hypotheses([one.soft for one in group], view, distributed=distributed))
        block = _first([(part, way, place) for place, way in ways for part in parts], view)
        if block is not None:
            return block
    return None


def _first(tries: Sequence[tuple[list[tuple[FloatArray, int]], Hypothesis, int]], view: CarrierView) -> Block | None:
    """Return the first block in ``tries`` (soft elements and versions, way, place in the ranking).

    The quick decoder goes through all; then ordered statistics through the first of the ranking, and from there on where it came nearest.
    """
    for received, way, _ in tries:
        block = decode(gathered(received, view, way))
        if block is not None and block.margin > 0.0:
            return block
    nearest: tuple[float, Soft, BitArray] | None = None
    for received, way, place in tries:
        soft = gathered(received, view, way)
        word = likeliest(soft) if place < _THOROUGH else None
        if word is not None and (nearest is None or soft.margin(word) > nearest[0]):
            nearest = soft.margin(word), soft, word
    if nearest is None:
        return None
    _, soft, word = nearest
    block = soft.block(word) or soft.block(likeliest_of_all(soft, word))
    return block if block is not None and block.margin > 0.0 else None


def _patterns(seen: Sequence[_Occurrence]) -> Iterator[tuple[list[_Occurrence], list[tuple[int, ...]]]]:
    """Give groups of occurrences that may belong together, and the redundancy versions they may have."""
    if seen[0].sfn is not None:
        versions = tuple(_version(one.sfn) for one in seen if one.sfn is not None)
        yield list(seen), list(dict.fromkeys((versions, (0,) * len(seen))))
        return
    for parity in (0, 1):
        group = [one for one in seen if one.frame % 2 == parity]
        cycles = [tuple(REDUNDANCY[(one.frame // 2 + phase) % 4] for one in group) for phase in range(4)]
        yield group, [*cycles, (0,) * len(group)]


def _version(sfn: int) -> int:
    return REDUNDANCY[sfn // 2 % 4]


def single_margin(view: CarrierView, *, frames: int, sfn_known: bool) -> float:
    """Return the margin at which one block is believed: 6 and the logarithm of the ways in which it could have been sent.

    Every way ranked in every occurrence counts with every redundancy version, decoded or not, and again for occurrences together.
    """
    alone = frames + frames % 2 if sfn_known else frames * 4
    together = 2 if sfn_known else 2 * 5
    return RARE + float(np.log10(max(1, n_ways(view)) * (alone + together)))


def _believed(found: Sequence[tuple[int, Block]], needed: float) -> Sib1 | None:
    """Return the SIB1 that blocks say twice, or once with the margin ``needed``, and that is one."""
    groups: dict[bytes, list[Block]] = {}
    for _, block in found:
        groups.setdefault(block.octets, []).append(block)
    for octets, blocks in sorted(groups.items(), key=lambda item: -len(item[1])):
        margin = float(np.sum([block.margin for block in blocks]))
        if len(blocks) < _ENOUGH and margin < needed:
            continue
        message: Sib1Message | None = parse(octets)
        if message is not None:
            way = blocks[-1].hypothesis
            prb = (way.start, way.length) if way.gap == 0 else None
            return Sib1(status="decoded", reason="", message=message, prb=prb, gap=way.gap, count=len(blocks), margin=margin)
    return None


def _reason(view: CarrierView, seen: Sequence[_Occurrence]) -> str:
    first, last = view.seen_blocks()
    if not seen:
        return "the samples hold no whole subframe 5 of an even frame"
    if last - first < view.n_rb:
        return f"not in blocks {first} to {last - 1} of {view.n_rb}, or too weak"
    return "too weak, disturbed, or in more than ten blocks"
