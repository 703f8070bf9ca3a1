"""Captures on the wire: no record waits for them, the cap holds, pieces are synced before they are acknowledged, what is asked arrives."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.wire import Task
from station.capture_sender import CaptureSender
from station.uplink import Uplink
from tests.collector.test_hostile import p99_ack_s
from tests.end_to_end.capture_sender import write_pair
from tests.end_to_end.capturing import STATION, ask, sender
from tests.end_to_end.running import Collector, emission, eventually
from tests.machine import cannot


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


def test_a_station_of_an_older_version_is_not_sent_what_it_cannot_read(collector: Collector) -> None:
    ask(collector.folder)
    with Uplink(collector.ingest, station=STATION) as uplink:  # says no features
        uplink.publish(emission(0))
        assert uplink.drain(20.0)
        time.sleep(2.5)
        assert uplink.problem() is None
