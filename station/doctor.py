"""The checks of ``canhsong-station doctor``: each says what it found and, where that is wrong, what to do. One check a function."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from config.band_plan import BandPlan
from config.settings import StationSettings
from station.bands import wanted_ranges
from station.errors import StationError
from station.live_clock import kernel_synchronised
from station.receiver_process import Dwell, Order, ReceiverProcess, ReceiverState
from station.state_folder import state_folder

Verdict = Literal["ok", "warn", "fail"]
LOSS_TEST_S: Final = 1.0
LOSS_DWELLS: Final = 4
DISK_LOW_MIB: Final = 1024
MIN_NOISE_DBFS: Final = -60.0
"""Total power of a dongle at 30 dB gain; one that gives less is deaf or gives nothing but zeros."""
ANTENNA_CONTRAST_DB: Final = 3.0
CLIPPED: Final = 1e-3
_DRIVERS: Final = ("dvb_usb_rtl28xxu", "rtl2832_sdr", "rtl2832")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding. ``todo``: what to do; empty where nothing is."""

    name: str
    verdict: Verdict
    found: str
    todo: str = ""


def checks(settings: StationSettings, plan: BandPlan) -> Iterator[Check]:
    """Yield the findings one by one; those that need a receiver are left out where none opens."""
    if settings.receiver.address.startswith("rtlsdr"):
        yield driver_check()
        yield kernel_check(Path("/proc/modules"))
    yield from receiver_checks(settings, plan)
    yield clock_check()
    yield disk_check(state_folder(settings))
    if settings.uplink.collector is not None:
        yield collector_check(settings.uplink.collector)


def driver_check() -> Check:
    """Is there a driver library that pyrtlsdr accepts?"""
    from station.rtlsdr import library_path

    try:
        return Check(name="driver", verdict="ok", found=library_path())
    except StationError as error:
        found, _, todo = str(error).partition(": ")
        return Check(name="driver", verdict="fail", found=found, todo=todo)


def kernel_check(modules: Path) -> Check:
    """Is the kernel's television driver in the way?"""
    try:
        loaded = [line.split()[0] for line in modules.read_text().splitlines()]
    except OSError:
        loaded = []
    in_way = [name for name in _DRIVERS if name in loaded]
    if not in_way:
        return Check(name="kernel driver", verdict="ok", found="not in the way")
    todo = f"sudo rmmod {' '.join(in_way)}; to keep it away: deploy/canhsong-rtlsdr.conf to /etc/modprobe.d/"
    return Check(name="kernel driver", verdict="warn", found=f"{', '.join(in_way)} is loaded", todo=todo)


