"""The receiver between two sweeps, for what the collector asked: samples kept in one stretch, a long dwell, a visit to what is watched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from config.wire import AnyRecord, CaptureAnnouncement, Task
from station.capture import CaptureFacts, CaptureRing, CaptureWriter
from station.errors import StationError
from station.identity import GSM_BANDS_HZ, MIN_GSM_RATE_HZ, MIN_LTE_RATE_HZ
from station.identity_board import IdentityDwell
from station.live import LiveStation
from station.receiver_process import Order
from station.reference_floor import with_reference
from station.scan_plan import Hop, Sweep
from station.sweep_log import SweepLog
from station.watch import OFFSET_HZ

USABLE: Final = 0.8
"""Part of a span that counts: the receiver's filter falls off at its edges."""
NARROWEST_HZ: Final = 400e3
ENERGY_S: Final = 0.25
NOTCH_HZ: Final = 10e3


class TaskListener:
    """Works only while no sweep does: the receiver has nothing ordered."""

    def __init__(self, station: LiveStation, *, ring: CaptureRing | None, writer: CaptureWriter | None, ring_s: float) -> None:
        """``station`` is open. ``ring`` and ``writer`` None: no captures here."""
        self._station, self._ring, self._writer, self._ring_s = station, ring, writer, ring_s
        self._logs: dict[str, SweepLog] = {}

    @property
    def free(self) -> bool:
        """Whether the receiver may be used."""
        return not self._station.receiver.waiting

    def cannot(self, task: Task) -> str | None:
        """Return why this receiver cannot do ``task``; None: it can."""
        if task.freq_hz is None or task.freq_hz <= 0:
            return f"{task.action} needs a frequency"
        state = self._station.state
        half = task.bandwidth_hz / 2
        if not state.tuner.hears(task.freq_hz - half, task.freq_hz + half):
            heard = ", ".join(f"{low / 1e6:g}-{high / 1e6:g}" for low, high in state.tuner.ranges_hz)
            return f"{task.freq_hz / 1e6:g} MHz: {state.tuner.name} hears {heard} MHz"
        widest = USABLE * state.sample_rate_hz
        if task.bandwidth_hz > widest:
            return f"{task.bandwidth_hz / 1e6:g} MHz wide: one tuning hears {widest / 1e6:g} MHz"
        if task.action != "capture":
            return None
        if self._writer is None or self._ring is None:
            return "captures are off here (capture.ring_s = 0), or there was no room for the ring"
        if task.duration_s > self._ring_s:
            return f"{task.duration_s:g} s: the ring holds {self._ring_s:g} s (capture.ring_s)"
        room = self._writer.no_room_for(2 * round(task.duration_s * state.sample_rate_hz))
        return None if room is None else f"no room for it: {room}"

    def capture(self, task: Task) -> CaptureAnnouncement:
        """Return what is to be announced of ``duration_s`` of samples in one stretch, now on disk.

        Raises:
            ReceiverError: the receiver failed.
            CaptureError: it could not be written.
            StationError: the station is being stopped.
        """
        assert self._writer is not None
        start_ns, end_ns, lost = self.stay(task.freq_hz or 0.0, task.duration_s, bandwidth_hz=task.bandwidth_hz)
        station, state = self._station, self._station.state
        facts = CaptureFacts(
            header=station.header(),
            gain_db=state.gain_db,
            receiver=f"{state.name} {state.serial} {state.tuner.name}",
            calibration=station.calibration,
        )
        return self._writer.keep(task, span_ns=(start_ns, end_ns), facts=facts, lost_samples=lost)

    def stay(self, freq_hz: float, duration_s: float, *, bandwidth_hz: float = 0.0) -> tuple[int, int, int]:
        """Have the ring hold ``duration_s`` of what is heard around ``freq_hz``; return when that was, and how many samples were lost.

        Raises:
            ReceiverError: the receiver failed.
            StationError: the station is being stopped.
        """
        station, rate = self._station, self._station.state.sample_rate_hz
        center, skip = self._center(freq_hz, bandwidth_hz), station.sweeper.settle.head_samples
        total, longest = round(duration_s * rate), round(self._longest_s() * rate)
        orders = [
            Order(
                tag=None,
                center_freq_hz=center,
                n_samples=min(longest, total - at) + (0 if at else skip),
                ppm=station.sweeper.ppm,
                retune=not at,
            )
            for at in range(0, total, longest)
        ]
        lost, start_ns, end_ns, stopped = 0, 0, 0, False
        while orders or station.receiver.waiting:
            if station.stopping and orders:
                orders, stopped = [], True
                continue  # what is ordered already is still taken off the receiver
            while orders and station.receiver.can_order:
                station.receiver.order(orders.pop(0))
            dwell = station.receiver.next()
            end_ns = station.clock.time_ns(dwell.end_monotonic_ns)
            kept = dwell.samples[2 * skip :]
            begun_ns = end_ns - round(len(kept) / 2 / rate * 1e9)
            start_ns, skip = start_ns or begun_ns, 0
            if self._ring is not None:
                self._ring.add(kept, center_freq_hz=dwell.center_freq_hz, start_ns=begun_ns, settled_samples=0)
            lost += dwell.lost_samples
            station.receiver.release(dwell)
        if stopped:
            raise StationError("the station was stopped in the middle of it")
        return start_ns, end_ns, lost

    def visit(self, task: Task, *, energy_s: float = ENERGY_S, thorough: bool) -> Iterator[list[AnyRecord]]:
        """Listen to what ``task`` names, once, and yield the records as they come; ``thorough``: look for cells whatever is heard.

        Raises:
            ReceiverError: the receiver failed.
        """
        station = self._station
        log = self._logs.get(task.task_id)
        if log is None:
            log = self._logs[task.task_id] = SweepLog(
                station.settings, station.plan, rate_hz=station.state.sample_rate_hz, sweep_s=station.settings.tasks.watch_interval_s
            )
        low, high = self._edges(task)
        hop = Hop(
            name=f"task {task.task_id}",
            center_freq_hz=self._center(task.freq_hz or 0.0, task.bandwidth_hz),
            lower_hz=low,
            upper_hz=high,
            dwell_s=min(energy_s, self._longest_s()),
            notch_hz=NOTCH_HZ,
        )
        plan = Sweep(hops=(hop,), unheard=(), unseen=(), duration_s=hop.dwell_s, revisit_s={})
        results = with_reference(list(station.sweeper.sweep(plan)), station.settings.analysis)
        sightings = log.sightings(results)
        yield station.levels.applied(log.records(sightings, header=station.header(), residual_ppm=0.0))
        if thorough or sightings:
            for look in station.sweeper.look(self._looks(task, low, high)):
                yield station.levels.applied(log.cells(look, header=station.header()))

    def leave(self, task: Task) -> list[AnyRecord]:
        """Return what remains to be said of a task that is over."""
        log = self._logs.pop(task.task_id, None)
        if log is None:
            return []
        end_ns = self._station.clock.time_ns(time.monotonic_ns())
        return self._station.levels.applied(log.finish(header=self._station.header(), end_ns=end_ns))

    def _looks(self, task: Task, low: float, high: float) -> list[IdentityDwell]:
        settings, rate = self._station.settings, self._station.state.sample_rate_hz
        freq = task.freq_hz or 0.0
        looks = []
        if settings.identity.gsm and rate >= MIN_GSM_RATE_HZ and any(a <= freq <= b for a, b in GSM_BANDS_HZ):
            edges = ((low, high),)
            looks.append(
                IdentityDwell(
                    kind="gsm",
                    center_freq_hz=self._center(task.freq_hz or 0.0, task.bandwidth_hz),
                    duration_s=settings.sweep.gsm_dwell_s,
                    carriers=edges,
                    keys=(),
                )
            )
        if settings.identity.lte and rate >= MIN_LTE_RATE_HZ:
            half = max(task.bandwidth_hz / 2, 0.5 * USABLE * rate)
            edges = ((freq - half, freq + half),)
            looks.append(
                IdentityDwell(kind="lte", center_freq_hz=round(freq), duration_s=settings.sweep.lte_dwell_s, carriers=edges, keys=())
            )
        return looks

    def _longest_s(self) -> float:
        sweep = self._station.settings.sweep
        return max(sweep.gsm_dwell_s, sweep.lte_dwell_s, sweep.dwell_s)

    def _center(self, freq_hz: float, bandwidth_hz: float) -> float:
        """Return where to tune: beside what is asked for, away from the spike in the middle of a span, where the width allows it."""
        center, rate = freq_hz - OFFSET_HZ, self._station.state.sample_rate_hz
        fits = OFFSET_HZ + bandwidth_hz / 2 <= USABLE / 2 * rate
        return float(round(center if fits and self._station.state.tuner.hears(center, freq_hz) else freq_hz))

    def _edges(self, task: Task) -> tuple[float, float]:
        half = max(task.bandwidth_hz, NARROWEST_HZ) / 2
        freq = task.freq_hz or 0.0
        return freq - half, freq + half
