"""Keys on real sockets: who is not enrolled gets nothing in, who is revoked is cut off in mid-connection, who is enrolled again goes on."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from collector.enrolment import LiveRegister, Register, read_register, write_register
from collector.gate import Gate
from config.keyfiles import KeyPair, fresh_keypair
from config.wire import encode_record
from config.wire.frames import Batch, Hello, Refused, Welcome, decode_frame, encode_frame
from config.z85 import z85_decode, z85_encode
from station.uplink import Curve, Uplink
from tests.collector.running_ingest import RunningIngest
from tests.end_to_end.running import emission, eventually

STATION = "nui-vong-phu"


class Guarded:
    """Ingest with keys, and its register."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "stations.json"
        self.pair = fresh_keypair()
        self.ingest = RunningIngest(folder / "journal", gate=Gate(self.pair, LiveRegister(self.path)))

    def enrol(self, key: str, name: str = STATION) -> None:
        write_register(self.path, read_register(self.path).enrol(name, key, now_ns=time.time_ns()))

    def revoke(self, name: str = STATION) -> None:
        write_register(self.path, read_register(self.path).revoke(name, now_ns=time.time_ns()))

    def uplink(self, pair: KeyPair, *, name: str = STATION, collector_key: str | None = None) -> Uplink:
        return Uplink(self.ingest.address, station=name, curve=Curve(pair=pair, collector_key=collector_key or self.pair.public))


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    running = Guarded(tmp_path)
    yield running
    running.ingest.close()


def test_an_enrolled_key_gets_in(guarded: Guarded) -> None:
    pair = fresh_keypair()
    guarded.enrol(pair.public)
    with guarded.uplink(pair) as uplink:
        for number in range(100):
            uplink.publish(emission(number))
        assert uplink.drain(20.0), uplink.problem()
    assert guarded.ingest.numbers() == list(range(100))


def test_without_a_key_or_with_a_wrong_one_nothing_gets_in_and_honest_stations_are_served(guarded: Guarded) -> None:
    honest, stranger = fresh_keypair(), fresh_keypair()
    guarded.enrol(honest.public)
    plain = Uplink(guarded.ingest.address, station=STATION)
    wrong_server = guarded.uplink(honest, collector_key=stranger.public)
    with plain, wrong_server, guarded.uplink(stranger) as unknown, guarded.uplink(honest) as uplink:
        for one in (plain, unknown, wrong_server):
            one.publish(emission(9, label="stranger"))
        uplink.publish(emission())
        assert uplink.drain(20.0), uplink.problem()
        eventually(lambda: "not enrolled" in (unknown.problem() or ""))
        assert not plain.drain(0.5)
        assert not unknown.connected
        assert not wrong_server.connected
    assert guarded.ingest.numbers() == [0]
    eventually(lambda: guarded.ingest.counter("handshakes_failed") >= 1)


def test_a_revoked_key_is_cut_off_on_its_live_connection_and_goes_on_when_it_is_enrolled_again(guarded: Guarded) -> None:
    pair = fresh_keypair()
    guarded.enrol(pair.public)
    with guarded.uplink(pair) as uplink:
        uplink.publish(emission(0))
        assert uplink.drain(20.0)
        guarded.revoke()
        uplink.publish(emission(1))
        eventually(lambda: "revoked" in (uplink.problem() or ""))
        assert uplink.waiting == 1
        assert guarded.ingest.numbers() == [0]
        guarded.enrol(pair.public)
        assert uplink.drain(20.0), uplink.problem()
    assert guarded.ingest.numbers() == [0, 1]


def test_a_key_that_is_enrolled_later_works_without_restarting_the_station(guarded: Guarded) -> None:
    pair = fresh_keypair()
    with guarded.uplink(pair) as uplink:
        uplink.publish(emission())
        eventually(lambda: "not enrolled" in (uplink.problem() or ""))
        began = time.monotonic()
        guarded.enrol(pair.public)
        assert uplink.drain(25.0), uplink.problem()
        assert time.monotonic() - began < 25.0
    assert guarded.ingest.numbers() == [0]


def test_a_new_key_for_a_station_leaves_its_old_one_outside(guarded: Guarded) -> None:
    old, new = fresh_keypair(), fresh_keypair()
    guarded.enrol(old.public)
    with guarded.uplink(old) as first, guarded.uplink(new) as second:
        first.publish(emission())
        assert first.drain(20.0)
        guarded.revoke()
        guarded.enrol(new.public)
        first.publish(emission(1))
        second.publish(emission(2))
        assert second.drain(25.0), second.problem()
        assert first.waiting == 1
        eventually(lambda: "revoked" in (first.problem() or ""))


