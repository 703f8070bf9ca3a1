"""From what a carrier gave to a cell: identity, clock, counts; and which carriers are only shadows of a stronger one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dsp.gsm import ppm as clock
from dsp.gsm.arfcn import arfcn_of_downlink
from dsp.gsm.coding import decode_block
from dsp.gsm.params import FRAME_SYMBOLS, HYPERFRAME_FRAMES, MULTIFRAME_FRAMES, SYMBOL_RATE_HZ, tc
from dsp.gsm.receiver import Reception
from dsp.gsm.system_information import message_name, read_messages
from dsp.gsm.taps import paths
from dsp.gsm.types import BlockCount, CellStatus, GsmCell
from dsp.types import PpmEstimate
from dsp.units import db

_SHADOW_DB: Final = 6.0
_SAME_SYMBOLS: Final = 2.0
_NO_CHANNEL: Final = "no GSM band has a downlink carrier at this frequency: an image, or a leak past the tuner"
_REPEATS: Final = ((0,), (1,), (2, 6), (3, 7), (4,), (5,))
"""TC whose blocks carry the same message (TS 45.002 cl. 6.3.1.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one carrier gave, and where in the dwell its stream lies."""

    receptions: tuple[Reception, ...]
    """Stretches of one identity, the longest first; more than one where the samples had a gap."""
    offset_hz: float
    first_sample: int
    samples_per_stream_sample: float

    @property
    def reception(self) -> Reception:
        """The longest stretch: identity, timing and channel."""
        return self.receptions[0]

    @property
    def power(self) -> float:
        """Mean power of the carrier, full scale squared."""
        return self.reception.channel.power / self.reception.end.power_gain

    @property
    def snr(self) -> float:
        """Es/N0, linear."""
        r = self.reception
        return r.channel.power / min(r.channel.noise, r.tone_noise)

    @property
    def drift_ppm(self) -> float:
        """Clock error from the frames' timing."""
        return (self.reception.timing.step * SYMBOL_RATE_HZ / self.reception.end.rate_hz - 1.0) * 1e6

    @property
    def drift_sigma_ppm(self) -> float:
        """Its uncertainty; large where too few bursts gave a line."""
        frames = [s.frame for s in self.reception.sch]
        if len(frames) < 4:
            return 1e3
        return 0.2e6 / ((frames[-1] - frames[0]) * FRAME_SYMBOLS) + 0.1

    def sample_of(self, frame: int, part: Reception | None = None) -> float:
        """Return the dwell's sample at which frame ``frame`` of ``part`` (None: the longest) begins."""
        timing = (part or self.reception).timing
        return self.first_sample + (timing.burst_at(frame) - timing.step) * self.samples_per_stream_sample


def is_ghost(weak: Heard, strong: Heard) -> bool:
    """Return whether ``weak`` is a shadow (image, product, side lobe) of ``strong``: the same frames at the same time, less power.

    Two cells share position in the 51-multiframe and frame timing to 2 symbols by chance once in 16 000; one that decodes to
    another identity is a cell of its own.
    """
    if weak.power >= strong.power / 10 ** (_SHADOW_DB / 10):
        return False
    a, b = weak.reception, strong.reception
    if a.bsic is not None and b.bsic is not None and (a.bsic, _zero(weak)) != (b.bsic, _zero(strong)):
        return False
    period = MULTIFRAME_FRAMES * a.timing.frame * weak.samples_per_stream_sample
    apart = weak.sample_of(-a.timing.phase) - strong.sample_of(-b.timing.phase)
    apart = (apart + period / 2) % period - period / 2
    symbol = a.timing.step * weak.samples_per_stream_sample
    if abs(apart) > _SAME_SYMBOLS * symbol:
        return False
    theirs = {o for blocks in messages(strong).values() for o in blocks}
    mine = {o for blocks in messages(weak).values() for o in blocks}
    return not (mine - theirs)


def _zero(heard: Heard) -> int:
    """Return the frame number at the dwell's first sample, as near as frames go."""
    r = heard.reception
    frame = r.timing.frame * heard.samples_per_stream_sample
    return round((r.fn_zero or 0) - heard.sample_of(0) / frame) % HYPERFRAME_FRAMES


def by_identity(parts: tuple[Reception, ...]) -> tuple[tuple[Reception, ...], ...]:
    """Return the stretches of one stream in groups of one cell each: one BSIC, and no SI3 that names another cell."""
    groups: list[list[Reception]] = []
    for part in parts:
        cell = _cell_named(part)
        for group in groups:
            others = {_cell_named(p) for p in group} - {None}
            if group[0].bsic == part.bsic and (cell is None or not others or cell in others):
                group.append(part)
                break
        else:
            groups.append([part])
    return tuple(tuple(group) for group in groups)


def _cell_named(part: Reception) -> bytes | None:
    """Return CI and LAI of the first SI3 of a stretch, or None."""
    blocks = _contents(part).get("SI3")
    return blocks[0][3:10] if blocks else None


def _contents(part: Reception) -> dict[str, list[bytes]]:
    """Return the differing contents of each message in one stretch; repeats of one that never passed alone are combined.

    Soft bits are only summed within a stretch, where timing and BSIC stand, over blocks whose TC says that they repeat each other; what
    the sum decodes to counts only with a good Fire code, 2^-40 for anything else.
    """
    found: dict[str, list[bytes]] = {}
    for group in _REPEATS:
        blocks = [b for b in part.bcch if tc(part.fn(b.frame)) in group]
        contents = [b.block.octets for b in blocks if b.block.octets is not None]
        if not contents and len(blocks) > 1:
            both = decode_block(np.sum([b.llr for b in blocks], axis=0)).octets
            contents = [both] if both is not None else []
        for octets in contents:
            name = message_name(octets)
            if name is not None and octets not in found.setdefault(name, []):
                found[name].append(octets)
    return found


def messages(heard: Heard) -> dict[str, list[bytes]]:
    """Return the differing contents of each System Information heard, the longest stretch first."""
    found: dict[str, list[bytes]] = {}
    for part in heard.receptions:
        for name, contents in _contents(part).items():
            known = found.setdefault(name, [])
            known += [octets for octets in contents if octets not in known]
    return found


def cell_of(heard: Heard, *, center_freq_hz: float | None, ppm: PpmEstimate | None) -> GsmCell:
    """Return the cell that ``heard`` is."""
    r = heard.reception
    information = read_messages(messages(heard))
    good = sorted((heard.sample_of(s.frame, part), part.fn(s.frame)) for part in heard.receptions for s in part.good_sch())
    nominal = clock.nominal_hz(center_freq_hz + heard.offset_hz, ppm.ppm) if center_freq_hz is not None and ppm is not None else None
    arfcn, band = arfcn_of_downlink(nominal) if nominal is not None else (None, None)
    taps, spread_us = paths(r.channel.wide, noise=r.channel.wide_noise)
    no_channel = nominal is not None and arfcn is None
    status: CellStatus = "carrier"
    if r.bsic is not None and not no_channel:
        status = "identified" if "SI3" in information.si_hex else "synchronised"
    return GsmCell(
        status=status,
        reason=_NO_CHANNEL if no_channel else _reason(heard, status),
        freq_hz=nominal,
        offset_hz=heard.offset_hz,
        arfcn=arfcn,
        band=band,
        bsic=r.bsic,
        cfo_hz=center_freq_hz + heard.offset_hz - nominal if center_freq_hz is not None and nominal is not None else None,
        ppm=ppm.ppm if ppm is not None else None,
        ppm_sigma=ppm.sigma_ppm if ppm is not None else None,
        snr_db=db(heard.snr),
        power=heard.power,
        fn=good[0][1] if good else None,
        fn_sample=round(good[0][0]) if good else None,
        blocks=_counts(heard),
        information=information,
        taps=taps,
        delay_spread_us=spread_us if taps else None,
    )


def _counts(heard: Heard) -> dict[str, BlockCount]:
    """Return how many bursts and blocks were tried and passed."""
    parts = heard.receptions
    bcch = [b.block.passed for r in parts for b in r.bcch]
    return {
        "SCH": BlockCount(good=sum(len(r.good_sch()) for r in parts), tried=sum(len(r.sch) for r in parts)),
        "BCCH": BlockCount(good=sum(bcch), tried=len(bcch)),
    }


def _reason(heard: Heard, status: CellStatus) -> str:
    """Return why the cell went no further than ``status``."""
    sch, bcch = _counts(heard).values()
    if status == "carrier":
        return f"FCCH heard; none of {sch.tried} SCH bursts passed its parity with another that agrees (Es/N0 {db(heard.snr):.1f} dB)"
    if status == "synchronised":
        if not bcch.tried:
            return "no BCCH block lies wholly inside the dwell"
        return f"SI3 not received: {bcch.good} of {bcch.tried} BCCH blocks passed the Fire code (Es/N0 {db(heard.snr):.1f} dB)"
    return ""
