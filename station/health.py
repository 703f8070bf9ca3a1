"""The station's own state as a record: gathered while it works, told every few seconds and when something changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from config.settings import StationSettings
from config.wire import Header, HealthReport
from station.calibration import Calibration, temperature_c
from station.messages import fraction, header_fields
from station.receiver_process import ReceiverState
from station.sweep import HopResult, SweepTimes

HISTORY: Final = 360
FLOOR_FELL_DB: Final = -3.0
"""The antenna's own noise gone: a receiver without an antenna hears less than one with it."""
CLIPPED: Final = 1e-3
DISK_LOW_MIB: Final = 512
CLOCK_STEP_S: Final = 1.0
MAX_NOTES: Final = 32


class HealthLog:
    """What happened since the report before."""

    def __init__(self, settings: StationSettings, *, folder: Path) -> None:
        """``folder``: on the disk that is watched."""
        self._settings, self._folder = settings, folder
        self._config_hash = hashlib.sha256(msgspec.json.encode(settings)).hexdigest()[:16]
        self._floors: deque[float] = deque(maxlen=HISTORY)
        self._began_s = self._told_s = time.monotonic()
        self._cpu_s = _cpu_s()
        self._notes: list[str] = []
        self._clipped: list[float] = []
        self._levels: list[float] = []
        self.lost_samples = 0
        self._changed = False

    def hops(self, results: Iterable[HopResult]) -> None:
        """Take in the hops of a sweep."""
        for one in results:
            self.lost_samples += one.lost_samples
            if one.findings is not None:
                self._clipped.append(one.findings.psd.clipped_fraction or 0.0)
                self._levels.append(10 * float(np.log10(max(float(np.median(one.findings.floor.density)), 1e-30))))

    def note(self, text: str) -> None:
        """Have the next report say ``text``, and have it soon."""
        self._changed = True
        if text not in self._notes and len(self._notes) < MAX_NOTES:
            self._notes.append(text[:400])

    @property
    def due(self) -> bool:
        """Whether it is time to speak, or there is something to say."""
        return self._changed or time.monotonic() - self._told_s >= self._settings.health.interval_s

    def report(
        self,
        *,
        header: Header,
        now_ns: int,
        state: ReceiverState,
        restarts: int,
        times: SweepTimes,
        sweeps: int,
        calibration: Calibration | None,
        retune_s: float | None,
        clock_step_s: float,
        uplink: tuple[int, int],
        receiver_open: bool = True,
    ) -> HealthReport:
        """Return the record, and begin anew. ``uplink``: records that wait, live records dropped."""
        level, change = self._floor()
        clipped = max(self._clipped, default=0.0)
        free = _disk_free_mib(self._folder)
        now_s, cpu_s = time.monotonic(), _cpu_s()
        passed = max(now_s - self._told_s, 1e-3)
        checks = (
            (change is not None and change < FLOOR_FELL_DB, "noise floor fell: is the antenna still connected?"),
            (clipped > CLIPPED, "overload: lower the gain (--gain) or filter the strong transmitter"),
            (free is not None and free < DISK_LOW_MIB, f"disk: {free} MiB free: make room"),
            (
                abs(clock_step_s) > CLOCK_STEP_S,
                f"the system's clock jumped by {clock_step_s:+.0f} s: not believed until it is in step",
            ),
            (header.time_source != "ntp", "the system's clock is not synchronised: connect to a time server or a GPS"),
        )
        for holds, text in checks:
            if holds:
                self.note(text)
        report = HealthReport(
            **header_fields(header),
            start_time_ns=now_ns,
            receiver=f"{state.name} {state.serial}".strip(),
            receiver_open=receiver_open,
            tuner=state.tuner.name,
            driver=state.library[:400],
            version=_version(),
            config_hash=self._config_hash,
            gain_db=state.gain_db,
            sweeps=sweeps,
            dwells=times.dwells,
            dropped_dwells=times.dropped,
            lost_samples=self.lost_samples,
            receiver_restarts=restarts,
            clipped_fraction=fraction(clipped),
            floor_dbfs_hz=None if level is None else round(level, 2),
            floor_change_db=None if change is None else round(change, 2),
            ppm=None if calibration is None else round(calibration.ppm, 3),
            ppm_sigma=None if calibration is None else round(min(calibration.sigma_ppm, 1000.0), 3),
            retune_ms=None if retune_s is None else round(retune_s * 1e3, 2),
            temperature_c=temperature_c(),
            cpu_fraction=round((cpu_s - self._cpu_s) / passed, 3),
            disk_free_mib=free,
            clock_step_s=round(clock_step_s, 3),
            spool_waiting=uplink[0],
            live_dropped=uplink[1],
            duration_s=round(passed, 3),
            notes=list(self._notes),
        )
        self._notes, self._clipped, self._levels, self._changed = [], [], [], False
        self._told_s, self._cpu_s = now_s, cpu_s
        return report

    def _floor(self) -> tuple[float | None, float | None]:
        if not self._levels:
            return None, None
        level = min(self._levels)
        change = level - float(np.median(np.array(self._floors))) if len(self._floors) >= 3 else None
        self._floors.append(level)
        return level, change


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _disk_free_mib(folder: Path) -> int | None:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free >> 20
    except OSError:
        return None


def _version() -> str:
    from importlib.metadata import version

    return f"canhsong {version('canhsong')}"
