"""Ingest: many stations over real sockets, one durable commit before the acknowledgement; and a follower that keeps up.

    python tests/benchmarks/bench_ingest.py [--short] [--out FOLDER]

Over CURVE, each station with a key of its own. Prints records/s and the 99th percentile of the time from sending a message to its
acknowledgement, at 20 records a message and at one, the memory of ingest, and how fast the store's follower drains the same journal. The
clients run on the same cores.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

import msgspec
import zmq

from collector.enrolment import Enrolment, Register, write_register
from collector.followers import catch_up
from collector.journal import JournalReader
from collector.places import DataFolder
from collector.sqlite_effect import SqliteEffect
from config.keyfiles import fresh_keypair, write_keypair
from config.wire import encode_record, from_json
from config.wire.frames import Ack, Batch, Hello, Welcome, decode_frame, encode_frame

WINDOW_MESSAGES = 10
RECORD = from_json(
    """{"kind": "emission", "station": "station-0", "origin": "synthetic", "start_time_ns": 1795500000000000000, "time_source": "given",
    "track_id": "0123456789abcdef", "event": "update", "relative": false, "center_freq_hz": 953600000.0, "lower_freq_hz": 953500000.0,
    "upper_freq_hz": 953700000.0, "bandwidth_hz": 200000.0, "bandwidth_26db_hz": null, "power_dbfs": -40.0, "peak_psd_dbfs_hz": -90.0,
    "mean_psd_dbfs_hz": -93.0, "floor_psd_dbfs_hz": -120.0, "snr_db": 27.0, "first_time_ns": 1795500000000000000,
    "last_time_ns": 1795500000250000000, "duration_s": 0.25, "burst_count": 1, "duty": 1.0, "cut_low": false, "cut_high": false,
    "band": "B8"}"""
)


class Keys:
    """A collector's key and those of its stations, enrolled."""

    def __init__(self, data: DataFolder, count: int) -> None:
        self.collector = fresh_keypair()
        self.stations = [fresh_keypair() for _ in range(count)]
        write_keypair(data.key, self.collector)
        enrolments = [
            Enrolment(station=f"station-{number}", public_key=pair.public, enrolled_ns=1) for number, pair in enumerate(self.stations)
        ]
        write_register(data.register, Register(enrolments=tuple(enrolments)))


class Station:
    """One client with a window of messages under way."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str, number: int, keys: Keys | None) -> None:
        self.name = f"station-{number}"
        self.spool = f"{number:032x}"
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        if keys is not None:
            pair = keys.stations[number]
            self.socket.curve_secretkey, self.socket.curve_publickey = pair.secret.encode(), pair.public.encode()
            self.socket.curve_serverkey = keys.collector.public.encode()
        self.socket.connect(address)
        self.record = encode_record(msgspec.structs.replace(RECORD, station=self.name))
        self.next_seq = 0
        self.sent: deque[tuple[int, float]] = deque()

    def hello(self) -> None:
        self.socket.send(encode_frame(Hello(station=self.name, program="bench", spool_id=self.spool, first_seq=0, next_seq=0)))

    def send(self, records: int) -> None:
        self.socket.send(encode_frame(Batch(spool_id=self.spool, first_seq=self.next_seq, records=[self.record] * records)))
        self.next_seq += records
        self.sent.append((self.next_seq - 1, time.perf_counter()))

    def take_ack(self) -> tuple[int, list[float]]:
        """Return how many messages were acknowledged and how long each had waited."""
        frame = decode_frame(self.socket.recv())
        if not isinstance(frame, Ack | Welcome):
            raise SystemExit(f"unexpected {frame}")
        now, waits = time.perf_counter(), []
        while self.sent and self.sent[0][0] <= frame.committed_seq:
            waits.append(now - self.sent.popleft()[1])
        return len(waits), waits


def run(address: str, *, n_stations: int, records: int, seconds: float, first_number: int, keys: Keys | None = None) -> tuple[float, float]:
    """Return (records/s, p99 of the acknowledgement in s)."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 2 * n_stations + 10)
    stations = [Station(context, address, first_number + number, keys) for number in range(n_stations)]
    by_socket = {station.socket: station for station in stations}
    poller = zmq.Poller()
    for station in stations:
        station.hello()
    for station in stations:
        station.take_ack()
        poller.register(station.socket, zmq.POLLIN)
    window = WINDOW_MESSAGES if n_stations < 100 else 1
    for station in stations:
        for _ in range(window):
            station.send(records)
    done, waits, began = 0, [], time.perf_counter()
    while time.perf_counter() - began < seconds:
        for socket, _ in poller.poll(100):
            station = by_socket[socket]
            count, times = station.take_ack()
            done += count * records
            waits += times
            for _ in range(count):
                station.send(records)
    rate = done / (time.perf_counter() - began)
    for station in stations:
        station.socket.close()
    context.term()
    waits.sort()
    return rate, waits[int(0.99 * len(waits))]


def memory_mib(number: int) -> float:
    """Return the largest resident set that a process has had."""
    status = Path(f"/proc/{number}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--out", type=Path, help="folder for figures (this benchmark draws none)")
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    seconds, n_stations = (2.0, 100) if options.short else (8.0, 1000)
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; {len(encode_record(RECORD))}-byte records")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = Keys(DataFolder(path=folder), 2 * n_stations + 2)
        ingest = subprocess.Popen(
            [sys.executable, "-m", "collector.cli", "--data", name, "part", "ingest", "tcp://127.0.0.1:*"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert ingest.stdout is not None
        address = ingest.stdout.readline().split()[1]
        first = 1
        for n, records in ((n_stations, 20), (n_stations, 1), (1, 10)):
            rate, p99 = run(address, n_stations=n, records=records, seconds=seconds, first_number=first, keys=keys)
            first += n
            print(f"{n:5d} stations, {records:2d} records a message: {rate:8.0f} records/s, p99 acknowledgement {1e3 * p99:6.0f} ms")
        print(f"ingest's memory: {memory_mib(ingest.pid):.0f} MiB")
        ingest.terminate()
        ingest.communicate(timeout=20)
        follow(folder)


def follow(folder: Path) -> None:
    """Print how fast the embedded store takes what was journalled."""
    effect, done, began = SqliteEffect(folder / "store.db"), 0, time.perf_counter()
    with JournalReader(folder / "journal") as reader:
        while (count := catch_up(reader, effect)) and time.perf_counter() - began < 10.0:
            done += count
    print(f"the store's follower: {done / (time.perf_counter() - began):.0f} records/s")
    effect.close()


if __name__ == "__main__":
    main()
