"""Every GSM cell of one dwell: wide IQ in, cells out. Only the streams of carriers that send FCCH bursts are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.channelizer import BankPlan, plan_bank, split
from dsp.errors import ParameterError
from dsp.gsm import ppm as clock
from dsp.gsm.burst import front_end
from dsp.gsm.cell import Heard, by_identity, cell_of, is_ghost
from dsp.gsm.fcch import MULTIFRAME_S, Candidate, find_candidates
from dsp.gsm.params import CARRIER_SPACING_HZ, SYMBOL_RATE_HZ
from dsp.gsm.receiver import receive
from dsp.gsm.sch import find_timing
from dsp.gsm.types import GsmCell
from dsp.types import ComplexArray, PpmEstimate

MIN_RATE_HZ: Final = 300e3
MAX_RATE_HZ: Final = 61.44e6
_HALF_CHANNEL_HZ: Final = 135e3
_EDGE_HZ: Final = 60e3
"""How far beyond the last whole channel a carrier may appear: 60 ppm at 950 MHz."""
_CHUNK_S: Final = MULTIFRAME_S + 1.5e-3
_SEARCHED: Final = (0, 1)
_SEARCH_EVERY: Final = 4
"""Chunks 0 and 1 are searched for carriers, then every fourth: a carrier that comes up later is found within a second."""
_SAME_HZ: Final = 4e3
_BESIDE_HZ: Final = 60e3
"""Nearer than this to a clear carrier there is only its own data."""
_MAX_STREAMS: Final = 32
_BATCH: Final = 16
_MAX_BATCHES: Final = 8
"""Candidates probed at a time, and how often: what the clear carriers of one batch rule out, the next need not try."""
_PRUNE_HZ: Final = 20e3
"""How far from the raster of a clear carrier a candidate may be: 21 ppm at 950 MHz; a false base station's clock may be that bad."""
_CLEAR: Final = 0.4
"""Normalised energy of the training from which on a carrier is clear."""
_RASTER_SLACK_HZ: Final = 1500.0
_TONE_ERROR_HZ: Final = 400.0
_TONE_SNR: Final = 0.1


