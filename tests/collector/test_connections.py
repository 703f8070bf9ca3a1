"""Who speaks on a connection, and when a station has credit."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest
import zmq

import collector.ingest as module
from collector.connections import Connections
from config.keyfiles import KeyPair, fresh_keypair
from config.wire import encode_record
from config.wire.frames import Ack, AnyFrame, Batch, Heartbeat, Hello, Refused, Welcome, decode_frame, encode_frame
from tests.collector.running_ingest import RunningIngest
from tests.collector.test_keys import Guarded
from tests.end_to_end.running import emission, eventually

SPOOL = "ab" * 16
Usage = namedtuple("Usage", "total used free")


def hello(station: str) -> Hello:
    return Hello(station=station, program="x", spool_id=SPOOL, first_seq=0, next_seq=0)


class Client:
    """A DEALER that says what it is told to, under a routing id of its own choice."""

    def __init__(self, address: str, *, pair: KeyPair | None = None, server: str = "", routing_id: bytes = b"") -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger, self._socket.rcvtimeo = 0, 8000
        if routing_id:
            self._socket.setsockopt(zmq.ROUTING_ID, routing_id)
        if pair is not None:
            self._socket.curve_secretkey, self._socket.curve_publickey = pair.secret.encode(), pair.public.encode()
            self._socket.curve_serverkey = server.encode()
        self._socket.connect(address)

    def ask(self, frame: AnyFrame) -> AnyFrame:
        self._socket.send(encode_frame(frame))
        return decode_frame(self._socket.recv())

    def close(self) -> None:
        self._socket.close()
        self._context.term()


def test_a_routing_id_that_comes_back_with_another_key_has_to_say_hello(tmp_path: Path) -> None:
    """A station that takes the routing id of one that has gone must not speak in its name."""
    guarded, first, second = Guarded(tmp_path), fresh_keypair(), fresh_keypair()
    guarded.enrol(first.public, "ea-sup")
    guarded.enrol(second.public, "nui-vong-phu")
    address, server = guarded.ingest.address, guarded.pair.public
    try:
        honest = Client(address, pair=first, server=server, routing_id=b"the-same")
        assert isinstance(honest.ask(hello("ea-sup")), Welcome)
        honest.close()
        batch = Batch(spool_id=SPOOL, first_seq=0, records=[encode_record(emission(station="ea-sup"))])
        answers = []

        def tried() -> bool:
            other = Client(address, pair=second, server=server, routing_id=b"the-same")
            try:
                answers.append(other.ask(batch))
            except zmq.Again:  # the first connection's end was not seen yet, and its routing id is taken
                return False
            finally:
                other.close()
            return True

        eventually(tried, timeout_s=60.0)
        assert isinstance(answers[-1], Refused)
        assert answers[-1].hello
        assert guarded.ingest.numbers() == []
    finally:
        guarded.ingest.close()


def test_a_nearly_full_disk_takes_the_credit_and_room_gives_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 10 * 2**30
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: Usage(100 * 2**30, 0, free))
    ingest = RunningIngest(tmp_path / "journal")
    client = Client(ingest.address)
    try:
        welcome = client.ask(hello("a"))
        assert isinstance(welcome, Welcome)
        assert welcome.credit > 0

        def credit() -> int | None:
            answer = client.ask(Heartbeat())
            assert isinstance(answer, Heartbeat)
            return answer.credit

        free = 10 * 2**20
        eventually(lambda: credit() == 0)
        sent = client.ask(Batch(spool_id=SPOOL, first_seq=0, records=[encode_record(emission(station="a"))]))
        assert isinstance(sent, Ack)  # what was under way is still taken
        assert (sent.committed_seq, sent.credit) == (0, 0)
        free = 10 * 2**30
        eventually(lambda: (credit() or 0) > 0)
    finally:
        client.close()
        ingest.close()


def test_a_small_disk_is_full_by_its_own_measure() -> None:
    usages = {"small": Usage(16 * 2**20, 0, 2**20), "smaller": Usage(16 * 2**20, 0, 2**18)}
    assert [module.nearly_full(Path(name), usage=usages.__getitem__) for name in ("small", "smaller")] == [False, True]


def test_one_connection_speaks_for_a_spool() -> None:
    connections = Connections()
    instances = ["0" * 16]
    greeting = Hello(station="a", program="x", spool_id=SPOOL, first_seq=0, next_seq=0, instances=instances)
    connections.add(b"1", greeting, committed=-1)
    connections.add(b"2", greeting, committed=-1)
    assert connections.get(b"1") is None
    assert connections.get(b"2") is not None
    assert connections.get(b"2", "b") is None  # another key: dropped
    assert connections.get(b"2") is None
