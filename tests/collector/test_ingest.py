"""The socket's side of the protocol, spoken by clients that say what they like, over real sockets and a real journal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from collector.journal import JournalReader
from config.wire import encode_record
from config.wire.frames import Ack, Batch, Heartbeat, Hello, Live, Refused, Welcome, decode_frame, encode_frame
from station.uplink import Uplink
from tests.collector.running_ingest import RunningIngest
from tests.end_to_end.running import emission, eventually, spectrum

STATION = "nui-vong-phu"


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[RunningIngest]:
    running = RunningIngest(tmp_path / "journal")
    yield running
    running.close()


class RawStation:
    """A client that says what it likes."""

    def __init__(self, address: str) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVTIMEO, 5000)
        self.socket.connect(address)

    def say(self, *parts: bytes) -> None:
        self.socket.send_multipart(list(parts))

    def hear(self) -> object:
        return decode_frame(self.socket.recv())

    def close(self) -> None:
        self.socket.close()
        self.context.term()


@pytest.fixture
def raw(collector: RunningIngest) -> Iterator[RawStation]:
    station = RawStation(collector.address)
    yield station
    station.close()


def hello(spool: str = "ab" * 16, *, first_seq: int = 0, next_seq: int = 0) -> bytes:
    return encode_frame(Hello(station=STATION, program="test", spool_id=spool, first_seq=first_seq, next_seq=next_seq))


def test_malformed_frames_are_counted_and_kept_aside_while_others_are_served(collector: RunningIngest, raw: RawStation) -> None:
    bad = [b"", b"\x00", b"\x01", b"\xff" * 100, b"\x01" + os.urandom(5000), b"\x02" + hello()[1:], b"\x01\x80"]
    for frame in bad:
        raw.say(frame)
    raw.say(b"\x01", b"two parts")
    with Uplink(collector.address, station=STATION) as uplink:
        uplink.publish(emission())
        assert uplink.drain(10.0)
    eventually(lambda: collector.totals()["frames_aside"] == len(bad) + 1)
    assert collector.totals()["records"] == 1


def test_a_bad_record_is_rejected_by_its_number_and_its_neighbours_are_taken(collector: RunningIngest, raw: RawStation) -> None:
    spool = "cd" * 16
    raw.say(hello(spool, next_seq=4))
    welcome = raw.hear()
    assert isinstance(welcome, Welcome)
    assert welcome.committed_seq == -1
    good = encode_record(emission())
    foreign = encode_record(emission(station="someone-else"))
    nan = good.replace(good[good.index(b"duty") + 4 : good.index(b"duty") + 13], b"\xcb\x7f\xf8\0\0\0\0\0\0")
    assert nan != good
    raw.say(encode_frame(Batch(spool_id=spool, first_seq=0, records=[good, foreign, nan, good])))
    ack = raw.hear()
    assert isinstance(ack, Ack)
    assert ack.committed_seq == 3
    assert [one.seq for one in ack.rejected] == [1, 2]
    assert "someone-else" in ack.rejected[0].reason
    assert collector.numbers() == [0, 3]
    assert collector.totals() == {"records": 2, "rejected": 2, "gaps": 0, "frames_aside": 0}


def test_batches_sent_twice_or_out_of_turn_are_in_the_journal_once_and_in_order(collector: RunningIngest, raw: RawStation) -> None:
    spool, record = "ef" * 16, encode_record(emission())
    raw.say(hello(spool, next_seq=6))
    raw.hear()
    raw.say(encode_frame(Batch(spool_id=spool, first_seq=4, records=[record, record])))
    again = raw.hear()
    assert isinstance(again, Welcome)
    assert again.committed_seq == -1
    for first, count in ((0, 3), (1, 4), (0, 6)):
        raw.say(encode_frame(Batch(spool_id=spool, first_seq=first, records=[record] * count)))
    eventually(lambda: (ack := raw.hear()) and isinstance(ack, Ack) and ack.committed_seq == 5)
    assert collector.numbers() == list(range(6))


def test_numbers_that_the_station_no_longer_holds_become_a_gap(collector: RunningIngest, raw: RawStation) -> None:
    spool = "01" * 16
    raw.say(hello(spool, first_seq=7, next_seq=8))
    welcome = raw.hear()
    assert isinstance(welcome, Welcome)
    assert welcome.committed_seq == 6
    raw.say(encode_frame(Batch(spool_id=spool, first_seq=7, records=[encode_record(emission())])))
    assert isinstance(raw.hear(), Ack)
    totals = collector.totals()
    assert totals["records"] + totals["rejected"] + totals["gaps"] == 8


def test_who_has_not_said_hello_is_told_to(raw: RawStation) -> None:
    raw.say(encode_frame(Batch(spool_id="ab" * 16, first_seq=0, records=[encode_record(emission())])))
    refused = raw.hear()
    assert isinstance(refused, Refused)
    assert refused.hello


def test_a_record_of_a_newer_version_is_kept_as_it_is(collector: RunningIngest, raw: RawStation) -> None:
    spool, record, future = "23" * 16, encode_record(emission()), b"\x02 from the future"
    raw.say(hello(spool, next_seq=2))
    raw.hear()
    raw.say(encode_frame(Batch(spool_id=spool, first_seq=0, records=[future, record])))
    ack = raw.hear()
    assert isinstance(ack, Ack)
    assert (ack.committed_seq, ack.rejected) == (1, [])
    with JournalReader(collector.folder) as reader:
        assert [entry.data for entry in reader.read(0, limit=10)] == [future, record]


def test_live_records_are_journalled_without_an_acknowledgement(collector: RunningIngest, raw: RawStation) -> None:
    raw.say(hello())
    raw.hear()
    raw.say(encode_frame(Live(records=[encode_record(spectrum()), encode_record(spectrum(station="someone-else"))], dropped=7)))
    raw.say(encode_frame(Heartbeat()))
    assert isinstance(raw.hear(), Heartbeat)
    assert collector.numbers() == [-1]
    assert collector.totals()["frames_aside"] == 1


def test_frames_that_are_no_business_of_a_collector_are_kept_aside(collector: RunningIngest, raw: RawStation) -> None:
    raw.say(hello())
    raw.hear()
    raw.say(encode_frame(Welcome(spool_id="ab" * 16, committed_seq=3, credit=1)))
    raw.say(encode_frame(Heartbeat()))
    raw.hear()
    assert collector.totals()["frames_aside"] == 1