def receiver_checks(settings: StationSettings, plan: BandPlan) -> Iterator[Check]:
    """Open the receiver and yield what it says and gives."""
    rate = settings.receiver.sample_rate_hz
    receiver = ReceiverProcess(settings.receiver, slot_samples=round(rate * (LOSS_TEST_S + 0.5)), n_slots=2)
    try:
        try:
            state = receiver.start()
        except StationError as error:
            found, _, todo = str(error).rpartition(": ")
            yield Check(name="receiver", verdict="fail", found=found or str(error), todo=todo)
            return
        yield Check(name="receiver", verdict="ok", found=f"{state.name} {state.serial} {state.tuner.name}, {state.gain_db:g} dB")
        yield tuner_check(state, settings, plan)
        looks = list(_looks(receiver, state, settings, plan))
        yield loss_check(looks)
        yield overload_check(looks)
        yield antenna_check(looks)
    except StationError as error:
        yield Check(name="samples", verdict="fail", found=str(error), todo="another cable, another USB port, a powered hub")
    finally:
        receiver.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One second of samples in figures. ``contrast_db``: strongest over median spectral density."""

    lost_samples: int
    clipped_fraction: float
    power_dbfs: float
    contrast_db: float


def tuner_check(state: ReceiverState, settings: StationSettings, plan: BandPlan) -> Check:
    """Does this tuner hear the bands that are to be swept?"""
    deaf = [one.name for one in wanted_ranges(settings, plan) if not state.tuner.hears(one.lower_hz, one.upper_hz)]
    if not deaf:
        return Check(name="bands", verdict="ok", found=f"{state.tuner.name} hears {', '.join(settings.sweep.bands)}")
    heard = ", ".join(f"{low / 1e6:g}-{high / 1e6:g}" for low, high in state.tuner.ranges_hz)
    verdict: Verdict = "fail" if len(deaf) == len(settings.sweep.bands) else "warn"
    todo = f"it hears {heard} MHz: take {', '.join(deaf)} out of sweep.bands, or use another tuner"
    return Check(name="bands", verdict=verdict, found=f"{state.tuner.name} cannot hear {', '.join(deaf)}", todo=todo)


def _looks(receiver: ReceiverProcess, state: ReceiverState, settings: StationSettings, plan: BandPlan) -> Iterator[Look]:
    audible = [part for one in wanted_ranges(settings, plan) for part in state.tuner.audible(one.lower_hz, one.upper_hz)]
    if not audible:
        audible = [(state.tuner.ranges_hz[0][0], state.tuner.ranges_hz[0][0] + 2 * state.sample_rate_hz)]
    n_samples = round(LOSS_TEST_S * state.sample_rate_hz)
    for k in range(LOSS_DWELLS):
        low, high = audible[k % len(audible)]
        center = low + (high - low) * (k + 0.5) / LOSS_DWELLS
        receiver.order(Order(tag=None, center_freq_hz=round(center), n_samples=n_samples, ppm=0.0))
        dwell = receiver.next()
        try:
            yield look_at(dwell, round(state.settle_s * state.sample_rate_hz))
        finally:
            receiver.release(dwell)


def look_at(dwell: Dwell, settle_samples: int) -> Look:
    """Return the figures of one dwell."""
    samples = dwell.samples[2 * settle_samples :]
    flat = samples.astype(np.float32) - np.float32(127.5)
    power = float(np.mean(flat * flat)) * 2 / 127.5**2
    rows = flat[: len(flat) // 4096 * 4096].view(np.complex64).reshape(-1, 2048) * np.hanning(2048).astype(np.float32)
    density = np.mean(np.abs(np.fft.fft(rows, axis=1)) ** 2, axis=0)
    density[[-2, -1, 0, 1, 2]] = np.median(density)  # the spike in the middle is the receiver's own
    return Look(
        lost_samples=dwell.lost_samples,
        clipped_fraction=float(np.mean((samples == 0) | (samples == 255))),
        power_dbfs=10 * float(np.log10(max(power, 1e-12))),
        contrast_db=10 * float(np.log10(max(float(density.max() / max(float(np.median(density)), 1e-12)), 1.0))),
    )


def loss_check(looks: list[Look]) -> Check:
    """Did every sample come?"""
    lost = sum(one.lost_samples for one in looks)
    if lost == 0:
        return Check(name="samples", verdict="ok", found=f"none lost in {len(looks) * LOSS_TEST_S:g} s")
    todo = "another USB port or cable, no hub without supply, a lower --sample-rate-hz; end what loads this machine"
    return Check(name="samples", verdict="fail", found=f"{lost} lost in {len(looks) * LOSS_TEST_S:g} s", todo=todo)


def overload_check(looks: list[Look]) -> Check:
    """Is the receiver overloaded?"""
    worst = max(one.clipped_fraction for one in looks)
    if worst <= CLIPPED:
        return Check(name="overload", verdict="ok", found=f"{worst:.1e} of the samples at the end stops")
    todo = "a lower --gain, or a filter against the strong transmitter"
    return Check(name="overload", verdict="fail", found=f"{worst:.1%} of the samples at the end stops", todo=todo)


def antenna_check(looks: list[Look]) -> Check:
    """Is an antenna likely to be connected? Bands that are in use show contrast; a bare socket shows flat noise."""
    strongest, level = max(one.contrast_db for one in looks), max(one.power_dbfs for one in looks)
    if level < MIN_NOISE_DBFS:
        todo = "a higher --gain; else the tuner is dead: another dongle"
        return Check(name="antenna", verdict="fail", found=f"nothing but {level:.0f} dBFS comes", todo=todo)
    if strongest < ANTENNA_CONTRAST_DB:
        return Check(
            name="antenna",
            verdict="warn",
            found="flat noise in every place looked at",
            todo="is the antenna connected, and for these bands?",
        )
    return Check(name="antenna", verdict="ok", found=f"signals up to {strongest:.0f} dB over the noise")


def clock_check() -> Check:
    """Is the system's clock in step?"""
    in_step, error_ms = kernel_synchronised()
    if in_step:
        return Check(name="clock", verdict="ok", found=f"in step, within {error_ms:.0f} ms")
    todo = "apt-get install chrony, with a time server or a GPS; until then records say time_source rtc"
    return Check(name="clock", verdict="warn", found="not synchronised", todo=todo)


def disk_check(folder: Path) -> Check:
    """Is there room for spool and captures?"""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    free = shutil.disk_usage(there).free >> 20
    verdict: Verdict = "ok" if free >= DISK_LOW_MIB else "warn"
    return Check(name="disk", verdict=verdict, found=f"{free} MiB free at {folder}", todo="" if verdict == "ok" else "make room")


def collector_check(address: str, *, connect: Callable[..., socket.socket] = socket.create_connection) -> Check:
    """Does anything answer at the collector's address?"""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    if not address.startswith("tcp://") or not port.isdecimal():
        return Check(name="collector", verdict="warn", found=f"{address}: cannot be tried", todo="give it as tcp://HOST:PORT")
    began = time.monotonic()
    try:
        with connect((host, int(port)), 3.0):
            return Check(name="collector", verdict="ok", found=f"{address} answers in {(time.monotonic() - began) * 1e3:.0f} ms")
    except OSError as error:
        todo = "start it there with `canhsong-collector serve`, or check address and firewall; records wait in the spool meanwhile"
        return Check(name="collector", verdict="fail", found=f"{address}: {error}", todo=todo)
