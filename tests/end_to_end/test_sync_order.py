"""What strace sees: fdatasync before anything leaves, at both ends. kill -9 alone does not test power loss."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from station.uplink import Uplink
from tests.end_to_end.running import STATION, Collector, emission, end_with_parent
from tests.machine import cannot

pytestmark = pytest.mark.services


def syncs_and_sends(trace: str) -> list[str]:
    """'s' for each fdatasync that ended well, 'w' for each sending of bytes that hold an ``ack``, in order."""
    found = []
    for line in trace.splitlines():
        if re.search(r"f(data)?sync\(.*= 0$", line) or re.search(r"f(data)?sync resumed.*= 0$", line):
            found.append("s")
        elif re.search(r"(sendto|write|sendmsg)\(.*committed_seq", line) and "rejected" in line:
            found.append("w")
    return found


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
            cannot(f"let strace attach: {line.decode().strip()}")
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
    order = [sync_or_send(line) for line in lines]
    first_record = order.index("r")  # the sender says that number 0 is safe
    opening = order[:first_record].count("s") - 1
    assert order[:first_record].count("w") <= 1
    seen = {"s": 0, "w": 0}
    for what in order:
        if what in seen:
            seen[what] += 1
            assert what == "s" or seen["s"] - opening >= seen["w"], "".join(
                order
            )  # each batch holds a record with a sync of its own behind it
    assert seen["w"] >= 3


def sync_or_send(line: str) -> str:
    """'s': an fdatasync that ended well; 'w': a batch leaves; 'r': the sender says that a record is safe; '': anything else."""
    if re.search(r"fdatasync\(.*= 0$", line) or re.search(r"fdatasync resumed.*= 0$", line):
        return "s"
    if re.search(r"(sendto|sendmsg|write)\(.*batch", line):
        return "w"
    return "r" if re.search(r'write\(1, "\d+', line) else ""
