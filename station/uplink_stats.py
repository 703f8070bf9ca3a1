"""What the uplink has sent and how long acknowledgements took; counted in its own thread, read in any."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from typing import Final

ACK_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
MAX_UNDER_WAY: Final = 10_000


@dataclass(slots=True)
class UplinkStats:
    """Counts since the program began."""

    batches: int = 0
    records: int = 0
    """Reliable ones, each time they were sent."""
    ack_buckets: list[int] = field(default_factory=lambda: [0] * (len(ACK_BOUNDS_S) + 1))
    ack_sum_s: float = 0.0
    _under_way: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=MAX_UNDER_WAY))

    def sent(self, last_seq: int, records: int, now_s: float) -> None:
        """Count a batch that ends with ``last_seq``."""
        self.batches += 1
        self.records += records
        self._under_way.append((last_seq, now_s))

    def acknowledged(self, committed_seq: int, now_s: float) -> None:
        """Count what is acknowledged with this, and how long each batch took."""
        while self._under_way and self._under_way[0][0] <= committed_seq:
            took_s = now_s - self._under_way.popleft()[1]
            self.ack_buckets[bisect_left(ACK_BOUNDS_S, took_s)] += 1
            self.ack_sum_s += took_s

    def begin_again(self) -> None:
        """Forget what was under way: the collector says anew from where on."""
        self._under_way.clear()
