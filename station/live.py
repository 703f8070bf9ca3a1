"""The live station: a receiver, its sweeps and looks, its calibration; records out. What goes wrong is told and survived."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from config.band_plan import BandPlan
from config.settings import StationSettings
from config.wire import AnyRecord, Header, Position
from config.wire.base import Origin
from dsp.gsm.types import GsmCell
from dsp.lte.types import LteCell
from station.bands import wanted_ranges
from station.calibration import Calibration, CalibrationFile, WitnessLog, solve, temperature_c
from station.cell_looks import CellLooks
from station.dwell_length import DwellChoice
from station.errors import MisuseError, ReceiverError
from station.gpsd import GpsdReader
from station.levels import Levels, levels_of
from station.live_clock import LiveClock, boot_id
from station.receiver_process import ReceiverProcess, ReceiverState
from station.reference_floor import References
from station.scan_plan import ReceiverFacts, Sweep
from station.sighting import Sighting
from station.state_folder import state_folder
from station.sweep import HopResult, Sweeper
from station.sweep_log import SweepLog
from station.sweep_plans import SweepPlans, probe, wanted_powers, with_dwells

Say = Callable[[str], None]
RETRY_S: Final = 1.0
SLOTS: Final = 4
SHORT_SLOTS: Final = 4
"""Slots for hops, to each for a look: a sweep may be so far ahead of its analysis."""


class LiveStation:
    """One receiver at work."""

    def __init__(self, settings: StationSettings, plan: BandPlan, *, say: Say, n_slots: int = SLOTS) -> None:
        """Nothing is opened yet."""
        self.settings, self.plan, self.say = settings, plan, say
        self._gpsd = GpsdReader(settings.health.gpsd) if settings.health.gpsd is not None else None
        self.clock = LiveClock(gps=self._gpsd.time) if self._gpsd is not None else LiveClock()
        self.ranges = wanted_ranges(settings, plan)
        self._files = CalibrationFile(state_folder(settings))
        self.calibration: Calibration | None = None
        self.levels = Levels()
        self.dwells: dict[str, DwellChoice] = {}
        """By band, where the dwell follows from a wanted carrier."""
        self._references = References(settings.analysis)
        longest = max(
            settings.sweep.gsm_dwell_s, settings.sweep.lte_dwell_s, settings.sweep.dwell_max_s, *(one.dwell_s for one in self.ranges)
        )
        head_s = 0.5 if settings.receiver.address.startswith("rtltcp") else 0.05
        rate_hz, hop_s = settings.receiver.sample_rate_hz, max(one.dwell_s for one in self.ranges)
        self.receiver = ReceiverProcess(
            settings.receiver,
            slot_samples=round((longest + head_s) * rate_hz),
            n_slots=n_slots,
            short_samples=round((hop_s + head_s) * rate_hz),
            n_short=SHORT_SLOTS * n_slots,
        )
        self._state: ReceiverState | None = None
        self._boot_id = boot_id()
        self._witnesses = WitnessLog()
        self._cells = CellLooks(settings)
        self.results: list[HopResult] = []
        """What the last sweep gave."""
        self.faults: list[str] = []
        self.stopping = False
        """True: order nothing more, end soon."""
        self.sweeps_done = 0
        self.on_outage: Callable[[], None] | None = None
        """Called now and then while the receiver is away."""
        self.on_sweep: Callable[[Sequence[HopResult]], None] | None = None

    def open(self) -> ReceiverState:
        """Open the receiver, and plan.

        Raises:
            StationError: it cannot be opened; nothing of the bands can be heard.
        """
        state = self.receiver.start()
        self._set_up(state)
        self.sweeper.warm_up()
        self._choose_dwells()
        return state

    def _set_up(self, state: ReceiverState) -> None:
        self._state = state
        self.sweeper = Sweeper(self.receiver, state, self.settings, self.clock.time_ns, stopping=lambda: self.stopping)
        self._take_calibrations(state)
        self.plans = SweepPlans(self.ranges, self._facts())
        if not self.plans.plain.hops:
            reasons = "; ".join(f"{one.name}: {one.reason}" for one in self.plans.plain.unheard)
            raise MisuseError(f"nothing to hear: {reasons}: use another dongle or other bands (--band)")
        self.log = self._new_log()

    def _take_calibrations(self, state: ReceiverState) -> None:
        """Use what is known of this very dongle; one that was put in the place of another has its own."""
        self.calibration = self._known(state.serial)
        self.sweeper.ppm = self.calibration.ppm if self.calibration else 0.0
        self.levels = levels_of(self.settings, serial=state.serial, gain_db=state.gain_db)
        if problem := self.levels.problem(self.clock.time_ns(time.monotonic_ns())):
            self.say(problem)

    def _facts(self) -> ReceiverFacts:
        """Return what the plan has to know of the receiver, what is known of its retune time among it."""
        return ReceiverFacts(
            tuner=self.state.tuner,
            sample_rate_hz=self.state.sample_rate_hz,
            retune_s=self.sweeper.settle.measured_s or self.state.settle_s,
            crop=self.settings.sweep.crop,
        )

    def _choose_dwells(self) -> None:
        """Make the dwells long enough for the weakest carriers that are wanted, by the noise as it is now."""
        now_ns = self.clock.time_ns(time.monotonic_ns())
        wanted, problems = wanted_powers(self.settings, self.ranges, self.levels, now_ns)
        for problem in problems:
            self.fault(problem)
        if not wanted:
            return
        floors: dict[str, float] = {}
        for one in self.sweeper.sweep(probe(self.plans.plain)):
            if one.findings is not None:
                density = float(one.findings.floor.density.mean())
                floors[one.hop.name] = min(density, floors.get(one.hop.name, density))
        self.ranges, self.dwells = with_dwells(
            self.ranges, wanted, floors, settings=self.settings, sample_rate_hz=self.state.sample_rate_hz
        )
        self.plans = SweepPlans(self.ranges, self._facts())
        self.log = self._new_log()

    def _new_log(self) -> SweepLog:
        sweep, rate_hz = self.plans.plain, self.state.sample_rate_hz
        return SweepLog(self.settings, self.plan, rate_hz=rate_hz, sweep_s=sweep.duration_s, revisit_s=sweep.revisit_s)

    @property
    def state(self) -> ReceiverState:
        """What the open receiver is."""
        assert self._state is not None
        return self._state

    def _known(self, serial: str) -> Calibration | None:
        set_ppm = self.settings.receiver.ppm
        if set_ppm is not None:
            return Calibration(ppm=set_ppm, sigma_ppm=1.0, n_cells=0, time_ns=0)
        return self._files.load(serial or self.settings.receiver.address)

    def header(self) -> Header:
        """Return what every record carries, as it is now."""
        known, station = self.clock.check(), self.settings.station
        position = self._gpsd.position() if self._gpsd is not None else None
        if position is None and station.lat_deg is not None and station.lon_deg is not None:
            position = Position(lat_deg=station.lat_deg, lon_deg=station.lon_deg, accuracy_m=station.accuracy_m)
        return Header(
            station=station.name,
            origin=self.origin,
            time_source=known.source,
            time_error_ms=round(known.error_ms, 3),
            boot_id=self._boot_id,
            position=position,
        )

    @property
    def origin(self) -> Origin:
        """``hil`` where the dongle is a virtual one, else ``live``."""
        return "hil" if "virtual dongle" in self.state.name or os.environ.get("CANHSONG_VIRTUAL_DONGLE") else "live"

    def sweep_once(self) -> Iterator[list[AnyRecord]]:
        """Sweep, look for cells where there is reason to, and yield the records as they come.

        The first cells settle the clock error: until it is known what was swept waits for them. A receiver that fails is opened again,
        and it is told.
        """
        plan = self.plans.next(time.monotonic())
        results: list[HopResult] = []
        try:
            for one in self.sweeper.sweep(plan):
                self._note(one)
                results.append(one)
        except ReceiverError as error:
            self.recover(error)
        self.plans.swept(plan, time.monotonic())
        results = self._references.applied(results)
        self.results = results
        if self.on_sweep is not None:
            self.on_sweep(results)
        sightings = self.log.sightings(results)
        used_ppm, known = self.sweeper.ppm, self.calibration is not None
        if known:
            yield self.levels.applied(self.log.records(sightings, header=self.header(), residual_ppm=0.0))
        yield from self._looks(sightings, plan)
        if not known:
            residual = ((1 + self.sweeper.ppm * 1e-6) / (1 + used_ppm * 1e-6) - 1) * 1e6
            yield self.levels.applied(self.log.records(sightings, header=self.header(), residual_ppm=residual))
        self.sweeps_done += 1

    def plan_lines(self) -> Iterator[str]:
        """Yield what is going to be swept, for people."""
        from station.scan_report import plan_lines

        wishes = {one.name: one.revisit_s for one in self.ranges if one.revisit_s is not None}
        return plan_lines(self.plans.plain, self.state, wishes=wishes, dwells=self.dwells)

    def finish(self) -> list[AnyRecord]:
        """Return what remains to be said at the end."""
        now_ns = self.clock.time_ns(time.monotonic_ns())
        return self.levels.applied(self.log.finish(header=self.header(), end_ns=now_ns, unheard=self.plans.plain.unheard))

    def closing_lines(self) -> list[str]:
        """Return a few lines for people on how the receiver did."""
        settle, times = self.sweeper.settle.measured_s, self.sweeper.times
        lines = [f"{times.dwells} lượt nghe / dwells, {times.dropped} bỏ / dropped"]
        if settle is not None:
            lines.append(f"chỉnh tần / retune {settle * 1e3:.1f} ms, đo được / measured")
        if self.calibration is not None:
            known = self.calibration
            lines.append(f"ppm {known.ppm:+.2f} ± {known.sigma_ppm:.2f} ({known.n_cells} ô / cells)")
        return lines

    def _looks(self, sightings: Sequence[Sighting], plan: Sweep) -> Iterator[list[AnyRecord]]:
        cells: list[GsmCell | LteCell] = []
        try:
            for look in self._cells.run(self.sweeper, self.state, sightings, plan):
                if look.fault:
                    self.fault(look.fault)
                cells += look.cells
                yield self.levels.applied(self.log.cells(look, header=self.header()))
        except ReceiverError as error:
            self.recover(error)
        self._calibrate(cells)

    def _calibrate(self, cells: Sequence[GsmCell | LteCell]) -> None:
        """Solve the clock error over the cells of one sweep; from the next tuning on it is allowed for."""
        if self.settings.receiver.ppm is not None:
            return
        now_ns = self.clock.time_ns(time.monotonic_ns())
        if not self._witnesses.add(cells, time_ns=now_ns):
            return
        found = solve(self._witnesses.witnesses(), time_ns=now_ns, temperature_c=temperature_c())
        if found is None or abs(found.ppm) > 200.0:
            return
        self.calibration = found
        self.sweeper.ppm = found.ppm
        try:
            self._files.save(self.state.serial or self.settings.receiver.address, found)
        except OSError as error:
            self.fault(f"the calibration cannot be kept: {error}: check the disk and the state folder")

    def _note(self, one: HopResult) -> None:
        where = f"{one.hop.center_freq_hz / 1e6:.3f} MHz"
        if one.lost_samples:
            self.fault(f"{where}: {one.lost_samples} samples were lost: use another USB port, or a lower sample rate")
        if one.fault:
            self.fault(one.fault)

    def fault(self, text: str) -> None:
        """Tell what went wrong."""
        self.faults.append(text)
        self.say(text)

    def recover(self, error: ReceiverError) -> None:
        """Open the receiver again after ``error``, as often as it takes."""
        self.fault(str(error))
        while not self.stopping:
            try:
                before, self._state = self.state, self.receiver.restart()
                if self.state.serial != before.serial:
                    self._take_calibrations(self.state)
                self.say("the receiver is open again")
                return
            except ReceiverError as again:
                if str(again) != self.faults[-1]:
                    self.fault(str(again))
                if self.on_outage is not None:
                    self.on_outage()
                time.sleep(RETRY_S)

    def close(self) -> None:
        """End the receiver's process."""
        self.receiver.close()
        if self._gpsd is not None:
            self._gpsd.close()
