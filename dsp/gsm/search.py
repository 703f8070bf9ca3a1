"""Every GSM cell of one dwell: wide IQ in, cells out. Only the streams of carriers that send FCCH bursts are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dsp.channelizer import BankPlan, plan_bank, split
from dsp.errors import ParameterError
from dsp.gsm import ppm as clock
from dsp.gsm.cell import Heard, cell_of, is_ghost
from dsp.gsm.fcch import MULTIFRAME_S, Candidate, find_candidates
from dsp.gsm.params import SYMBOL_RATE_HZ
from dsp.gsm.receiver import receive
from dsp.gsm.types import GsmCell
from dsp.types import ComplexArray, PpmEstimate

MIN_RATE_HZ: Final = 300e3
MAX_RATE_HZ: Final = 61.44e6
_HALF_CHANNEL_HZ: Final = 135e3
_CHUNK_S: Final = MULTIFRAME_S + 1.5e-3
_SEARCHED: Final = (0, 1)
_SEARCH_EVERY: Final = 4
"""Chunks 0 and 1 are searched for carriers, then every fourth: a carrier that comes up later is found within a second."""
_SAME_HZ: Final = 4e3
_MAX_STREAMS: Final = 28
_RASTER_SLACK_HZ: Final = 1500.0


@dataclass(slots=True)
class _Stream:
    """The channelised samples of one candidate, from chunk ``first_sample`` on."""

    candidate: Candidate
    bin: int
    first_sample: int
    parts: list[ComplexArray] = field(default_factory=list)


class GsmSearch:
    """Takes the IQ of one dwell in blocks of any length; gives every C0 carrier in it."""

    def __init__(
        self, *, sample_rate_hz: float, center_freq_hz: float | None, ppm: PpmEstimate | None = None, max_ppm: float = 60.0
    ) -> None:
        """Prepare a dwell at ``center_freq_hz`` (None: not known; offsets only). ``ppm``: what is known of the clock beforehand.

        Raises:
            ParameterError: the sample rate is outside 300 kS/s to 61.44 MS/s.
        """
        if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ * 1.001:
            raise ParameterError("sample_rate_hz", sample_rate_hz, f"{MIN_RATE_HZ:g} to {MAX_RATE_HZ:g}")
        self._center_freq_hz = center_freq_hz
        self._prior = ppm
        self._max_ppm = max_ppm
        self._plan: BankPlan = plan_bank(sample_rate_hz=sample_rate_hz, out_rate_hz=2.0 * SYMBOL_RATE_HZ, pass_hz=150e3, stop_hz=250e3)
        plan = self._plan
        self._blocks = max(1, int(np.ceil(_CHUNK_S * sample_rate_hz / plan.hop_in)))
        self._margin = plan.n_in // 8
        self._need = self._blocks * plan.hop_in + 2 * self._margin
        self._buffer = np.zeros(self._need, np.complex64)
        self._fill = self._margin
        self._chunk = 0
        self._streams: list[_Stream] = []
        self._done = False

    def add(self, iq: ComplexArray) -> None:
        """Take the next samples of the dwell, shape (n,), full scale 1.0."""
        position = 0
        while position < iq.size:
            n = min(iq.size - position, self._need - self._fill)
            self._buffer[self._fill : self._fill + n] = iq[position : position + n]
            self._fill += n
            position += n
            if self._fill == self._need:
                self._take_chunk(self._blocks)
                keep = 2 * self._margin
                self._buffer[:keep] = self._buffer[self._need - keep :]
                self._fill = keep

    def _take_chunk(self, blocks: int) -> None:
        """Search the buffer's first ``blocks`` blocks for carriers and split off the streams."""
        plan = self._plan
        chunk = self._buffer[: blocks * plan.hop_in + 2 * self._margin]
        chunk = chunk - chunk.mean()
        first_block = self._chunk * self._blocks
        if self._chunk in _SEARCHED or self._chunk % _SEARCH_EVERY == 0:
            self._admit(chunk[self._margin :], first_block * plan.hop_in)
        if self._streams:
            out = split(chunk, plan=plan, bins=tuple(s.bin for s in self._streams), first_block=first_block)
            for stream, part in zip(self._streams, out, strict=True):
                stream.parts.append(part)
        self._chunk += 1

    def _admit(self, iq: ComplexArray, first_sample: int) -> None:
        """Open a stream for each new candidate in ``iq``."""
        plan = self._plan
        for c in find_candidates(iq, sample_rate_hz=plan.sample_rate_hz):
            if abs(c.carrier_hz) > 0.5 * plan.sample_rate_hz - _HALF_CHANNEL_HZ + 0.5 * 100e3 or len(self._streams) >= _MAX_STREAMS:
                continue
            if any(abs(c.carrier_hz - s.candidate.carrier_hz) < _SAME_HZ for s in self._streams):
                continue
            self._streams.append(_Stream(candidate=c, bin=plan.nearest_bin(c.carrier_hz), first_sample=first_sample))

    def cells(self) -> tuple[GsmCell, ...]:
        """Return the cells of the dwell, by frequency. Ends the dwell: further samples are not taken."""
        if not self._done:
            self._done = True
            rest = self._fill - self._margin
            if rest > (0 if self._chunk == 0 else self._margin):
                blocks = int(np.ceil(rest / self._plan.hop_in))
                self._buffer[self._fill :] = 0.0
                self._take_chunk(min(blocks, self._blocks))
            self._buffer = self._buffer[:0]
        heard = self._hear()
        estimate = self._solve(heard)
        kept = [h for h in heard if not any(is_ghost(h, other) for other in heard if other is not h)]
        if estimate is not None:
            kept = [h for h in kept if h.reception.bsic is not None or abs(self._off_raster(h.offset_hz, estimate)) < _RASTER_SLACK_HZ]
        cells = [cell_of(h, center_freq_hz=self._center_freq_hz, ppm=estimate) for h in kept]
        return tuple(sorted(cells, key=lambda c: c.offset_hz))

    def _hear(self) -> list[Heard]:
        """Return what each stream gave, strongest first; streams that the clock error already found rules out are skipped."""
        plan = self._plan
        heard: list[Heard] = []
        estimate: PpmEstimate | None = None
        for s in sorted(self._streams, key=lambda s: (-round(s.candidate.score), -s.candidate.power)):
            if estimate is not None and abs(self._off_raster(s.candidate.carrier_hz, estimate)) > _RASTER_SLACK_HZ:
                s.parts.clear()
                continue
            stream = np.concatenate(s.parts)
            s.parts.clear()
            offset = s.candidate.carrier_hz - s.bin * plan.bin_hz
            got = receive(stream, rate_hz=plan.out_rate_hz, offset_hz=offset, about=s.candidate.start_s * plan.out_rate_hz)
            if got is None:
                continue
            found = Heard(
                reception=got,
                offset_hz=s.bin * plan.bin_hz + got.end.offset_hz,
                first_sample=s.first_sample,
                samples_per_stream_sample=plan.n_in / plan.n_out,
            )
            heard.append(found)
            if got.bsic is not None:
                estimate = self._solve(heard)
        return heard

    def _solve(self, heard: list[Heard]) -> PpmEstimate | None:
        """Return the clock error over all synchronised carriers, None where the centre is not known."""
        if self._center_freq_hz is None:
            return None
        sure = [h for h in heard if h.reception.bsic is not None]
        sure = [h for h in sure if not any(is_ghost(h, other) for other in sure if other is not h)]
        clocks = tuple(
            clock.CarrierClock(
                apparent_hz=self._center_freq_hz + h.offset_hz,
                drift_ppm=h.drift_ppm,
                drift_sigma_ppm=h.drift_sigma_ppm,
                weight=min(1.0, 0.1 * h.snr),
            )
            for h in sure
        )
        return clock.solve(clocks, max_ppm=self._max_ppm, prior=self._prior)

    def _off_raster(self, offset_hz: float, estimate: PpmEstimate) -> float:
        return clock.off_raster_hz((self._center_freq_hz or 0.0) + offset_hz, estimate.ppm)
