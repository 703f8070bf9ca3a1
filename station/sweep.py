"""One receiver sweeping: hop after hop of samples in, what each sweep found out. Reading goes on while a hop is analysed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from config.settings import StationSettings
from dsp.errors import DspError
from dsp.gsm.types import GsmCell
from dsp.lte.types import LteCell
from dsp.types import PpmEstimate
from dsp.units import to_complex64
from station.analysis import DwellAnalysis, Findings
from station.identity_board import IdentityDwell
from station.receiver_process import Dwell, Order, ReceiverProcess, ReceiverState
from station.scan_plan import Hop, Sweep
from station.settling import SEGMENT, Settled, SettleLog

if TYPE_CHECKING:
    from station.sib1_walk import CarrierWalk

BEHIND_S: Final = 0.002
"""A receiver that waited longer than this for its next order waited for the analysis."""
LOOKS_AHEAD: Final = 4
"""So many looks are ordered at a time."""
Clock = Callable[[int], int]
"""Monotonic ns -> UTC ns."""
OnDwell = Callable[[Dwell, int, int], None]
"""Given each dwell as it was read, how many of its first samples are of no use, and UTC in ns of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HopResult:
    """What one hop gave. ``start_ns``: UTC at the first good sample; ``findings`` None: the dwell could not be used."""

    hop: Hop
    findings: Findings | None
    center_freq_hz: float
    start_ns: int
    settled: Settled
    lost_samples: int
    dropped_dwells: int
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookResult:
    """The cells of one look. Their ``offset_hz`` counts from what the receiver was asked for, not from where it really was."""

    dwell: IdentityDwell
    cells: tuple[GsmCell | LteCell, ...]
    start_ns: int
    lost_samples: int
    fault: str | None = None


@dataclass(slots=True)
class SweepTimes:
    """Where a sweep's time went, in seconds."""

    read_s: float = 0.0
    tune_s: float = 0.0
    idle_s: float = 0.0
    dwells: int = 0
    dropped: int = 0
    faults: list[str] = field(default_factory=list)


