"""What ingest lets a station have under way: less while it is behind, nothing while the disk has no room; and no record is lost by it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import zmq

import collector.ingest
from collector.credit import LEAST, MOST, Credit
from collector.ingest import Ingest
from config.wire import encode_record
from config.wire.frames import Ack, Batch, Hello, Welcome, decode_frame, encode_frame
from station.spool import MemorySpool
from station.uplink import Uplink
from tests.collector.running_ingest import RunningIngest
from tests.end_to_end.running import emission, eventually

STATION = "nui-vong-phu"


def test_credit_is_cut_while_behind_and_comes_back_in_small_steps() -> None:
    credit = Credit()
    assert credit.records == MOST
    told = []
    for _ in range(20):
        credit.turned(behind=True)
        told.append(credit.records)
    assert told == sorted(told, reverse=True)
    assert told[-1] == LEAST
    turns = 0
    while credit.records < MOST:
        credit.turned(behind=False)
        turns += 1
    assert turns > 20
    credit.disk_full = True
    assert credit.records == 0
    credit.disk_full = False
    assert credit.records == MOST


def test_stations_that_send_faster_than_the_journal_takes_are_told_to_send_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector.ingest, "DRAIN_FRAMES", 10)  # a collector that takes ten messages a turn
    ingest = Ingest(tmp_path / "journal", "tcp://127.0.0.1:*")
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    sockets = [context.socket(zmq.DEALER) for _ in range(8)]
    packed = encode_record(emission())
    try:
        for number, socket in enumerate(sockets):
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(ingest.endpoint)
            socket.send(encode_frame(Hello(station=STATION, program="t", spool_id=f"{number:032x}", first_seq=0, next_seq=100)))
            for seq in range(10):
                socket.send(encode_frame(Batch(spool_id=f"{number:032x}", first_seq=seq, records=[packed])))
        until_s, told = time.monotonic() + 20.0, []
        done: set[int] = set()
        while len(done) < len(sockets) and time.monotonic() < until_s:
            ingest.turn()
            for number, socket in enumerate(sockets):
                while socket.poll(0):
                    frame = decode_frame(socket.recv())
                    assert isinstance(frame, Ack | Welcome)
                    told.append(frame.credit)
                    if frame.committed_seq == 9:
                        done.add(number)
        assert len(done) == len(sockets)
        assert min(told) < MOST // 4
        for _ in range(50):
            ingest.turn()
        sockets[0].send(encode_frame(Hello(station=STATION, program="t", spool_id=f"{0:032x}", first_seq=0, next_seq=100)))
        while not sockets[0].poll(10):
            ingest.turn()
            assert time.monotonic() < until_s
        frame = decode_frame(sockets[0].recv())
        assert isinstance(frame, Welcome)
        assert frame.credit == MOST
    finally:
        for socket in sockets:
            socket.close()
        context.term()
        ingest.close()


def test_with_no_room_on_the_disk_records_wait_in_the_spool_and_go_on_when_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = [True]
    monkeypatch.setattr(collector.ingest, "nearly_full", lambda _: full[0])
    ingest, spool = RunningIngest(tmp_path / "journal"), MemorySpool()
    try:
        with Uplink(ingest.address, station=STATION, spool=spool) as uplink:
            eventually(lambda: uplink.connected)
            time.sleep(1.5)  # the look at the disk comes once a second
            for number in range(30):
                uplink.publish(emission(number))
            assert not uplink.drain(2.0)
            before = uplink.waiting
            assert before == 30
            full[0] = False
            assert uplink.drain(10.0), uplink.problem()
        assert ingest.numbers() == list(range(30))
    finally:
        ingest.close()
