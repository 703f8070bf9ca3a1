"""One carrier from its stream: timing, SCH, BCCH. Nothing but FCCH, SCH and BCCH bursts is ever demodulated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.gsm.burst import Float64, FrontEnd, front_end, symbols
from dsp.gsm.channel import ChannelStatistics, statistics
from dsp.gsm.coding import BcchBlock, SchBlock, decode_block, decode_sch, encode_sch
from dsp.gsm.detector import detector
from dsp.gsm.params import (
    BCCH_FRAMES,
    BURST_BITS,
    FRAME_SYMBOLS,
    HYPERFRAME_FRAMES,
    NORMAL_DATA,
    NORMAL_TRAINING,
    SCH_DATA,
    SCH_FRAMES,
    SCH_TRAINING,
    SCH_TRAINING_AT,
    TRAINING,
)
from dsp.gsm.sch import Timing, find_timing, fit_timing, tone_spectrum
from dsp.types import ComplexArray

_HEARD: Final = 0.08
"""Normalised energy of the training that a burst of noise exceeds once in e^5."""
_HALF_FRAME: Final = FRAME_SYMBOLS // 2
_STRETCH_S: Final = 0.12
"""Shortest stretch searched again: two SCH and, often, a BCCH block."""
_CLEAR_ERRORS: Final = 3
"""Coded bits of 78 that a lone SCH may have wrong: of 2^78 words, 2^25 x sum C(78, k <= 3) are that near to one with good parity, 2^-36.7.
Every SCH of 600 s of noise, 13 000, passes so with 1.2e-7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchHeard:
    """One SCH burst: ``frame`` counts the stream's frames; ``errors``: coded bits that came wrong, of 78."""

    frame: int
    block: SchBlock
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BcchHeard:
    """One BCCH block: its first frame in the stream, soft bits, shape (4, 114), and what they decode to."""

    frame: int
    llr: Float64
    block: BcchBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """All that one carrier gave."""

    end: FrontEnd
    timing: Timing
    channel: ChannelStatistics
    tone_power: float
    tone_noise: float
    tone_error_hz: float
    """What the FCCH says against the final frequency; far off where there is no FCCH."""
    sch: tuple[SchHeard, ...]
    """All SCH bursts tried."""
    bsic: int | None
    fn_zero: int | None
    """Frame number of the stream's frame 0."""
    bcch: tuple[BcchHeard, ...]

    def good_sch(self) -> tuple[SchHeard, ...]:
        """Return the SCH bursts that passed and agree with the identity."""
        return tuple(s for s in self.sch if self.fn_zero is not None and _key(s) == (self.bsic, self.fn_zero))

    def outside(self, first: int, last: int) -> Reception:
        """Return the reception without the bursts and blocks that begin at stream samples ``first`` to ``last``."""
        sch = tuple(s for s in self.sch if not first <= self.timing.burst_at(s.frame) < last)
        bcch = tuple(b for b in self.bcch if not first <= self.timing.burst_at(b.frame) < last)
        return replace(self, sch=sch, bcch=bcch)

    def fn(self, frame: int) -> int:
        """Return the frame number of the stream's frame ``frame``; needs ``fn_zero``."""
        return (frame + (self.fn_zero or 0)) % HYPERFRAME_FRAMES


def receive(stream: ComplexArray, *, rate_hz: float, offset_hz: float, about: float) -> tuple[Reception, ...]:
    """Return what the carrier at ``offset_hz`` in ``stream`` says: longest stretch first, empty where no SCH training stands out.

    ``about``: stream sample near which a frame starts. After a gap in the samples the frames lie elsewhere: what comes before and
    after the SCH bursts that were heard is searched again by itself.
    """
    end = front_end(rate_hz=rate_hz, offset_hz=offset_hz)
    parts = _stretches(stream, _receive_stretch(stream, end, about=about))
    return tuple(sorted(parts, key=lambda p: -len(p.good_sch())))


