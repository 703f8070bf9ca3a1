"""Simulated stations in a process of their own, over CURVE or without keys: `python tests/benchmarks/ingest_clients.py FILE` (JSON).

Each station is one DEALER with a window of messages under way. Every process says `ready` when all its stations are welcome, begins at a
line on stdin, and prints at the end what was acknowledged and the times from sending to acknowledgement.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import deque
from typing import Any, Final

import msgspec
import zmq

from config.keyfiles import KeyPair
from config.wire import encode_record, from_json
from config.wire.frames import Ack, Batch, Heartbeat, Hello, Refused, Welcome, decode_frame, encode_frame

RECORD: Final = from_json(
    """{"kind": "occupancy", "station": "station-0", "origin": "synthetic", "start_time_ns": 1795500000000000000, "time_source": "given",
    "relative": false, "band": "B8", "lower_freq_hz": 952400000.0, "upper_freq_hz": 954800000.0, "channel_width_hz": 200000.0,
    "observed_s": 4.5, "revisits": 240, "fbo": 0.1, "sro": 0.1, "channels": [{"center_freq_hz": 953600000.0, "fco": 0.1}]}"""
)
"""About 300 bytes as it is sent."""
LOOK_S: Final = 0.02
"""How often a paced client looks for acknowledgements: it is part of the times measured."""


class Plan(msgspec.Struct, kw_only=True):
    """What one process is to do."""

    address: str
    first: int
    """Number of its first station."""
    stations: int
    records: int
    """Of one message."""
    window: int
    seconds: float
    per_s: float | None = None
    """Messages a second of all stations of the process together, evenly; None: as fast as the window allows."""
    bare: bool = False
    """Against a bare ROUTER that answers each message with one part: no hello, no acknowledgement by number."""
    server_key: str = ""
    pairs: list[tuple[str, str]] = []
    """(public, secret) of each station; none: plaintext."""


class Station:
    """One client with a window of messages under way."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], plan: Plan, index: int) -> None:
        number = plan.first + index
        self.name, self.spool = f"station-{number}", f"{number:032x}"
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        if plan.pairs:
            pair = KeyPair(public=plan.pairs[index][0], secret=plan.pairs[index][1])
            self.socket.curve_secretkey, self.socket.curve_publickey = pair.secret.encode(), pair.public.encode()
            self.socket.curve_serverkey = plan.server_key.encode()
        self.socket.connect(plan.address)
        self.record = encode_record(msgspec.structs.replace(RECORD, station=self.name))
        self.next_seq = 0
        self.sent: deque[tuple[int, float]] = deque()

    def hello(self) -> None:
        self.socket.send(encode_frame(Hello(station=self.name, program="bench", spool_id=self.spool, first_seq=0, next_seq=0)))

    def send(self, records: int) -> None:
        self.socket.send(encode_frame(Batch(spool_id=self.spool, first_seq=self.next_seq, records=[self.record] * records)))
        self.next_seq += records
        self.sent.append((self.next_seq - 1, time.perf_counter()))

    def take(self, *, bare: bool) -> list[float]:
        """Return how long each message that is acknowledged now had waited."""
        message = self.socket.recv()
        now = time.perf_counter()
        if bare:
            return [now - self.sent.popleft()[1]]
        frame = decode_frame(message)
        if isinstance(frame, Heartbeat):
            return []
        if isinstance(frame, Refused) or not isinstance(frame, Ack | Welcome):
            raise SystemExit(f"unexpected {frame}")
        waits = []
        while self.sent and self.sent[0][0] <= frame.committed_seq:
            waits.append(now - self.sent.popleft()[1])
        return waits


def run(plan: Plan) -> dict[str, Any]:
    """Return what was acknowledged, in how many seconds, and how long each message waited."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 2 * plan.stations + 10)
    stations = [Station(context, plan, index) for index in range(plan.stations)]
    by_socket = {station.socket: station for station in stations}
    poller = zmq.Poller()
    for station in stations:
        if not plan.bare:
            station.hello()
    for station in stations:
        if not plan.bare:
            station.take(bare=False)
        poller.register(station.socket, zmq.POLLIN)
    print("ready", flush=True)
    sys.stdin.readline()
    done, waits, began, sent = 0, [], time.perf_counter(), 0
    if plan.per_s is None:
        for station in stations:
            for _ in range(plan.window):
                station.send(plan.records)
    while (passed := time.perf_counter() - began) < plan.seconds:
        while plan.per_s is not None and sent < passed * plan.per_s:
            stations[sent % len(stations)].send(plan.records)
            sent += 1
        if plan.per_s is not None:
            time.sleep(LOOK_S)  # asking hundreds of sockets costs more than what they have to say
        for socket, _ in poller.poll(100 if plan.per_s is None else 0):
            station = by_socket[socket]
            times = station.take(bare=plan.bare)
            done += len(times) * plan.records
            waits += times
            for _ in times if plan.per_s is None else ():
                station.send(plan.records)
    took = time.perf_counter() - began
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    for station in stations:
        station.socket.close()
    context.term()
    return {"records": done, "seconds": took, "waits": waits, "cpu_s": cpu.ru_utime + cpu.ru_stime}


def main() -> None:
    """Do what the file says."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with open(sys.argv[1], "rb") as file:
        plan = msgspec.json.decode(file.read(), type=Plan)
    print(json.dumps(run(plan)), flush=True)


if __name__ == "__main__":
    main()
