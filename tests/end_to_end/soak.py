"""The long form of the faults: ``python -m tests.end_to_end.soak [--minutes 20] [--stations 3]``, called by ``make soak``.

Stations record and send with keys, each over a link of its own, while random faults go on: kill -9 of a station, of ingest, of the store's
follower, of the whole collector; the collector put back from an earlier copy of its journal; links cut in mid-batch by FIN or RST, or
silent; keys revoked and enrolled again; spools that overflow. At the end everything is drained and counted: generated = stored + rejected +
gaps.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
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
from tests.end_to_end.relay import Relay
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
        self.links = {name: Relay(self.address) for name in self.names}
        self.backup = folder / "backup"
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
                *(sys.executable, "-m", "tests.end_to_end.sender", str(place / "spool.db"), self.links[name].address, name, "12"),
                *(str(place / "station.key"), self.pair.public),
            ],
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            preexec_fn=end_with_parent,
        )

    def fault(self) -> None:
        kinds = ["station", "station", "ingest", "ingest", "store", "collector", "backup", "revoke", "cut", "cut", "silence"]
        kind, name = self.rng.choice(kinds), self.rng.choice(self.names)
        if kind == "station" and name in self.senders:
            sender = self.senders.pop(name)
            sender.kill()
            sender.wait()
        elif kind in ("ingest", "store") and kind in (parts := self.collector.parts()):
            os.kill(parts[kind], signal.SIGKILL)
        elif kind in ("collector", "backup"):
            self.kill_collector()
            if kind == "backup":
                self.put_back()
            time.sleep(self.rng.uniform(0.0, 3.0))
            self.collector = Collector(self.data, ingest=self.address)
        elif kind == "revoke":
            self.revoke(name)
            time.sleep(self.rng.uniform(0.0, 2.0))
            self.enrol(name)
        elif kind == "cut":
            self.links[name].with_reset = self.rng.random() < 0.5
            self.links[name].cut_after(self.rng.randrange(50_000))
        elif kind == "silence":
            self.links[name].silent = True
            time.sleep(self.rng.uniform(0.0, 9.0))
            self.links[name].silent = False
        self.faults[kind] = self.faults.get(kind, 0) + 1

    def kill_collector(self) -> None:
        parts = self.collector.parts()
        self.collector.process.kill()
        for number in parts.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self.collector.stop()

    def put_back(self) -> None:
        """Put the journal of the last such time in the place of today's, which is kept for the next; what follows it is made again."""
        kept = self.backup.with_name("kept")
        shutil.copytree(self.data / "journal", kept)
        if self.backup.exists():
            for entry in self.data.iterdir():
                if entry.name != "keys":
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            self.backup.rename(self.data / "journal")
        kept.rename(self.backup)

    def run(self, minutes: float) -> None:
        until_s = time.monotonic() + minutes * 60
        while time.monotonic() < until_s:
            for name in self.names:
                if name not in self.senders:
                    self.send(name)
            time.sleep(self.rng.uniform(0.5, 4.0))
            self.fault()
        self.end_senders()

    def end_senders(self) -> None:
        for sender in self.senders.values():
            sender.kill()
            sender.wait()

    def close(self) -> None:
        self.end_senders()
        for link in self.links.values():
            link.close()
        self.collector.stop()

    def count(self) -> bool:
        eventually(lambda: "ingest" in self.collector.parts(), timeout_s=60.0)
        good, total = True, dict.fromkeys(("generated", "stored", "rejected", "gaps", "duplicates"), 0)
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
            total = {what: number + getattr(result, what) for what, number in total.items()}
        print("in all:", ", ".join(f"{what} {number}" for what, number in total.items()))
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
            soak.close()
    print("invariant holds" if good else "INVARIANT BROKEN")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
