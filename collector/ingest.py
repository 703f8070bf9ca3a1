"""Takes what the stations send, keeps it, acknowledges it: a ZeroMQ ROUTER in a process of its own (decisions 2 and 3).

One turn: everything that waits at the socket goes into the journal, one durable commit, and only then the answers leave. A frame that
cannot be read is counted and kept aside; a record that cannot be taken is rejected by number. Neither ever stops the others. This and
``republish`` are the doors to ``zmq`` on the collector's side.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from collector.acceptance import refusal_of, take_records
from collector.errors import MisuseError
from collector.gate import KEY_PROPERTY, NAME_PROPERTY, STATIONS_DOMAIN, Gate
from collector.importing import Incoming
from collector.journal import Journal, SpoolKey
from collector.republish import Republisher
from config.errors import WireError, WireVersionError
from config.wire.frames import Ack, AnyFrame, Batch, Gap, Heartbeat, Hello, Live, Refused, Rejected, Welcome, decode_frame, encode_frame
from config.wire.version import MAX_FRAME_BYTES

CREDIT: Final = 2000
"""Records of one station that may be under way."""
DRAIN_FRAMES: Final = 2000
DRAIN_S: Final = 0.2
"""A turn ends after this, so that nobody waits long for an acknowledgement under load."""
FORGET_AFTER_S: Final = 60.0
MAX_CONNECTIONS: Final = 20_000
FAILED_HANDSHAKES: Final = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH

log = logging.getLogger("collector.ingest")


@dataclass(slots=True, kw_only=True)
class _Connection:
    """One station's connection."""

    key: SpoolKey
    heard_s: float
    live_dropped: int = 0
    rewound: bool = False
    """A welcome is on its way because numbers were missing; until they come, batches behind the hole are let go."""


@dataclass(slots=True)
class _Answers:
    """What one connection is told after the commit."""

    ack: bool = False
    rejected: list[Rejected] = field(default_factory=list)
    frames: list[AnyFrame] = field(default_factory=list)


