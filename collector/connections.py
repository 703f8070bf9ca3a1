"""Who is connected to ingest: one connection speaks for a spool, and only by the key that it said hello with."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from collector.journal import SpoolKey
from collector.tally import OnLine
from config.wire.frames import Heartbeat, Hello

FORGET_AFTER_S: Final = 60.0
MAX_CONNECTIONS: Final = 20_000


@dataclass(slots=True, kw_only=True)
class Connection:
    """One station's connection."""

    key: SpoolKey
    program: str
    since_ns: int
    waiting: int
    """Records that the station had and the collector had not, at its hello."""
    clock_error_s: float | None
    heard_s: float
    live_dropped: int = 0
    rewound: bool = False
    """A welcome is on its way because numbers were missing; until they come, batches behind the hole are let go."""


class Connections:
    """By routing id. A routing id is chosen by its sender and comes back after a connection's end: it says nothing of who speaks."""

    def __init__(self) -> None:
        """Nobody is connected."""
        self._by_peer: dict[bytes, Connection] = {}
        self._speakers: dict[SpoolKey, bytes] = {}

    def get(self, peer: bytes, owner: str | None = None) -> Connection | None:
        """Return the connection of ``peer``; None: it has not said hello, or with another key than ``owner``'s."""
        connection = self._by_peer.get(peer)
        if connection is not None and owner is not None and connection.key[0] != owner:
            self.drop(peer)
            return None
        return connection

    def full(self, peer: bytes) -> bool:
        """Return whether there is no room for ``peer``."""
        return len(self._by_peer) >= MAX_CONNECTIONS and peer not in self._by_peer

    def add(self, peer: bytes, hello: Hello, *, committed: int) -> None:
        """Let ``peer`` speak for the spool of ``hello``; another that did has to say hello again."""
        key = (hello.station, hello.spool_id)
        if hello.instances:
            if (other := self._speakers.get(key, peer)) != peer:
                self._by_peer.pop(other, None)
            self._speakers[key] = peer
        now_ns = time.time_ns()
        self._by_peer[peer] = Connection(
            key=key,
            program=hello.program,
            since_ns=now_ns,
            waiting=max(0, hello.next_seq - 1 - committed),
            clock_error_s=clock_error_s(hello),
            heard_s=time.monotonic(),
        )

    def drop(self, peer: bytes) -> Connection | None:
        """Forget ``peer``; return what was known of it."""
        connection = self._by_peer.pop(peer, None)
        if connection is not None and self._speakers.get(connection.key) == peer:
            del self._speakers[connection.key]
        return connection

    def drop_silent(self) -> list[SpoolKey]:
        """Forget who has said nothing for ``FORGET_AFTER_S``; return for which spools they spoke."""
        limit_s = time.monotonic() - FORGET_AFTER_S
        silent = [peer for peer, connection in self._by_peer.items() if connection.heard_s < limit_s]
        return [connection.key for peer in silent if (connection := self.drop(peer)) is not None]

    def on_line(self) -> list[OnLine]:
        """Return every connection as it is told."""
        now_ns, now_s = time.time_ns(), time.monotonic()
        return [
            OnLine(
                station=one.key[0],
                spool_id=one.key[1],
                program=one.program,
                since_ns=one.since_ns,
                heard_ns=now_ns - round((now_s - one.heard_s) * 1e9),
                waiting=one.waiting,
                live_dropped=one.live_dropped,
                clock_error_s=one.clock_error_s,
            )
            for one in self._by_peer.values()
        ]


def clock_error_s(said: Hello | Heartbeat) -> float | None:
    """Return the station's clock less ours, as its word came in; None: it did not tell the time."""
    return None if said.now_ns is None else (said.now_ns - time.time_ns()) / 1e9


def second_sender(hello: Hello, committed: int, sender: str | None) -> str | None:
    """Return why ``hello`` is a second sender that goes on from a copy of one spool; None: it is not.

    ``committed``: the last number of the spool that is here; ``sender``: the instance of it that sent last.
    """
    advice = "a spool was copied or put back: give this machine a key and a spool of its own"
    if committed >= hello.next_seq:
        return f"number {committed} of this spool is here and this sender's next is {hello.next_seq}: {advice}"
    if sender is not None and hello.instances[:1] != [sender] and hello.opened_seq is not None and committed >= hello.opened_seq:
        return f"number {committed} of this spool came from another instance of it ({sender}): {advice}"
    if hello.instances and sender is not None and sender not in hello.instances:
        return f"another sender goes on from this spool (instance {sender}): {advice}"
    return None
