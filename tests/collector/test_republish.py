"""What was accepted, for other programs: by topic, to enrolled keys alone, and no longer once a key is revoked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from collector.enrolment import LiveRegister, read_register, write_register
from collector.gate import Gate
from collector.republish import topic_of
from config.keyfiles import KeyPair, fresh_keypair
from config.wire import decode_record, encode_record
from station.uplink import Curve, Uplink
from tests.collector.running_ingest import RunningIngest
from tests.end_to_end.running import emission, eventually, occupancy, spectrum

STATION = "nui-vong-phu"


class Subscriber:
    def __init__(self, address: str, topic: bytes, *, pair: KeyPair | None = None, collector_key: str = "") -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.SUB)
        self.socket.linger = 0
        if pair is not None:
            self.socket.curve_secretkey, self.socket.curve_publickey = pair.secret.encode(), pair.public.encode()
            self.socket.curve_serverkey = collector_key.encode()
        self.socket.subscribe(topic)
        self.socket.connect(address)
        self.heard: list[tuple[bytes, bytes]] = []

    def listen(self) -> list[tuple[bytes, bytes]]:
        while self.socket.poll(20):
            topic, data = self.socket.recv_multipart()
            self.heard.append((topic, data))
        return self.heard

    def close(self) -> None:
        self.socket.close()
        self.context.term()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[RunningIngest, Path, str]]:
    pair, path = fresh_keypair(), tmp_path / "stations.json"
    running = RunningIngest(tmp_path / "journal", gate=Gate(pair, LiveRegister(path)), publish="tcp://127.0.0.1:*")
    yield running, path, pair.public
    running.close()


def enrol(path: Path, name: str, pair: KeyPair, role: str = "subscriber") -> KeyPair:
    write_register(path, read_register(path).enrol(name, pair.public, now_ns=time.time_ns(), role=role))  # type: ignore[arg-type]
    return pair


def test_subscribers_get_the_topics_that_they_want_and_a_revoked_one_nothing_more(guarded: tuple[RunningIngest, Path, str]) -> None:
    ingest, path, key = guarded
    station = enrol(path, STATION, fresh_keypair(), "station")
    emissions = Subscriber(ingest.published, b"emission.", pair=enrol(path, "map", fresh_keypair()), collector_key=key)
    everything = Subscriber(ingest.published, b"", pair=enrol(path, "archive", fresh_keypair()), collector_key=key)
    stranger = Subscriber(ingest.published, b"", pair=fresh_keypair(), collector_key=key)
    a_station = Subscriber(ingest.published, b"", pair=station, collector_key=key)
    keyless = Subscriber(ingest.published, b"")
    with Uplink(ingest.address, station=STATION, curve=Curve(pair=station, collector_key=key)) as uplink:

        def all_hear() -> bool:
            uplink.publish(emission())
            uplink.publish(occupancy())
            uplink.publish_live(spectrum())
            return bool(emissions.listen()) and {topic.split(b".")[0] for topic, _ in everything.listen()} == {
                b"emission",
                b"occupancy",
                b"spectrum",
            }

        eventually(all_hear, timeout_s=30.0)
        assert {topic for topic, _ in emissions.heard} == {b"emission.nui-vong-phu"}
        assert all(decode_record(data).station == STATION for _, data in everything.heard)
        write_register(path, read_register(path).revoke("archive", now_ns=1))
        time.sleep(0.6)  # ingest looks at the register at least every 0.2 s
        everything.listen()
        everything.heard.clear()
        emissions.listen()
        emissions.heard.clear()

        def still_heard() -> bool:
            uplink.publish(emission())
            return bool(emissions.listen())

        eventually(still_heard, timeout_s=30.0)
        assert everything.listen() == []
        for one in (stranger, a_station, keyless):
            assert one.listen() == []
    for one in (emissions, everything, stranger, a_station, keyless):
        one.close()


def test_the_topic_names_kind_and_station() -> None:
    assert topic_of("ea-sup", encode_record(emission())) == b"emission.ea-sup"
    for data in (b"", b"\x02", b"\x02\xff\xff", b"\x01\x80"):
        assert topic_of("ea-sup", data) == b"unknown.ea-sup"