class Ingest:
    """The socket, the journal and who is connected."""

    def __init__(
        self, folder: Path, address: str, *, gate: Gate | None = None, incoming: Path | None = None, publish: str | None = None
    ) -> None:
        """Open the journal in ``folder`` and bind ``address`` (``tcp://127.0.0.1:PORT``; port ``*`` picks a free one).

        ``publish``: where an XPUB socket hands out what was accepted. ``incoming``: folder of exported spools to take in.
        Without ``gate`` everything is plaintext and whoever connects is who they say: for this machine alone.

        Raises:
            StorageError: the journal cannot be opened.
            MisuseError: the address cannot be bound.
        """
        self._journal = Journal(folder)
        self._gate = gate
        self._incoming = Incoming(incoming, self._journal, pair=gate.pair) if gate is not None and incoming is not None else None
        self._context = zmq.Context()
        self._zap = self._context.socket(zmq.REP)
        if gate is not None:
            self._zap.bind("inproc://zeromq.zap.01")
        self._socket = self._context.socket(zmq.ROUTER)
        for option, value in (
            (zmq.LINGER, 200),
            (zmq.MAXMSGSIZE, MAX_FRAME_BYTES),
            (zmq.RCVHWM, 1000),
            (zmq.SNDHWM, 1000),
            (zmq.HANDSHAKE_IVL, 5000),
            (zmq.HEARTBEAT_IVL, 2000),
            (zmq.HEARTBEAT_TIMEOUT, 6000),
        ):
            self._socket.setsockopt(option, value)
        if gate is not None:
            self._socket.curve_server = True
            self._socket.curve_secretkey = gate.pair.secret.encode()
            self._socket.setsockopt(zmq.ZAP_DOMAIN, STATIONS_DOMAIN)
        self._monitor = self._socket.get_monitor_socket(FAILED_HANDSHAKES)
        try:
            self._socket.bind(address)
        except zmq.ZMQError as error:
            self._close_sockets()
            self._context.term()
            self._journal.close()
            raise MisuseError(f"ingest address {address}: {error}; choose another with --ingest") from error
        self._live: list[tuple[str, bytes]] = []
        self._republisher = None
        if publish is not None:
            try:
                self._republisher = Republisher(self._context, publish, gate)
            except MisuseError:
                self._close_sockets()
                self._context.term()
                self._journal.close()
                raise
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._connections: dict[bytes, _Connection] = {}
        self._speakers: dict[SpoolKey, bytes] = {}
        self._answers: dict[bytes, _Answers] = {}

    def run(self, stopped: Callable[[], bool]) -> None:
        """Take, commit, acknowledge, until ``stopped`` says so."""
        poller = zmq.Poller()
        for one in (self._socket, self._zap, self._monitor):
            poller.register(one, zmq.POLLIN)
        more = False
        while not stopped():
            ready = dict(poller.poll(0 if more else 200))
            if self._zap in ready and self._gate is not None:
                self._zap.send_multipart(self._gate.answer(self._zap.recv_multipart()))
            if self._monitor in ready:
                self._count_failed_handshakes()
            if self._socket in ready:
                self.turn()
            elif not ready:
                self._forget_silent()
            if self._gate is not None:
                self._gate.refresh()
            if self._republisher is not None:
                self._republisher.tend()
            if self._incoming is not None and self._gate is not None:
                more = self._incoming.step(self._gate.stations)

    def turn(self) -> None:
        """Take everything that waits at the socket, commit once, then answer."""
        self._answers = {}
        if self._gate is not None:
            self._gate.refresh()
        until_s = time.monotonic() + DRAIN_S
        for _ in range(DRAIN_FRAMES):
            try:
                peer, parts, owner = self._receive()
            except zmq.Again:
                break
            if self._gate is not None and owner is None:
                self._cut_off(peer)
            else:
                self._take(peer, parts, owner)
            if time.monotonic() > until_s:
                break
        accepted = self._journal.commit()
        for peer, answers in self._answers.items():
            self._answer(peer, answers)
        if self._republisher is not None:
            self._republisher.send([*accepted, *self._live])
        self._live.clear()

    def close(self) -> None:
        """Commit what there is and let go of socket and journal."""
        if self._republisher is not None:
            self._republisher.close()
        self._close_sockets(linger=200)
        self._context.term()
        self._journal.close()

    def _close_sockets(self, *, linger: int = 0) -> None:
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._zap.close(linger=0)
        self._socket.close(linger=linger)

    def _receive(self) -> tuple[bytes, list[bytes], str | None]:
        """Return who sent (routing id), what, and the station whose key the connection has; None: no key that is enrolled now."""
        if self._gate is None:
            peer, *parts = self._socket.recv_multipart(zmq.NOBLOCK)
            return peer, parts, None
        first, *frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
        try:
            owner = self._gate.owner(str(first.get(NAME_PROPERTY)), str(first.get(KEY_PROPERTY)))
        except zmq.ZMQError:  # no such property: never a CURVE connection
            owner = None
        return first.bytes, [frame.bytes for frame in frames], owner

    def _cut_off(self, peer: bytes) -> None:
        """Refuse a message on a connection whose key was revoked after its handshake."""
        if (connection := self._connections.pop(peer, None)) is not None:
            log.warning("revoked station=%s", connection.key[0])
        self._journal.count("frames_refused")
        self._answers_for(peer).frames = [Refused(reason="this station's key was revoked", hello=False)]

    def _count_failed_handshakes(self) -> None:
        failed = 0
        while failed < DRAIN_FRAMES and self._monitor.poll(0):
            recv_monitor_message(self._monitor, zmq.NOBLOCK)
            failed += 1
        self._journal.count("handshakes_failed", failed)
        self._journal.commit()

    def _take(self, peer: bytes, parts: list[bytes], owner: str | None) -> None:
        connection = self._connections.get(peer)
        station = connection.key[0] if connection else None
        data = b"".join(parts[:8]) if len(parts) != 1 else parts[0]
        try:
            if len(parts) != 1:
                raise WireError(f"{len(parts)} message parts: a frame is one")
            frame = decode_frame(data)
        except WireError as error:
            self._journal.set_aside(data, station=station, reason=str(error)[:400])
            if isinstance(error, WireVersionError) or connection is None:
                self._answers_for(peer).frames.append(Refused(reason=str(error)[:400], hello=False))
            return
        if isinstance(frame, Hello):
            self._take_hello(peer, frame, owner)
        elif connection is None:
            self._answers_for(peer).frames = [Refused(reason="this connection has not said hello", hello=True)]
        else:
            connection.heard_s = time.monotonic()
            self._take_from(peer, connection, frame)

    def _take_hello(self, peer: bytes, hello: Hello, owner: str | None) -> None:
        if owner is not None and hello.station != owner:
            self._journal.count("frames_refused")
            log.warning("mismatch key_of=%s says=%s", owner, hello.station)
            self._answers_for(peer).frames = [
                Refused(reason=f"this key is enrolled as {owner} and the station says it is {hello.station}", hello=False)
            ]
            return
        if len(self._connections) >= MAX_CONNECTIONS and peer not in self._connections:
            self._answers_for(peer).frames = [Refused(reason="too many connections", hello=False)]
            return
        key = (hello.station, hello.spool_id)
        committed = self._journal.committed_seq(key)
        if (reason := self._two_senders(key, hello, committed)) is not None:
            self._journal.count("two_senders")
            log.error("two_senders station=%s spool=%s reason=%r", *key, reason)
            self._connections.pop(peer, None)
            self._answers_for(peer).frames = [Refused(reason=reason, hello=False)]
            return
        if hello.instances:
            self._journal.note_sender(key, hello.instances[0])
            if (other := self._speakers.get(key, peer)) != peer:
                self._connections.pop(other, None)  # one connection speaks for a spool: an older one has to say hello again
            self._speakers[key] = peer
        oldest = min(hello.first_seq, hello.next_seq)
        if oldest > committed + 1:
            self._journal.gap(key, oldest - 1, reason="the station does not hold these any more")
            log.warning("gap station=%s spool=%s first=%d last=%d", *key, committed + 1, oldest - 1)
        if peer not in self._connections:
            log.info("hello station=%s program=%r spool=%s", hello.station, hello.program, hello.spool_id)
        self._connections[peer] = _Connection(key=key, heard_s=time.monotonic())
        self._answers_for(peer).frames.append(self._welcome(key))

    def _two_senders(self, key: SpoolKey, hello: Hello, committed: int) -> str | None:
        """Return why this is a second sender that goes on from a copy of one spool; None: it is not."""
        advice = "a spool was copied or put back: give this machine a key and a spool of its own"
        if committed >= hello.next_seq:
            return f"number {committed} of this spool is here and this sender's next is {hello.next_seq}: {advice}"
        sender = self._journal.sender(key)
        if sender is not None and hello.instances[:1] != [sender] and hello.opened_seq is not None and committed >= hello.opened_seq:
            return f"number {committed} of this spool came from another instance of it ({sender}): {advice}"
        if hello.instances and sender is not None and sender not in hello.instances:
            return f"another sender goes on from this spool (instance {sender}): {advice}"
        return None

    def _take_from(self, peer: bytes, connection: _Connection, frame: AnyFrame) -> None:
        if isinstance(frame, Batch):
            self._take_batch(peer, connection, frame)
        elif isinstance(frame, Gap):
            self._take_gap(peer, connection, frame)
        elif isinstance(frame, Live):
            self._take_live(connection, frame)
        elif isinstance(frame, Heartbeat):
            self._answers_for(peer).frames.append(Heartbeat())
        else:
            self._journal.set_aside(
                encode_frame(frame)[:400], station=connection.key[0], reason=f"{type(frame).__name__} is not for a collector"
            )

    def _take_batch(self, peer: bytes, connection: _Connection, batch: Batch) -> None:
        if not self._next_in_turn(peer, connection, batch):
            return
        key, answers = connection.key, self._answers_for(peer)
        answers.rejected += take_records(self._journal, key, batch)

    def _take_gap(self, peer: bytes, connection: _Connection, gap: Gap) -> None:
        if self._next_in_turn(peer, connection, gap) and gap.last_seq > self._journal.committed_seq(connection.key):
            self._journal.gap(connection.key, gap.last_seq, reason=gap.reason, kinds=gap.kinds)
            log.warning("gap station=%s spool=%s last=%d kinds=%r reason=%r", *connection.key, gap.last_seq, gap.kinds, gap.reason)

    def _next_in_turn(self, peer: bytes, connection: _Connection, sent: Batch | Gap) -> bool:
        """Return whether ``sent`` belongs to the connection's spool and leaves no hole; then it is to be acknowledged."""
        key, answers = connection.key, self._answers_for(peer)
        if sent.spool_id != key[1]:
            answers.frames = [Refused(reason="this connection said hello for another spool", hello=True)]
            return False
        if sent.first_seq > self._journal.committed_seq(key) + 1:
            if not connection.rewound:
                connection.rewound = True
                answers.frames.append(self._welcome(key))
            return False
        connection.rewound = False
        answers.ack = True
        return True

    def _take_live(self, connection: _Connection, live: Live) -> None:
        station = connection.key[0]
        for data in live.records:
            reason = refusal_of(data, station)
            if reason is None:
                self._journal.append_live(station, data)
                if self._republisher is not None:
                    self._live.append((station, data))
            else:
                self._journal.set_aside(data, station=station, reason=reason)
        if live.dropped > connection.live_dropped:
            self._journal.count("live_dropped", live.dropped - connection.live_dropped)
            connection.live_dropped = live.dropped

    def _answers_for(self, peer: bytes) -> _Answers:
        return self._answers.setdefault(peer, _Answers())

    def _welcome(self, key: SpoolKey) -> Welcome:
        return Welcome(spool_id=key[1], committed_seq=self._journal.committed_seq(key), credit=CREDIT)

    def _answer(self, peer: bytes, answers: _Answers) -> None:
        frames = list(answers.frames)
        if answers.ack and (connection := self._connections.get(peer)):
            key = connection.key
            ack = Ack(spool_id=key[1], committed_seq=self._journal.committed_seq(key), rejected=answers.rejected, credit=CREDIT)
            frames.append(ack)
        for frame in frames:
            try:
                self._socket.send_multipart([peer, encode_frame(frame)], zmq.NOBLOCK)
            except zmq.ZMQError:  # it went away or does not read: it will say hello again
                self._connections.pop(peer, None)
                return

    def _forget_silent(self) -> None:
        limit_s = time.monotonic() - FORGET_AFTER_S
        for peer in [peer for peer, connection in self._connections.items() if connection.heard_s < limit_s]:
            key = self._connections.pop(peer).key
            log.info("silent station=%s", key[0])
            if self._speakers.get(key) == peer:
                del self._speakers[key]
