"""One tuning being watched: dwell after dwell of samples in, wire records out. The same for replay and live reception."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from config.band_plan import BandPlan
from config.settings import StationSettings
from config.wire import AnyRecord, Header
from dsp.errors import ParameterError, TooFewSamplesError
from dsp.types import Emission
from dsp.units import SampleFormat
from station.analysis import DwellAnalysis, Findings, shows_signal
from station.cell_messages import cell_report
from station.identity import GsmWatch, Heard, LteWatch, clock_of
from station.labels import label_of
from station.messages import emission_report, occupancy_report, spectrum_report
from station.occupancy import OccupancyLog
from station.receiver import IQBlock
from station.recording import Label
from station.sample_clock import SampleClock
from station.sighting import Sighting, sighted
from station.spectrum_log import SpectrumLog
from station.summary import SummaryLog
from station.tracker import Tracker, TrackEvent

FLOOR_STEP_DB: Final = 1.0
"""A floor that moved by this much may be a signal that fills the span: reason to look for cells again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningFacts:
    """What is fixed while a tuning lasts."""

    header: Header
    source: str
    """File name of the recording, or receiver."""
    center_freq_hz: float | None
    sample_rate_hz: float
    sample_format: SampleFormat
    clock: SampleClock
    labels: tuple[Label, ...] = ()


