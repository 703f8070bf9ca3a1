"""Ingest: 1,000 stations over CURVE, one durable commit before the acknowledgement; beside a bare ROUTER in the same run.

    python tests/benchmarks/bench_ingest.py [--short] [--out FOLDER]

Each station has a key and a DEALER of its own, in two client processes that share the cores with ingest. Prints records/s and the 99th
percentile of the time from sending a message to its acknowledgement, at 20 records a message and at one, as fast as one message under way
for each station allows and at the even rate that is asked for; the ratio of messages/s to a ROUTER loop that does nothing (CURVE too), the
memory of ingest, an honest station's 99th percentile while 200 connections a second come that never finish a handshake, against the same
without them, and how fast the store's follower drains the same journal.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2]))

import msgspec
import zmq
from zmq.auth.thread import ThreadAuthenticator

from collector.enrolment import Enrolment, Register, write_register
from collector.followers import catch_up
from collector.journal import JournalReader
from collector.places import DataFolder
from collector.sqlite_effect import SqliteEffect
from config.keyfiles import KeyPair, fresh_keypair, write_keypair
from config.wire import encode_record
from station.uplink import Curve, Uplink
from tests.benchmarks.clients import part
from tests.benchmarks.ingest_clients import RECORD, Plan
from tests.end_to_end.running import emission

PROCESSES = 2
CLIENTS = Path(__file__).with_name("ingest_clients.py")
FLOOD_PER_S = 200
LIMITS = {20: 15_000, 1: 5_000}
P99_S = 1.0
MEMORY_MIB = 300.0


class Keys:
    """A collector's key and those of its stations, enrolled."""

    def __init__(self, data: DataFolder, count: int) -> None:
        self.collector = fresh_keypair()
        self.stations = [fresh_keypair() for _ in range(count)]
        write_keypair(data.key, self.collector)
        names = [f"station-{number}" for number in range(count)]
        enrolled = [Enrolment(station=name, public_key=pair.public, enrolled_ns=1) for name, pair in zip(names, self.stations, strict=True)]
        write_register(data.register, Register(enrolments=tuple(enrolled)))

    def pairs(self, first: int, count: int) -> list[tuple[str, str]]:
        return [(pair.public, pair.secret) for pair in self.stations[first : first + count]]


