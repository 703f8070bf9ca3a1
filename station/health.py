"""The station's own state as a record: gathered while it works, told every few seconds and when something changes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from config.settings import StationSettings
from config.wire import Header, HealthReport, UnheardBand
from station.calibration import Calibration, temperature_c
from station.clock_reference import rtc_present
from station.floor_history import FloorHistory
from station.levels import Levels
from station.live_clock import ClockState
from station.messages import fraction, header_fields
from station.receiver_process import ReceiverState
from station.scan_plan import Sweep
from station.sweep import HopResult, SweepTimes

FLOOR_FELL_DB: Final = -3.0
"""The antenna's own noise gone: a receiver without an antenna hears less than one with it."""
CLIPPED: Final = 1e-3
DISK_LOW_MIB: Final = 512
CLOCK_STEP_S: Final = 1.0
MAX_NOTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class StationState:
    """What the station is at the moment of a report. ``uplink``: records that wait, live records dropped."""

    header: Header
    now_ns: int
    receiver: ReceiverState
    receiver_open: bool
    restarts: int
    times: SweepTimes
    sweeps: int
    calibration: Calibration | None
    levels: Levels
    retune_s: float | None
    clock: ClockState
    uplink: tuple[int, int]
    plan: Sweep | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """What was measured since the report before."""

    clipped: float
    floor: float | None
    floor_change: float | None
    disk_free_mib: int | None


class HealthLog:
    """What happened since the report before."""

    def __init__(self, settings: StationSettings, *, folder: Path) -> None:
        """``folder``: on the disk that is watched; the noise floor's history is kept in it."""
        self._settings, self._folder = settings, folder
        self._config_hash = hashlib.sha256(msgspec.json.encode(settings)).hexdigest()[:16]
        self._floors: FloorHistory | None = None
        self._floors_key = ""
        self._told_s = time.monotonic()
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

    def report(self, state: StationState) -> HealthReport:
        """Return the record, and begin anew."""
        level, change = self._floor(state)
        measured = _Measured(
            clipped=max(self._clipped, default=0.0), floor=level, floor_change=change, disk_free_mib=_disk_free_mib(self._folder)
        )
        for text in problems(state, measured):
            self.note(text)
        now_s, cpu_s = time.monotonic(), _cpu_s()
        passed = max(now_s - self._told_s, 1e-3)
        report = HealthReport(
            **header_fields(state.header),
            **_receiver_fields(state),
            **_measured_fields(state, measured),
            version=_version(),
            config_hash=self._config_hash,
            lost_samples=self.lost_samples,
            cpu_fraction=round((cpu_s - self._cpu_s) / passed, 3),
            duration_s=round(passed, 3),
            notes=list(self._notes),
            unheard=unheard_bands(state.plan) if state.plan is not None else [],
        )
        self._notes, self._clipped, self._levels, self._changed = [], [], [], False
        self._told_s, self._cpu_s = now_s, cpu_s
        return report

    def close(self) -> None:
        """Keep what the next run is to know."""
        if self._floors is not None:
            with contextlib.suppress(OSError):  # the disk was told already
                self._floors.keep()

    def _floor(self, state: StationState) -> tuple[float | None, float | None]:
        """Return the quietest hop's floor and its change against the past of the same receiver, gain, rate and bands."""
        one = state.receiver
        name = one.serial or self._settings.receiver.address
        key = f"{name}|{one.gain_db:g}|{one.sample_rate_hz:g}|{','.join(self._settings.sweep.bands)}"
        if self._floors is None or key != self._floors_key:
            self.close()
            self._floors, self._floors_key = FloorHistory(self._folder, key), key
        if not self._levels:
            return None, None
        level = min(self._levels)
        return level, self._floors.change_db(level)


def problems(state: StationState, measured: _Measured) -> Iterator[str]:
    """Yield what is wrong, Vietnamese first, with what to do."""
    if measured.floor_change is not None and measured.floor_change < FLOOR_FELL_DB:
        yield (
            f"nền nhiễu giảm {-measured.floor_change:.0f} dB: anten còn nối không? / noise floor fell: is the antenna still connected? "
            f"({measured.floor_change:+.0f} dB against this receiver's own past)"
        )
    if measured.clipped > CLIPPED:
        yield "quá tải: giảm độ lợi hoặc lọc máy phát mạnh / overload: lower the gain (--gain) or filter the strong transmitter"
    if (free := measured.disk_free_mib) is not None and free < DISK_LOW_MIB:
        yield f"đĩa gần đầy: dọn chỗ / disk: {free} MiB free: make room"
    if abs(step := state.clock.step_s) > CLOCK_STEP_S:
        if state.clock.source == "gps":
            yield f"giờ máy lệch GPS / the system's clock is {step:+.0f} s from the GPS, which is believed: have chrony follow the GPS"
        else:
            yield f"giờ máy nhảy / the system's clock jumped by {step:+.0f} s: not believed until it is in step"
    if state.clock.source == "rtc":
        yield "giờ máy chưa đồng bộ / the system's clock is not synchronised: connect to a time server or a GPS"
    known = state.calibration
    if known is not None and known.n_cells and known.due(state.now_ns):
        hours = (state.now_ns - known.time_ns) / 3.6e12
        yield f"ppm chưa kiểm tra lại / ppm was solved {hours:.0f} h ago: no cell was heard since: sweep a band with cells, or set --ppm"
    if problem := state.levels.problem(state.now_ns):
        yield problem


def unheard_bands(plan: Sweep) -> list[UnheardBand]:
    """Return what of the wanted bands this tuner cannot hear, and of which it hears nothing at all."""
    heard = {hop.name for hop in plan.hops}
    return [
        UnheardBand(band=one.name[:32], lower_freq_hz=one.lower_hz, upper_freq_hz=one.upper_hz, whole=one.name not in heard)
        for one in plan.unheard[:64]
    ]


def _receiver_fields(state: StationState) -> dict[str, Any]:
    receiver, known = state.receiver, state.calibration
    return {
        "start_time_ns": state.now_ns,
        "receiver": f"{receiver.name} {receiver.serial}".strip(),
        "receiver_open": state.receiver_open,
        "tuner": receiver.tuner.name,
        "driver": receiver.library[:400],
        "gain_db": receiver.gain_db,
        "sweeps": state.sweeps,
        "dwells": state.times.dwells,
        "dropped_dwells": state.times.dropped,
        "receiver_restarts": state.restarts,
        "ppm": None if known is None else round(known.ppm, 3),
        "ppm_sigma": None if known is None else round(min(known.sigma_ppm, 1000.0), 3),
        "ppm_time_ns": known.time_ns if known is not None and known.n_cells else None,
        "level_unit": state.levels.unit(state.now_ns),
        "retune_ms": None if state.retune_s is None else round(state.retune_s * 1e3, 2),
    }


def _measured_fields(state: StationState, measured: _Measured) -> dict[str, Any]:
    return {
        "clipped_fraction": fraction(measured.clipped),
        "floor_dbfs_hz": None if measured.floor is None else round(measured.floor, 2),
        "floor_change_db": None if measured.floor_change is None else round(measured.floor_change, 2),
        "temperature_c": temperature_c(),
        "disk_free_mib": measured.disk_free_mib,
        "clock_step_s": round(state.clock.step_s, 3),
        "clock_reference": state.clock.reference,
        "rtc_present": rtc_present(),
        "spool_waiting": state.uplink[0],
        "live_dropped": state.uplink[1],
    }


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
