"""The network between station and centre goes away for real: two namespaces, a cable that is pulled, a link that loses and resets."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.enrolment import Register, write_register
from config.keyfiles import fresh_keypair, write_keypair
from tests.end_to_end.balance import Balance, balance
from tests.end_to_end.namespaces import CENTRE, Namespaces, badly_linked, cabled
from tests.end_to_end.running import Collector, end_with_parent

pytestmark = pytest.mark.services
NAME = "ea-sup"


class Sides:
    """A collector in one namespace, a station that sends with keys in the other."""

    def __init__(self, folder: Path, both: Namespaces, root: Path) -> None:
        self.both, self._root, self.data, self.spool = both, root, folder / "data", folder / "state" / "spool.db"
        centre, station = fresh_keypair(), fresh_keypair()
        write_keypair(self.data / "keys" / "collector.key", centre)
        write_register(self.data / "keys" / "stations.json", Register().enrol(NAME, station.public, now_ns=1))
        write_keypair(folder / "station.key", station)
        self.collector = Collector(self.data, ingest=f"tcp://{CENTRE}:*", within=both.inside_centre)
        self._keys = (str(folder / "station.key"), centre.public)
        self.sender = subprocess.Popen(self._command("sender", "64"), stdout=subprocess.PIPE, cwd=root, preexec_fn=end_with_parent)
        assert self.sender.stdout is not None
        assert self.sender.stdout.readline()

    def _command(self, module: str, *more: str) -> list[str]:
        address = self.collector.ingest
        words = [sys.executable, "-m", f"tests.end_to_end.{module}", str(self.spool), address, NAME, *more, *self._keys]
        return [*self.both.inside_station, *words]

    def stored(self) -> int:
        """How many records the collector has."""
        return balance(self.data / "journal", self._spool_id(), 0).stored if self.spool.exists() else 0

    def _spool_id(self) -> str:
        import sqlite3

        db = sqlite3.connect(f"file:{self.spool}?mode=ro", uri=True)
        found = db.execute("SELECT value FROM meta WHERE key = 'spool_id'").fetchone()[0]
        db.close()
        return str(found)

    def finish(self) -> Balance:
        """Kill the sender, send what is left, and count."""
        assert self.sender.stdout is not None
        self.sender.send_signal(signal.SIGKILL)
        said = [int(line) for line in self.sender.stdout.read().split()]
        self.sender.stdout.close()
        self.sender.wait()
        drained = subprocess.run(self._command("drain"), capture_output=True, text=True, cwd=self._root, check=False)
        assert drained.returncode == 0, drained.stderr
        spool_id, generated = drained.stdout.split()
        assert int(generated) > max(said)
        return balance(self.data / "journal", spool_id, int(generated))

    def close(self) -> None:
        if self.sender.poll() is None:
            self.sender.kill()
            self.sender.communicate()
        self.collector.stop()


def grows(sides: Sides, *, by: int = 20, timeout_s: float = 30.0) -> float:
    """Wait until the collector has so many records more; return how long that took."""
    began, before = time.monotonic(), sides.stored()
    while sides.stored() < before + by:
        assert time.monotonic() - began < timeout_s, f"{sides.stored()} records: nothing comes any more"
        time.sleep(0.1)
    return time.monotonic() - began


def under(link: Callable[[], object], tmp_path: Path, root: Path, do: Callable[[Sides], None]) -> Balance:
    with link() as both:  # type: ignore[attr-defined]
        sides = Sides(tmp_path, both, root)
        try:
            grows(sides)
            do(sides)
            return sides.finish()
        finally:
            sides.close()


def test_a_cable_that_is_pulled_in_mid_batch_and_for_long_loses_and_doubles_nothing(tmp_path: Path, root: Path) -> None:
    rng = random.Random(11)

    def do(sides: Sides) -> None:
        for _ in range(4):  # short: TCP gets over it
            sides.both.cable(False)
            time.sleep(rng.uniform(0.1, 1.0))
            sides.both.cable(True)
            time.sleep(rng.uniform(0.2, 0.8))
        before = sides.stored()
        sides.both.cable(False)
        time.sleep(12.0)  # longer than heartbeats (6 s) and the wait for an acknowledgement (5 s): both ends give the connection up
        assert sides.stored() <= before + 2000
        sides.both.cable(True)
        grows(sides, timeout_s=40.0)

    result = under(cabled, tmp_path, root, do)
    assert result.holds(), result
    assert result.gaps == 0


def test_connections_that_are_reset_in_mid_batch_are_made_again_and_lose_nothing(tmp_path: Path, root: Path) -> None:
    def do(sides: Sides) -> None:
        for _ in range(8):
            sides.both.order("reset")
            grows(sides, timeout_s=20.0)
        assert sides.both.order("loss 0") >= 9

    result = under(badly_linked, tmp_path, root, do)
    assert result.holds(), result
    assert result.gaps == 0


def test_a_link_that_loses_every_tenth_packet_and_is_slow_still_delivers_everything_in_order(tmp_path: Path, root: Path) -> None:
    def do(sides: Sides) -> None:
        sides.both.order("loss 0.1")
        sides.both.order("delay 0.15")
        grows(sides, timeout_s=60.0)
        sides.both.order("cut")
        time.sleep(8.0)
        sides.both.order("mend")
        grows(sides, timeout_s=60.0)
        sides.both.order("loss 0.02")  # what is left is to be sent within the test's time

    result = under(badly_linked, tmp_path, root, do)
    assert result.holds(), result
    assert result.gaps == 0
