"""The way to the collector, in a thread of its own (decision 2; docs/reference/wire-protocol.md).

Reliable records go into the spool first and are sent from there, in batches within the collector's credit, until they are acknowledged.
Live records are lossy: they go out when nothing reliable is waiting to be sent, and the oldest makes room. A cap on the bytes a second
holds for both. ``publish`` and ``publish_live`` never wait for the network.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

from config.errors import WireError, WireFormatError
from config.wire import AnyRecord, SpectrumReport, encode_record
from config.wire.frames import AnyFrame, Heartbeat, Live, Rejected, decode_frame, encode_frame
from station.conversation import Conversation
from station.dealer import Curve, Dealer
from station.rate_cap import RateCap
from station.side_talk import SideTalk
from station.spool import MemorySpool, Spool
from station.uplink_stats import UplinkStats

__all__ = ["Curve", "Uplink"]

LIVE_WAITING: Final = 64
LIVE_BYTES: Final = 4 * 1024 * 1024
KEPT_REJECTIONS: Final = 1000


class Uplink:
    """Sends one station's records to one collector."""

    def __init__(
        self,
        address: str,
        *,
        station: str,
        program: str = "canhsong-station",
        spool: Spool | None = None,
        curve: Curve | None = None,
        max_bytes_s: int | None = None,
        side: SideTalk | None = None,
    ) -> None:
        """Begin to connect to ``address`` (``tcp://host:port``); returns at once. Without ``curve`` everything goes in plaintext.

        ``max_bytes_s``: cap on what goes out; None: none. ``side``: what else is said, below every record.

        Raises:
            MisuseError: ``address`` is no ZeroMQ address.
        """
        self.address = address
        self._spool: Spool = spool if spool is not None else MemorySpool()
        self._station, self._program, self._side = station, program, side
        self._cap = RateCap(max_bytes_s, now_s=time.monotonic())
        self._live: deque[bytes] = deque()
        self._live_bytes = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._closing = False
        self._connected = False
        self._refusal: str | None = None
        self.live_dropped = 0
        """Live records that were dropped so far."""
        self.rejected: deque[Rejected] = deque(maxlen=KEPT_REJECTIONS)
        """The last records that the collector did not take, and why."""
        self.stats = UplinkStats()
        self._dealer = Dealer(address, curve=curve)
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether the collector has answered and not fallen silent since."""
        return self._connected

    @property
    def waiting(self) -> int:
        """How many reliable records are not acknowledged yet."""
        return self._spool.next_seq - self._spool.unacknowledged_seq

    def problem(self) -> str | None:
        """Return one line on why records do not get through; None while they do."""
        if self._refusal is not None:
            return f"the collector at {self.address} refuses this station: {self._refusal}"
        if not self._connected:
            todo = "start one with `canhsong-collector serve` or check the address"
            return f"no collector answers at {self.address}: {self.waiting} records wait; {todo}"
        return None

    def publish(self, record: AnyRecord) -> int:
        """Number ``record``, keep it until it is acknowledged, and return its number.

        Raises:
            SpoolFullError: too much waits already.
            WireFormatError: the record is outside the contract's bounds.
        """
        return self.publish_all([record])[0]

    def publish_all(self, records: Iterable[AnyRecord]) -> list[int]:
        """Number ``records``, keep them in one commit until they are acknowledged, and return their numbers.

        Raises:
            SpoolFullError: too much waits already.
            WireFormatError: one is outside the contract's bounds; the others were taken.
        """
        packed, wrong = [], None
        for record in records:
            try:
                packed.append((encode_record(record), str(record.__struct_config__.tag)))
            except WireFormatError as error:
                wrong = error
        numbers = self._spool.append_all(packed)
        self.wake()
        if wrong is not None:
            raise wrong
        return numbers

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Publish ``records``: spectra as live ones, all others together in one commit. Raises as ``publish_all`` does."""
        kept = list(records)
        self.put_beside(kept)
        self.publish_all(record for record in kept if not isinstance(record, SpectrumReport))

    def put_beside(self, records: Iterable[AnyRecord]) -> None:
        """Publish the live ones of ``records``, and look at the spool: another uplink puts the others there."""
        for record in records:
            if isinstance(record, SpectrumReport):
                self.publish_live(record)
        self.wake()

    def wake(self) -> None:
        """Look at the spool: another may have put something into it."""
        self._dealer.wake()

    def publish_live(self, record: AnyRecord) -> None:
        """Send ``record`` if the link has room for it; else the oldest that waits is dropped and counted.

        Raises:
            WireFormatError: the record is outside the contract's bounds.
        """
        packed = encode_record(record)
        with self._lock:
            self._live.append(packed)
            self._live_bytes += len(packed)
            while len(self._live) > LIVE_WAITING or self._live_bytes > LIVE_BYTES:
                self._live_bytes -= len(self._live.popleft())
                self.live_dropped += 1
        self.wake()

    def drain(self, timeout_s: float) -> bool:
        """Wait until everything reliable is acknowledged; return whether it was within ``timeout_s``."""
        until = time.monotonic() + timeout_s
        with self._changed:
            while self.waiting:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.5))
        return True

    def close(self) -> None:
        """Stop sending; what is not acknowledged stays in the spool. May be called again."""
        if self._closing:
            return
        self._closing = True
        self.wake()
        self._thread.join()
        self._dealer.close()
        self._spool.close()

    def __enter__(self) -> Uplink:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # what follows runs in the uplink's own thread

    def _run(self) -> None:
        conversation = Conversation(self._spool, self.stats)
        while not self._closing:
            if (refusal := self._dealer.wait(self._wait_ms(conversation))) is not None:
                conversation.welcome = False
                self._connected, self._refusal = False, refusal
            self._receive(conversation)
            self._send_due(conversation)

    def _wait_ms(self, conversation: Conversation) -> int:
        wait_ms = conversation.wait_ms(time.monotonic())
        capped_ms = round(1e3 * self._cap.wait_s())
        if self._side is not None and conversation.caught_up:
            wait_ms = min(wait_ms, max(10, round(1e3 * self._side.wait_s(time.monotonic()))))
        return min(wait_ms, capped_ms) if capped_ms else wait_ms

    def _receive(self, conversation: Conversation) -> None:
        while (message := self._dealer.receive()) is not None:
            try:
                frame = decode_frame(message)
            except WireError as error:
                self._refusal = f"its answer cannot be read: {error}"
                continue
            if self._side is not None:
                self._side.take(frame, time.monotonic())
            rejected = conversation.take(frame, time.monotonic())
            with self._changed:
                self.rejected.extend(rejected)
                self._refusal = conversation.refusal
                self._connected = conversation.welcome
                self._changed.notify_all()

    def _send_due(self, conversation: Conversation) -> None:
        now = time.monotonic()
        if conversation.hello_due(now):
            self._connected = False
            self._say_hello(conversation)
            conversation.said_hello(now)
        while (room := self._cap.room(now)) and (batch := conversation.next_batch(room)) is not None:
            if not self._send(batch):
                return
            conversation.sent(batch, now)
        if conversation.caught_up:
            self._send_live(now)
            self._send_side(now)
        if conversation.heartbeat_due(now) and self._send(Heartbeat(now_ns=time.time_ns())):
            conversation.spoke(now)

    def _send_live(self, now: float) -> None:
        while self._cap.room(now):
            with self._lock:
                packed = self._live.popleft() if self._live else None
                self._live_bytes -= len(packed) if packed else 0
            if packed is None:
                return
            if not self._send(Live(records=[packed], dropped=self.live_dropped)):
                self.live_dropped += 1
                return

    def _say_hello(self, conversation: Conversation) -> None:
        hello = conversation.hello(station=self._station, program=self._program)
        if self._side is not None:
            self._side.lost()
            hello = msgspec.structs.replace(hello, features=list(self._side.features))
        self._send(hello)

    def _send_side(self, now: float) -> None:
        """Send at most one frame that is no record: what has come in the meantime goes before the next."""
        if self._side is None or not self._cap.room(now) or self._live:
            return
        if (frame := self._side.next_frame(now)) is not None and self._send(frame):
            self._side.sent(frame, now)

    def _send(self, frame: AnyFrame) -> bool:
        message = encode_frame(frame)
        if not self._dealer.send(message):
            return False
        self._cap.spent(len(message))
        return True
