"""Time of live samples: the system's clock where it can be trusted, carried on by the monotonic clock where it jumps."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.wire.base import TimeSource
from station.clock_reference import ClockReference, ReferenceWatch
from station.gpsd import GpsTime

STEP_NS: Final = 50_000_000
"""A change of the system's clock against the monotonic one by more than this is a step, not a correction."""
_TIME_ERROR: Final = 5
"""What adjtimex answers while the clock is not synchronised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """How well the time is known."""

    source: TimeSource
    error_ms: float
    step_s: float
    """What the system's clock is away from the time that is told: it jumped, or a GPS knows better."""
    reference: str = ""
    """Who keeps the time; empty: nobody does."""


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_int),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("rest", ctypes.c_byte * 512),
    )


def kernel_synchronised() -> tuple[bool, float]:
    """Return whether the kernel's clock is in step with a time server (NTP, chrony, PTP, GPS), and its largest error in ms."""
    timex = _Timex()
    try:
        answer = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return False, 1e9
    return 0 <= answer < _TIME_ERROR, timex.maxerror / 1e3


class LiveClock:
    """Turns readings of the monotonic clock into UTC.

    In this order: the system's clock where something keeps it in step; a GPS; else the system's clock as it was, whose steps are told and
    not followed.
    """

    def __init__(
        self,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        synchronised: Callable[[], tuple[bool, float]] = kernel_synchronised,
        reference: Callable[[], ClockReference] | None = None,
        gps: Callable[[], GpsTime | None] = lambda: None,
    ) -> None:
        """Take the system's clock as it is now. ``reference``: asked while the clock is in step."""
        self._wall_ns, self._monotonic_ns, self._synchronised = wall_ns, monotonic_ns, synchronised
        self._reference, self._gps = reference or ReferenceWatch(), gps
        self._offset_ns = wall_ns() - monotonic_ns()

    def time_ns(self, monotonic_ns: int) -> int:
        """Return UTC in ns at ``monotonic_ns``."""
        return self._offset_ns + monotonic_ns

    def check(self) -> ClockState:
        """Compare the clocks, follow where that is right, and return how well the time is known."""
        in_step, error_ms = self._synchronised()
        system_ns = self._wall_ns() - self._monotonic_ns()
        if in_step:
            self._offset_ns, known = system_ns, self._reference()
            error_ms = known.error_ms if known.error_ms is not None else error_ms
            return ClockState(source="gps" if known.gps else "ntp", error_ms=min(1e9, error_ms), step_s=0.0, reference=known.name)
        if (satellites := self._gps()) is not None:
            return self._by_gps(satellites, system_ns)
        step_ns = system_ns - self._offset_ns
        if abs(step_ns) < STEP_NS:
            self._offset_ns, step_ns = system_ns, 0
        return ClockState(source="rtc", error_ms=min(1e9, max(1000.0, abs(step_ns) / 1e6)), step_s=step_ns / 1e9)

    def _by_gps(self, satellites: GpsTime, system_ns: int) -> ClockState:
        """Follow the GPS where it disagrees by more than its own error: within that, times go on without a jump."""
        if satellites.pps or abs(satellites.offset_ns - self._offset_ns) > satellites.error_ms * 1e6:
            self._offset_ns = satellites.offset_ns
        step_ns = system_ns - self._offset_ns
        allowed_ns = max(float(STEP_NS), satellites.error_ms * 1e6)
        return ClockState(
            source="gps",
            error_ms=min(1e9, satellites.error_ms),
            step_s=step_ns / 1e9 if abs(step_ns) > allowed_ns else 0.0,
            reference="gpsd, PPS" if satellites.pps else "gpsd",
        )


def boot_id() -> str | None:
    """Return what names this run of the machine, over which the monotonic clock counts; None: not known."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:64]
    return None
