"""The way to the collector: a ZeroMQ DEALER in a thread of its own (decision 2; docs/reference/wire-protocol.md).

Reliable records go into the spool first and are sent from there, in batches within the collector's credit, until they are acknowledged.
With keys the connection is CURVE; libzmq gives up on a key that the collector does not know, so the socket's monitor is watched and a new
socket is made. Live records are lossy: they go out when nothing reliable is waiting to be sent, and the oldest makes room. ``publish`` and
``publish_live`` never wait for the network. This is the one door to ``zmq`` on the station's side.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from config.errors import WireError
from config.keyfiles import KeyPair
from config.wire import AnyRecord, encode_record
from config.wire.frames import AnyFrame, Heartbeat, Hello, Live, Rejected, decode_frame, encode_frame
from config.wire.version import MAX_FRAME_BYTES
from station.conversation import Conversation
from station.errors import MisuseError, StationError
from station.spool import MemorySpool, Spool

LIVE_WAITING: Final = 64
LIVE_BYTES: Final = 4 * 1024 * 1024
KEPT_REJECTIONS: Final = 1000
AGAIN_S: Final = (1.0, 10.0)
"""First and longest wait before a new socket is tried after a refused handshake; a random part is taken off."""
_REFUSED_HANDSHAKE: Final = {
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "this station's key is not enrolled there: `canhsong-collector keys enrol STATION KEY`",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "the handshake failed: one side has a key for the other and the other has none",
}
_EVENTS: Final = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_SUCCEEDED


class UplinkError(StationError):
    """The collector does not take what is sent; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Keys of a CURVE connection: the station's pair and the collector's public key."""

    pair: KeyPair
    collector_key: str


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
    ) -> None:
        """Begin to connect to ``address`` (``tcp://host:port``); returns at once. Without ``curve`` everything goes in plaintext.

        Raises:
            MisuseError: ``address`` is no ZeroMQ address.
        """
        self.address = address
        self._spool: Spool = spool if spool is not None else MemorySpool()
        self._station, self._program, self._curve = station, program, curve
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
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._context = zmq.Context()
        self._again_s, self._wait_s = float("inf"), AGAIN_S[0]
        self._socket = self._open_socket()
        self._monitor = self._socket.get_monitor_socket(_EVENTS)
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
        seq = self._spool.append(encode_record(record), kind=str(record.__struct_config__.tag))
        self._wake()
        return seq

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
        self._wake()

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
        self._wake()
        self._thread.join()
        self._close_socket()
        self._context.term()
        os.close(self._wake_read)
        os.close(self._wake_write)
        self._spool.close()

    def __enter__(self) -> Uplink:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _open_socket(self) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.DEALER)
        # IMMEDIATE: nothing is queued for a connection that does not exist; the spool is the queue
        for option, value in (
            (zmq.IMMEDIATE, 1),
            (zmq.LINGER, 0),
            (zmq.SNDHWM, 64),
            (zmq.RECONNECT_IVL, 100),
            (zmq.RECONNECT_IVL_MAX, 2000),
        ):
            socket.setsockopt(option, value)
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME_BYTES)
        socket.setsockopt(zmq.HEARTBEAT_IVL, 2000)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 6000)
        try:
            if self._curve is not None:
                socket.curve_secretkey = self._curve.pair.secret.encode()
                socket.curve_publickey = self._curve.pair.public.encode()
                socket.curve_serverkey = self._curve.collector_key.encode()
            socket.connect(self.address)
        except zmq.ZMQError as error:
            socket.close(linger=0)
            self._context.term()
            raise MisuseError(f"collector address {self.address!r}: {error}; give it as tcp://HOST:PORT") from error
        return socket

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(self._wake_write, b"w")

    # what follows runs in the uplink's own thread

    def _run(self) -> None:
        conversation = Conversation(self._spool)
        poller = self._poller()
        while not self._closing:
            ready = dict(poller.poll(conversation.wait_ms(time.monotonic())))
            if self._wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 65536)
            if self._monitor in ready:
                self._note_handshake(conversation)
            if time.monotonic() >= self._again_s:
                self._begin_again()
                poller = self._poller()
            self._receive(conversation)
            self._send_due(conversation)

    def _poller(self) -> zmq.Poller:
        poller = zmq.Poller()
        for one in (self._socket, self._monitor, self._wake_read):
            poller.register(one, zmq.POLLIN)
        return poller

    def _note_handshake(self, conversation: Conversation) -> None:
        """Take note of a handshake's end; libzmq does not try again by itself after a refused key."""
        event = recv_monitor_message(self._monitor)["event"]
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._wait_s, self._again_s = AGAIN_S[0], float("inf")
            return
        conversation.welcome = False
        self._connected = False
        self._refusal = _REFUSED_HANDSHAKE[zmq.Event(event)]
        self._again_s = time.monotonic() + self._wait_s * random.uniform(0.5, 1.0)
        self._wait_s = min(2 * self._wait_s, AGAIN_S[1])

    def _begin_again(self) -> None:
        self._close_socket()
        self._socket = self._open_socket()
        self._monitor = self._socket.get_monitor_socket(_EVENTS)
        self._again_s = float("inf")

    def _close_socket(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=0)

    def _receive(self, conversation: Conversation) -> None:
        while True:
            try:
                frame = decode_frame(self._socket.recv(zmq.NOBLOCK))
            except zmq.Again:
                return
            except WireError as error:
                self._refusal = f"its answer cannot be read: {error}"
                continue
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
            hello = Hello(
                station=self._station,
                program=self._program,
                spool_id=self._spool.spool_id,
                first_seq=self._spool.first_seq,
                next_seq=self._spool.next_seq,
                instances=list(self._spool.instances),
                opened_seq=self._spool.opened_seq,
            )
            self._send(hello)
            conversation.said_hello(now)
        while (batch := conversation.next_batch()) is not None:
            if not self._send(batch):
                return
            conversation.sent(batch, now)
        self._send_live(conversation)
        if conversation.heartbeat_due(now) and self._send(Heartbeat()):
            conversation.spoke(now)

    def _send_live(self, conversation: Conversation) -> None:
        while conversation.welcome:
            with self._lock:
                packed = self._live.popleft() if self._live else None
                self._live_bytes -= len(packed) if packed else 0
            if packed is None:
                return
            if not self._send(Live(records=[packed], dropped=self.live_dropped)):
                self.live_dropped += 1
                return

    def _send(self, frame: AnyFrame) -> bool:
        try:
            self._socket.send(encode_frame(frame), zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True
