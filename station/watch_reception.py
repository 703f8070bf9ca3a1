"""Levels of one frequency from a live receiver, ten a second, for as long as somebody watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from config.settings import StationSettings
from config.wire import Position
from station.calibration import CalibrationFile
from station.errors import ReceiverError
from station.gpsd import GpsdReader
from station.levels import levels_of
from station.live_clock import LiveClock
from station.receiver_process import Order, ReceiverProcess, ReceiverState
from station.state_folder import state_folder
from station.watch import OFFSET_HZ, Reading, Watcher

READING_S: Final = 0.1
RETRY_S: Final = 1.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is watched, and how it is ended and begun anew."""

    freq_hz: float
    width_hz: float
    stopped: Callable[[], bool]
    reset: Callable[[], bool] = lambda: False
    """Called before each reading; True: hold the peak anew."""


class WatchReception:
    """One receiver, one frequency. What goes wrong is said, and the receiver opened again."""

    def __init__(self, settings: StationSettings, watched: Watched, say: Say) -> None:
        """Nothing is opened yet but the way to the gpsd, where there is one."""
        self._settings, self._watched, self._say = settings, watched, say
        self._gpsd = GpsdReader(settings.health.gpsd) if settings.health.gpsd is not None else None
        self._clock = LiveClock(gps=self._gpsd.time) if self._gpsd is not None else LiveClock()
        rate = settings.receiver.sample_rate_hz
        self._n_samples = round(READING_S * rate)
        self._receiver = ReceiverProcess(settings.receiver, slot_samples=2 * self._n_samples + round(0.5 * rate), n_slots=3)

    def readings(self) -> Iterator[Reading]:
        """Yield levels until it is stopped.

        Raises:
            StationError: the receiver cannot be opened at the start.
        """
        state = self._receiver.start()
        ppm = self._ppm(state)
        watcher = Watcher(freq_hz=self._watched.freq_hz, width_hz=self._watched.width_hz, sample_rate_hz=state.sample_rate_hz)
        levels = levels_of(self._settings, serial=state.serial, gain_db=state.gain_db)
        if problem := levels.problem(time.time_ns()):
            self._say(problem)
        head = round(state.settle_s * state.sample_rate_hz)
        fresh = True
        while not self._watched.stopped():
            self._order(head, ppm=ppm, fresh=fresh)
            fresh = False
            if self._watched.reset():
                watcher.reset_peak()
            try:
                one = self._reading(watcher, head)
            except ReceiverError as error:
                self._recover(error)
                fresh = True
                continue
            found = levels.at(one.freq_hz, one.time_ns)
            yield one if found is None else replace(one, dbm_minus_dbfs=found[0], dbm_sigma_db=found[1])

    def close(self) -> None:
        """End the receiver's process."""
        self._receiver.close()
        if self._gpsd is not None:
            self._gpsd.close()

    def _ppm(self, state: ReceiverState) -> float:
        if self._settings.receiver.ppm is not None:
            return self._settings.receiver.ppm
        known = CalibrationFile(state_folder(self._settings)).load(state.serial or self._settings.receiver.address)
        return known.ppm if known else 0.0

    def _order(self, head: int, *, ppm: float, fresh: bool) -> None:
        while self._receiver.can_order:
            n = self._n_samples + head if fresh else self._n_samples
            center = self._watched.freq_hz - OFFSET_HZ
            self._receiver.order(Order(tag=fresh, center_freq_hz=center, n_samples=n, ppm=ppm, retune=fresh))
            fresh = False

    def _reading(self, watcher: Watcher, head: int) -> Reading:
        dwell = self._receiver.next()
        samples = dwell.samples[2 * head :] if dwell.order.tag else dwell.samples
        self._clock.check()
        one = watcher.reading(
            samples,
            center_freq_hz=dwell.center_freq_hz,
            time_ns=self._clock.time_ns(dwell.end_monotonic_ns),
            position=self._position(),
        )
        del samples
        self._receiver.release(dwell)
        return one

    def _recover(self, error: ReceiverError) -> None:
        """Open the receiver again, as often as it takes."""
        said = ""
        while not self._watched.stopped():
            if str(error) != said:
                said = str(error)
                self._say(said)
            try:
                self._receiver.restart()
                self._say("máy thu đã mở lại / the receiver is open again")
                return
            except ReceiverError as again:
                error = again
                time.sleep(RETRY_S)

    def _position(self) -> Position | None:
        if self._gpsd is not None and (found := self._gpsd.position()) is not None:
            return found
        station = self._settings.station
        if station.lat_deg is None or station.lon_deg is None:
            return None
        return Position(lat_deg=station.lat_deg, lon_deg=station.lon_deg, accuracy_m=station.accuracy_m)
