"""What keeps the system's clock: chrony and its source, systemd-timesyncd, or the kernel's discipline by something else; and the RTC."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ASK_EVERY_S: Final = 10.0
ANSWER_S: Final = 2.0
TIMESYNCD: Final = Path("/run/systemd/timesync/synchronized")
RTC_FOLDER: Final = Path("/sys/class/rtc")
_GPS_NAMES: Final = ("GPS", "PPS", "NMEA", "GNSS", "SHM", "SOCK", "KPPS")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReference:
    """Who keeps the clock in step. ``error_ms``: the largest error by its own account; None: it gives none."""

    name: str
    gps: bool = False
    error_ms: float | None = None


class ReferenceWatch:
    """Asks now and then, not at every record."""

    def __init__(self) -> None:
        """Nothing asked yet."""
        self._known: ClockReference | None = None
        self._asked_s = -ASK_EVERY_S

    def __call__(self) -> ClockReference:
        """Return what keeps the clock, for a clock that is in step."""
        if self._known is None or time.monotonic() - self._asked_s >= ASK_EVERY_S:
            self._known, self._asked_s = current_reference(), time.monotonic()
        return self._known


def current_reference() -> ClockReference:
    """Return what keeps the clock now, for a clock that is in step."""
    if (found := _chrony()) is not None:
        return found
    return ClockReference(name="systemd-timesyncd" if TIMESYNCD.exists() else "kernel")


def rtc_present(folder: Path = RTC_FOLDER) -> bool:
    """Return whether the machine has a clock that runs while it is off."""
    return folder.is_dir() and any(folder.glob("rtc*"))


def _chrony() -> ClockReference | None:
    program = shutil.which("chronyc")
    if program is None:
        return None
    try:
        told = subprocess.run([program, "-n", "-c", "tracking"], capture_output=True, text=True, timeout=ANSWER_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_tracking(told.stdout) if told.returncode == 0 else None


def parse_tracking(line: str) -> ClockReference | None:
    """Return what one line of ``chronyc -c tracking`` says; None: chrony is not in step, or it is no such line.

    Fields: reference ID (hex), name or address, stratum, reference time, offset of the system's clock, last offset, RMS offset, frequency,
    residual frequency, skew, root delay, root dispersion, update interval, leap status. The error is at most offset + delay/2 + dispersion.
    """
    fields = line.strip().split(",")
    if len(fields) < 14 or fields[13] == "Not synchronised":
        return None
    try:
        stratum = int(fields[2])
        error_s = abs(float(fields[4])) + 0.5 * abs(float(fields[10])) + float(fields[11])
    except ValueError:
        return None
    name = fields[1] or fields[0]
    gps = stratum == 1 and name.upper().startswith(_GPS_NAMES)
    return ClockReference(name=f"chrony: {name[:80]}, stratum {stratum}", gps=gps, error_ms=error_s * 1e3)