def clients(folder: Path, plan: Plan, keys: Keys, processes: int) -> tuple[float, float, float]:
    """Run ``plan``'s stations shared out among ``processes``; return (records/s, p99 in s, messages/s)."""
    started = []
    each = plan.stations // processes
    for index in range(processes):
        first = plan.first + index * each
        per_s = None if plan.per_s is None else plan.per_s / processes
        own = msgspec.structs.replace(plan, per_s=per_s, first=first, stations=each, server_key=keys.collector.public)
        own = msgspec.structs.replace(own, pairs=keys.pairs(first, each))
        path = folder / f"plan-{index}.json"
        path.write_bytes(msgspec.json.encode(own))
        command = [sys.executable, str(CLIENTS), str(path)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found: list[dict[str, Any]] = [json.loads(process.communicate(timeout=plan.seconds + 120)[0]) for process in started]
    waits = sorted(wait for one in found for wait in one["waits"])
    rate = sum(one["records"] / one["seconds"] for one in found)
    return rate, waits[int(0.99 * len(waits))], rate / plan.records


@contextmanager
def bare_router(keys: Keys) -> Iterator[str]:
    """A ROUTER that answers every message with its first part: what libzmq, CURVE and Python cost by themselves."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 1024)
    auth = ThreadAuthenticator(context)
    auth.start()
    auth.configure_curve_callback("*", credentials_provider=_Anyone())
    router = context.socket(zmq.ROUTER)
    router.linger = 0
    router.curve_server, router.curve_secretkey = True, keys.collector.secret.encode()
    router.bind("tcp://127.0.0.1:*")
    ended = threading.Event()

    def answer() -> None:
        while not ended.is_set():
            if router.poll(100):
                peer, *_ = router.recv_multipart()
                router.send_multipart([peer, b"x" * 60])

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield router.getsockopt_string(zmq.LAST_ENDPOINT)
    finally:
        ended.set()
        thread.join()
        auth.stop()
        router.close()
        context.term()


class _Anyone:
    def callback(self, domain: str, key: bytes) -> bool:
        return True


def memory_mib(number: int) -> float:
    """Return the largest resident set that a process has had."""
    status = Path(f"/proc/{number}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def p99_ack_s(uplink: Uplink, seconds: float) -> tuple[float, int]:
    """Return the 99th percentile of the time from publishing one record to its acknowledgement, and of how many."""
    times: list[float] = []
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        began = time.perf_counter()
        uplink.publish(emission(len(times), station=uplink._station))
        while uplink.waiting:
            time.sleep(0.0002)
        times.append(time.perf_counter() - began)
        time.sleep(0.005)
    return sorted(times)[int(0.99 * len(times))], len(times)


class Flood:
    """Opens connections at a rate and never says a word on them."""

    def __init__(self, address: str, per_s: float) -> None:
        host, port = address.removeprefix("tcp://").split(":")
        self._place, self._per_s = (host, int(port)), per_s
        self._ended = threading.Event()
        self.opened = 0
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        held: list[socket.socket] = []
        began = time.monotonic()
        while not self._ended.is_set():
            while self.opened < (time.monotonic() - began) * self._per_s:
                held.append(socket.create_connection(self._place))
                self.opened += 1
            time.sleep(0.01)
        for one in held:
            one.close()

    def __enter__(self) -> Flood:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def honest(address: str, keys: Keys, pair: KeyPair, name: str, seconds: float) -> list[str]:
    """Print an honest station's p99 with and without a flood of connections; alternating, so that other work falls on both."""
    with Uplink(address, station=name, curve=Curve(pair=pair, collector_key=keys.collector.public)) as uplink:
        p99_ack_s(uplink, 1.0)
        normal, flooded = [], []
        opened = 0
        for _ in range(3):
            normal.append(p99_ack_s(uplink, seconds))
            with Flood(address, FLOOD_PER_S) as flood:
                flooded.append(p99_ack_s(uplink, seconds))
            opened += flood.opened
    before_s, during_s = (sorted(one for one, _ in some)[1] for some in (normal, flooded))
    print(
        f"an honest station's p99 acknowledgement: {1e3 * before_s:.1f} ms; with {opened / (3 * seconds):.0f} connections/s "
        f"without a handshake {1e3 * during_s:.1f} ms: {during_s / before_s:.2f} times (at most 2; medians of 3, "
        f"{sum(n for _, n in flooded)} records)"
    )
    return [] if during_s <= 2 * before_s else ["an honest station under a flood"]


def follow(folder: Path) -> None:
    """Print how fast the embedded store takes what was journalled."""
    effect, done, began = SqliteEffect(folder / "store.db"), 0, time.perf_counter()
    with JournalReader(folder / "journal") as reader:
        while (count := catch_up(reader, effect)) and time.perf_counter() - began < 10.0:
            done += count
    print(f"the store's follower: {done / (time.perf_counter() - began):.0f} records/s")
    effect.close()


def measure(folder: Path, *, n_stations: int, seconds: float) -> list[str]:
    """Print every figure; return the limits that were missed."""
    data = DataFolder(path=folder)
    keys = Keys(data, 4 * n_stations + 3)
    missed: list[str] = []
    with bare_router(keys) as address:
        plan = Plan(address=address, first=0, stations=n_stations, records=1, window=1, seconds=seconds, bare=True)
        _, p99, bare = clients(folder, plan, keys, PROCESSES)
    print(f"bare ROUTER, CURVE, {n_stations} stations, 1 record a message: {bare:.0f} messages/s, p99 answer {1e3 * p99:.0f} ms")
    with part(data, "ingest", "tcp://127.0.0.1:*") as (address, number):
        first = 0
        for records in (20, 1):
            plan = Plan(address=address, first=first, stations=n_stations, records=records, window=1, seconds=seconds)
            rate, p99, messages = clients(folder, plan, keys, PROCESSES)
            first += n_stations
            print(
                f"{n_stations} stations, {records:2d} records a message: {rate:.0f} records/s ({rate / LIMITS[records]:.2f} of "
                f"{LIMITS[records]}), p99 acknowledgement {1e3 * p99:.0f} ms; {messages:.0f} messages/s: {messages / bare:.2f} of the bare"
            )
            if rate < LIMITS[records]:
                missed.append(f"{records} records a message")
            paced = msgspec.structs.replace(plan, first=first, per_s=LIMITS[records] / records)
            rate, p99, _ = clients(folder, paced, keys, PROCESSES)
            first += n_stations
            print(f"  at an even {rate:.0f} records/s: p99 acknowledgement {1e3 * p99:.0f} ms ({p99 / P99_S:.2f} of 1 s)")
            if p99 > P99_S or rate < 0.9 * LIMITS[records]:
                missed.append(f"p99 at {records} records a message")
        plan = Plan(address=address, first=first, stations=1, records=1, window=100, seconds=seconds / 2)
        rate, p99, _ = clients(folder, plan, keys, 1)
        print(f"1 station, a window of 100 messages of 1 record: {rate:.0f} records/s, p99 acknowledgement {1e3 * p99:.0f} ms")
        missed += honest(address, keys, keys.stations[first + 1], f"station-{first + 1}", seconds / 2)
        memory = memory_mib(number)
        print(f"ingest's memory: {memory:.0f} MiB ({memory / MEMORY_MIB:.2f} of {MEMORY_MIB:.0f})")
        if memory > MEMORY_MIB:
            missed.append("memory")
    follow(folder)
    return missed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--out", type=Path, help="folder for figures (this benchmark draws none)")
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    load = os.getloadavg()[0]
    machine = f"{os.cpu_count()} cores, load {load:.1f}, {platform.machine()}, Python {platform.python_version()}"
    print(f"{machine}; {len(encode_record(RECORD))}-byte records")
    with tempfile.TemporaryDirectory() as name:
        missed = measure(Path(name), n_stations=100 if options.short else 1000, seconds=3.0 if options.short else 10.0)
    if missed:
        sys.exit(f"limits missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
