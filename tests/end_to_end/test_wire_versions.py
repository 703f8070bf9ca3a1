"""Stations of other versions on a real socket: an older one is understood, a newer one is kept, what never was is refused with a reason.

``data/wire_version_1.json`` holds what a station of version 1 said, byte for byte, as of its first day. It is never made anew: when the
version becomes 2 it is the station of the version before. Version 0 never was: what carries it is refused, and nothing is lost by that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from collector.followers import decode
from collector.journal import JournalReader
from config.wire import encode_record, to_json
from config.wire.frames import Ack, AnyFrame, Batch, Heartbeat, Hello, Refused, Welcome, decode_frame, encode_frame
from config.wire.version import WIRE_VERSION
from tests.collector.running_ingest import RunningIngest
from tests.end_to_end.balance import balance
from tests.end_to_end.running import STATION, emission

OLD = json.loads((Path(__file__).parent / "data" / "wire_version_1.json").read_text(encoding="utf-8"))
SPOOL = "5c" * 16


class Wire:
    """Says bytes and hears frames."""

    def __init__(self, address: str) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(address)

    def ask(self, data: bytes) -> AnyFrame:
        self._socket.send(data)
        assert self._socket.poll(10_000), "no answer"
        return decode_frame(self._socket.recv())

    def say(self, data: bytes) -> None:
        self._socket.send(data)

    def close(self) -> None:
        self._socket.close()
        self._context.term()


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[RunningIngest]:
    running = RunningIngest(tmp_path / "journal")
    yield running
    running.close()


@pytest.fixture
def wire(ingest: RunningIngest) -> Iterator[Wire]:
    one = Wire(ingest.address)
    yield one
    one.close()


def old(name: str) -> bytes:
    return bytes.fromhex(OLD[name])


def hello(next_seq: int) -> bytes:
    return encode_frame(Hello(station=STATION, program="t", spool_id=SPOOL, first_seq=0, next_seq=next_seq))


def test_a_station_of_version_1_as_it_was_on_its_first_day_is_understood_to_the_last_field(ingest: RunningIngest, wire: Wire) -> None:
    welcome = wire.ask(old("hello"))
    assert isinstance(welcome, Welcome)
    assert welcome.committed_seq == -1
    numbers = len(OLD["records"])
    for name, committed in (("batch", numbers - 1), ("gap", numbers + 2), ("last", numbers + 3), ("batch", numbers + 3)):
        ack = wire.ask(old(name))
        assert isinstance(ack, Ack)
        assert (ack.committed_seq, ack.rejected) == (committed, [])
    wire.say(old("live"))
    assert isinstance(wire.ask(old("heartbeat")), Heartbeat)
    result = balance(ingest.folder, OLD["spool_id"], numbers + 4)
    assert result.holds(), result
    assert (result.stored, result.gaps, result.rejected) == (numbers + 1, 3, 0)
    with JournalReader(ingest.folder) as reader:
        heard = [one.record for one in decode(reader.read(0, limit=100))]
    assert [str(record.__struct_config__.tag) for record in heard] == [*OLD["kinds"], "spectrum"]
    for record, said in zip(heard, OLD["records"], strict=False):  # whatever it said then is read the same now
        now = json.loads(to_json(record))
        assert {name: now[name] for name in said} == said


def test_what_an_old_station_hears_today_is_what_it_could_read_then() -> None:
    # a field that an old station does not know is ignored; one that it needs has to be there
    needed = {
        "welcome": {"frame", "spool_id", "committed_seq", "credit"},
        "ack": {"frame", "spool_id", "committed_seq", "rejected", "credit"},
        "refused": {"frame", "reason", "hello"},
        "heartbeat": {"frame"},
    }
    said: list[AnyFrame] = [
        Welcome(spool_id=SPOOL, committed_seq=-1, credit=1),
        Ack(spool_id=SPOOL, committed_seq=0, rejected=[], credit=1),
        Refused(reason="", hello=True),
        Heartbeat(),
    ]
    for frame in said:
        data = encode_frame(frame)
        assert data[0] == 1
        fields: dict[str, Any] = msgspec.msgpack.decode(data[1:])
        assert needed[fields["frame"]] <= fields.keys()


def test_records_and_frames_of_version_0_are_refused_by_number_and_with_a_reason_and_block_nothing(
    ingest: RunningIngest, wire: Wire
) -> None:
    refused = wire.ask(b"\x00" + hello(3)[1:])
    assert isinstance(refused, Refused)
    assert "version 0" in refused.reason
    assert not refused.hello
    good = encode_record(emission())
    assert isinstance(wire.ask(hello(3)), Welcome)
    ack = wire.ask(encode_frame(Batch(spool_id=SPOOL, first_seq=0, records=[good, b"\x00" + good[1:], good])))
    assert isinstance(ack, Ack)
    assert (ack.committed_seq, [one.seq for one in ack.rejected]) == (2, [1])
    assert "version 0" in ack.rejected[0].reason
    result = balance(ingest.folder, SPOOL, 3)
    assert result.holds(), result
    assert (result.stored, result.rejected) == (2, 1)


def test_records_of_the_next_version_are_kept_as_they_are_and_its_frames_refused_so_that_the_station_keeps_them(
    ingest: RunningIngest, wire: Wire
) -> None:
    newer = bytes([WIRE_VERSION + 1])
    good, future = encode_record(emission()), newer + b"\x81\xa4kind\xa6unseen"
    assert isinstance(wire.ask(hello(3)), Welcome)
    ack = wire.ask(encode_frame(Batch(spool_id=SPOOL, first_seq=0, records=[good, future, good])))
    assert isinstance(ack, Ack)
    assert (ack.committed_seq, ack.rejected) == (2, [])
    with JournalReader(ingest.folder) as reader:
        entries = reader.read(0, limit=10)
    assert [entry.data for entry in entries] == [good, future, good]
    assert len(decode(entries)) == 2  # the followers leave it to the program that comes after the upgrade
    result = balance(ingest.folder, SPOOL, 3)
    assert result.holds(), result
    assert result.stored == 3
    refused = wire.ask(newer + hello(5)[1:])
    assert isinstance(refused, Refused)
    assert not refused.hello
    assert f"version {WIRE_VERSION + 1}" in refused.reason
    assert balance(ingest.folder, SPOOL, 3).holds()
