"""What was accepted, for other programs: an XPUB socket with topics ``kind.station`` (decision 2). Who reads too slowly misses some.

XPUB keeps a connection whose key was revoked after its handshake, and cannot end one peer's. When a subscriber's key is revoked the socket
is therefore made anew: everyone's connection ends, and those who are still enrolled are back within a second.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from typing import Final

import msgspec
import zmq

from collector.errors import MisuseError
from collector.gate import SUBSCRIBERS_DOMAIN, Gate
from config.logs import Event

SUBSCRIBER_HWM: Final = 10_000

log = logging.getLogger("collector.republish")


class _Kind(msgspec.Struct):
    kind: str = "unknown"


_decoder: Final = msgspec.msgpack.Decoder(_Kind)


class Republisher:
    """The XPUB socket of ingest."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str, gate: Gate | None) -> None:
        """Bind ``address``.

        Raises:
            MisuseError: it cannot be bound.
        """
        self._context, self._gate = context, gate
        self._socket: zmq.Socket[bytes] | None = None
        try:
            self._socket = self._open(address)
        except zmq.ZMQError as error:
            raise MisuseError(f"publish address {address}: {error}; choose another with --publish") from error
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def send(self, accepted: Iterable[tuple[str, bytes]]) -> None:
        """Hand out (station, record) to whoever listens; nothing here ever waits."""
        self.tend()
        if self._socket is None:
            return
        self._hear()
        for station, data in accepted:
            with contextlib.suppress(zmq.Again):
                self._socket.send_multipart([topic_of(station, data), data], zmq.NOBLOCK)

    def tend(self) -> None:
        """Make the socket anew where a subscriber's key was revoked."""
        if self._gate is not None and self._gate.subscriber_revoked:
            self._gate.subscriber_revoked = False
            self.close()
            log.warning(Event("subscriber_revoked", effect="every subscriber connects anew"))
        if self._socket is None:
            with contextlib.suppress(zmq.ZMQError):  # the old one still holds the address: at the next look
                self._socket = self._open(self.endpoint)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close(linger=0)
            self._socket = None

    def _hear(self) -> None:
        """Take the subscriptions in, which libzmq has acted on already."""
        with contextlib.suppress(zmq.Again):
            while self._socket is not None:
                self._socket.recv(zmq.NOBLOCK)

    def _open(self, address: str) -> zmq.Socket[bytes]:
        opened = self._context.socket(zmq.XPUB)
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.SNDHWM, SUBSCRIBER_HWM),
            (zmq.MAXMSGSIZE, 4096),
            (zmq.HANDSHAKE_IVL, 5000),
            (zmq.HEARTBEAT_IVL, 2000),
            (zmq.HEARTBEAT_TIMEOUT, 6000),
        ):
            opened.setsockopt(option, value)
        if self._gate is not None:
            opened.curve_server = True
            opened.curve_secretkey = self._gate.pair.secret.encode()
            opened.setsockopt(zmq.ZAP_DOMAIN, SUBSCRIBERS_DOMAIN)
        try:
            opened.bind(address)
        except zmq.ZMQError:
            opened.close(linger=0)
            raise
        return opened


def topic_of(station: str, data: bytes) -> bytes:
    """Return ``kind.station`` of a record; a record that this program cannot read is of kind ``unknown``."""
    try:
        kind = _decoder.decode(memoryview(data)[1:]).kind
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        kind = "unknown"
    return f"{kind}.{station}".encode()
