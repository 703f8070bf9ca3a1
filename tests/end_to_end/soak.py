"""The long form of the faults: ``python -m tests.end_to_end.soak [--minutes 20] [--stations 3] [--collectors 2]``, called by ``make soak``.

Stations record and send with keys to two collectors at once, each over a link of its own and with a cursor for each, while random faults
go on: kill -9 of a station, of ingest, of the store's follower, of a whole collector; a collector put back from an earlier copy of its
journal; links cut in mid-batch by FIN or RST, or silent; keys revoked and enrolled again; spools that overflow. At the end everything is
drained and counted at each collector: generated = stored + rejected + gaps.
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
from station.one_collector_spool import DEFAULT_COLLECTOR, OneCollectorSpool
from station.uplink import Curve, Uplink
from tests.end_to_end.balance import balance
from tests.end_to_end.relay import Relay
from tests.end_to_end.running import Collector, end_with_parent, eventually
from tests.end_to_end.sender import SECOND

ROOT = Path(__file__).parents[2]


class Centre:
    """One collector with its key, the stations that it knows, and a link of its own from each."""

    def __init__(self, folder: Path, keys: dict[str, KeyPair]) -> None:
        folder.mkdir()
        self.data, self.keys, self.backup = folder / "data", keys, folder / "backup"
        self.pair = fresh_keypair()
        write_keypair(self.data / "keys" / "collector.key", self.pair)
        self.register = self.data / "keys" / "stations.json"
        for name in keys:
            self.enrol(name)
        self.collector = Collector(self.data)
        self.address = self.collector.ingest
        self.links = {name: Relay(self.address) for name in keys}

    def enrol(self, name: str) -> None:
        if name not in (register := read_register(self.register)).stations.values():
            write_register(self.register, register.enrol(name, self.keys[name].public, now_ns=time.time_ns()))

    def revoke(self, name: str) -> None:
        if name in (register := read_register(self.register)).stations.values():
            write_register(self.register, register.revoke(name, now_ns=time.time_ns()))

    def kill(self) -> None:
        parts = self.collector.parts()
        self.collector.process.kill()
        for number in parts.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self.collector.stop()

    def start(self) -> None:
        self.collector = Collector(self.data, ingest=self.address)

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

    def curve(self, name: str) -> Curve:
        return Curve(pair=self.keys[name], collector_key=self.pair.public)

    def close(self) -> None:
        for link in self.links.values():
            link.close()
        self.collector.stop()


class Soak:
    def __init__(self, folder: Path, *, stations: int, collectors: int, seed: int) -> None:
        self.rng = random.Random(seed)
        self.names = [f"station-{number}" for number in range(stations)]
        keys = {name: fresh_keypair() for name in self.names}
        self.folders = {name: folder / name for name in self.names}
        for name in self.names:
            write_keypair(self.folders[name] / "station.key", keys[name])
        self.centres = [Centre(folder / f"collector-{number}", keys) for number in range(collectors)]
        self.senders: dict[str, subprocess.Popen[bytes]] = {}
        self.faults: dict[str, int] = {}

    def send(self, name: str) -> None:
        place, first = self.folders[name], self.centres[0]
        others = [word for one in self.centres[1:] for word in (one.links[name].address, one.pair.public)]
        self.senders[name] = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.end_to_end.sender", str(place / "spool.db"), first.links[name].address, name, "12"),
                *(str(place / "station.key"), first.pair.public, *others),
            ],
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            preexec_fn=end_with_parent,
        )

    def fault(self) -> None:
        kinds = ["station", "station", "ingest", "ingest", "store", "collector", "backup", "revoke", "cut", "cut", "silence"]
        kind, name, centre = self.rng.choice(kinds), self.rng.choice(self.names), self.rng.choice(self.centres)
        link = centre.links[name]
        if kind == "station" and name in self.senders:
            sender = self.senders.pop(name)
            sender.kill()
            sender.wait()
        elif kind in ("ingest", "store") and kind in (parts := centre.collector.parts()):
            os.kill(parts[kind], signal.SIGKILL)
        elif kind in ("collector", "backup"):
            centre.kill()
            if kind == "backup":
                centre.put_back()
            time.sleep(self.rng.uniform(0.0, 3.0))
            centre.start()
        elif kind == "revoke":
            centre.revoke(name)
            time.sleep(self.rng.uniform(0.0, 2.0))
            centre.enrol(name)
        elif kind == "cut":
            link.with_reset = self.rng.random() < 0.5
            link.cut_after(self.rng.randrange(50_000))
        elif kind == "silence":
            link.silent = True
            time.sleep(self.rng.uniform(0.0, 9.0))
            link.silent = False
        self.faults[kind] = self.faults.get(kind, 0) + 1

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
        for centre in self.centres:
            centre.close()

    def count(self) -> bool:
        print("faults:", ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items())))
        good = [self._counted(number, centre) for number, centre in enumerate(self.centres)]  # every one, also after a bad one
        return all(good)

    def _counted(self, number: int, centre: Centre) -> bool:
        eventually(lambda: "ingest" in centre.collector.parts(), timeout_s=60.0)
        good, total = True, dict.fromkeys(("generated", "stored", "rejected", "gaps", "duplicates"), 0)
        for name in self.names:
            centre.enrol(name)
            spool = OneCollectorSpool(self.folders[name] / "spool.db", collector=SECOND if number else DEFAULT_COLLECTOR)
            with Uplink(centre.address, station=name, spool=spool, curve=centre.curve(name)) as uplink:
                arrived = uplink.drain(300.0)
                result = balance(centre.data / "journal", spool.spool_id, spool.next_seq)
            print(f"collector {number}, {name}:", result, "" if arrived else "NOT DRAINED")
            good = good and arrived and result.holds()
            total = {what: count + getattr(result, what) for what, count in total.items()}
        print(f"collector {number} in all:", ", ".join(f"{what} {count}" for what, count in total.items()))
        return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--stations", type=int, default=3)
    parser.add_argument("--collectors", type=int, default=2, choices=(1, 2), help="that every station sends everything to")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    print("seed", arguments.seed)
    with tempfile.TemporaryDirectory(prefix="canhsong-soak-") as folder:
        soak = Soak(Path(folder), stations=arguments.stations, collectors=arguments.collectors, seed=arguments.seed)
        try:
            soak.run(arguments.minutes)
            good = soak.count()
        finally:
            soak.close()
    print("invariant holds" if good else "INVARIANT BROKEN")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