class Sweeper:
    """Runs sweeps and looks on one receiver process."""

    def __init__(
        self,
        receiver: ReceiverProcess,
        state: ReceiverState,
        settings: StationSettings,
        clock: Clock,
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """``stopping``: asked between dwells whether to order nothing more."""
        self._receiver, self._settings, self._clock, self._stopping = receiver, settings, clock, stopping
        self.on_dwell: OnDwell | None = None
        self.rate_hz = state.sample_rate_hz
        self.settle = SettleLog(assumed_s=state.settle_s, sample_rate_hz=self.rate_hz)
        self._analysis = DwellAnalysis(settings.analysis, sample_rate_hz=self.rate_hz, sample_format="cu8")
        self.ppm = 0.0
        self.times = SweepTimes()
        self._fresh = True

    def warm_up(self) -> None:
        """Run the analysis once on noise: what is imported and compiled then would have the receiver wait in the first sweep."""
        samples = np.random.default_rng(0).integers(96, 160, 2 * round(0.05 * self.rate_hz)).astype(np.uint8)
        self.settle.settled(samples[: 8 * SEGMENT])
        self._analysis.begin(0, len(samples) // 2)
        self._analysis.add(samples)
        self._analysis.findings()

    def sweep(self, plan: Sweep) -> Iterator[HopResult]:
        """Yield what each hop of ``plan`` gives, in order."""
        self._fresh = True
        hops = iter(plan.hops)
        hop = next(hops, None)
        while hop is not None or self._receiver.waiting:
            if self._stopping():
                hop = None
            while hop is not None and self._receiver.can_take(n := self._n(hop.dwell_s)):
                self._receiver.order(Order(tag=hop, center_freq_hz=hop.center_freq_hz, n_samples=n, ppm=self.ppm))
                hop = next(hops, None)
            if self._receiver.waiting:
                yield self._hop(self._receiver.next())

    def look(self, looks: Sequence[IdentityDwell]) -> Iterator[LookResult]:
        """Yield the cells of each of ``looks``, in order."""
        wanted = (Order(tag=one, center_freq_hz=one.center_freq_hz, n_samples=self._n(one.duration_s), ppm=self.ppm) for one in looks)
        for dwell, first in self._listen(wanted, ahead=LOOKS_AHEAD):
            yield self._look(dwell, first)

    def walk(self, walk: CarrierWalk) -> None:
        """Hear the windows of ``walk`` until it is finished; the next one is read while one is searched."""
        wanted = (
            Order(tag=one, center_freq_hz=walk.freq_of(one), n_samples=self._n(walk.window_s), ppm=self.ppm) for one in walk.plan.windows
        )
        with contextlib.closing(self._listen(wanted, ahead=2)) as dwells:
            for dwell, first in dwells:
                iq = to_complex64(dwell.samples[2 * first :], "cu8", 1.0)
                walk.take(iq, dwell.order.tag, sample_rate_hz=self.rate_hz, asked_hz=self._asked_hz(dwell))
                if walk.finished:
                    return

    def _listen(self, wanted: Iterator[Order], *, ahead: int) -> Generator[tuple[Dwell, int], None, None]:
        """Yield each dwell that is ``wanted`` and its first good sample, ``ahead`` of them ordered at a time; then its slot is free."""
        self._fresh = True
        order = next(wanted, None)
        while (order is not None or self._receiver.waiting) and not self._stopping():
            while order is not None and self._receiver.waiting < ahead and self._receiver.can_take(order.n_samples):
                self._receiver.order(order)
                order = next(wanted, None)
            dwell = self._receiver.next()
            self._account(dwell)
            try:
                first = min(self.settle.settled(dwell.samples).n_samples, dwell.order.n_samples // 2)
                self._tell(dwell, first)
                yield dwell, first
            except GeneratorExit:
                self._discard()
                raise
            finally:
                self._receiver.release(dwell)
        self._discard()

    def _discard(self) -> None:
        """Let what is still ordered come, and forget it."""
        while self._receiver.waiting:
            self._receiver.release(self._receiver.next())

    def _n(self, duration_s: float) -> int:
        return self._head() + round(duration_s * self.rate_hz)

    def _head(self) -> int:
        return self.settle.head_samples + 2 * SEGMENT

    def _account(self, dwell: Dwell) -> int:
        """Add up where the time went; return how many dwells were dropped because the analysis was behind."""
        duration = dwell.order.n_samples / self.rate_hz
        self.times.read_s += duration
        self.times.tune_s += dwell.tune_s
        self.times.dwells += 1
        fresh, self._fresh = self._fresh, False
        if dwell.idle_s < BEHIND_S or fresh:
            return 0
        self.times.idle_s += dwell.idle_s
        dropped = int(dwell.idle_s / duration) if isinstance(dwell.order.tag, Hop) else 0
        self.times.dropped += dropped
        return dropped

    def _hop(self, dwell: Dwell) -> HopResult:
        """Analyse the dwell of one hop and give its slot back."""
        hop: Hop = dwell.order.tag
        dropped = self._account(dwell)
        try:
            settled = self.settle.settled(dwell.samples)
            self._tell(dwell, settled.n_samples)
            n = round(hop.dwell_s * self.rate_hz)
            first = min(settled.n_samples, dwell.order.n_samples - n // 2)
            samples = dwell.samples[2 * first : 2 * (first + n)]
            findings, fault = None, None
            try:
                self._analysis.begin(0, len(samples) // 2)
                self._analysis.add(samples)
                findings = self._analysis.findings()
            except DspError as error:
                fault = f"{hop.center_freq_hz / 1e6:g} MHz: {error}"
            return HopResult(
                hop=hop,
                findings=findings,
                center_freq_hz=dwell.center_freq_hz,
                start_ns=self._start_ns(dwell, first),
                settled=settled,
                lost_samples=dwell.lost_samples,
                dropped_dwells=dropped,
                fault=fault,
            )
        finally:
            self._receiver.release(dwell)

    def _look(self, dwell: Dwell, first: int) -> LookResult:
        """Search the dwell of one look for cells."""
        look: IdentityDwell = dwell.order.tag
        cells: tuple[GsmCell | LteCell, ...] = ()
        fault = None
        # cells are searched as the crystal has it: what was asked for is the middle, and the clock error is found whole
        asked = self._asked_hz(dwell)
        try:
            cells = self._cells(look, dwell.samples[2 * first :], asked, self.ppm_of(dwell))
        except DspError as error:
            fault = f"{asked / 1e6:g} MHz: {error}"
        return LookResult(dwell=look, cells=cells, start_ns=self._start_ns(dwell, first), lost_samples=dwell.lost_samples, fault=fault)

    def _asked_hz(self, dwell: Dwell) -> float:
        """Return what the driver was told to tune to."""
        return dwell.center_freq_hz / (1.0 + self.ppm_of(dwell) * 1e-6)

    @staticmethod
    def ppm_of(dwell: Dwell) -> float:
        """Return the clock error that was allowed for in ``dwell``."""
        return dwell.order.ppm

    def _cells(self, look: IdentityDwell, samples: np.ndarray, asked_hz: float, ppm: float) -> tuple[GsmCell | LteCell, ...]:
        if look.kind == "gsm":
            from dsp.gsm.search import GsmSearch

            search = GsmSearch(sample_rate_hz=self.rate_hz, center_freq_hz=asked_hz)
            for at in range(0, len(samples), 1 << 19):
                search.add(to_complex64(samples[at : at + (1 << 19)], "cu8", 1.0))
            return tuple(search.cells())
        from dsp.lte.search import find_cells
        from dsp.lte.sib1 import with_sib1

        half = 0.5 * self.rate_hz
        edges = [
            (max(low / (1 + ppm * 1e-6) - asked_hz, -half), min(high / (1 + ppm * 1e-6) - asked_hz, half)) for low, high in look.carriers
        ]
        if look.whole_span:  # as an emission that the span's edges cut: its carriers may be anywhere
            edges = [(-0.46 * self.rate_hz, 0.46 * self.rate_hz)]
        fills = not look.whole_span and any(high - low >= 0.8 * self.rate_hz for low, high in edges)
        known = PpmEstimate(ppm=ppm, sigma_ppm=2.0) if ppm else None
        iq = to_complex64(samples[: 2 * round(0.16 * self.rate_hz)], "cu8", 1.0)
        cells = find_cells(iq, sample_rate_hz=self.rate_hz, center_freq_hz=asked_hz, carriers=None if fills else tuple(edges), ppm=known)
        return with_sib1(iq, cells, sample_rate_hz=self.rate_hz)

    def _tell(self, dwell: Dwell, settled: int) -> None:
        if self.on_dwell is not None:
            self.on_dwell(dwell, settled, self._start_ns(dwell, 0))

    def _start_ns(self, dwell: Dwell, first: int) -> int:
        return self._clock(dwell.end_monotonic_ns) - round((dwell.order.n_samples - first) / self.rate_hz * 1e9)
