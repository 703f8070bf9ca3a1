"""What ingest makes of what the stations say: into the journal, and what each connection is to be told once that is durable (decision 2).

No socket here. A frame that cannot be read is counted and kept aside; a record that cannot be taken is rejected by number. Neither ever
stops the others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from collector.acceptance import TAKEN, looked_at, take_records
from collector.connections import Connection, Connections, clock_error_s, second_sender
from collector.credit import Credit
from collector.errands import Errands
from collector.journal import Journal, SpoolKey
from collector.tally import OnLine
from config.errors import WireError, WireVersionError
from config.logs import Event
from config.wire.frames import (
    Ack,
    AnyFrame,
    Batch,
    CaptureChunk,
    Gap,
    Heartbeat,
    Hello,
    Live,
    Refused,
    Rejected,
    Welcome,
    decode_frame,
    encode_frame,
)

MAX_PARTS: Final = 8
"""Message parts of a malformed message that are looked at."""

log = logging.getLogger("collector.ingest")


@dataclass(slots=True)
class _Answers:
    """What one connection is told after the commit: one acknowledgement, however many batches it covers."""

    ack: bool = False
    rejected: list[Rejected] = field(default_factory=list)
    frames: list[AnyFrame] = field(default_factory=list)


class Reception:
    """Takes frames by connection; between two calls of ``answers`` lies one turn of ingest."""

    def __init__(self, journal: Journal, *, keep_live: bool, errands: Errands | None = None) -> None:
        """``keep_live``: live records are handed on (``take_live``) as well as journalled. ``errands``: tasks and captures."""
        self._journal, self._keep_live, self._errands = journal, keep_live, errands
        self._connections = Connections()
        self._answers: dict[bytes, _Answers] = {}
        self._live: list[tuple[str, bytes]] = []
        self.credit = Credit()
        """What a station may have under way from now on; 0: the disk is nearly full, and what is in the spools stays there."""

    def take(self, peer: bytes, parts: list[bytes], owner: str | None) -> None:
        """Take one message in from ``peer``, whose key is ``owner``'s; None: there are no keys here."""
        connection = self._connections.get(peer, owner)
        data = parts[0] if len(parts) == 1 else b"".join(parts[:MAX_PARTS])
        try:
            if len(parts) != 1:
                raise WireError(f"{len(parts)} message parts: a frame is one")
            frame = decode_frame(data)
        except WireError as error:
            self._journal.set_aside(data, station=connection.key[0] if connection else None, reason=str(error)[:400])
            if isinstance(error, WireVersionError) or connection is None:
                self._tell(peer, Refused(reason=str(error)[:400], hello=False))
            return
        if isinstance(frame, Hello):
            self._take_hello(peer, frame, owner)
        elif connection is None:
            self._tell_only(peer, Refused(reason="this connection has not said hello", hello=True))
        else:
            connection.heard_s = time.monotonic()
            self._take_from(peer, connection, frame)

    def cut_off(self, peer: bytes) -> None:
        """Refuse a message on a connection whose key was revoked after its handshake, or never was one of ours."""
        if (connection := self._connections.drop(peer)) is not None:
            log.warning(Event("revoked", station=connection.key[0]))
        self._refuse(peer, "this station's key was revoked")

    def answers(self) -> Iterator[tuple[bytes, list[AnyFrame]]]:
        """Yield (peer, frames) that are due now that everything taken so far is durable."""
        due, self._answers = self._answers, {}
        for peer, answers in due.items():
            frames = list(answers.frames)
            if answers.ack and (connection := self._connections.get(peer)):
                key = connection.key
                committed = self._journal.committed_seq(key)
                frames.append(Ack(spool_id=key[1], committed_seq=committed, rejected=answers.rejected, credit=self.credit.records))
            yield peer, frames

    def take_live(self) -> list[tuple[str, bytes]]:
        """Return the live records of this turn."""
        live, self._live = self._live, []
        return live

    def gone(self, peer: bytes) -> None:
        """Forget a connection that takes no answers: it will say hello again."""
        self._connections.drop(peer)
        if self._errands is not None:
            self._errands.gone(peer)

    def forget_silent(self) -> None:
        """Forget connections that say nothing any more."""
        for key in self._connections.drop_silent():
            log.info(Event("silent", station=key[0]))

    def on_line(self) -> list[OnLine]:
        """Return who is connected."""
        return self._connections.on_line()

    def _take_hello(self, peer: bytes, hello: Hello, owner: str | None) -> None:
        if owner is not None and hello.station != owner:
            log.warning(Event("mismatch", key_of=owner, says=hello.station))
            self._refuse(peer, f"this key is enrolled as {owner} and the station says it is {hello.station}")
            return
        if self._connections.full(peer):
            self._tell_only(peer, Refused(reason="too many connections", hello=False))
            return
        key = (hello.station, hello.spool_id)
        committed = self._journal.committed_seq(key)
        sender = self._journal.sender(key)
        if (reason := second_sender(hello, committed, sender)) is not None:
            self._journal.count("two_senders")
            log.error(Event("two_senders", station=key[0], spool=key[1], reason=reason))
            self._connections.drop(peer)
            unnamed = sender if sender not in hello.instances else None
            self._tell_only(peer, Refused(reason=reason, hello=False, sender=unnamed))
            return
        if hello.instances:
            self._journal.note_sender(key, hello.instances[0])
        oldest = min(hello.first_seq, hello.next_seq)
        if oldest > committed + 1:
            self._journal.gap(key, oldest - 1, reason="the station does not hold these any more")
            log.warning(Event("gap", station=key[0], spool=key[1], first=committed + 1, last=oldest - 1))
        if self._connections.get(peer) is None:
            log.info(Event("hello", station=hello.station, program=hello.program, spool=hello.spool_id))
        self._connections.add(peer, hello, committed=committed)
        if self._errands is not None:
            self._errands.hello(peer, hello.station, hello.features)
        self._tell(peer, self._welcome(key))

    def _take_from(self, peer: bytes, connection: Connection, frame: AnyFrame) -> None:
        if isinstance(frame, Batch):
            if (answers := self._next_in_turn(peer, connection, frame)) is not None:
                answers.rejected += take_records(self._journal, connection.key, frame)
        elif isinstance(frame, Gap):
            self._take_gap(peer, connection, frame)
        elif isinstance(frame, Live):
            self._take_live(connection, frame)
        elif isinstance(frame, Heartbeat):
            if frame.now_ns is not None:
                connection.clock_error_s = clock_error_s(frame)
            self._tell(peer, Heartbeat(now_ns=time.time_ns(), credit=self.credit.records))
        elif isinstance(frame, CaptureChunk) and self._errands is not None:
            self._errands.take_chunk(peer, connection.key[0], frame)
        else:
            reason = f"{type(frame).__name__} is not for a collector"
            self._journal.set_aside(encode_frame(frame)[:400], station=connection.key[0], reason=reason)
        if self._errands is not None:
            for due in self._errands.due_for(peer):
                self._tell(peer, due)

    def _take_gap(self, peer: bytes, connection: Connection, gap: Gap) -> None:
        if self._next_in_turn(peer, connection, gap) is not None and gap.last_seq > self._journal.committed_seq(connection.key):
            self._journal.gap(connection.key, gap.last_seq, reason=gap.reason, kinds=gap.kinds)
            station, spool = connection.key
            log.warning(Event("gap", station=station, spool=spool, last=gap.last_seq, kinds=gap.kinds, reason=gap.reason))

    def _next_in_turn(self, peer: bytes, connection: Connection, sent: Batch | Gap) -> _Answers | None:
        """Return the answers that will acknowledge ``sent``; None: it is of another spool than the connection's, or leaves a hole."""
        key = connection.key
        if sent.spool_id != key[1]:
            self._tell_only(peer, Refused(reason="this connection said hello for another spool", hello=True))
            return None
        if sent.first_seq > self._journal.committed_seq(key) + 1:
            if not connection.rewound:
                connection.rewound = True
                self._tell(peer, self._welcome(key))
            return None
        connection.rewound = False
        answers = self._answers_for(peer)
        answers.ack = True
        return answers

    def _take_live(self, connection: Connection, live: Live) -> None:
        station = connection.key[0]
        for data in live.records:
            kind, refusal = looked_at(data, station)
            if refusal == TAKEN:
                self._journal.append_live(station, data, kind=kind)
                if self._keep_live:
                    self._live.append((station, data))
            else:
                self._journal.set_aside(data, station=station, reason=refusal)
        if live.dropped > connection.live_dropped:
            self._journal.count("live_dropped", live.dropped - connection.live_dropped)
            connection.live_dropped = live.dropped

    def _refuse(self, peer: bytes, reason: str) -> None:
        self._journal.count("frames_refused")
        self._tell_only(peer, Refused(reason=reason, hello=False))

    def _tell(self, peer: bytes, frame: AnyFrame) -> None:
        self._answers_for(peer).frames.append(frame)

    def _tell_only(self, peer: bytes, frame: AnyFrame) -> None:
        self._answers_for(peer).frames = [frame]

    def _answers_for(self, peer: bytes) -> _Answers:
        answers = self._answers.get(peer)
        if answers is None:
            answers = self._answers[peer] = _Answers()
        return answers

    def _welcome(self, key: SpoolKey) -> Welcome:
        return Welcome(spool_id=key[1], committed_seq=self._journal.committed_seq(key), credit=self.credit.records, now_ns=time.time_ns())
