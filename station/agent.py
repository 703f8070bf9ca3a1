"""The station at work: sweeps without end, health, captures, and every record on its way before the next sweep begins."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from config.band_plan import BandPlan
from config.settings import StationSettings
from config.wire import AnyRecord, EmissionReport, GsmCellReport, LteCellReport
from station.capture import CaptureError, CaptureFacts, CaptureRing, CaptureWriter
from station.errors import StationError
from station.health import HealthLog, StationState
from station.live import LiveStation, Say
from station.output import Sink
from station.receiver_process import Dwell
from station.state_folder import state_folder
from station.sweep import HopResult
from station.task_listening import TaskListener
from station.tasks import TaskDesk, Workplace


class UplinkState:
    """What health says of the way to the collector; a station without one has nothing waiting."""

    def waiting(self) -> tuple[int, int]:
        """Return how many records wait, and how many live ones were dropped."""
        return 0, 0

    def news(self, now_s: float) -> list[str]:
        """Return a line for each collector that records have not got through to for a while, and for each that they do again."""
        return []


class Agent:
    """One live station with its sinks. Everything that goes wrong is in the next health record."""

    def __init__(
        self,
        settings: StationSettings,
        plan: BandPlan,
        *,
        sinks: Sequence[Sink],
        say: Say,
        uplink: UplinkState | None = None,
        desk: TaskDesk | None = None,
    ) -> None:
        """Nothing is opened yet. ``desk``: what collectors and the inspector's keys ask."""
        self._settings, self._sinks, self._desk = settings, sinks, desk
        self._say, self._uplink = say, uplink or UplinkState()
        self.folder = state_folder(settings)
        self.health = HealthLog(settings, folder=self.folder)
        self.station = LiveStation(settings, plan, say=self._told)
        self.station.on_sweep = self._swept
        self.station.on_outage = self._outage
        self._captures: CaptureWriter | None = None
        self._ring: CaptureRing | None = None
        self._known_cells: set[tuple[object, ...]] = set()
        self._warm = False

    def run(self, *, sweeps: int | None = None) -> None:
        """Work until ``stop``; ``sweeps``: end after so many.

        Raises:
            StationError: the receiver cannot be opened at the start.
        """
        try:
            state = self.station.open()
        except StationError:
            self.station.close()
            raise
        for line in self.station.plan_lines():
            self._say(line)
        self._open_captures(state.sample_rate_hz)
        self._begin_tasks()
        self._put([self._health()])
        try:
            while not self.stopping and (sweeps is None or self.station.sweeps_done < sweeps):
                for records in self.station.sweep_once():
                    self._put(records)
                    self._trigger(records)
                    self._do_tasks()
                    if self.health.due:
                        self._put([self._health()])
                self._warm = True
                for line in self._uplink.news(time.monotonic()):
                    self._say(line)
                self._write_captures()
                self._do_tasks()
            self._write_captures(all_of_them=True)
        finally:
            self._put(self.station.finish())
            self._put([self._health()])
            self.health.close()
            self.station.close()

    def stop(self) -> None:
        """End soon: what is being read is still analysed and told. Safe in a signal handler."""
        self.station.stopping = True

    @property
    def stopping(self) -> bool:
        """Whether the end is near."""
        return self.station.stopping

    def want_capture(self, freq_hz: float, reason: str) -> None:
        """Have what is heard at ``freq_hz`` kept, from a moment ago on."""
        if self._captures is None:
            self.health.note("no capture: the ring is off (capture.ring_s = 0) or could not be made")
            return
        self._captures.trigger(freq_hz, onset_ns=self.station.clock.time_ns(time.monotonic_ns()), reason=reason)

    def _told(self, text: str) -> None:
        self.health.note(text)
        self._say(text)

    def _put(self, records: Iterable[AnyRecord]) -> None:
        kept = list(records)
        for sink in self._sinks:
            try:
                sink.put(kept)
            except StationError as error:
                self.health.note(str(error))
                self._say(str(error))

    def _swept(self, results: Sequence[HopResult]) -> None:
        self.health.hops(results)

    def _outage(self) -> None:
        if self.health.due:
            self._put([self._health(receiver_open=False)])

    def _health(self, *, receiver_open: bool = True) -> AnyRecord:
        station = self.station
        return self.health.report(
            StationState(
                header=station.header(),
                now_ns=station.clock.time_ns(time.monotonic_ns()),
                receiver=station.state,
                receiver_open=receiver_open,
                restarts=station.receiver.restarts,
                times=station.sweeper.times,
                sweeps=station.sweeps_done,
                calibration=station.calibration,
                levels=station.levels,
                retune_s=station.sweeper.settle.measured_s,
                clock=station.clock.check(),
                uplink=self._uplink.waiting(),
                plan=station.plans.plain,
            )
        )

    # tasks

    def _begin_tasks(self) -> None:
        if self._desk is None:
            return
        station, capture = self.station, self._settings.capture
        place = Workplace(
            listener=TaskListener(station, ring=self._ring, writer=self._captures, ring_s=capture.ring_s),
            header=station.header,
            now_ns=lambda: station.clock.time_ns(time.monotonic_ns()),
            put=self._put,
            want_capture=self.want_capture,
            recover=station.recover,
            stopping=lambda: self.stopping,
            folder=self._capture_folder,
        )
        if self._captures is not None:
            self._captures.expendable = self._desk.sent_captures
        self._desk.begin(place)

    def _do_tasks(self) -> None:
        if self._desk is None:
            return
        try:
            self._desk.step()
        except StationError as error:
            self._told(str(error))

    # captures

    @property
    def _capture_folder(self) -> Path:
        given = self._settings.capture.folder
        return Path(given) if given else self.folder / "captures"

    def _open_captures(self, rate_hz: float) -> None:
        settings = self._settings.capture
        if settings.ring_s <= 0:
            return
        folder = self._capture_folder
        try:
            self._ring = CaptureRing(folder, sample_rate_hz=rate_hz, ring_s=settings.ring_s)
        except CaptureError as error:
            self._told(str(error))
            return
        self._captures = CaptureWriter(settings, folder, self._ring, sample_rate_hz=rate_hz)
        self.station.sweeper.on_dwell = self._heard

    def _heard(self, dwell: Dwell, settled: int, start_ns: int) -> None:
        assert self._ring is not None
        self._ring.add(dwell.samples, center_freq_hz=dwell.center_freq_hz, start_ns=start_ns, settled_samples=settled)

    def _trigger(self, records: Sequence[AnyRecord]) -> None:
        """Keep what there is reason to keep; what is there at the first sweep is not new."""
        settings = self._settings.capture
        for one in records:
            if isinstance(one, EmissionReport) and one.event == "onset" and settings.on_emission and self._warm:
                self._capture(one.center_freq_hz, one.first_time_ns, f"new emission, track {one.track_id}")
            if isinstance(one, GsmCellReport | LteCellReport) and one.status == "identified" and one.freq_hz is not None:
                name = getattr(one, "bsic", None) if isinstance(one, GsmCellReport) else one.pci
                key = (type(one), one.freq_hz, name)
                if key not in self._known_cells and settings.on_cell:
                    self._capture(one.freq_hz, one.start_time_ns, f"cell not heard before: {one.freq_hz / 1e6:.1f} MHz, {name}")
                self._known_cells.add(key)

    def _capture(self, freq_hz: float, onset_ns: int, reason: str) -> None:
        if self._captures is not None:
            self._captures.trigger(freq_hz, onset_ns=onset_ns, reason=reason)

    def _write_captures(self, *, all_of_them: bool = False) -> None:
        if self._captures is None:
            return
        station = self.station
        facts = CaptureFacts(
            header=station.header(),
            gain_db=station.state.gain_db,
            receiver=f"{station.state.name} {station.state.serial} {station.state.tuner.name}",
            calibration=station.calibration,
            levels=station.levels,
        )
        try:
            written = self._captures.due(station.clock.time_ns(time.monotonic_ns()), facts, all_of_them=all_of_them)
        except CaptureError as error:
            self._told(str(error))
            written = self._captures.written
        self._put(written)
        if self._desk is not None:
            for one in written:
                self._desk.announced(one)
