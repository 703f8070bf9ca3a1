"""Tasks on real sockets: to the station they are for and to nobody else, and never on a connection whose key was revoked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from collector.enrolment import LiveRegister, read_register, write_register
from collector.errands import AGAIN_S, Errands
from collector.gate import Gate
from collector.task_settings import TaskSettings
from collector.task_table import TaskTable, tasks_path
from config.keyfiles import KeyPair, fresh_keypair
from config.wire import Task
from config.wire.frames import Heartbeat, Hello, Refused, Tasks, decode_frame, encode_frame
from station.capture_sender import CaptureSender
from station.uplink import Curve, Uplink
from tests.collector.running_ingest import RunningIngest
from tests.collector.test_task_table import MANY, result, task
from tests.end_to_end.running import eventually

STATION = "nui-vong-phu"


def fresh(**changes: object) -> Task:
    now_ns = time.time_ns()
    return task(**{"issued_ns": now_ns, "expires_ns": now_ns + 3600 * 10**9, **changes})


class Guarded:
    """Ingest with keys and errands."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.register, self.pair = folder, folder / "stations.json", fresh_keypair()
        self.table = TaskTable(tasks_path(folder))
        self.ingest = RunningIngest(folder / "journal", gate=Gate(self.pair, LiveRegister(self.register)), errands=folder)

    def enrolled(self, name: str) -> KeyPair:
        pair = fresh_keypair()
        write_register(self.register, read_register(self.register).enrol(name, pair.public, now_ns=time.time_ns()))
        return pair

    def dealer(self, context: zmq.Context[zmq.Socket[bytes]], pair: KeyPair, name: str) -> zmq.Socket[bytes]:
        socket = context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.curve_secretkey, socket.curve_publickey = pair.secret.encode(), pair.public.encode()
        socket.curve_serverkey = self.pair.public.encode()
        socket.connect(self.ingest.address)
        hello = Hello(station=name, program="x", spool_id="ab" * 16, first_seq=0, next_seq=0, features=["tasks"])
        socket.send(encode_frame(hello))
        return socket


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    running = Guarded(tmp_path)
    yield running
    running.ingest.close()
    running.table.close()


def heard(socket: zmq.Socket[bytes], *, for_s: float) -> list[object]:
    """What comes while the station says every now and then that it is there."""
    until_s, frames = time.monotonic() + for_s, list[object]()
    while time.monotonic() < until_s:
        socket.send(encode_frame(Heartbeat()))
        while socket.poll(100):
            frames.append(decode_frame(socket.recv()))
    return frames


def test_a_task_goes_to_its_station_alone(guarded: Guarded) -> None:
    came: dict[str, list[str]] = {"nui-vong-phu": [], "ea-sup": []}
    links = []
    for name, tasks in came.items():
        side = CaptureSender(max_bytes_s=None, on_tasks=lambda frame, t=tasks: t.extend(one.task_id for one in frame.tasks), now_s=0.0)  # type: ignore[misc]
        curve = Curve(pair=guarded.enrolled(name), collector_key=guarded.pair.public)
        links.append(Uplink(guarded.ingest.address, station=name, curve=curve, side=side))
    try:
        mine, other = guarded.table.ask(fresh(), MANY), guarded.table.ask(fresh(station="ea-sup"), MANY)
        eventually(lambda: all(came.values()))
    finally:
        for link in links:
            link.close()
    assert came == {"nui-vong-phu": [mine.task_id], "ea-sup": [other.task_id]}


def test_a_connection_whose_key_was_revoked_is_told_nothing_more(guarded: Guarded) -> None:
    pair, context = guarded.enrolled(STATION), zmq.Context[zmq.Socket[bytes]]()
    socket = guarded.dealer(context, pair, STATION)
    try:
        eventually(lambda: heard(socket, for_s=0.3))
        write_register(guarded.register, read_register(guarded.register).revoke(STATION, now_ns=time.time_ns()))
        time.sleep(0.3)
        guarded.table.ask(fresh(), MANY)
        frames = heard(socket, for_s=2.0)
    finally:
        socket.close()
        context.term()
    assert not [one for one in frames if isinstance(one, Tasks)]
    assert [one for one in frames if isinstance(one, Refused)]


def test_what_is_answered_or_expired_is_sent_no_more_and_what_is_cancelled_once_as_such(guarded: Guarded) -> None:
    pair, context = guarded.enrolled(STATION), zmq.Context[zmq.Socket[bytes]]()
    done, gone, stop = (guarded.table.ask(fresh(freq_hz=freq), MANY) for freq in (944e6, 945e6, 946e6))
    short = guarded.table.ask(fresh(freq_hz=947e6, expires_ns=time.time_ns() + 10**8), MANY)
    time.sleep(0.2)
    socket = guarded.dealer(context, pair, STATION)
    try:
        frames = [one for one in heard(socket, for_s=1.5) if isinstance(one, Tasks)]
        told = [one.task_id for frame in frames for one in frame.tasks]
        assert sorted(told) == sorted([done.task_id, gone.task_id, stop.task_id])
        assert short.task_id not in told
        assert abs(frames[0].now_ns - time.time_ns()) < 10 * 10**9
        guarded.table.answered([result(done, "done"), result(gone, "refused")])
        guarded.table.cancel(stop.task_id)
        frames = [one for one in heard(socket, for_s=1.5) if isinstance(one, Tasks)]
        assert [(one.task_id, one.cancelled) for frame in frames for one in frame.tasks] == [(stop.task_id, True)]
    finally:
        socket.close()
        context.term()


def test_a_task_is_said_again_when_it_is_not_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = TaskTable(tasks_path(tmp_path))
    table.ask(fresh(), MANY)
    errands, now_s = Errands(tmp_path, TaskSettings()), [1000.0]
    monkeypatch.setattr("collector.errands.time.monotonic", lambda: now_s[0])
    errands.hello(b"peer", STATION, ["tasks"])
    errands.hello(b"old", "ea-sup", [])
    assert (len(errands.due_for(b"peer")), errands.due_for(b"old"), errands.due_for(b"nobody")) == (1, [], [])
    now_s[0] += AGAIN_S - 1
    assert errands.due_for(b"peer") == []
    now_s[0] += 2
    assert len(errands.due_for(b"peer")) == 1
    errands.hello(b"new peer", STATION, ["tasks"])  # the same station on a new connection: the old one is over
    assert (errands.due_for(b"peer"), len(errands.due_for(b"new peer"))) == ([], 1)
    errands.gone(b"new peer")
    assert errands.due_for(b"new peer") == []
    errands.close()
    table.close()