def _stretches(stream: ComplexArray, got: Reception | None) -> list[Reception]:
    """Return ``got`` and what the parts of ``stream`` say in which it was not heard."""
    if got is None:
        return []
    parts = [got]
    low, high = _lively(stream, got)
    for first, last in ((0, low), (high, stream.size)):
        if last - first < _STRETCH_S * got.end.rate_hz:
            continue
        piece = stream[first:last]
        others = [p for p in _stretches(piece, _receive_stretch(piece, got.end, about=0.0, reach=_HALF_FRAME)) if p.bsic is not None]
        if others:
            parts[0] = parts[0].outside(first, last)
            parts += [replace(p, timing=replace(p.timing, start=p.timing.start + first)) for p in others]
    return parts


def _lively(stream: ComplexArray, got: Reception) -> tuple[int, int]:
    """Return the stream samples between which the SCH training is heard where it should be, two in a row at each end."""
    frames = whole_bursts(stream, got.timing, got.timing.positions(SCH_FRAMES))
    match = _match(stream, got.end, got.timing, frames)[1]
    heard = match > max(_HEARD, 0.2 * float(np.median(np.sort(match)[-8:])))
    pairs = np.flatnonzero(heard[1:] & heard[:-1])
    if pairs.size == 0:
        return 0, stream.size
    low, high = got.timing.burst_at(int(frames[pairs[0]])), got.timing.burst_at(int(frames[pairs[-1] + 1]) + 1)
    return max(int(low), 0), min(int(high), stream.size)


def _receive_stretch(stream: ComplexArray, end: FrontEnd, *, about: float, reach: int | None = None) -> Reception | None:
    """Return what the carrier says in a stretch without gaps, or None where no SCH training stands out."""
    timing = find_timing(stream, end, about=about, reach=reach)
    if timing is None:
        return None
    error, _, _ = tone_spectrum(stream, end, timing)
    if abs(error) < 2500.0:
        end = front_end(rate_hz=end.rate_hz, offset_hz=end.offset_hz + error)
    timing = refine_timing(stream, end, timing)
    channel, sch = hear_sch(stream, end, timing)
    bsic, fn_zero = agree(sch)
    if fn_zero is not None and fn_zero % 51 != timing.phase:
        timing = replace(timing, phase=fn_zero % 51)
        channel, sch = hear_sch(stream, end, timing)
        bsic, fn_zero = agree(sch)
    error, tone_power, tone_noise = tone_spectrum(stream, end, timing)
    plain, clean = channel, end
    whitening = channel.whitening()
    if whitening:
        clean = front_end(rate_hz=end.rate_hz, offset_hz=end.offset_hz, whitening=whitening)
        channel, sch = hear_sch(stream, clean, timing)
        bsic, fn_zero = agree(sch)
    bcch = hear_bcch(stream, clean, timing, channel=channel, training_code=bsic & 7) if bsic is not None else ()
    return Reception(
        end=end,
        timing=timing,
        channel=plain,
        tone_power=tone_power,
        tone_noise=tone_noise,
        tone_error_hz=error,
        sch=sch,
        bsic=bsic,
        fn_zero=fn_zero,
        bcch=bcch,
    )


