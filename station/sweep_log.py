"""From what sweeps found to wire records: one tracker a band, spectra and occupancy hop by hop, a summary a band."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from config.band_plan import BandPlan
from config.settings import StationSettings
from config.wire import AnyRecord, Header
from station.analysis import Findings, shows_signal
from station.band_view import HopSightings, put_together, scaled
from station.cell_messages import cell_report
from station.identity import Heard
from station.messages import emission_report, occupancy_report, spectrum_report
from station.occupancy import OccupancyLog
from station.sample_clock import SampleClock
from station.scan_plan import Hop, UnheardRange
from station.sighting import Sighting, sighted
from station.spectrum_log import SpectrumLog
from station.summary import SummaryLog
from station.sweep import HopResult, LookResult
from station.tracker import Tracker

CLEAR_SWEEPS = 2.5
"""A track outlives this many sweeps in which it is not seen."""


class SweepLog:
    """Everything that is remembered from sweep to sweep."""

    def __init__(
        self, settings: StationSettings, plan: BandPlan, *, rate_hz: float, sweep_s: float, revisit_s: Mapping[str, float] | None = None
    ) -> None:
        """``sweep_s``: how long it is from one sweep to the next; ``revisit_s``: from one pass over a band to the next."""
        self._settings, self._plan, self._rate = settings, plan, rate_hz
        self._sweep_s, self._revisit_s = sweep_s, revisit_s or {}
        self._trackers: dict[str, Tracker] = {}
        self._spectra: dict[float, SpectrumLog] = {}
        self._occupancies: dict[float, OccupancyLog] = {}
        self._summaries: dict[str, SummaryLog] = {}
        self._edges: dict[str, tuple[float, float, int]] = {}
        self._looked: dict[str, list[float]] = {}
        self._results: list[HopResult] = []
        self._tracks_of: dict[str, set[str]] = {}
        self.slack_hz = 0.0

    def sightings(self, results: Sequence[HopResult]) -> list[Sighting]:
        """Return the emissions of one sweep, put together over its hops."""
        self._results = [one for one in results if one.findings is not None]
        return put_together([HopSightings(hop=one.hop, sightings=tuple(self._sighted(one))) for one in self._results])

    def records(self, sightings: Sequence[Sighting], *, header: Header, residual_ppm: float) -> Iterator[AnyRecord]:
        """Yield the records of the sweep that ``sightings`` come from, each frequency ``residual_ppm`` higher than it appeared."""
        if not self._results:
            return
        end_ns = max(map(_end_ns, self._results))
        by_band: dict[str, list[Sighting]] = {}
        for sighting in sightings:
            by_band.setdefault(self._name_at(sighting.center_freq_hz), []).append(scaled(sighting, residual_ppm))
        for name in dict.fromkeys(one.hop.name for one in self._results):
            yield from self._emissions(name, by_band.get(name, []), header, residual_ppm)
        for one in self._results:
            yield from self._hop(one, header)
        for name in [n for n, (_, _, since) in self._edges.items() if end_ns - since >= self._settings.analysis.occupancy_interval_s * 1e9]:
            yield self._take_summary(name, header, end_ns)

    def _emissions(self, name: str, sightings: Sequence[Sighting], header: Header, residual_ppm: float) -> Iterator[AnyRecord]:
        """Yield what has become of the tracks of one band that was swept."""
        mine = [one for one in self._results if one.hop.name == name]
        first = mine[0].findings
        self.slack_hz = 2.0 * first.psd.bin_hz if first else 0.0
        events = self._tracker(name).dwell(
            sightings,
            span_ns=(min(one.start_ns for one in mine), max(map(_end_ns, mine))),
            slack_hz=self.slack_hz,
            held=self._held(residual_ppm),
        )
        for event in events:
            report = emission_report(event, header=header, relative=False, plan=self._plan)
            self._tracks_of.setdefault(name, set()).add(report.track_id)
            yield report

    def _tracker(self, name: str) -> Tracker:
        if name not in self._trackers:
            tracks = self._settings.tracks
            least_s = CLEAR_SWEEPS * self._revisit_s.get(name, self._sweep_s)
            tracks = msgspec.structs.replace(tracks, clear_after_s=max(tracks.clear_after_s, least_s))
            seed = f"{self._settings.station.name}|sweep|{name}"
            self._trackers[name] = Tracker(tracks, seed=seed, merge_gap_s=self._settings.analysis.merge_gap_s)
        return self._trackers[name]

    def cells(self, look: LookResult, *, header: Header) -> Iterator[AnyRecord]:
        """Yield the records of the cells of one look."""
        clock = SampleClock(first_sample=0, start_time_ns=look.start_ns, sample_rate_hz=self._rate, time_source=header.time_source)
        name = self._name_at(look.dwell.center_freq_hz)
        self._looked.setdefault(name, [0.0, 0.0])[0 if look.dwell.kind == "gsm" else 1] += look.dwell.duration_s
        for cell in look.cells:
            heard = Heard(cell=cell, first_sample=0)
            self._summary(name).add_cell(heard)
            yield cell_report(heard, header=header, clock=clock)

    def note(self, text: str) -> None:
        """Have every summary say ``text``."""
        for summary in self._summaries.values():
            summary.note(text)

    def finish(self, *, header: Header, end_ns: int, unheard: Iterable[UnheardRange] = ()) -> Iterator[AnyRecord]:
        """Yield what remains: clears, occupancy, and a summary for each band that was swept."""
        for tracker in self._trackers.values():
            for event in tracker.finish(end_ns):
                yield emission_report(event, header=header, relative=False, plan=self._plan)
        for center in sorted(self._occupancies):
            yield from self._occupancy(center, header, end_ns)
        for one in unheard:
            self.note(f"unheard: {one.name} {one.lower_hz / 1e6:g}-{one.upper_hz / 1e6:g} MHz: {one.reason}")
        for name in list(self._edges):
            yield self._take_summary(name, header, end_ns)

    def _take_summary(self, name: str, header: Header, end_ns: int) -> AnyRecord:
        """Return what there is to say of a band since the last time, and begin again."""
        low, high, start_ns = self._edges.pop(name)
        looked = self._looked.pop(name, [0.0, 0.0])
        report = self._summaries.pop(name).report(
            header=header,
            start_time_ns=start_ns,
            source=name,
            span=((low + high) / 2, high - low),
            looked_s=(looked[0], looked[1]),
            tracks=len(self._tracks_of.pop(name, ())),
        )
        return msgspec.structs.replace(report, sample_rate_hz=round(self._rate, 3), end_time_ns=end_ns)

    def _sighted(self, one: HopResult) -> Iterator[Sighting]:
        assert one.findings is not None
        clock = SampleClock(first_sample=0, start_time_ns=one.start_ns, sample_rate_hz=self._rate, time_source="unknown")
        for emission in one.findings.detections.emissions:
            yield sighted(emission, center_freq_hz=one.center_freq_hz, first_sample=0, n_samples=one.findings.psd.n_samples, clock=clock)

    def _held(self, residual_ppm: float) -> _Held:
        hops = [(one.hop, one.center_freq_hz * (1 + residual_ppm * 1e-6), one.findings) for one in self._results if one.findings]
        return _Held(hops, self._settings.tracks.hold_db)

    def _hop(self, one: HopResult, header: Header) -> Iterator[AnyRecord]:
        findings, analysis = one.findings, self._settings.analysis
        assert findings is not None
        name = one.hop.name
        low, high, since = self._edges.get(name, (one.hop.lower_hz, one.hop.upper_hz, one.start_ns))
        self._edges[name] = (min(low, one.hop.lower_hz), max(high, one.hop.upper_hz), since)
        self._summary(name).add(findings, center_freq_hz=one.center_freq_hz, used_hz=one.hop.upper_hz - one.hop.lower_hz)
        center = one.hop.center_freq_hz
        if center not in self._occupancies:
            usable = one.hop.upper_hz - one.hop.lower_hz
            self._spectra[center] = SpectrumLog(analysis.spectrum_bins)
            self._occupancies[center] = OccupancyLog(self._plan, center_freq_hz=center, sample_rate_hz=usable, n_fft=findings.psd.n_fft)
        self._spectra[center].add(findings.psd, findings.floor, 0)
        self._occupancies[center].add(findings)
        if (taken := self._spectra[center].take()) is not None:
            yield spectrum_report(taken, header=header, start_time_ns=one.start_ns, center_freq_hz=one.center_freq_hz)
        if self._occupancies[center].observed_s >= analysis.occupancy_interval_s * (1 - 1e-9):
            yield from self._occupancy(center, header, one.start_ns)

    def _occupancy(self, center: float, header: Header, start_ns: int) -> Iterator[AnyRecord]:
        for taken in self._occupancies[center].take():
            yield occupancy_report(taken, header=header, start_time_ns=start_ns, relative=False)

    def _summary(self, name: str) -> SummaryLog:
        return self._summaries.setdefault(name, SummaryLog())

    def _name_at(self, freq_hz: float) -> str:
        for one in self._results:
            if one.hop.lower_hz <= freq_hz < one.hop.upper_hz:
                return one.hop.name
        return self._results[0].hop.name if self._results else "?"


def _end_ns(one: HopResult) -> int:
    return one.start_ns + round((one.findings.psd.duration_s if one.findings else 0.0) * 1e9)


class _Held:
    """Whether a band still shows a signal, from the hop that holds its middle."""

    def __init__(self, hops: Sequence[tuple[Hop, float, Findings]], hold_db: float) -> None:
        self._hops, self._hold_db = hops, hold_db

    def __call__(self, lower_hz: float, upper_hz: float) -> bool:
        middle = 0.5 * (lower_hz + upper_hz)
        for hop, center, findings in self._hops:
            if hop.lower_hz <= middle < hop.upper_hz:
                return shows_signal(findings, lower_hz - center, upper_hz - center, hold_db=self._hold_db)
        return False
