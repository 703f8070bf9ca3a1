"""Samples that were lost in a dwell, counted against the clock.

A dwell of n samples takes n / rate from the moment the buffer was emptied. One that takes longer has lost what would have filled the time,
unless it was this machine that noticed late: time in which this thread ran or waited to run, and time in which a timer that was due was
not woken either (a busy or halted virtual machine), explain so much of it. What is left counts from ``LATE_S`` on.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final

LATE_S: Final = 0.01
"""Less cannot be told from the timers' own grain: two periods."""
PERIOD_S: Final = 0.005
_KEPT: Final = 4096


class LossWatch:
    """Counts the lost samples of each dwell. A thread of it is woken every 5 ms and notes when it was not."""

    def __init__(self, *, sample_rate_hz: float) -> None:
        """Nothing runs yet."""
        self._rate = sample_rate_hz
        self._stalls: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        """From when to when the timer was late."""
        self._due_s = 0.0
        self._began_s = self._starved_s = 0.0

    def start(self) -> None:
        """Begin to watch the machine's timers."""
        threading.Thread(target=self._tick, name="timers", daemon=True).start()

    def begin(self) -> None:
        """Note that a dwell begins now, the buffer empty."""
        self._began_s, self._starved_s = time.monotonic(), starved_s()

    def lost(self, n_samples: int) -> int:
        """Return how many samples are missing in the dwell of ``n_samples`` that ended now."""
        ended_s = time.monotonic()
        stalls = [*self._stalls, (self._due_s, ended_s)]  # the timer may be late at this moment
        return lost_samples(
            self._began_s, ended_s, n_samples=n_samples, rate_hz=self._rate, starved_s=starved_s() - self._starved_s, stalls=stalls
        )

    def _tick(self) -> None:
        while True:
            self._due_s = time.monotonic() + PERIOD_S
            time.sleep(PERIOD_S)
            now_s = time.monotonic()
            if now_s > self._due_s + PERIOD_S:
                self._stalls.append((self._due_s, now_s))


def lost_samples(
    began_s: float, ended_s: float, *, n_samples: int, rate_hz: float, starved_s: float, stalls: list[tuple[float, float]]
) -> int:
    """Return how many samples are missing in a dwell from ``began_s`` to ``ended_s``.

    ``starved_s``: how long its thread ran or waited to run; ``stalls``: when timers were late. Pure.
    """
    due_s = began_s + n_samples / rate_hz
    late_s = ended_s - due_s - starved_s
    late_s -= sum(max(0.0, min(ended_s, high) - max(due_s, low)) for low, high in stalls)
    return round(late_s * rate_hz) if late_s > LATE_S else 0


def starved_s() -> float:
    """Return how long this thread has run or waited to run so far: time in which a read that is over is not yet noticed."""
    try:
        with open("/proc/thread-self/schedstat") as file:
            running_ns, waiting_ns, _ = file.read().split()
    except (OSError, ValueError):
        return time.thread_time()
    return (int(running_ns) + int(waiting_ns)) / 1e9
