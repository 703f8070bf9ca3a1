"""Faults for real: processes are killed at random, disks are watched, spools copied and collectors put back."""

from __future__ import annotations

import contextlib
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from station.one_collector_spool import OneCollectorSpool
from station.spool import MemorySpool
from station.sqlite_spool import SqliteSpool
from station.uplink import Uplink
from tests.end_to_end.balance import balance
from tests.end_to_end.running import Collector, emission, end_with_parent, eventually

STATION = "nui-vong-phu"


def start_sender(path: Path, address: str, root: Path, *, bound_mib: float = 64.0) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.end_to_end.sender", str(path), address, STATION, str(bound_mib)],
        stdout=subprocess.PIPE,
        cwd=root,
        preexec_fn=end_with_parent,
    )


def killed_after(sender: subprocess.Popen[bytes], wait_s: float) -> list[int]:
    """Let the sender work, kill -9 it, and return the numbers that it said are safe."""
    assert sender.stdout is not None
    assert sender.stdout.readline()
    time.sleep(wait_s)
    sender.send_signal(signal.SIGKILL)
    said = [int(line) for line in sender.stdout.read().split()]
    sender.stdout.close()
    sender.wait()
    return said


def drained(path: Path, address: str) -> tuple[str, int]:
    """Send what is left; return the spool's identity and how many numbers it gave."""
    spool = OneCollectorSpool(path)
    with Uplink(address, station=STATION, spool=spool) as uplink:
        assert uplink.drain(60.0), uplink.problem()
        return spool.spool_id, spool.next_seq


def kill_and_count(tmp_path: Path, root: Path, *, rounds: int, bound_mib: float, seed: int) -> str:
    """Kill -9 station and ingest ``rounds`` times each at random; return the balance as a line."""
    rng = random.Random(seed)
    path, collector = tmp_path / "state" / "spool.db", Collector(tmp_path / "data")
    try:
        highest = -1
        for _ in range(rounds):
            sender = start_sender(path, collector.ingest, root, bound_mib=bound_mib)
            if "ingest" in (parts := collector.parts()):
                time.sleep(rng.uniform(0.0, 0.8))
                os.kill(parts["ingest"], signal.SIGKILL)
            highest = max([highest, *killed_after(sender, rng.uniform(0.05, 0.6))])
        eventually(lambda: "ingest" in collector.parts())
        spool_id, generated = drained(path, collector.ingest)
        assert generated > highest
        result = balance(collector.folder / "journal", spool_id, generated)
        assert result.holds(), result
        assert collector.said().count("ingest was killed (SIGKILL)") >= rounds // 2
        return str(result)
    finally:
        collector.stop()


def test_kill_9_of_station_and_collector_at_random_loses_nothing_and_doubles_nothing(tmp_path: Path, root: Path) -> None:
    kill_and_count(tmp_path, root, rounds=4, bound_mib=64.0, seed=random.SystemRandom().randrange(2**32))


@pytest.mark.slow
def test_kill_9_a_hundred_times_a_side_with_a_spool_that_overflows(tmp_path: Path, root: Path) -> None:
    print(kill_and_count(tmp_path, root, rounds=100, bound_mib=0.05, seed=random.SystemRandom().randrange(2**32)))


def test_what_a_bounded_spool_dropped_while_nobody_answered_is_a_gap_at_the_collector(tmp_path: Path) -> None:
    collector = Collector(tmp_path / "data")
    address = collector.ingest
    collector.stop()
    spool = OneCollectorSpool(tmp_path / "spool.db", max_bytes=120_000)
    with Uplink(address, station=STATION, spool=spool) as uplink:
        for number in range(600):
            uplink.publish(emission(number))
        collector = Collector(tmp_path / "data", ingest=address)
        try:
            assert uplink.drain(30.0), uplink.problem()
            result = balance(collector.folder / "journal", spool.spool_id, 600)
        finally:
            collector.stop()
    assert result.holds(), result
    assert result.gaps > 150
    assert result.stored > 20


def test_a_collector_restored_from_yesterdays_backup_gets_everything_again(tmp_path: Path) -> None:
    collector = Collector(tmp_path / "data")
    address = collector.ingest
    spool = OneCollectorSpool(tmp_path / "spool.db")
    with Uplink(address, station=STATION, spool=spool) as uplink:
        for number in range(50):
            uplink.publish(emission(number))
        assert uplink.drain(20.0)
        collector.stop()
        shutil.copytree(tmp_path / "data", tmp_path / "backup")
        collector = Collector(tmp_path / "data", ingest=address)
        for number in range(50, 100):
            uplink.publish(emission(number))
        assert uplink.drain(20.0)
        collector.stop()
        shutil.rmtree(tmp_path / "data")
        shutil.copytree(tmp_path / "backup", tmp_path / "data")
        collector = Collector(tmp_path / "data", ingest=address)
        try:
            uplink.publish(emission(100))
            eventually(lambda: balance(tmp_path / "data" / "journal", spool.spool_id, 101).holds(), timeout_s=30.0)
        finally:
            collector.stop()


