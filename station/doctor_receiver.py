"""The doctor's checks of an open receiver: what it is, what it hears, whether it loses samples, is overloaded, has an antenna."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from config.band_plan import BandPlan
from config.settings import StationSettings
from station.bands import wanted_ranges
from station.doctor_check import Check, Verdict, told
from station.errors import StationError
from station.levels import day_of, levels_of
from station.receiver_process import Dwell, Order, ReceiverProcess, ReceiverState

LOSS_TEST_S: Final = 1.0
LOSS_DWELLS: Final = 4
MIN_NOISE_DBFS: Final = -60.0
"""Total power of a dongle at 30 dB gain; one that gives less is deaf or gives nothing but zeros."""
ANTENNA_CONTRAST_DB: Final = 3.0
"""With an antenna, something in the bands stands this far over the noise; without one nothing does."""
CLIPPED: Final = 1e-3
EXPIRES_SOON_DAYS: Final = 30
_REPLUG: Final = "rút ra cắm lại; cáp, cổng USB khác / unplug it and plug it in again; another cable, another USB port, a powered hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One second of samples in figures. ``contrast_db``: strongest over median spectral density."""

    lost_samples: int
    clipped_fraction: float
    power_dbfs: float
    contrast_db: float


def receiver_checks(settings: StationSettings, plan: BandPlan) -> Iterator[Check]:
    """Open the receiver and yield what it says and gives."""
    rate = settings.receiver.sample_rate_hz
    receiver = ReceiverProcess(settings.receiver, slot_samples=round(rate * (LOSS_TEST_S + 0.5)), n_slots=2)
    try:
        try:
            state = receiver.start()
        except StationError as error:
            yield told("receiver", error, todo=_REPLUG)
            return
        yield Check(name="receiver", verdict="ok", found=f"{state.name} {state.serial}, {state.tuner.name}, {state.gain_db:g} dB")
        yield tuner_check(state, settings, plan)
        looks = list(_looks(receiver, state, settings, plan))
        yield loss_check(looks)
        yield overload_check(looks)
        yield antenna_check(looks)
        yield levels_check(state, settings, now_ns=time.time_ns())
    except StationError as error:
        yield Check(name="samples", verdict="fail", found=str(error), todo=_REPLUG)
    finally:
        receiver.close()


def tuner_check(state: ReceiverState, settings: StationSettings, plan: BandPlan) -> Check:
    """Does this tuner hear the bands that are to be swept, all of each?"""
    wanted, tuner = wanted_ranges(settings, plan), state.tuner
    deaf = [one.name for one in wanted if not tuner.audible(one.lower_hz, one.upper_hz)]
    partly = [one for one in wanted if one.name not in deaf and not tuner.hears(one.lower_hz, one.upper_hz)]
    if not deaf and not partly:
        names = ", ".join(settings.sweep.bands)
        return Check(name="bands", verdict="ok", found=f"{tuner.name} nghe được / hears {names}")
    said = [f"không nghe được / cannot hear {', '.join(deaf)}"] if deaf else []
    said += [f"chỉ nghe / hears only {_megahertz(tuner.audible(one.lower_hz, one.upper_hz))} of {one.name}" for one in partly]
    todo = (
        f"bỏ băng đó khỏi sweep.bands hoặc đổi máy thu / it hears {_megahertz(tuner.ranges_hz)}: take the band out of sweep.bands, "
        "or use another tuner"
    )
    verdict: Verdict = "fail" if len(deaf) == len(wanted) else "warn"
    return Check(name="bands", verdict=verdict, found=f"{tuner.name} {'; '.join(said)}", todo=todo)


def _megahertz(ranges_hz: tuple[tuple[float, float], ...]) -> str:
    return ", ".join(f"{low / 1e6:g}-{high / 1e6:g}" for low, high in ranges_hz) + " MHz"


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
    lost, seconds = sum(one.lost_samples for one in looks), len(looks) * LOSS_TEST_S
    if lost == 0:
        return Check(name="samples", verdict="ok", found=f"không mất mẫu nào / none lost in {seconds:g} s")
    todo = (
        "đổi cổng hoặc cáp USB, giảm --sample-rate-hz / another USB port or cable, no hub without supply, a lower --sample-rate-hz; "
        "end what loads this machine"
    )
    return Check(name="samples", verdict="fail", found=f"mất / lost {lost} in {seconds:g} s", todo=todo)


def overload_check(looks: list[Look]) -> Check:
    """Is the receiver overloaded?"""
    worst = max(one.clipped_fraction for one in looks)
    found = f"{worst:.2%} số mẫu chạm đỉnh / of the samples at the end stops"
    if worst <= CLIPPED:
        return Check(name="overload", verdict="ok", found=found)
    todo = "giảm --gain, hoặc lọc máy phát mạnh / a lower --gain, or a filter against the strong transmitter"
    return Check(name="overload", verdict="fail", found=found, todo=todo)


def antenna_check(looks: list[Look]) -> Check:
    """Is an antenna likely to be connected? Bands that are in use show contrast; a bare socket shows flat noise."""
    strongest, level = max(one.contrast_db for one in looks), max(one.power_dbfs for one in looks)
    if level < MIN_NOISE_DBFS:
        todo = "tăng --gain; nếu vẫn thế thì máy thu hỏng / a higher --gain; else the tuner is dead: another dongle"
        return Check(name="antenna", verdict="fail", found=f"chỉ có / nothing but {level:.0f} dBFS", todo=todo)
    if strongest < ANTENNA_CONTRAST_DB:
        todo = "anten đã nối chưa, có đúng băng không? / is the antenna connected, and for these bands?"
        return Check(name="antenna", verdict="warn", found="chỉ có tạp âm phẳng / flat noise in every place looked at", todo=todo)
    return Check(name="antenna", verdict="ok", found=f"có tín hiệu / signals up to {strongest:.0f} dB over the noise")


def levels_check(state: ReceiverState, settings: StationSettings, *, now_ns: int) -> Check:
    """Are levels dBm, and for how long still? Levels in dBFS are nothing wrong, a table that no longer holds is."""
    levels = levels_of(settings, serial=state.serial, gain_db=state.gain_db)
    if problem := levels.problem(now_ns):
        return Check(
            name="levels", verdict="warn", found=problem.rpartition(": ")[0], todo="canhsong-station calibrate: docs/how-to/calibrate.md"
        )
    if not levels.tables:
        return Check(name="levels", verdict="ok", found="dBFS: chưa hiệu chuẩn / not calibrated (docs/how-to/calibrate.md)")
    ends = max(one.expires for one in levels.tables if one.serial == (state.serial or settings.receiver.address))
    left = (ends - day_of(now_ns)).days
    todo = "hiệu chuẩn lại / calibrate again: docs/how-to/calibrate.md" if left < EXPIRES_SOON_DAYS else ""
    return Check(name="levels", verdict="warn" if todo else "ok", found=f"dBm, còn hiệu lực / until {ends} ({left} d)", todo=todo)
