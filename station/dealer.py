"""The station's socket: a ZeroMQ DEALER that finds its way back. The one door to ``zmq`` on the station's side.

Nothing is queued for a connection that does not exist, and nothing ever waits for the network. With keys the connection is CURVE; libzmq
gives up on a key that the collector does not know, so the socket's monitor is watched and a new socket is made.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from dataclasses import dataclass
from typing import Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from config.keyfiles import KeyPair
from config.wire.version import MAX_FRAME_BYTES
from station.errors import MisuseError

AGAIN_S: Final = (1.0, 10.0)
"""First and longest wait before a new socket is tried after a refused handshake; a random part is taken off."""
_REFUSED_HANDSHAKE: Final = {
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "this station's key is not enrolled there: `canhsong-collector keys enrol STATION KEY`",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "the handshake failed: one side has a key for the other and the other has none",
}
_EVENTS: Final = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_SUCCEEDED
_OPTIONS: Final = (
    (zmq.IMMEDIATE, 1),  # nothing is queued for a connection that does not exist; the spool is the queue
    (zmq.LINGER, 0),
    (zmq.SNDHWM, 64),
    (zmq.RECONNECT_IVL, 100),
    (zmq.RECONNECT_IVL_MAX, 2000),
    (zmq.MAXMSGSIZE, MAX_FRAME_BYTES),
    (zmq.HEARTBEAT_IVL, 2000),
    (zmq.HEARTBEAT_TIMEOUT, 6000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Keys of a CURVE connection: the station's pair and the collector's public key."""

    pair: KeyPair
    collector_key: str


class Dealer:
    """One connection, made again as often as it takes. Only ``wake`` may be called from another thread than the others."""

    def __init__(self, address: str, *, curve: Curve | None) -> None:
        """Begin to connect; returns at once.

        Raises:
            MisuseError: ``address`` is no ZeroMQ address.
        """
        self._address, self._curve = address, curve
        self._context = zmq.Context()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._again_s, self._wait_s = float("inf"), AGAIN_S[0]
        try:
            self._open()
        except zmq.ZMQError as error:
            self._socket.close(linger=0)
            self._end()
            raise MisuseError(f"collector address {address!r}: {error}; give it as tcp://HOST:PORT") from error

    def wake(self) -> None:
        """Have ``wait`` return now."""
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(self._wake_write, b"w")

    def wait(self, timeout_ms: int) -> str | None:
        """Wait until there is something to do; return why the handshake was refused, if one just was."""
        refusal = None
        ready = dict(self._poller.poll(timeout_ms))
        if self._wake_read in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 65536)
        if self._monitor in ready:
            refusal = self._note_handshake()
        if time.monotonic() >= self._again_s:
            self._close()
            self._again_s = float("inf")
            self._open()
        return refusal

    def receive(self) -> bytes | None:
        """Return the next message; None: there is none."""
        try:
            return self._socket.recv(zmq.NOBLOCK)
        except zmq.Again:
            return None

    def send(self, message: bytes) -> bool:
        """Send ``message``, or return False where that would have to wait."""
        try:
            self._socket.send(message, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def close(self) -> None:
        """Let go of everything; what the collector has not taken is not waited for."""
        self._close()
        self._end()

    def _open(self) -> None:
        self._socket = self._context.socket(zmq.DEALER)
        for option, value in _OPTIONS:
            self._socket.setsockopt(option, value)
        if self._curve is not None:
            self._socket.curve_secretkey = self._curve.pair.secret.encode()
            self._socket.curve_publickey = self._curve.pair.public.encode()
            self._socket.curve_serverkey = self._curve.collector_key.encode()
        self._socket.connect(self._address)
        self._monitor = self._socket.get_monitor_socket(_EVENTS)
        self._poller = zmq.Poller()
        for one in (self._socket, self._monitor, self._wake_read):
            self._poller.register(one, zmq.POLLIN)

    def _close(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=0)

    def _end(self) -> None:
        self._context.term()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _note_handshake(self) -> str | None:
        """Take note of a handshake's end; libzmq does not try again by itself after a refused key."""
        event = recv_monitor_message(self._monitor)["event"]
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._wait_s, self._again_s = AGAIN_S[0], float("inf")
            return None
        self._again_s = time.monotonic() + self._wait_s * random.uniform(0.5, 1.0)
        self._wait_s = min(2 * self._wait_s, AGAIN_S[1])
        return _REFUSED_HANDSHAKE[zmq.Event(event)]