class Relay:
    """A link between station and collector that can be cut: in the midst of whatever goes over it, or so that nothing is heard any more."""

    def __init__(self, address: str) -> None:
        host, port = address.removeprefix("tcp://").split(":")
        self._there = (host, int(port))
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.05)
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self.silent, self.passed = False, 0
        self._cut_after: int | None = None
        self._ended = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def cut_after(self, n_bytes: int) -> None:
        """End every connection after so many bytes more."""
        self._cut_after = self.passed + n_bytes

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._server.close()
        self._cut()

    def _cut(self) -> None:
        for pair in self._pairs:
            for end in pair:
                end.close()
        self._pairs = []

    def _run(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                here, _ = self._server.accept()
                self._pairs.append((here, socket.create_connection(self._there)))
            ends = {end: other for pair in self._pairs for end, other in (pair, pair[::-1])}
            while ends and not self._ended.is_set() and (ready := select.select(list(ends), [], [], 0.02)[0]) and not self.silent:
                if not all(self._pass_on(end, ends[end]) for end in ready):
                    self._cut()
                    break

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> bool:
        try:
            data = source.recv(4096)
            if self._cut_after is not None and self.passed + len(data) > self._cut_after:
                sink.sendall(data[: max(0, self._cut_after - self.passed)])
                self._cut_after = None
                return False
            self.passed += len(data)
            sink.sendall(data)
        except OSError:
            return False
        return bool(data)


def test_a_link_that_is_cut_in_mid_batch_and_goes_silent_for_long_loses_and_doubles_nothing(collector: Collector) -> None:
    relay, rng = Relay(collector.ingest), random.Random(5)
    spool = MemorySpool()
    try:
        with Uplink(relay.address, station=STATION, spool=spool) as uplink:
            for number in range(6):
                eventually(lambda: uplink.connected, timeout_s=30.0)
                relay.cut_after(rng.randrange(100, 60_000))
                for _ in range(400):
                    uplink.publish(emission(number))
            relay.silent = True
            time.sleep(7.0)  # longer than heartbeats and the wait for an acknowledgement
            relay.silent = False
            assert uplink.drain(60.0), uplink.problem()
    finally:
        relay.close()
    assert balance(collector.folder / "journal", spool.spool_id, 2400).holds()


def test_a_copied_spool_is_told_and_not_mixed(collector: Collector, tmp_path: Path) -> None:
    one, two = tmp_path / "one.db", tmp_path / "two.db"
    first = OneCollectorSpool(one)
    with Uplink(collector.ingest, station=STATION, spool=first) as uplink:
        uplink.publish(emission(0))
        assert uplink.drain(10.0)
        before = SqliteSpool(one)
        copy = before._db.execute("VACUUM INTO ?", (str(two),))
        copy.close()
        before.close()
        uplink.publish(emission(1))
        assert uplink.drain(10.0)
        second = OneCollectorSpool(two)
        with Uplink(collector.ingest, station=STATION, spool=second) as other:
            other.publish(emission(2, label="the copy's own"))
            eventually(lambda: "a spool was copied" in (other.problem() or ""))
            assert other.waiting >= 1
            uplink.publish(emission(3))
            assert uplink.drain(10.0), uplink.problem()
        assert balance(collector.folder / "journal", first.spool_id, 3).holds()
    assert "two_senders" in collector.said()


def syncs_and_sends(trace: str) -> list[str]:
    """'s' for each fdatasync that ended well, 'w' for each sending of bytes that hold an ``ack``, in order."""
    found = []
    for line in trace.splitlines():
        if re.search(r"f(data)?sync\(.*= 0$", line) or re.search(r"f(data)?sync resumed.*= 0$", line):
            found.append("s")
        elif re.search(r"(sendto|write|sendmsg)\(.*committed_seq", line) and "rejected" in line:
            found.append("w")
    return found


@pytest.mark.services
def test_the_journal_is_synced_before_the_acknowledgement_leaves(tmp_path: Path) -> None:
    if (strace := shutil.which("strace")) is None:
        pytest.skip("no strace on this machine: apt-get install strace")
    collector = Collector(tmp_path / "data")
    try:
        log = tmp_path / "trace"
        tracer = subprocess.Popen(
            [
                strace,
                "-f",
                "-s",
                "400",
                "-o",
                str(log),
                "-e",
                "trace=fdatasync,fsync,sendto,sendmsg,write",
                "-p",
                str(collector.parts()["ingest"]),
            ],
            stderr=subprocess.PIPE,
        )
        assert tracer.stderr is not None
        if b"attached" not in (line := tracer.stderr.readline()):
            pytest.skip(f"strace cannot attach here: {line.decode().strip()}")
        with Uplink(collector.ingest, station=STATION) as uplink:
            for number in range(5):
                uplink.publish(emission(number))
                assert uplink.drain(20.0)
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=20)
        order = "".join(syncs_and_sends(log.read_text(errors="replace")))
    finally:
        collector.stop()
    assert order.count("w") >= 5, order
    assert order.startswith("s"), order
    assert "ww" not in order, order  # each acknowledgement has a sync of its own before it


@pytest.mark.services
def test_a_record_is_synced_before_it_is_sent(tmp_path: Path, root: Path) -> None:
    if (strace := shutil.which("strace")) is None:
        pytest.skip("no strace on this machine: apt-get install strace")
    collector = Collector(tmp_path / "data")
    log = tmp_path / "trace"
    try:
        sender = subprocess.Popen(
            [
                *(strace, "-f", "-s", "300", "-o", str(log), "-e", "trace=fdatasync,sendto,sendmsg,write"),
                *(sys.executable, "-m", "tests.end_to_end.sender", str(tmp_path / "spool.db"), collector.ingest, STATION, "64"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=root,
            preexec_fn=end_with_parent,
        )
        assert sender.stdout is not None
        for _ in range(20):
            assert sender.stdout.readline(), "strace cannot run the sender"
        sender.stdout.close()  # its next line ends it
        sender.wait(30)
        lines = log.read_text(errors="replace").splitlines()
    finally:
        collector.stop()
    first_batch = next(n for n, line in enumerate(lines) if re.search(r"(sendto|sendmsg|write)\(.*batch", line))
    assert any("fdatasync" in line for line in lines[:first_batch])
