"""What strace sees: fdatasync before anything leaves, at both ends. kill -9 alone does not test power loss."""

from __future__ import annotations

import ast
import re
import shutil
import signal
import subprocess
import sys
import time
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
        assert sender.stdout.readline(), "strace cannot run the sender"
        until_s = time.monotonic() + 60.0
        while sum(map(is_batch, log.read_text(errors="replace").splitlines())) < 3 and time.monotonic() < until_s:
            for _ in range(20):  # the link may come up long after the first records
                assert sender.stdout.readline(), "the sender ended"
        sender.stdout.close()  # its next line ends it
        sender.wait(30)
        lines = log.read_text(errors="replace").splitlines()
    finally:
        collector.stop()
    order = [sync_or_send(line) for line in lines]
    first_record = order.index("r")  # the sender says that number 0 is safe
    opening = order[:first_record].count("s") - 1
    assert order[:first_record].count("w") <= 1
    synced = 0
    for what, line in zip(order, lines, strict=True):
        synced += what == "s"
        if what == "w":  # each record of a batch has a sync of its own before it, however late the link came up
            assert synced - opening > last_seq(line), "".join(order)
    assert order.count("w") >= 3


def is_batch(line: str) -> bool:
    """Return whether ``line`` of a trace is the sending of a batch."""
    return re.search(r"(sendto|sendmsg|write)\(.*batch", line) is not None


def last_seq(line: str) -> int:
    """Return the number of the last record of the batch in ``line``: its first one's, and how many MessagePack says there are."""
    (quoted,) = re.findall(r'"(.*)"', line)
    sent: bytes = ast.literal_eval(f'b"{quoted}"')  # strace writes bytes as C does
    first, count = (sent[sent.index(key) + len(key) :] for key in (b"\xa9first_seq", b"\xa7records"))
    wide = {0xCC: 2, 0xCD: 3, 0xDC: 3}
    first_seq = int.from_bytes(first[1 : wide[first[0]]]) if first[0] in wide else first[0]
    return first_seq - 1 + (int.from_bytes(count[1 : wide[count[0]]]) if count[0] in wide else count[0] & 0x0F)


def sync_or_send(line: str) -> str:
    """'s': an fdatasync that ended well; 'w': a batch leaves; 'r': the sender says that a record is safe; '': anything else."""
    if re.search(r"fdatasync\(.*= 0$", line) or re.search(r"fdatasync resumed.*= 0$", line):
        return "s"
    if is_batch(line):
        return "w"
    return "r" if re.search(r'write\(1, "\d+', line) else ""