class Tuning:
    """Everything that is remembered of one tuning, and the records that come of it."""

    def __init__(self, facts: TuningFacts, *, settings: StationSettings, plan: BandPlan) -> None:
        """Begin to watch."""
        self._facts, self._settings, self._plan = facts, settings, plan
        center, rate = facts.center_freq_hz, facts.sample_rate_hz
        self._relative = center is None
        seed = f"{facts.header.station}|{center or 0.0:.1f}|{rate:.3f}"
        self._tracker = Tracker(settings.tracks, seed=seed, merge_gap_s=settings.analysis.merge_gap_s)
        self._occupancy = OccupancyLog(plan, center_freq_hz=center, sample_rate_hz=rate, n_fft=settings.analysis.n_fft)
        self._spectrum = SpectrumLog(settings.analysis.spectrum_bins)
        self._gsm = GsmWatch(settings.identity, sample_rate_hz=rate, center_freq_hz=center)
        self._lte = LteWatch(settings.identity, sample_rate_hz=rate, center_freq_hz=center)
        self._analysis = DwellAnalysis(settings.analysis, sample_rate_hz=rate, sample_format=facts.sample_format)
        self._summary = SummaryLog()
        self._first_sample: int | None = None
        self._end_sample = 0
        self._floor_level: float | None = None
        self._occupancy_since = 0
        self.faults: list[str] = []
        """What was wrong with the samples, one sentence each."""

    def dwell(self, blocks: Iterable[IQBlock], n_samples: int) -> Iterator[AnyRecord]:
        """Yield the records of one dwell of ``n_samples``; ``blocks`` are read one by one."""
        findings, kept = self._analyse(blocks, n_samples)
        if findings is None:
            return
        sightings = [self._sighted(emission, findings) for emission in findings.detections.emissions]
        events = self._track(sightings, findings)
        self._summary.add(findings, center_freq_hz=self._facts.center_freq_hz)
        self._note_changes(events, findings)
        yield from (self._emission(event) for event in events)
        yield from self._gathered(findings)
        now_s = self._seconds(findings.end_sample)
        yield from self._cells(self._gsm.dwell(kept, findings, now_s))
        yield from self._cells(self._lte.dwell(kept, findings, now_s))

    def finish(self) -> Iterator[AnyRecord]:
        """Yield what remains to be said when the tuning ends: cells, clears, occupancy, spectrum, and the summary."""
        yield from self._cells(self._gsm.finish(self._seconds(self._end_sample)))
        end_ns = self._facts.clock.time_ns(self._end_sample)
        yield from (self._emission(event) for event in self._tracker.finish(end_ns))
        yield from self._take_spectrum()
        yield from self._take_occupancy()
        facts = self._facts
        yield self._summary.report(
            header=facts.header,
            start_time_ns=facts.clock.time_ns(self._first_sample or 0),
            source=facts.source,
            span=(facts.center_freq_hz, facts.sample_rate_hz),
            looked_s=(self._gsm.looked_s, self._lte.looked_s),
            tracks=self._tracker.count,
        )

    def note(self, text: str) -> None:
        """Have the summary say ``text`` too."""
        self._summary.note(text)

    def _analyse(self, blocks: Iterable[IQBlock], n_samples: int) -> tuple[Findings | None, list[IQBlock]]:
        """Return the findings of a dwell, and its samples where someone wants them; None: the dwell cannot be used."""
        kept: list[IQBlock] = []
        begun, usable, wanted = False, True, 0
        for block in blocks:
            if not begun:
                begun, wanted = True, self._wanted(block.first_sample, n_samples)
                usable = self._begun(block, n_samples)
            self._end_sample = block.first_sample + block.n_samples
            usable = usable and self._added(block)
            if usable and wanted > 0:
                kept.append(block)
                wanted -= block.n_samples
        return (self._analysis.findings(), kept) if begun and usable else (None, [])

    def _wanted(self, first_sample: int, n_samples: int) -> int:
        """Return how many samples of the dwell that begins at ``first_sample`` are to be kept until its end."""
        self._first_sample = first_sample if self._first_sample is None else self._first_sample
        now_s = self._seconds(first_sample)
        return max(self._gsm.wants_samples(now_s, n_samples), self._lte.wants_samples(now_s, n_samples))

    def _begun(self, block: IQBlock, n_samples: int) -> bool:
        """Begin a dwell's analysis; where it is too short for any, note that and return False."""
        try:
            self._analysis.begin(block.first_sample, n_samples)
        except TooFewSamplesError as error:
            self.faults.append(f"{self._facts.source}: {error.n_samples} samples are too short a stretch, {error.needed} are needed")
            return False
        return True

    def _added(self, block: IQBlock) -> bool:
        """Add ``block`` to the dwell; where it holds NaN or infinity, note that and return False."""
        try:
            self._analysis.add(block.samples)
        except ParameterError:
            bad = np.flatnonzero(~np.isfinite(block.samples))
            if bad.size == 0:
                raise
            self.faults.append(
                f"{self._facts.source}: sample {block.first_sample + int(bad[0])} is not finite (NaN or infinity): its dwell is left out; "
                "record or convert again"
            )
            return False
        return True

    def _seconds(self, sample: int) -> float:
        return (sample - (self._first_sample or 0)) / self._facts.sample_rate_hz

    def _sighted(self, emission: Emission, findings: Findings) -> Sighting:
        return sighted(
            emission,
            center_freq_hz=self._facts.center_freq_hz,
            first_sample=findings.first_sample,
            n_samples=findings.psd.n_samples,
            clock=self._facts.clock,
        )

    def _track(self, sightings: list[Sighting], findings: Findings) -> list[TrackEvent]:
        middle = self._facts.center_freq_hz or 0.0
        return self._tracker.dwell(
            sightings,
            span_ns=(self._facts.clock.time_ns(findings.first_sample), self._facts.clock.time_ns(findings.end_sample)),
            slack_hz=2.0 * findings.psd.bin_hz,
            held=lambda low, high: shows_signal(findings, low - middle, high - middle, hold_db=self._settings.tracks.hold_db),
        )

    def _note_changes(self, events: list[TrackEvent], findings: Findings) -> None:
        """Have cells looked for again where a track began or the floor moved."""
        level = float(np.median(findings.floor.density))
        before, self._floor_level = self._floor_level, level
        moved = before is not None and abs(10 * np.log10(max(level, 1e-30) / max(before, 1e-30))) >= FLOOR_STEP_DB
        if before is not None and (moved or any(event.event == "onset" for event in events)):
            now_s = self._seconds(findings.end_sample)
            self._gsm.schedule.changed(now_s)
            self._lte.schedule.changed(now_s)

    def _emission(self, event: TrackEvent) -> AnyRecord:
        labels = () if self._relative or self._facts.header.origin == "live" else self._facts.labels
        label = label_of(event, labels, self._facts.clock)
        return emission_report(event, header=self._facts.header, relative=self._relative, plan=self._plan, label=label)

    def _cells(self, heard: list[Heard]) -> Iterator[AnyRecord]:
        if self._facts.center_freq_hz is not None and (clock := clock_of(heard)) is not None:
            self._gsm.clock = self._lte.clock = clock
        for one in heard:
            self._summary.add_cell(one)
            yield cell_report(one, header=self._facts.header, clock=self._facts.clock)

    def _gathered(self, findings: Findings) -> Iterator[AnyRecord]:
        analysis = self._settings.analysis
        self._occupancy.add(findings)
        self._spectrum.add(findings.psd, findings.floor, findings.first_sample)
        if self._summary.dwells == 1 or self._spectrum.duration_s >= analysis.spectrum_interval_s * (1 - 1e-9):
            yield from self._take_spectrum()
        if self._occupancy.observed_s >= analysis.occupancy_interval_s * (1 - 1e-9):
            yield from self._take_occupancy()

    def _take_spectrum(self) -> Iterator[AnyRecord]:
        if (taken := self._spectrum.take()) is not None:
            yield spectrum_report(
                taken,
                header=self._facts.header,
                start_time_ns=self._facts.clock.time_ns(taken.first_sample),
                center_freq_hz=self._facts.center_freq_hz,
            )

    def _take_occupancy(self) -> Iterator[AnyRecord]:
        start_ns = self._facts.clock.time_ns(max(self._occupancy_since, self._first_sample or 0))
        self._occupancy_since = self._end_sample
        for taken in self._occupancy.take():
            yield occupancy_report(taken, header=self._facts.header, start_time_ns=start_ns, relative=self._relative)
