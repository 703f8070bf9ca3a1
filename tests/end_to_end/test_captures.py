"""Captures on the wire: no record waits for them, kills at both ends lose nothing that was acknowledged, liars cost themselves alone."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from collector.captures import Captures
from collector.task_table import Limits, TaskTable, new_task_id, tasks_path
from config.wire import Task
from config.wire.frames import CaptureChunk, Hello, encode_frame
from station.capture_sender import CaptureSender
from station.uplink import Uplink
from tests.collector.running_ingest import RunningIngest
from tests.collector.test_hostile import p99_ack_s
from tests.end_to_end.capture_sender import CAPTURE_ID, write_pair
from tests.end_to_end.running import Collector, emission, end_with_parent, eventually
from tests.end_to_end.small_disk import small_disk
from tests.machine import cannot

STATION = "nui-vong-phu"


def ask(data: Path, station: str = STATION) -> str:
    """Put a task for a capture on the table and return its identity."""
    now_ns = time.time_ns()
    table = TaskTable(tasks_path(data))
    task = Task(
        task_id=new_task_id(),
        station=station,
        action="capture",
        freq_hz=944e6,
        bandwidth_hz=4e5,
        duration_s=2.0,
        reason="why",
        issued_by="person:an",
        issued_ns=now_ns,
        expires_ns=now_ns + 3600 * 10**9,
    )
    table.ask(task, Limits(per_station_hour=100))
    table.close()
    return task.task_id


def sender(kib_s: float | None) -> CaptureSender:
    return CaptureSender(max_bytes_s=None if kib_s is None else 1024 * kib_s, on_tasks=lambda _: None, now_s=time.monotonic())


class SlowLink:
    """A TCP relay that lets ``bytes_s`` through from station to collector, with little room to queue."""

    def __init__(self, address: str, bytes_s: float) -> None:
        host, port = address.removeprefix("tcp://").split(":")
        self._there, self._bytes_s = (host, int(port)), bytes_s
        self._server = socket.socket()
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._server.bind(("127.0.0.1", 0))
        self._server.listen()
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self._sockets: list[socket.socket] = [self._server]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._server.accept()
                there = socket.create_connection(self._there)
                self._sockets += [here, there]
                for source, sink, rate in ((here, there, self._bytes_s), (there, here, 1e9)):
                    threading.Thread(target=self._pass, args=(source, sink, rate), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, rate: float) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(2048):
                time.sleep(len(data) / rate)
                sink.sendall(data)

    def close(self) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def slow_link(collector: Collector) -> Iterator[SlowLink]:
    link = SlowLink(collector.ingest, 96_000.0)
    yield link
    link.close()


def test_records_are_acknowledged_as_fast_while_a_capture_is_under_way(tmp_path: Path, collector: Collector) -> None:
    side = sender(1024)
    with Uplink(collector.ingest, station=STATION, side=side) as uplink:
        p99_ack_s(uplink, 20)
        without = p99_ack_s(uplink, 150)
        side.send(write_pair(tmp_path / "pair", 40_000_000, task_id=ask(collector.folder)))
        uplink.wake()
        eventually(lambda: side.sent_bytes > 100_000)
        before = side.sent_bytes
        during = p99_ack_s(uplink, 150)
        assert side.sent_bytes > before + 200_000
        assert side.waiting == 1
    print(f"p99 of the acknowledgement: {without * 1e3:.1f} ms without, {during * 1e3:.1f} ms while a capture is sent")
    assert during < 2 * without + 0.03


def test_on_a_slow_link_a_record_waits_for_a_small_piece_at_most(tmp_path: Path, collector: Collector, slow_link: SlowLink) -> None:
    side = sender(None)  # no cap: the pieces have to find their size
    with Uplink(slow_link.address, station=STATION, side=side) as uplink:
        without = p99_ack_s(uplink, 20)
        side.send(write_pair(tmp_path / "pair", 4_000_000, task_id=ask(collector.folder)))
        uplink.wake()
        eventually(lambda: side.sent_bytes > 150_000, timeout_s=30.0)
        during = p99_ack_s(uplink, 20)
        assert 0 < side.sent_bytes < 4_000_000
    print(f"p99 of the acknowledgement at 96 kB/s: {without * 1e3:.0f} ms without, {during * 1e3:.0f} ms while a capture is sent")
    assert during < without + 1.0


def test_the_cap_on_captures_holds(tmp_path: Path, collector: Collector) -> None:
    side = sender(200)
    with Uplink(collector.ingest, station=STATION, side=side):
        side.send(write_pair(tmp_path / "pair", 4_000_000, task_id=ask(collector.folder)))
        eventually(lambda: side.sent_bytes > 0)
        began, before = time.monotonic(), side.sent_bytes
        time.sleep(3.0)
        rate = (side.sent_bytes - before) / (time.monotonic() - began)
    assert 100 * 1024 < rate < 300 * 1024, rate


def test_kill_9_at_both_ends_in_the_middle_loses_nothing_that_was_acknowledged(tmp_path: Path, root: Path, collector: Collector) -> None:
    rng, n_bytes = random.Random(random.SystemRandom().randrange(2**32)), 6_000_000
    task_id = ask(collector.folder)
    write_pair(tmp_path / "pair", n_bytes, task_id=task_id)
    folder = collector.folder / "captures" / STATION
    part, whole = folder / f"{CAPTURE_ID}.data.part", folder / f"{CAPTURE_ID}.sigmf-data"
    highest = killed = 0
    while not whole.exists():
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.capture_sender", str(tmp_path / "pair"), collector.ingest, STATION, "1500", task_id],
            stdout=subprocess.PIPE,
            cwd=root,
            preexec_fn=end_with_parent,
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(rng.uniform(0.1, 1.0))
        ingest = collector.parts().get("ingest")
        with contextlib.suppress(ProcessLookupError):
            if killed < 8:
                if ingest is not None and killed % 2:
                    os.kill(ingest, signal.SIGKILL)
                    time.sleep(rng.uniform(0.0, 0.3))
                process.send_signal(signal.SIGKILL)
                killed += 1
        said = [int(line) for line in (first + process.stdout.read()).split()]
        process.stdout.close()
        process.wait(60)
        assert all(later >= earlier for earlier, later in itertools.pairwise(said))
        assert not said or said[0] >= highest, "what was acknowledged is gone"
        highest = max([highest, *said])
        if part.exists():
            assert part.stat().st_size >= highest
    assert killed >= 3
    assert whole.read_bytes() == (tmp_path / "pair" / whole.name).read_bytes()
    assert not part.exists()


def test_a_disk_that_is_full_in_the_middle_delays_the_capture_and_no_record(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "tasks.toml").write_text("[captures]\nfree_part = 0.0\n")
    with small_disk(tmp_path, kind="tmpfs", mib=4) as small:
        (data / "captures").symlink_to(small)
        collector, side = Collector(data), sender(400)
        part = small / STATION / f"{CAPTURE_ID}.data.part"
        try:
            with Uplink(collector.ingest, station=STATION, side=side) as uplink:
                side.send(write_pair(tmp_path / "pair", 2_500_000, task_id=ask(data)))
                uplink.wake()
                eventually(lambda: part.exists() and part.stat().st_size > 300_000, timeout_s=30.0)
                filler = small / "filler"
                with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                    while True:
                        file.write(bytes(65536))
                eventually(lambda: "capture_unkept" in collector.said(), timeout_s=30.0)
                assert p99_ack_s(uplink, 20) < 5.0
                assert side.waiting == 1
                filler.unlink()
                eventually((small / STATION / f"{CAPTURE_ID}.sigmf-data").exists, timeout_s=60.0)
                eventually(side.ended, timeout_s=20.0)
            assert (small / STATION / f"{CAPTURE_ID}.sigmf-data").read_bytes() == (
                tmp_path / "pair" / f"{CAPTURE_ID}.sigmf-data"
            ).read_bytes()
        finally:
            collector.stop()


@pytest.mark.services
def test_a_piece_is_synced_before_its_acknowledgement_leaves(tmp_path: Path, collector: Collector) -> None:
    if (strace := shutil.which("strace")) is None:
        pytest.skip("no strace on this machine: apt-get install strace")
    log, side = tmp_path / "trace", sender(300)
    watched = ["-e", "trace=fdatasync,sendto,sendmsg,write", "-p", str(collector.parts()["ingest"])]
    tracer = subprocess.Popen([strace, "-f", "-y", "-s", "400", "-o", str(log), *watched], stderr=subprocess.PIPE)
    assert tracer.stderr is not None
    if b"attached" not in (line := tracer.stderr.readline()):
        cannot(f"let strace attach: {line.decode().strip()}")
    with Uplink(collector.ingest, station=STATION, side=side):
        side.send(write_pair(tmp_path / "pair", 400_000, task_id=ask(collector.folder)))
        eventually(lambda: side.sent_bytes >= 400_000, timeout_s=30.0)
    tracer.send_signal(signal.SIGINT)
    tracer.communicate(timeout=20)
    order = ""
    for line in log.read_text(errors="replace").splitlines():
        if re.search(r"fdatasync\(\d+<[^>]*\.part>\) += 0$", line) or "fdatasync resumed" in line:
            order += "s"
        elif "capture_ack" in line and "offset" in line:
            order += "w"
    # the first acknowledgement of each file answers the question how much is there; every one after it has a sync of its own
    assert order.count("w") >= 6, order
    assert order.count("s") >= order.count("w") - 2, order
    assert "www" not in order, order


def test_a_station_that_lies_about_its_captures_costs_nobody_else_anything(tmp_path: Path, data: Path) -> None:
    running = RunningIngest(data / "journal", errands=data)
    task_id = ask(data, "stranger")
    context = zmq.Context()
    stop = threading.Event()

    def lie() -> None:
        dealer = context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(running.address)
        dealer.send(encode_frame(Hello(station="stranger", program="x", spool_id="ab" * 16, first_seq=0, next_seq=0)))
        rng = random.Random(3)
        while not stop.is_set():
            chunk = CaptureChunk(
                capture_id=f"c{rng.randrange(5)}",
                part=rng.choice(["data", "meta"]),  # type: ignore[arg-type]
                total_bytes=rng.choice([0, 1000, 400_000, 2**52]),
                sha256="ab" * 32,
                offset=rng.choice([0, 0, 17, 2**50]),
                data=rng.randbytes(rng.choice([0, 10, 200_000])),
                task_id=rng.choice([task_id, None]),
            )
            with contextlib.suppress(zmq.Again):
                dealer.send(encode_frame(chunk), zmq.NOBLOCK)
            while dealer.poll(0):
                dealer.recv()
            time.sleep(0.005)
        dealer.close()

    thread = threading.Thread(target=lie)
    try:
        with Uplink(running.address, station=STATION) as uplink:
            without = p99_ack_s(uplink, 100)
            thread.start()
            time.sleep(0.5)
            during = p99_ack_s(uplink, 100)
            side_task = ask(data)
        honest = sender(None)
        with Uplink(running.address, station=STATION, side=honest) as uplink:
            honest.send(write_pair(tmp_path / "pair", 300_000, task_id=side_task))
            uplink.wake()
            eventually(lambda: Captures(data).get(STATION, CAPTURE_ID), timeout_s=20.0)
            eventually(lambda: Captures(data).find(CAPTURE_ID).state == "whole", timeout_s=20.0)
    finally:
        stop.set()
        thread.join()
        context.term()
        running.close()
    captures = Captures(data)
    assert captures.counters()["chunks_refused"] > 10
    assert {one.state for one in captures.rows(station="stranger")} <= {"wrong", "refused", "coming"}
    used = sum(path.stat().st_size for path in captures.folder.rglob("*") if path.is_file() and STATION not in str(path))
    assert used < 4_000_000
    print(f"p99 of the acknowledgement: {without * 1e3:.1f} ms alone, {during * 1e3:.1f} ms beside a liar")
    assert during < 2 * without + 0.05


def test_what_is_asked_reaches_the_station_at_once_and_after_a_new_hello(collector: Collector) -> None:
    came: list[Task] = []
    side = CaptureSender(max_bytes_s=None, on_tasks=lambda frame: came.extend(frame.tasks), now_s=time.monotonic())
    with Uplink(collector.ingest, station=STATION, side=side) as uplink:
        uplink.publish(emission(0))
        assert uplink.drain(20.0)
        task_id = ask(collector.folder)
        ask(collector.folder, "another")
        began = time.monotonic()
        eventually(lambda: came)
        assert time.monotonic() - began < 3.0
    assert [one.task_id for one in came] == [task_id]
    collector.kill("ingest")
    again: list[Task] = []
    side = CaptureSender(max_bytes_s=None, on_tasks=lambda frame: again.extend(frame.tasks), now_s=time.monotonic())
    with Uplink(collector.ingest, station=STATION, side=side):
        eventually(lambda: again, timeout_s=30.0)
    assert [one.task_id for one in again] == [task_id]


def test_tables_that_cannot_be_used_stop_no_record_and_wrong_settings_are_said_at_the_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "captures.db").write_bytes(b"this is no database" * 100)
    (data / "tasks.db").write_bytes(b"nor is this" * 200)
    collector = Collector(data)
    try:
        with Uplink(collector.ingest, station=STATION, side=sender(None)) as uplink:
            uplink.publish(emission(0))
            assert uplink.drain(20.0), uplink.problem()
        assert "no_errands" in collector.said()
    finally:
        collector.stop()
    (data / "tasks.toml").write_text("[ask]\nevery_minute = true\n")
    command = [
        sys.executable,
        "-m",
        "collector.cli",
        "--data",
        str(data),
        "serve",
        "--ingest",
        "tcp://127.0.0.1:*",
        "--http",
        "127.0.0.1:0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "every_minute" in done.stderr


def test_a_station_of_an_older_version_is_not_sent_what_it_cannot_read(collector: Collector) -> None:
    ask(collector.folder)
    with Uplink(collector.ingest, station=STATION) as uplink:  # says no features
        uplink.publish(emission(0))
        assert uplink.drain(20.0)
        time.sleep(2.5)
        assert uplink.problem() is None
