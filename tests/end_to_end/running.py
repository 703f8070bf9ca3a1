"""A real collector in processes of its own, and records to send to it."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from collector.followers import Heard
from collector.journal import Entry
from collector.sqlite_effect import SqliteEffect
from config.wire import AnyRecord, EmissionReport, OccupancyReport, SpectrumReport

T0_NS = 1_795_500_000_000_000_000
STATION = "nui-vong-phu"


def end_with_parent() -> None:
    """Have the kernel end this process when its parent goes, so that a test run that is killed leaves nothing behind (Linux)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1: PR_SET_PDEATHSIG


class Collector:
    """A running ``canhsong-collector serve``."""

    def __init__(self, folder: Path, *, ingest: str = "tcp://127.0.0.1:*", flags: Sequence[str] = (), within: Sequence[str] = ()) -> None:
        """``flags``: more of ``serve``'s; ``within``: a command that runs it elsewhere (a network namespace)."""
        self.folder = folder
        self.stderr = folder.parent / "stderr.txt"
        with self.stderr.open("ab") as errors:
            self.process = subprocess.Popen(
                [
                    *within,
                    sys.executable,
                    "-m",
                    "collector.cli",
                    "--data",
                    str(folder),
                    "serve",
                    "--json",
                    "--http",
                    "127.0.0.1:0",
                    "--ingest",
                    ingest,
                    *flags,
                ],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                preexec_fn=end_with_parent,
            )
        self.addresses: dict[str, str] = {}
        assert self.process.stdout is not None
        while not {"ingest", "store", "web"} <= self.addresses.keys():
            line = self.process.stdout.readline()
            assert line, f"serve ended: {self.said()}"
            told = json.loads(line)
            self.addresses[told["name"]] = told["address"]

    @property
    def ingest(self) -> str:
        return self.addresses["ingest"]

    @property
    def page(self) -> str:
        return self.addresses["web"]

    def said(self) -> str:
        return self.stderr.read_text()

    def parts(self) -> dict[str, int]:
        """Process numbers of the parts that run now, by name."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                parent = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
            except (OSError, ValueError):
                continue
            if parent == self.process.pid and "part" in words:
                found[words[words.index("part") + 1]] = int(entry.name)
        return found

    def kill(self, name: str) -> int:
        """Kill -9 the part ``name`` and return its process number."""
        number = self.parts()[name]
        os.kill(number, signal.SIGKILL)
        return number

    def timeline(self, *arguments: str) -> list[dict[str, Any]]:
        result = subprocess.run(
            [sys.executable, "-m", "collector.cli", "--data", str(self.folder), "timeline", "--json", "--origin", "all", *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        return [json.loads(line) for line in result.stdout.splitlines()]

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


class Ingest:
    """Ingest alone, in a process of its own and without a supervisor: it is back as soon as a test wants it."""

    def __init__(self, folder: Path, *, address: str = "tcp://127.0.0.1:*") -> None:
        self.folder, self.address = folder, address
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "collector.cli", "--data", str(self.folder), "part", "ingest", self.address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=end_with_parent,
        )
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words, "ingest did not start"
        self.address = words[1]

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.communicate()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=20)


def eventually(ask: Callable[[], Any], *, timeout_s: float = 15.0) -> Any:
    """Ask until the answer is true, and return it."""
    until_s = time.monotonic() + timeout_s
    while not (answer := ask()):
        assert time.monotonic() < until_s, "it did not come true in time"
        time.sleep(0.05)
    return answer


def emission(number: int = 0, **changes: Any) -> EmissionReport:
    fields: dict[str, Any] = {
        "station": "nui-vong-phu",
        "origin": "synthetic",
        "start_time_ns": T0_NS + number * 1_000_000_000,
        "time_source": "given",
        "track_id": f"{number:016x}",
        "event": "onset",
        "relative": False,
        "center_freq_hz": 953.6e6 + number * 200e3,
        "lower_freq_hz": 953.5e6 + number * 200e3,
        "upper_freq_hz": 953.7e6 + number * 200e3,
        "bandwidth_hz": 200e3,
        "bandwidth_26db_hz": None,
        "power_dbfs": -40.0,
        "peak_psd_dbfs_hz": -90.0,
        "mean_psd_dbfs_hz": -93.0,
        "floor_psd_dbfs_hz": -120.0,
        "snr_db": 27.0,
        "first_time_ns": T0_NS + number * 1_000_000_000,
        "last_time_ns": T0_NS + number * 1_000_000_000 + 250_000_000,
        "duration_s": 0.25,
        "burst_count": 1,
        "duty": 1.0,
        "cut_low": False,
        "cut_high": False,
        "band": "B8",
        "label": None,
    }
    return EmissionReport(**{**fields, **changes})


def spectrum(number: int = 0, *, bins: int = 512, **changes: Any) -> SpectrumReport:
    fields: dict[str, Any] = {
        "station": "nui-vong-phu",
        "origin": "synthetic",
        "start_time_ns": T0_NS + number * 1_000_000_000,
        "time_source": "given",
        "relative": False,
        "lower_freq_hz": 952.4e6,
        "step_hz": 2.4e6 / bins,
        "duration_s": 1.0,
        "mean_dbfs_hz": [-120.0] * bins,
        "max_dbfs_hz": [-117.0] * bins,
        "floor_dbfs_hz": [-120.5] * bins,
    }
    return SpectrumReport(**{**fields, **changes})


def occupancy(number: int = 0, **changes: Any) -> OccupancyReport:
    fields: dict[str, Any] = {
        "station": "nui-vong-phu",
        "origin": "synthetic",
        "start_time_ns": T0_NS + number * 60_000_000_000,
        "time_source": "given",
        "relative": False,
        "band": "B8",
        "lower_freq_hz": 952.4e6,
        "upper_freq_hz": 954.8e6,
        "channel_width_hz": 200e3,
        "observed_s": 60.0,
        "revisits": 240,
        "fbo": 0.1,
        "sro": 0.1,
        "channels": [],
    }
    return OccupancyReport(**{**fields, **changes})


def fill(path: Path, *records: AnyRecord) -> None:
    """Make a store that holds ``records``."""
    effect = SqliteEffect(path)
    heard = [Heard(Entry(entry=n, station=r.station, spool_id="", seq=n, received_ns=T0_NS, data=b""), r) for n, r in enumerate(records, 1)]
    effect.apply(heard, len(heard))
    effect.close()
