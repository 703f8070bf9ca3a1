"""Position and time from gpsd: its JSON protocol over TCP (gpsd_json(5)), the last fix kept."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from config.wire import Position

RETRY_S: Final = 5.0
SILENCE_S: Final = 30.0
"""A gpsd that says nothing for so long is asked anew: a cable may be out without the connection knowing."""
WATCH: Final = b'?WATCH={"enable":true,"json":true,"pps":true};\n'
SENTENCE_ERROR_MS: Final = 1000.0
"""A receiver says the time in a sentence that is sent within the second after it; how late is not known."""
DRIFT_MS_S: Final = 0.1
"""A machine's own clock goes wrong by at most 100 ppm from the last word of the GPS on."""
HOLD_S: Final = 3600.0
_LOCAL: Final = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class GpsTime:
    """UTC by the satellites: ``offset_ns`` + the monotonic clock, to within ``error_ms``."""

    offset_ns: int
    error_ms: float
    pps: bool


class GpsdReader:
    """Listens to one gpsd in a thread of its own; a gpsd that goes away is asked again."""

    def __init__(self, address: str) -> None:
        """``address``: HOST:PORT."""
        host, _, port = address.rpartition(":")
        self._place, self._local = (host, int(port)), host in _LOCAL
        self._last: tuple[Position, float] | None = None
        self._sentences: deque[int] = deque(maxlen=30)
        self._time: tuple[GpsTime, float] | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="gpsd", daemon=True)
        self._thread.start()

    def position(self) -> Position | None:
        """Return the last fix with its age; None: there was none yet."""
        if self._last is None:
            return None
        last, at_s = self._last
        return Position(lat_deg=last.lat_deg, lon_deg=last.lon_deg, accuracy_m=last.accuracy_m, age_s=round(time.monotonic() - at_s, 3))

    def time(self) -> GpsTime | None:
        """Return the time of the last fix carried on, its error growing; None: there was none within the hour."""
        if self._time is None:
            return None
        last, at_s = self._time
        age_s = time.monotonic() - at_s
        if age_s > HOLD_S:
            return None
        return GpsTime(offset_ns=last.offset_ns, error_ms=last.error_ms + DRIFT_MS_S * age_s, pps=last.pps)

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()

    def _listen(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(OSError), socket.create_connection(self._place, timeout=SILENCE_S) as connection:
                connection.sendall(WATCH)
                with connection.makefile("rb") as lines:
                    for line in lines:
                        if self._closing.is_set():
                            return
                        self._take(line, time.monotonic_ns())
            self._closing.wait(RETRY_S)

    def _take(self, line: bytes, now_ns: int) -> None:
        told = message_in(line)
        if (found := fix_in(told)) is not None:
            self._last = (found, now_ns / 1e9)
        pulse = pulse_in(told) if self._local else None
        if pulse is not None:
            # gpsd says what the system's clock showed at the pulse; that clock and the monotonic one are of this machine
            offset_ns, error_ms = pulse
            offset_ns += time.time_ns() - time.monotonic_ns()
            self._time = (GpsTime(offset_ns=offset_ns, error_ms=error_ms, pps=True), now_ns / 1e9)
        elif (utc_ns := time_in(told)) is not None and not self._pulse_is_fresh(now_ns):
            self._sentences.append(utc_ns - now_ns)  # sentences come late, never early: the least late one is the best
            offset_ns = max(one for one in self._sentences if abs(one - self._sentences[-1]) < SENTENCE_ERROR_MS * 1e6)
            self._time = (GpsTime(offset_ns=offset_ns, error_ms=SENTENCE_ERROR_MS, pps=False), now_ns / 1e9)

    def _pulse_is_fresh(self, now_ns: int) -> bool:
        return self._time is not None and self._time[0].pps and now_ns / 1e9 - self._time[1] < SILENCE_S


def message_in(line: bytes) -> dict[str, Any]:
    """Return the message in one line of gpsd's JSON; empty: it is none."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def fix_in(told: dict[str, Any]) -> Position | None:
    """Return the position in a message; None: it holds none (mode 0 and 1 are no fix)."""
    try:
        if told.get("class") != "TPV" or told.get("mode", 0) < 2:
            return None
        lat, lon = float(told["lat"]), float(told["lon"])
        errors = [float(told[key]) for key in (("eph",) if "eph" in told else ("epx", "epy")) if key in told]
    except (ValueError, KeyError, TypeError):
        return None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    return Position(lat_deg=lat, lon_deg=lon, accuracy_m=max(errors) if errors else None)


def time_in(told: dict[str, Any]) -> int | None:
    """Return UTC in ns as a fix says it; None: without a fix a receiver may say anything."""
    try:
        if told.get("class") != "TPV" or told.get("mode", 0) < 2:
            return None
        moment = datetime.fromisoformat(str(told["time"]).replace("Z", "+00:00"))
        return round(moment.timestamp() * 1e6) * 1000 if moment.tzinfo is not None else None
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def pulse_in(told: dict[str, Any]) -> tuple[int, float] | None:
    """Return by how many ns UTC was ahead of the system's clock at a pulse, and the error in ms (2^precision s); None: no pulse."""
    try:
        if told.get("class") != "PPS":
            return None
        real = int(told["real_sec"]) * 10**9 + int(told["real_nsec"])
        clock = int(told["clock_sec"]) * 10**9 + int(told["clock_nsec"])
        precision = int(told.get("precision", -10))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return real - clock, 1e3 * 2.0 ** min(max(precision, -30), 3)
