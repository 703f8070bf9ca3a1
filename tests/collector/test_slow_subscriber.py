"""Who subscribes and reads slowly, or not at all, misses some himself: acknowledgements, memory and other subscribers do not suffer."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import zmq

from station.spool import MemorySpool
from station.uplink import Uplink
from tests.collector.running_ingest import RunningIngest
from tests.end_to_end.balance import balance
from tests.end_to_end.running import emission

STATION = "nui-vong-phu"
RECORDS = 20_000
LABEL = "x" * 150


def subscriber(context: zmq.Context[zmq.Socket[bytes]], address: str, *, most: int) -> zmq.Socket[bytes]:
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, most)
    socket.setsockopt(zmq.RCVBUF, 65536)
    socket.linger = 0
    socket.subscribe(b"")
    socket.connect(address)
    return socket


def test_a_subscriber_that_does_not_read_holds_up_nobody(tmp_path: Path) -> None:
    ingest, spool = RunningIngest(tmp_path / "journal", publish="tcp://127.0.0.1:*"), MemorySpool()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    lazy, keen = subscriber(context, ingest.published, most=10), subscriber(context, ingest.published, most=100_000)
    slow = subscriber(context, ingest.published, most=10)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    heard, read_slowly, waits = 0, 0, []
    try:
        with Uplink(ingest.address, station=STATION, spool=spool) as uplink:
            time.sleep(0.5)  # subscriptions are on their way
            for first in range(0, RECORDS, 200):
                began = time.monotonic()
                uplink.publish_all(emission(number, label=LABEL) for number in range(first, first + 200))
                assert uplink.drain(10.0), uplink.problem()
                waits.append(time.monotonic() - began)
                while keen.poll(0):
                    keen.recv_multipart()
                    heard += 1
                if slow.poll(0):
                    slow.recv_multipart()
                    read_slowly += 1
            while keen.poll(500):
                keen.recv_multipart()
                heard += 1
            assert balance(ingest.folder, spool.spool_id, RECORDS).holds()
            late = 0
            while lazy.poll(200):
                lazy.recv_multipart()
                late += 1
    finally:
        for socket in (lazy, keen, slow):
            socket.close()
        context.term()
        ingest.close()
    assert heard == RECORDS
    assert 0 < late < RECORDS  # it missed some, as is said of those who do not read
    assert read_slowly > 0
    waits.sort()
    assert waits[-len(waits) // 100 - 1] < 1.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 100 * 1024
