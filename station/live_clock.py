"""Time of live samples: the system's clock where it can be trusted, carried on by the monotonic clock where it jumps."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from config.wire.base import TimeSource

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
    """What the system's clock has jumped by since the station began and not been believed."""


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
    """Turns readings of the monotonic clock into UTC; a step of an unsynchronised system clock is told and not followed."""

    def __init__(
        self,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        synchronised: Callable[[], tuple[bool, float]] = kernel_synchronised,
    ) -> None:
        """Take the system's clock as it is now."""
        self._wall_ns, self._monotonic_ns, self._synchronised = wall_ns, monotonic_ns, synchronised
        self._offset_ns = wall_ns() - monotonic_ns()

    def time_ns(self, monotonic_ns: int) -> int:
        """Return UTC in ns at ``monotonic_ns``."""
        return self._offset_ns + monotonic_ns

    def check(self) -> ClockState:
        """Compare the clocks, follow where that is right, and return how well the time is known."""
        in_step, error_ms = self._synchronised()
        step_ns = self._wall_ns() - self._monotonic_ns() - self._offset_ns
        if in_step or abs(step_ns) < STEP_NS:
            self._offset_ns += step_ns
            step_ns = 0
        return ClockState(
            source="ntp" if in_step else "rtc",
            error_ms=min(1e9, error_ms if in_step else max(1000.0, abs(step_ns) / 1e6)),
            step_s=step_ns / 1e9,
        )
