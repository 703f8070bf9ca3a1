"""kill -9 of station and collector at random moments under load: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from station.one_collector_spool import OneCollectorSpool
from station.uplink import Uplink
from tests.end_to_end.balance import balance
from tests.end_to_end.running import STATION, Ingest, end_with_parent


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
    """Kill -9 station and ingest ``rounds`` times each at random, under load; return the balance as a line."""
    rng = random.Random(seed)
    path, ingest = tmp_path / "state" / "spool.db", Ingest(tmp_path / "data")
    killed: dict[str, int] = {"station": 0, "ingest": 0}
    try:
        highest = -1
        sender = start_sender(path, ingest.address, root, bound_mib=bound_mib)
        while min(killed.values()) < rounds:
            time.sleep(rng.uniform(0.02, 0.4))
            whom = rng.choice(["station", "ingest"])
            if killed[whom] == rounds:
                continue
            killed[whom] += 1
            if whom == "ingest":
                ingest.kill()
                ingest.start()
            else:
                highest = max([highest, *killed_after(sender, rng.uniform(0.0, 0.2))])
                sender = start_sender(path, ingest.address, root, bound_mib=bound_mib)
        highest = max([highest, *killed_after(sender, 0.0)])
        spool_id, generated = drained(path, ingest.address)
        assert generated > highest
        result = balance(ingest.folder / "journal", spool_id, generated)
        assert result.holds(), (result, seed)
        return f"{killed} {result}"
    finally:
        ingest.stop()


def test_kill_9_of_station_and_collector_at_random_loses_nothing_and_doubles_nothing(tmp_path: Path, root: Path) -> None:
    kill_and_count(tmp_path, root, rounds=10, bound_mib=64.0, seed=random.SystemRandom().randrange(2**32))


@pytest.mark.slow
def test_kill_9_a_hundred_times_a_side_with_a_spool_that_overflows(tmp_path: Path, root: Path) -> None:
    print(kill_and_count(tmp_path, root, rounds=100, bound_mib=0.05, seed=random.SystemRandom().randrange(2**32)))