def test_a_key_speaks_for_its_own_station_alone(guarded: Guarded) -> None:
    pair = fresh_keypair()
    guarded.enrol(pair.public, "ea-sup")
    with guarded.uplink(pair, name=STATION) as uplink:
        uplink.publish(emission())
        eventually(lambda: "enrolled as ea-sup" in (uplink.problem() or ""))
    assert guarded.ingest.numbers() == []


def test_frames_that_were_recorded_from_an_honest_connection_are_worth_nothing_without_its_key(guarded: Guarded) -> None:
    pair = fresh_keypair()
    guarded.enrol(pair.public)
    sent: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as relay:
        relay.settimeout(10.0)
        uplink = Uplink(
            f"tcp://127.0.0.1:{relay.getsockname()[1]}", station=STATION, curve=Curve(pair=pair, collector_key=guarded.pair.public)
        )
        uplink.publish(emission())
        here, _ = relay.accept()
        host, port = guarded.ingest.address.removeprefix("tcp://").split(":")
        there = socket.create_connection((host, int(port)))
        for one in (here, there):
            one.setblocking(False)
        until_s = time.monotonic() + 10.0
        while uplink.waiting and time.monotonic() < until_s:
            for source, sink in ((here, there), (there, here)):
                try:
                    data = source.recv(65536)
                except BlockingIOError:
                    continue
                if source is here:
                    sent.append(data)
                sink.sendall(data)
            time.sleep(0.002)
        assert not uplink.waiting
        here.close()
        there.close()
        uplink.close()
    with socket.create_connection((host, int(port))) as replayed:
        replayed.sendall(b"".join(sent))
        replayed.settimeout(8.0)
        while replayed.recv(65536):
            pass  # until it hangs up
    assert guarded.ingest.numbers() == [0]


def test_a_hello_without_a_connection_of_its_own_key_is_not_believed(guarded: Guarded) -> None:
    """A client that holds one key and speaks for itself first, then for another."""
    pair, other = fresh_keypair(), fresh_keypair()
    guarded.enrol(pair.public, "ea-sup")
    guarded.enrol(other.public)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    client = context.socket(zmq.DEALER)
    client.linger, client.rcvtimeo = 0, 8000
    client.curve_secretkey, client.curve_publickey, client.curve_serverkey = (
        key.encode() for key in (pair.secret, pair.public, guarded.pair.public)
    )
    client.connect(guarded.ingest.address)
    spool = "ab" * 16
    client.send(encode_frame(Hello(station="ea-sup", program="x", spool_id=spool, first_seq=0, next_seq=1)))
    assert isinstance(decode_frame(client.recv()), Welcome)
    client.send(encode_frame(Hello(station=STATION, program="x", spool_id=spool, first_seq=0, next_seq=1)))
    refused = decode_frame(client.recv())
    assert isinstance(refused, Refused)
    assert "enrolled as ea-sup" in refused.reason
    client.send(encode_frame(Batch(spool_id=spool, first_seq=0, records=[encode_record(emission())])))
    eventually(lambda: guarded.ingest.totals()["rejected"] == 1)  # the record names another station than the connection's
    assert guarded.ingest.numbers() == []
    client.close()
    context.term()


def test_z85_agrees_with_libzmq() -> None:
    public, _ = zmq.curve_keypair()
    text = public.decode()
    assert z85_encode(z85_decode(text)) == text
    assert z85_encode(bytes.fromhex("864FD26FB559F75B")) == "HelloWorld"  # the example of RFC 32
    pair = fresh_keypair()
    assert zmq.curve_public(pair.secret.encode()).decode() == pair.public
    for wrong in ("abc", "%%%%%#####", "abcd\x00"):
        with pytest.raises(ValueError, match="Z85"):
            z85_decode(wrong)


def test_an_answer_to_a_malformed_question_lets_nobody_in(tmp_path: Path) -> None:
    pair = fresh_keypair()
    path = tmp_path / "stations.json"
    write_register(path, Register().enrol(STATION, pair.public, now_ns=1))
    gate = Gate(fresh_keypair(), LiveRegister(path))
    key = z85_decode(pair.public)
    good = [b"1.0", b"1", b"stations", b"127.0.0.1", b"", b"CURVE", key]
    assert gate.answer(good)[2] == b"200"
    bad_ones = ([], good[:6], [*good, b""], [b"2.0", *good[1:]], [*good[:2], b"", *good[3:]], [*good[:5], b"NULL"])
    for bad in (*bad_ones, [*good[:5], b"CURVE", key[:31]]):
        assert gate.answer(bad)[2] == b"400"
    assert gate.answer([*good[:2], b"subscribers", *good[3:]])[2] == b"400"