@dataclass(slots=True)
class _Stream:
    """The channelised samples of one candidate, from dwell sample ``first_sample`` on; parts of (scale, int16 I and Q)."""

    candidate: Candidate
    bin: int
    first_sample: int
    parts: list[tuple[float, npt.NDArray[np.int16]]] = field(default_factory=list)

    def append(self, part: ComplexArray) -> None:
        """Keep ``part`` at half its size; the rounding is 90 dB down."""
        flat = part.view(np.float32)
        scale = float(np.abs(flat).max()) / 32000.0 or 1.0
        self.parts.append((scale, np.round(flat / np.float32(scale)).astype(np.int16)))

    def samples(self) -> ComplexArray:
        """Return all samples, shape (n,), and forget them."""
        whole = np.concatenate([raw.astype(np.float32) * np.float32(scale) for scale, raw in self.parts])
        self.parts.clear()
        return whole.view(np.complex64)


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
        self._clear: list[float] = []
        self._cells: tuple[GsmCell, ...] = ()
        self._done = False

    def add(self, iq: ComplexArray) -> None:
        """Take the next samples of the dwell, shape (n,), full scale 1.0."""
        position = 0
        while position < iq.size and not self._done:
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
        first_block = self._chunk * self._blocks
        chunk = self._buffer[: blocks * plan.hop_in + 2 * self._margin]
        fresh = chunk[self._margin if self._chunk == 0 else 2 * self._margin : self._fill]
        fresh -= fresh.mean()
        waiting: list[_Stream] = []
        whole = blocks >= self._blocks or self._chunk == 0  # the last stretch of a dwell is too short to be searched by itself
        if whole and (self._chunk in _SEARCHED or self._chunk % _SEARCH_EVERY == 0):
            waiting = self._probes(chunk[self._margin :], first_block * plan.hop_in)
        probes, known = waiting[:_BATCH], list(self._streams)
        while known or probes:
            out = split(chunk, plan=plan, bins=tuple(s.bin for s in known + probes), first_block=first_block)
            for stream, part in zip(known, out, strict=False):
                stream.append(part)
            self._admit(probes, out[len(known) :])
            waiting = [p for p in waiting[_BATCH:] if self._is_new(p.candidate.carrier_hz)]
            probes, known = waiting[:_BATCH], []
        self._chunk += 1

    def _probes(self, iq: ComplexArray, first_sample: int) -> list[_Stream]:
        """Return a stream for each new candidate in ``iq``, best first."""
        plan = self._plan
        reach = 0.5 * plan.sample_rate_hz - _HALF_CHANNEL_HZ + _EDGE_HZ
        candidates = sorted(find_candidates(iq, sample_rate_hz=plan.sample_rate_hz), key=lambda c: (-round(c.score / 10), -c.power))
        return [
            _Stream(candidate=c, bin=plan.nearest_bin(c.carrier_hz), first_sample=first_sample)
            for c in candidates
            if abs(c.carrier_hz) < reach and self._is_new(c.carrier_hz)
        ][: _BATCH * _MAX_BATCHES]

    def _admit(self, probes: list[_Stream], channels: ComplexArray) -> None:
        """Keep those ``probes`` whose ``channels``, shape (n_probes, n), show SCH training."""
        plan = self._plan
        for probe, stream in zip(probes, channels, strict=True):
            offset_hz = probe.candidate.carrier_hz - probe.bin * plan.bin_hz
            if len(self._streams) >= _MAX_STREAMS or not self._is_new(probe.candidate.carrier_hz):
                continue
            end = front_end(rate_hz=plan.out_rate_hz, offset_hz=offset_hz)
            timing = find_timing(stream, end, about=probe.candidate.start_s * plan.out_rate_hz)
            if timing is not None:
                probe.append(stream)
                self._streams.append(probe)
                if timing.quality > _CLEAR:
                    self._clear.append(probe.candidate.carrier_hz)

    def _is_new(self, carrier_hz: float) -> bool:
        """Return whether no stream is open for a carrier, and it lies within ``_PRUNE_HZ`` of the raster of the first clear one."""
        if any(abs(carrier_hz - s.candidate.carrier_hz) < _SAME_HZ for s in self._streams):
            return False
        if not self._clear:
            return True
        if min(abs(carrier_hz - c) for c in self._clear) < _BESIDE_HZ:
            return False
        off = (carrier_hz - self._clear[0] + CARRIER_SPACING_HZ / 2) % CARRIER_SPACING_HZ - CARRIER_SPACING_HZ / 2
        return bool(abs(off) < _PRUNE_HZ)

    def cells(self) -> tuple[GsmCell, ...]:
        """Return the cells of the dwell, by frequency. Ends the dwell: further samples are not taken."""
        if not self._done:
            self._done = True
            blocks = int(np.ceil((self._fill - self._margin) / self._plan.hop_in))
            if blocks > self._blocks:
                self._buffer = np.concatenate([self._buffer, np.zeros(self._plan.hop_in, np.complex64)])
            self._buffer[self._fill :] = 0.0
            if blocks > 0:
                self._take_chunk(blocks)
            self._buffer = self._buffer[:0]
            self._cells = self._judge(self._hear())
        return self._cells

    def _hear(self) -> list[Heard]:
        """Return what each stream gave, one for each identity in it."""
        plan = self._plan
        heard: list[Heard] = []
        for s in self._streams:
            offset = s.candidate.carrier_hz - s.bin * plan.bin_hz
            parts = receive(s.samples(), rate_hz=plan.out_rate_hz, offset_hz=offset, about=s.candidate.start_s * plan.out_rate_hz)
            heard += [
                Heard(
                    receptions=same,
                    offset_hz=s.bin * plan.bin_hz + same[0].end.offset_hz,
                    first_sample=s.first_sample,
                    samples_per_stream_sample=plan.n_in / plan.n_out,
                )
                for same in by_identity(parts)
            ]
        return heard

    def _judge(self, heard: list[Heard]) -> tuple[GsmCell, ...]:
        """Return the cells among ``heard``: without shadows, without carriers that no FCCH or no raster point supports."""
        real = [h for h in heard if not any(is_ghost(h, other) for other in heard if other is not h)]
        estimate = self._solve(real)
        kept = [h for h in real if h.reception.bsic is not None or self._is_carrier(h, estimate)]
        cells = [cell_of(h, center_freq_hz=self._center_freq_hz, ppm=estimate) for h in kept]
        return tuple(sorted(cells, key=lambda c: c.offset_hz))

    def _is_carrier(self, heard: Heard, estimate: PpmEstimate | None) -> bool:
        """Return whether a carrier without identity has a tone where its FCCH should be, and lies on the raster."""
        r = heard.reception
        if abs(r.tone_error_hz) > _TONE_ERROR_HZ or r.tone_power < _TONE_SNR * r.tone_noise:
            return False
        if estimate is None:
            return True
        return abs(clock.off_raster_hz((self._center_freq_hz or 0.0) + heard.offset_hz, estimate.ppm)) < _RASTER_SLACK_HZ

    def _solve(self, heard: list[Heard]) -> PpmEstimate | None:
        """Return the clock error over all synchronised carriers, None where the centre is not known."""
        if self._center_freq_hz is None:
            return None
        clocks = tuple(
            clock.CarrierClock(
                apparent_hz=self._center_freq_hz + h.offset_hz,
                drift_ppm=h.drift_ppm,
                drift_sigma_ppm=h.drift_sigma_ppm,
                weight=min(1.0, 0.1 * h.snr),
            )
            for h in heard
            if h.reception.bsic is not None
        )
        return clock.solve(clocks, max_ppm=self._max_ppm, prior=self._prior)
