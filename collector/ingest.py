"""The stations' socket: a ZeroMQ ROUTER in a process of its own (decisions 2 and 3).

One turn: everything that waits at the socket goes into the journal, one durable commit, and only then the answers leave; nothing else
happens before them. This and ``republish`` are the doors to ``zmq`` on the collector's side.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from collector.errands import Errands
from collector.errors import MisuseError
from collector.gate import OWNER_PROPERTY, STATIONS_DOMAIN, Gate
from collector.importing import Incoming
from collector.journal import Journal
from collector.reception import Reception
from collector.republish import Republisher
from collector.tally import StatusFile
from config.wire.frames import AnyFrame, encode_frame
from config.wire.version import MAX_FRAME_BYTES

DRAIN_FRAMES: Final = 2000
DRAIN_S: Final = 0.2
"""A turn ends after this, so that nobody waits long for an acknowledgement under load."""
TICK_S: Final = 1.0
POLL_MS: Final = 200
LOOK_S: Final = 0.2
"""How often the folder of exported spools is looked at."""
FAILED_HANDSHAKES: Final = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
RESERVE_BYTES: Final = 64 * 1024 * 1024
RESERVE_SHARE: Final = 0.02
"""Disk that stays free: below the smaller of the two no station has credit, so that the journal never meets the end of the disk."""
_OPTIONS: Final = (
    (zmq.LINGER, 200),
    (zmq.MAXMSGSIZE, MAX_FRAME_BYTES),
    (zmq.RCVHWM, 1000),
    (zmq.SNDHWM, 1000),
    (zmq.BACKLOG, 1024),
    (zmq.HANDSHAKE_IVL, 5000),
    (zmq.HEARTBEAT_IVL, 2000),
    (zmq.HEARTBEAT_TIMEOUT, 6000),
)


class Ingest:
    """The socket and the journal."""

    def __init__(
        self,
        folder: Path,
        address: str,
        *,
        gate: Gate | None = None,
        incoming: Path | None = None,
        publish: str | None = None,
        status: Path | None = None,
        errands: Errands | None = None,
    ) -> None:
        """Open the journal in ``folder`` and bind ``address`` (``tcp://127.0.0.1:PORT``; port ``*`` picks a free one).

        ``publish``: where an XPUB socket hands out what was accepted. ``incoming``: folder of exported spools to take in. ``status``: file
        that says once a second what was counted. Without ``gate`` everything is plaintext and whoever connects is who they say: for this
        machine alone.

        Raises:
            StorageError: the journal cannot be opened.
            MisuseError: an address cannot be bound.
        """
        self._journal, self._gate, self._folder = Journal(folder), gate, folder
        self._incoming = Incoming(incoming, self._journal, pair=gate.pair) if gate is not None and incoming is not None else None
        self._errands = errands
        self._reception = Reception(self._journal, keep_live=publish is not None, errands=errands)
        self._status, self._tick_s = StatusFile(status), 0.0
        self._republisher: Republisher | None = None
        self._context = zmq.Context()
        try:
            self._open_sockets(address)
            if publish is not None:
                self._republisher = Republisher(self._context, publish, gate)
        except MisuseError:
            self.close()
            raise
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def run(self, stopped: Callable[[], bool]) -> None:
        """Take, commit, acknowledge, until ``stopped`` says so."""
        poller = zmq.Poller()
        for one in (self._socket, self._zap, self._monitor):
            poller.register(one, zmq.POLLIN)
        if self._errands is not None:
            poller.register(self._errands.fd, zmq.POLLIN)
        more, look_s = False, 0.0
        while not stopped():
            ready = dict(poller.poll(0 if more else POLL_MS))
            if self._zap in ready and self._gate is not None:
                self._zap.send_multipart(self._gate.answer(self._zap.recv_multipart()))
            if self._monitor in ready:
                self._count_failed_handshakes()
            if self._socket in ready:
                self.turn()
            elif self._gate is not None:
                self._gate.refresh()
            if self._errands is not None and self._errands.fd in ready:
                self._send((peer, [ack]) for peer, ack in self._errands.acknowledged())
            if time.monotonic() >= self._tick_s:
                self._tick()
            if self._republisher is not None:
                self._republisher.tend()
            if self._incoming is not None and self._gate is not None and (more or time.monotonic() >= look_s):
                more, look_s = self._incoming.step(self._gate.stations), time.monotonic() + LOOK_S

    def turn(self) -> None:
        """Take everything that waits at the socket, commit once, then answer."""
        if self._gate is not None:
            self._gate.refresh()
        until_s, taken, behind = time.monotonic() + DRAIN_S, 0, True
        while taken < DRAIN_FRAMES and time.monotonic() < until_s:
            try:
                peer, parts, owner = self._receive()
            except zmq.Again:
                behind = False
                break
            taken += 1
            if self._gate is not None and owner is None:
                self._reception.cut_off(peer)
            else:
                self._reception.take(peer, parts, owner)
        accepted = self._journal.commit()
        self._reception.credit.turned(behind=behind)
        self._send(self._reception.answers())
        self._journal.tally.count("messages", taken)
        if self._republisher is not None:
            self._republisher.send([*accepted, *self._reception.take_live()])

    def _send(self, answers: Iterable[tuple[bytes, Sequence[AnyFrame]]]) -> None:
        for peer, frames in answers:
            try:
                for frame in frames:
                    self._socket.send_multipart([peer, encode_frame(frame)], zmq.NOBLOCK)
            except zmq.ZMQError:  # it went away or does not read: it will say hello again
                self._reception.gone(peer)

    def close(self) -> None:
        """Commit what there is and let go of sockets and journal."""
        if self._errands is not None:
            self._errands.close()
        if self._republisher is not None:
            self._republisher.close()
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._zap.close(linger=0)
        self._socket.close(linger=200)
        self._context.term()
        self._journal.close()

    def _open_sockets(self, address: str) -> None:
        self._zap = self._context.socket(zmq.REP)
        if self._gate is not None:
            self._zap.bind("inproc://zeromq.zap.01")
        self._socket = self._context.socket(zmq.ROUTER)
        for option, value in _OPTIONS:
            self._socket.setsockopt(option, value)
        if self._gate is not None:
            self._socket.curve_server = True
            self._socket.curve_secretkey = self._gate.pair.secret.encode()
            self._socket.setsockopt(zmq.ZAP_DOMAIN, STATIONS_DOMAIN)
        self._monitor = self._socket.get_monitor_socket(FAILED_HANDSHAKES)
        try:
            self._socket.bind(address)
        except zmq.ZMQError as error:
            raise MisuseError(f"ingest address {address}: {error}; choose another with --ingest") from error

    def _receive(self) -> tuple[bytes, list[bytes], str | None]:
        """Return who sent (routing id), what, and the station whose key the connection has; None: no key that is enrolled now."""
        peer = self._socket.recv(zmq.NOBLOCK)
        part = self._socket.recv(zmq.NOBLOCK, copy=False)  # a message is whole or not here at all
        owner = None
        if self._gate is not None:
            try:
                owner = self._gate.owner(str(part.get(OWNER_PROPERTY)))
            except zmq.ZMQError:  # no such property: never a CURVE connection
                owner = None
        parts = [part.bytes]
        while part.more:
            part = self._socket.recv(zmq.NOBLOCK, copy=False)
            parts.append(part.bytes)
        return peer, parts, owner

    def _count_failed_handshakes(self) -> None:
        failed = 0
        while failed < DRAIN_FRAMES and self._monitor.poll(0):
            recv_monitor_message(self._monitor, zmq.NOBLOCK)
            failed += 1
        if failed:
            self._journal.count("handshakes_failed", failed)

    def _tick(self) -> None:
        """Do about once a second what nobody waits for."""
        self._tick_s = time.monotonic() + TICK_S
        self._reception.forget_silent()
        self._journal.commit()  # what was counted without a message
        self._reception.credit.disk_full = nearly_full(self._folder)
        if self._status.due:
            if self._gate is not None:
                self._journal.tally.counters["handshakes_refused"] = self._gate.refused
            self._status.write(self._journal.tally, self._reception.on_line(), last_entry=self._journal.last_entry)


def nearly_full(folder: Path, *, usage: Callable[[str], Any] | None = None) -> bool:
    """Return whether the disk of ``folder`` has no room for more than what is under way."""
    found = (usage or shutil.disk_usage)(str(folder))
    return bool(found.free < min(RESERVE_BYTES, RESERVE_SHARE * found.total))