def whole_bursts(stream: ComplexArray, timing: Timing, frames: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return those of ``frames`` whose burst 0 lies wholly inside the stream."""
    at = timing.start + frames * timing.frame
    return frames[(at >= 0) & (at + (BURST_BITS - 1) * timing.step <= stream.size - 1)]


def _match(
    stream: ComplexArray, end: FrontEnd, timing: Timing, frames: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return (training amplitude at lags -1/2, 0, 1/2 symbol, shape (n, 3); normalised energy at lag 0, shape (n,)) of SCH ``frames``."""
    signs = 1.0 - 2.0 * SCH_TRAINING
    peaks, match = np.empty((frames.size, 3)), np.empty(frames.size)
    for i, f in enumerate(frames):
        for j, lag in enumerate((-0.5, 0.0, 0.5)):
            at = timing.burst_at(int(f)) + (SCH_TRAINING_AT.start + lag) * timing.step
            y = symbols(stream, end, start=at, step=timing.step, n=signs.size)
            peaks[i, j] = abs(signs @ y)
            if lag == 0.0:
                match[i] = peaks[i, j] ** 2 / max(signs.size * float((np.abs(y) ** 2).sum()), 1e-30)
    return peaks, match


def refine_timing(stream: ComplexArray, end: FrontEnd, timing: Timing) -> Timing:
    """Return ``timing`` through the peaks of each SCH training that is heard, a fraction of a symbol."""
    for _ in range(2):
        frames = whole_bursts(stream, timing, timing.positions(SCH_FRAMES))
        peaks, match = _match(stream, end, timing, frames)
        bend = peaks[:, 0] - 2.0 * peaks[:, 1] + peaks[:, 2]
        delays = np.where(bend < 0, np.clip(0.25 * (peaks[:, 0] - peaks[:, 2]) / np.minimum(bend, -1e-30), -1.0, 1.0), 0.0)
        use = match > _HEARD
        timing = fit_timing(timing, frames[use], delays[use], np.maximum(peaks[use, 1], 1e-30) ** 2)
    return timing


def hear_sch(stream: ComplexArray, end: FrontEnd, timing: Timing) -> tuple[ChannelStatistics, tuple[SchHeard, ...]]:
    """Return the channel's statistics and every whole SCH burst, decoded."""
    frames = whole_bursts(stream, timing, timing.positions(SCH_FRAMES))
    starts = [timing.burst_at(int(f)) + SCH_TRAINING_AT.start * timing.step for f in frames]
    training = [symbols(stream, end, start=at, step=timing.step, n=SCH_TRAINING.size) for at in starts]
    channel = statistics(np.array(training).reshape(-1, SCH_TRAINING.size))
    detect = detector(channel, SCH_TRAINING, SCH_TRAINING_AT)
    heard = []
    for f in frames:
        llr = detect.soft_bits(detect.symbols(stream, end, timing, int(f)))
        soft = np.concatenate([llr[s] for s in SCH_DATA])
        block = decode_sch(soft)
        errors = soft.size
        if block.bsic is not None and block.fn is not None:
            errors = int(np.count_nonzero((soft < 0) != encode_sch(block.bsic, block.fn).astype(bool)))
        heard.append(SchHeard(frame=int(f), block=block, errors=errors))
    return channel, tuple(heard)


def hear_bcch(
    stream: ComplexArray, end: FrontEnd, timing: Timing, *, channel: ChannelStatistics, training_code: int
) -> tuple[BcchHeard, ...]:
    """Return every BCCH block that lies wholly inside the stream, decoded."""
    detect = detector(channel, TRAINING[training_code], NORMAL_TRAINING)
    heard = []
    for f in timing.positions(BCCH_FRAMES[:1]):
        bursts = np.arange(f, f + len(BCCH_FRAMES))
        if whole_bursts(stream, timing, bursts).size < bursts.size:
            continue
        received = [detect.symbols(stream, end, timing, int(g)) for g in bursts]
        bits = [detect.soft_bits(y) for y in received]
        heard.append(_decoded(int(f), bits))
        if not heard[-1].block.passed:
            heard[-1] = _decoded(int(f), [detect.soft_bits_again(y, llr) for y, llr in zip(received, bits, strict=True)])
    return tuple(heard)


def _decoded(frame: int, bits: list[Float64]) -> BcchHeard:
    """Return the block that the soft bits of four bursts carry."""
    llr = np.array([np.concatenate([burst[s] for s in NORMAL_DATA]) for burst in bits])
    return BcchHeard(frame=frame, llr=llr, block=decode_block(llr))


def _key(heard: SchHeard) -> tuple[int, int] | None:
    """Return (BSIC, frame number of the stream's frame 0) that an SCH claims, or None."""
    if heard.block.bsic is None or heard.block.fn is None:
        return None
    return heard.block.bsic, (heard.block.fn - heard.frame) % HYPERFRAME_FRAMES


def agree(sch: tuple[SchHeard, ...]) -> tuple[int | None, int | None]:
    """Return (BSIC, frame number of frame 0) that two SCH agree on, or one alone with a clear margin; else (None, None).

    Parity alone passes noise once in about 1900 tries. Two agreeing by chance: 2^-25 or less of pairs that passed.
    """
    votes: dict[tuple[int, int], list[int]] = {}
    for s in sch:
        key = _key(s)
        if key is not None:
            votes.setdefault(key, []).append(s.errors)
    if not votes:
        return None, None
    key, errors = max(votes.items(), key=lambda item: (len(item[1]), -min(item[1])))
    if len(errors) >= 2 or errors[0] <= _CLEAR_ERRORS:
        return key
    return None, None
