"""What the station knows of its talk with the collector: decides what is due and sends nothing itself (docs/reference/wire-protocol.md)."""

from __future__ import annotations

from typing import Final

from config.wire.frames import Ack, AnyFrame, Batch, Gap, Refused, Rejected, Welcome
from station.spool import Spool

BATCH_RECORDS: Final = 200
BATCH_BYTES: Final = 128 * 1024
HELLO_INTERVAL_S: Final = 0.5
HEARTBEAT_INTERVAL_S: Final = 1.0
SILENCE_S: Final = 5.0
"""Without a word from the collector for this long, or without an acknowledgement that is due, the station says hello again."""


class Conversation:
    """What the station knows of its talk with the collector: decides what is due, sends nothing itself."""

    def __init__(self, spool: Spool) -> None:
        """Begin with nothing said; ``spool`` holds what is to be sent."""
        self._spool = spool
        self.welcome = False
        self.refusal: str | None = None
        self._next_seq = 0
        self._credit = 0
        self._last_hello_s = float("-inf")
        self._last_heard_s = self._last_said_s = self._ack_due_from_s = 0.0

    def take(self, frame: AnyFrame, now_s: float) -> list[Rejected]:
        """Take in what the collector says; return what it rejected."""
        self._last_heard_s = now_s
        if isinstance(frame, Refused):
            self.welcome = False
            self.refusal = None if frame.hello else frame.reason
            self._last_hello_s = float("-inf") if frame.hello else now_s
            return []
        if not isinstance(frame, Welcome | Ack) or frame.spool_id != self._spool.spool_id:
            return []
        self._spool.acknowledge(frame.committed_seq)
        self._credit = frame.credit
        self._ack_due_from_s = now_s
        if isinstance(frame, Welcome):
            self.welcome, self.refusal = True, None
            self._next_seq = frame.committed_seq + 1
            return []
        for one in frame.rejected:
            self._spool.set_aside(one.seq, one.reason)
        return frame.rejected

    def hello_due(self, now_s: float) -> bool:
        """Return whether it is time to say hello, again or for the first time."""
        silent = now_s - self._last_heard_s > SILENCE_S
        unanswered = self._next_seq > self._spool.unacknowledged_seq and now_s - self._ack_due_from_s > SILENCE_S
        behind = self._next_seq < self._spool.first_seq  # dropped since the last hello: the collector has to hear of it
        if self.welcome and (silent or unanswered or behind):
            self.welcome = False
        return not self.welcome and now_s - self._last_hello_s >= (HELLO_INTERVAL_S if self.refusal is None else SILENCE_S)

    def said_hello(self, now_s: float) -> None:
        """Note that a hello was sent, or could not be."""
        self._last_hello_s = self._last_said_s = now_s

    def next_batch(self) -> Batch | Gap | None:
        """Return what comes next within the credit; None: nothing to send, or nothing may be sent."""
        if not self.welcome:
            return None
        seq, next_seq = self._next_seq, self._spool.next_seq
        room = min(self._spool.unacknowledged_seq + self._credit, next_seq) - seq
        if room <= 0:
            return None
        records = self._spool.read(seq, max_records=min(room, BATCH_RECORDS), max_bytes=BATCH_BYTES)
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
        self._last_said_s = now_s

    def heartbeat_due(self, now_s: float) -> bool:
        """Return whether the station has been silent for too long."""
        return self.welcome and now_s - self._last_said_s >= HEARTBEAT_INTERVAL_S

    def spoke(self, now_s: float) -> None:
        """Note that a heartbeat was sent."""
        self._last_said_s = now_s

    def wait_ms(self, now_s: float) -> int:
        """Return how long there is nothing to do unless something comes in."""
        due_s = self._last_said_s + HEARTBEAT_INTERVAL_S if self.welcome else self._last_hello_s + HELLO_INTERVAL_S
        return int(min(max(due_s - now_s, 0.01), 1.0) * 1000)
