"""A bound on the bytes that go out in a second: for links that are shared, or paid for by the megabyte."""

from __future__ import annotations

from typing import Final

OVERHEAD_BYTES: Final = 120
"""What a message costs beside its own bytes: ZMTP and CURVE (60), TCP and IP (52 to 72)."""
MIN_BURST_BYTES: Final = 2048


class RateCap:
    """Bytes that may go out: they come in evenly and are saved up for at most a second. What must go out may run into debt."""

    def __init__(self, max_bytes_s: float | None, *, now_s: float) -> None:
        """None: no bound."""
        self._rate, self._then_s = max_bytes_s, now_s
        self._most = max(MIN_BURST_BYTES, max_bytes_s or 0.0)
        self._saved = self._most

    def room(self, now_s: float) -> int:
        """Return how many bytes may go out now; a message that is larger may go all the same, and what comes after it waits longer."""
        if self._rate is None:
            return 2**31
        self._saved = min(self._most, self._saved + (now_s - self._then_s) * self._rate)
        self._then_s = now_s
        return max(0, int(self._saved) - OVERHEAD_BYTES)

    def spent(self, n_bytes: int) -> None:
        """Note that a message of ``n_bytes`` went out."""
        self._saved -= n_bytes + OVERHEAD_BYTES

    def wait_s(self) -> float:
        """Return how long after the last question there is room again."""
        if self._rate is None or self._saved > OVERHEAD_BYTES:
            return 0.0
        return (OVERHEAD_BYTES + 1 - self._saved) / self._rate
