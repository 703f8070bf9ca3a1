"""The long form of the faults: ``python -m tests.end_to_end.soak [--minutes 20] [--stations 3]``, called by ``make soak``.

Stations record and send with keys while random faults go on: kill -9 of a station, of ingest, of the store's follower, of the whole
collector; keys revoked and enrolled again. At the end everything is drained and counted: generated = stored + rejected + gaps.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from collector.enrolment import read_register, write_register
from config.keyfiles import KeyPair, fresh_keypair, write_keypair
from station.one_collector_spool import OneCollectorSpool
from station.uplink import Curve, Uplink
from tests.end_to_end.balance import balance
from tests.end_to_end.running import Collector, end_with_parent, eventually

ROOT = Path(__file__).parents[2]


class Soak:
    def __init__(self, folder: Path, *, stations: int, seed: int) -> None:
        self.data, self.rng = folder / "data", random.Random(seed)
        self.pair = fresh_keypair()
        write_keypair(self.data / "keys" / "collector.key", self.pair)
        self.register = self.data / "keys" / "stations.json"
        self.names = [f"station-{number}" for number in range(stations)]
        self.keys: dict[str, KeyPair] = {name: fresh_keypair() for name in self.names}
        self.folders = {name: folder / name for name in self.names}
        for name in self.names:
            write_keypair(self.folders[name] / "station.key", self.keys[name])
            self.enrol(name)
        self.collector = Collector(self.data)
        self.address = self.collector.ingest
        self.senders: dict[str, subprocess.Popen[bytes]] = {}
        self.faults: dict[str, int] = {}

    def enrol(self, name: str) -> None:
        if name not in (register := read_register(self.register)).stations.values():
            write_register(self.register, register.enrol(name, self.keys[name].public, now_ns=time.time_ns()))

    def revoke(self, name: str) -> None:
        if name in (register := read_register(self.register)).stations.values():
            write_register(self.register, register.revoke(name, now_ns=time.time_ns()))

    def send(self, name: str) -> None:
        place = self.folders[name]
        self.senders[name] = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.end_to_end.sender", str(place / "spool.db"), self.address, name, "4"),
                *(str(place / "station.key"), self.pair.public),
            ],
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            preexec_fn=end_with_parent,
        )

    def fault(self) -> None:
        kind = self.rng.choice(["station", "station", "ingest", "ingest", "store", "collector", "revoke"])
        name = self.rng.choice(self.names)
        if kind == "station" and name in self.senders:
            sender = self.senders.pop(name)
            sender.kill()
            sender.wait()
        elif kind in ("ingest", "store") and kind in (parts := self.collector.parts()):
            os.kill(parts[kind], signal.SIGKILL)
        elif kind == "collector":
            parts = self.collector.parts()
            self.collector.process.kill()
            for number in parts.values():
                os.kill(number, signal.SIGKILL)
            self.collector.stop()
            time.sleep(self.rng.uniform(0.0, 3.0))
            self.collector = Collector(self.data, ingest=self.address)
        elif kind == "revoke":
            self.revoke(name)
            time.sleep(self.rng.uniform(0.0, 2.0))
            self.enrol(name)
        self.faults[kind] = self.faults.get(kind, 0) + 1

    def run(self, minutes: float) -> None:
        until_s = time.monotonic() + minutes * 60
        while time.monotonic() < until_s:
            for name in self.names:
                if name not in self.senders:
                    self.send(name)
            time.sleep(self.rng.uniform(0.5, 4.0))
            self.fault()
        for sender in self.senders.values():
            sender.kill()
            sender.wait()

    def count(self) -> bool:
        eventually(lambda: "ingest" in self.collector.parts(), timeout_s=60.0)
        good = True
        print("faults:", ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items())))
        for name in self.names:
            self.enrol(name)
            spool = OneCollectorSpool(self.folders[name] / "spool.db")
            with Uplink(
                self.address, station=name, spool=spool, curve=Curve(pair=self.keys[name], collector_key=self.pair.public)
            ) as uplink:
                arrived = uplink.drain(300.0)
                result = balance(self.data / "journal", spool.spool_id, spool.next_seq)
            print(name, result, "" if arrived else "NOT DRAINED")
            good = good and arrived and result.holds()
        return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--stations", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    print("seed", arguments.seed)
    with tempfile.TemporaryDirectory(prefix="canhsong-soak-") as folder:
        soak = Soak(Path(folder), stations=arguments.stations, seed=arguments.seed)
        try:
            soak.run(arguments.minutes)
            good = soak.count()
        finally:
            for sender in soak.senders.values():
                sender.kill()
                sender.wait()
            soak.collector.stop()
    print("invariant holds" if good else "INVARIANT BROKEN")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
