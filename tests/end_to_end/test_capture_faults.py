"""Captures while things go wrong: kills at both ends, a full disk, a station that lies, tables that cannot be used."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import zmq

from collector.captures import Captures
from config.wire.frames import CaptureChunk, Hello, encode_frame
from station.uplink import Uplink
from tests.collector.running_ingest import RunningIngest
from tests.collector.test_hostile import p99_ack_s
from tests.end_to_end.capture_sender import CAPTURE_ID, write_pair
from tests.end_to_end.capturing import STATION, ask, sender
from tests.end_to_end.running import Collector, emission, end_with_parent, eventually
from tests.end_to_end.small_disk import small_disk


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


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
        collector, side = Collector(data), sender(1200)
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


class Liar:
    """A station that sends pieces of captures that were never asked for, of impossible lengths, in no order."""

    def __init__(self, address: str, task_id: str) -> None:
        self._address, self._task_id = address, task_id
        self._context, self._stop = zmq.Context(), threading.Event()
        self._thread = threading.Thread(target=self._lie)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._context.term()

    def _lie(self) -> None:
        dealer = self._context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(self._address)
        dealer.send(encode_frame(Hello(station="stranger", program="x", spool_id="ab" * 16, first_seq=0, next_seq=0)))
        rng = random.Random(3)
        while not self._stop.is_set():
            with contextlib.suppress(zmq.Again):
                dealer.send(encode_frame(self._piece(rng)), zmq.NOBLOCK)
            while dealer.poll(0):
                dealer.recv()
            time.sleep(0.005)
        dealer.close()

    def _piece(self, rng: random.Random) -> CaptureChunk:
        return CaptureChunk(
            capture_id=f"c{rng.randrange(5)}",
            part=rng.choice(["data", "meta"]),  # type: ignore[arg-type]
            total_bytes=rng.choice([0, 1000, 400_000, 2**52]),
            sha256="ab" * 32,
            offset=rng.choice([0, 0, 17, 2**50]),
            data=rng.randbytes(rng.choice([0, 10, 200_000])),
            task_id=rng.choice([self._task_id, None]),
        )


def test_a_station_that_lies_about_its_captures_costs_nobody_else_anything(tmp_path: Path, data: Path) -> None:
    running = RunningIngest(data / "journal", errands=data)
    liar = Liar(running.address, ask(data, "stranger"))
    try:
        with Uplink(running.address, station=STATION) as uplink:
            without = p99_ack_s(uplink, 100)
            liar.start()
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
        liar.stop()
        running.close()
    captures = Captures(data)
    assert captures.counters()["chunks_refused"] > 10
    assert {one.state for one in captures.rows(station="stranger")} <= {"wrong", "refused", "coming"}
    used = sum(path.stat().st_size for path in captures.folder.rglob("*") if path.is_file() and STATION not in str(path))
    assert used < 4_000_000
    print(f"p99 of the acknowledgement: {without * 1e3:.1f} ms alone, {during * 1e3:.1f} ms beside a liar")
    assert during < 2 * without + 0.05


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
