"""Position from gpsd: its JSON protocol over TCP, the last fix kept."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import Final

from config.wire import Position

RETRY_S: Final = 5.0
WATCH: Final = b'?WATCH={"enable":true,"json":true};\n'


class GpsdReader:
    """Listens to one gpsd in a thread of its own; a gpsd that goes away is asked again."""

    def __init__(self, address: str) -> None:
        """``address``: HOST:PORT."""
        host, _, port = address.rpartition(":")
        self._place = (host, int(port))
        self._last: tuple[Position, float] | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="gpsd", daemon=True)
        self._thread.start()

    def position(self) -> Position | None:
        """Return the last fix with its age; None: there was none yet."""
        if self._last is None:
            return None
        last, at_s = self._last
        return Position(lat_deg=last.lat_deg, lon_deg=last.lon_deg, accuracy_m=last.accuracy_m, age_s=round(time.monotonic() - at_s, 3))

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()

    def _listen(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(OSError), socket.create_connection(self._place, timeout=RETRY_S) as connection:
                connection.sendall(WATCH)
                with connection.makefile("rb") as lines:
                    for line in lines:
                        if self._closing.is_set():
                            return
                        self._take(line)
            self._closing.wait(RETRY_S)

    def _take(self, line: bytes) -> None:
        if (found := fix_in(line)) is not None:
            self._last = (found, time.monotonic())


def fix_in(line: bytes) -> Position | None:
    """Return the position in one line of gpsd's JSON; None: it holds none (mode 0 and 1 are no fix)."""
    try:
        told = json.loads(line)
        if not isinstance(told, dict) or told.get("class") != "TPV" or told.get("mode", 0) < 2:
            return None
        lat, lon = float(told["lat"]), float(told["lon"])
        errors = [float(told[key]) for key in ("epx", "epy") if key in told]
    except (ValueError, KeyError, TypeError):
        return None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    return Position(lat_deg=lat, lon_deg=lon, accuracy_m=max(errors) if errors else None)
