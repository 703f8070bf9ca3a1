"""What the station knows of its talk with the collector: decides what is due and sends nothing itself (docs/reference/wire-protocol.md)."""

from __future__ import annotations

import time
from typing import Final

from config.wire.frames import Ack, AnyFrame, Batch, Gap, Heartbeat, Hello, Refused, Rejected, Welcome
from station.spool import Spool
from station.uplink_stats import UplinkStats

BATCH_RECORDS: Final = 200
BATCH_BYTES: Final = 128 * 1024
SMALLEST_BATCH_BYTES: Final = 2048
HELLO_INSTANCES: Final = 256
HELLO_INTERVAL_S: Final = 0.5
HEARTBEAT_INTERVAL_S: Final = 1.0
TIME_INTERVAL_S: Final = 5.0
"""A heartbeat tells the station's clock and asks for the credit, so one goes out this often however much else is said."""
SILENCE_S: Final = 5.0
"""Without a word from the collector for this long, or without an acknowledgement that is due, the station says hello again."""


class Conversation:
    """What the station knows of its talk with the collector: decides what is due, sends nothing itself."""

    def __init__(self, spool: Spool, stats: UplinkStats | None = None) -> None:
        """Begin with nothing said; ``spool`` holds what is to be sent. ``stats`` counts it."""
        self._spool, self._stats = spool, stats or UplinkStats()
        self.welcome = False
        self.refusal: str | None = None
        self.credit = 0
        """How many records may be under way: the collector says it anew with all it says."""
        self._next_seq = 0
        self._batch_bytes = BATCH_BYTES
        self._asked_instance: str | None = None
        self._last_hello_s = float("-inf")
        self._last_heard_s = self._last_said_s = self._last_beat_s = self._ack_due_from_s = 0.0

    def take(self, frame: AnyFrame, now_s: float) -> list[Rejected]:
        """Take in what the collector says; return what it rejected."""
        self._last_heard_s = now_s
        if isinstance(frame, Refused):
            self._take_refusal(frame, now_s)
            return []
        if isinstance(frame, Heartbeat) and frame.credit is not None:
            self.credit = frame.credit
        if not isinstance(frame, Welcome | Ack) or frame.spool_id != self._spool.spool_id:
            return []
        self._spool.acknowledge(frame.committed_seq)
        self.credit = frame.credit
        self._ack_due_from_s = now_s
        self._stats.acknowledged(frame.committed_seq, now_s)
        if isinstance(frame, Welcome):
            self._stats.begin_again()
            self.welcome, self.refusal = True, None
            self._next_seq = frame.committed_seq + 1
            return []
        self._batch_bytes = min(2 * self._batch_bytes, BATCH_BYTES)
        for one in frame.rejected:
            self._spool.set_aside(one.seq, one.reason)
        return frame.rejected

    def _take_refusal(self, refused: Refused, now_s: float) -> None:
        self.welcome = False
        self.refusal = None if refused.hello else refused.reason
        again = refused.hello
        if refused.sender is not None and refused.sender != self._asked_instance and self._spool.drew(refused.sender):
            self._asked_instance, again = refused.sender, True  # a collector restored from an old backup: it is ours all the same
        self._last_hello_s = float("-inf") if again else now_s

    def hello_due(self, now_s: float) -> bool:
        """Return whether it is time to say hello, again or for the first time."""
        silent = now_s - self._last_heard_s > SILENCE_S
        unanswered = self._next_seq > self._spool.unacknowledged_seq and now_s - self._ack_due_from_s > SILENCE_S
        behind = self._next_seq < self._spool.first_seq  # dropped since the last hello: the collector has to hear of it
        if self.welcome and (silent or unanswered or behind):
            self.welcome = False
            if not behind:  # a link so slow that a batch takes longer than the wait for its acknowledgement
                self._batch_bytes = max(self._batch_bytes // 4, SMALLEST_BATCH_BYTES)
        return not self.welcome and now_s - self._last_hello_s >= (HELLO_INTERVAL_S if self.refusal is None else SILENCE_S)

    def hello(self, *, station: str, program: str) -> Hello:
        """Return what to say."""
        instances = list(self._spool.instances)[:HELLO_INSTANCES]
        if self._asked_instance is not None and self._asked_instance not in instances:
            instances = [*instances[: HELLO_INSTANCES - 1], self._asked_instance]
        return Hello(
            station=station,
            program=program,
            spool_id=self._spool.spool_id,
            first_seq=self._spool.first_seq,
            next_seq=self._spool.next_seq,
            instances=instances,
            opened_seq=self._spool.opened_seq,
            now_ns=time.time_ns(),
        )

    def said_hello(self, now_s: float) -> None:
        """Note that a hello was sent, or could not be."""
        self._last_hello_s = self._last_said_s = self._last_beat_s = now_s

    @property
    def caught_up(self) -> bool:
        """Whether nothing reliable waits to be sent: what has a lower priority may go."""
        return self.welcome and self._next_seq >= self._spool.next_seq

    def next_batch(self, max_bytes: int = BATCH_BYTES) -> Batch | Gap | None:
        """Return what comes next within the credit and about ``max_bytes``; None: nothing to send, or nothing may be sent."""
        if not self.welcome:
            return None
        seq, next_seq = self._next_seq, self._spool.next_seq
        room = min(self._spool.unacknowledged_seq + self.credit, next_seq) - seq
        if room <= 0:
            return None
        records = self._spool.read(seq, max_records=min(room, BATCH_RECORDS), max_bytes=min(max_bytes, self._batch_bytes))
        if records:
            return Batch(spool_id=self._spool.spool_id, first_seq=seq, records=records)
        if (gap := self._spool.gap_at(seq)) is None:
            return None
        return Gap(spool_id=self._spool.spool_id, first_seq=seq, last_seq=gap.last_seq, kinds=gap.kinds[:400], reason=gap.reason[:400])

    def sent(self, sent: Batch | Gap, now_s: float) -> None:
        """Note that ``sent`` is under way."""
        if self._next_seq == self._spool.unacknowledged_seq:
            self._ack_due_from_s = now_s
        self._next_seq = sent.last_seq + 1 if isinstance(sent, Gap) else sent.first_seq + len(sent.records)
        self._stats.sent(self._next_seq - 1, 0 if isinstance(sent, Gap) else len(sent.records), now_s)
        self._last_said_s = now_s

    def heartbeat_due(self, now_s: float) -> bool:
        """Return whether the station has been silent for too long, or has not told the time for long."""
        silent = now_s - self._last_said_s >= HEARTBEAT_INTERVAL_S
        return self.welcome and (silent or now_s - self._last_beat_s >= TIME_INTERVAL_S)

    def spoke(self, now_s: float) -> None:
        """Note that a heartbeat was sent."""
        self._last_said_s = self._last_beat_s = now_s

    def wait_ms(self, now_s: float) -> int:
        """Return how long there is nothing to do unless something comes in."""
        due_s = self._last_said_s + HEARTBEAT_INTERVAL_S if self.welcome else self._last_hello_s + HELLO_INTERVAL_S
        return int(min(max(due_s - now_s, 0.01), 1.0) * 1000)
