"""The live station against Debian's rtl_power, both on the same virtual dongle, paced, 5 ms retune: ``python bench_live.py [--short]``.

What the virtual dongle itself takes is left out: it runs in the receiver's process, and the figures are those of the station's.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 2.4e6
RTL_POWER_SAMPLES = 8192
"""rtl_power reads 16 KiB a hop at bins this wide."""
CELLS_HZ = (870.2e6, 890.0e6, 926.2e6, 935.4e6, 944.0e6, 957.8e6)


def environment(folder: Path, scene: Path) -> dict[str, str]:
    hidden = folder / "hidden"
    hidden.mkdir(exist_ok=True)
    (hidden / "sitecustomize.py").write_text('import sys\n\nsys.modules["pyrtlsdrlib"] = None\n')
    return os.environ | {
        "LD_LIBRARY_PATH": str(folder / "driver"),
        "CANHSONG_VIRTUAL_DONGLE": str(scene),
        "PYTHONPATH": f"{hidden}:{ROOT}",
        "XDG_STATE_HOME": str(folder / "state"),
        "OMP_NUM_THREADS": "1",
    }


def rtl_power_sweep_s(env: dict[str, str], folder: Path) -> float:
    """Seconds that one sweep of rtl_power takes: its time over the sweeps that it averaged (it counts transforms, of 256 here)."""
    out = folder / "power.csv"
    command = ["rtl_power", "-f", "925M:960M:20k", "-c", "0.2", "-g", "30", "-i", "6", "-1", str(out)]
    began = time.monotonic()
    subprocess.run(command, env=env, check=True, capture_output=True)
    took_s = time.monotonic() - began
    return took_s / (min(int(line.split(",")[5]) for line in out.read_text().splitlines()) / (RTL_POWER_SAMPLES / 256))


def station_sweep(env: dict[str, str], sweeps: int) -> dict[str, float]:
    """Times of energy sweeps in this project's sweep engine."""
    program = f"""
import json, time
from config.settings import AnalysisSection, HealthSection, IdentitySection, StationSettings, SweepSection
from config.band_plan import load_band_plan
from station.live import LiveStation
if __name__ == "__main__":
    settings = StationSettings(
        sweep=SweepSection(bands=("B8",), dwell_s={RTL_POWER_SAMPLES / RATE_HZ!r}),
        analysis=AnalysisSection(n_fft=256, overlap=0.5, row_step_s=0.01, merge_gap_s=0.01),
        identity=IdentitySection(gsm=False, lte=False),
        health=HealthSection(state_folder={env["XDG_STATE_HOME"]!r}),
    )
    station = LiveStation(settings, load_band_plan(), say=lambda text: None)
    station.open()
    for _ in range(3):
        list(station.sweeper.sweep(station.plans.plain))
    times, cpu = [], time.process_time()
    for _ in range({sweeps}):
        began = time.monotonic()
        hops = len(list(station.sweeper.sweep(station.plans.plain)))
        times.append(time.monotonic() - began)
    times.sort()
    figures = {{"median_s": times[len(times) // 2], "best_s": times[0], "cpu_s": (time.process_time() - cpu) / {sweeps}, "hops": hops}}
    figures["dropped"], figures["retune_ms"] = station.sweeper.times.dropped, 1e3 * (station.sweeper.settle.measured_s or 0)
    station.close()
    print(json.dumps(figures))
"""
    path = Path(env["XDG_STATE_HOME"]).parent / "sweep_program.py"
    path.write_text(program)
    done = subprocess.run([sys.executable, str(path)], env=env, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def tree_cpu_s(pid: int) -> float:
    """CPU seconds of a process and its children so far."""
    text = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(text[11]) + int(text[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(tree_cpu_s(int(child)) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def continuous(env: dict[str, str], seconds: float, folder: Path) -> dict[str, float]:
    """CPU, drops and times between the readings of each cell in a continuous run over three bands with six known cells."""
    command = [sys.executable, "-m", "station.cli", "run", "--json", "--ppm", "0"]
    for band in ("758-803", "869-894", "925-960"):
        command += ["--band", band]
    out = folder / "run.json"
    with out.open("w") as file:
        child = subprocess.Popen(command, env=env | {"CANHSONG_CAPTURE_RING_S": "0"}, stdout=file, stderr=subprocess.DEVNULL)
        time.sleep(0.25 * seconds)  # the first sweeps, in which every cell is looked at for the first time, are not what goes on
        began, tree, dongle = time.monotonic(), tree_cpu_s(child.pid), dongle_cpu_s(folder)
        time.sleep(0.75 * seconds)
        took_s, tree, dongle = time.monotonic() - began, tree_cpu_s(child.pid) - tree, dongle_cpu_s(folder) - dongle
        child.terminate()
        child.wait(60)
    records = [json.loads(line) for line in out.read_text().splitlines()]
    health = [one for one in records if one["kind"] == "health"]
    first = min((one["start_time_ns"] for one in records if one["kind"] == "spectrum"), default=0)
    read: dict[float, list[float]] = {}
    for one in records:
        if one["kind"] == "gsm_cell" and one["status"] == "identified":
            read.setdefault(one["freq_hz"], []).append((one["start_time_ns"] - first) / 1e9)
    last_s = (health[-1]["start_time_ns"] - first) / 1e9
    return {
        "cpu_fraction": round((tree - dongle) / took_s, 3),
        "dongle_cpu_fraction": round(dongle / took_s, 3),
        "dropped_dwells": health[-1]["dropped_dwells"],
        "lost_samples": health[-1]["lost_samples"],
        "dwells": health[-1]["dwells"],
        "sweeps": health[-1]["sweeps"],
        "cells": len(read),
        "looks": sum(map(len, read.values())),
        "first_s": round(max(times[0] for times in read.values()), 1) if read else float("nan"),
        "longest_apart_s": round(max(b - a for times in read.values() for a, b in itertools.pairwise([*times, last_s])), 1),
    }


def dongle_cpu_s(folder: Path) -> float:
    """CPU seconds that the virtual dongle itself took so far."""
    cpu_s: float = json.loads((folder / "report.json").read_text())["cpu_s"]
    return cpu_s


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--short", action="store_true")
    arguments.add_argument("--out", type=Path)
    short = arguments.parse_args().short
    if not shutil.which("rtl_power") or not shutil.which(os.environ.get("CC", "cc")):
        print("bench_live: needs rtl_power (apt-get install rtl-sdr) and a C compiler")
        return
    sys.path.insert(0, str(ROOT))
    from hil.band_scene import scene_file, write_scene

    with tempfile.TemporaryDirectory(prefix="canhsong-bench-") as name:
        folder = Path(name)
        subprocess.run([str(ROOT / "hil" / "virtual_dongle" / "build.sh"), str(folder / "driver")], check=True)
        write_scene(folder)
        paced = ["paced 1", "retune_s 0.005", f"report {folder / 'report.json'}"]
        env = environment(folder, scene_file(folder, folder / "one.txt", *paced))
        peers, ours = [], []
        for _ in range(1 if short else 3):  # in turns: the machine is the same for both
            peers.append(rtl_power_sweep_s(env, folder))
            ours.append(station_sweep(env, 10 if short else 40))
        peer_s, own_s = sorted(peers)[len(peers) // 2], sorted(one["median_s"] for one in ours)[len(ours) // 2]
        print(f"925-960 MHz, {RTL_POWER_SAMPLES} samples a hop, bins of {RATE_HZ / 256:.0f} Hz (rtl_power: 10681 Hz):")
        print(f"  rtl_power -c 0.2 {peer_s:.3f} s a sweep (16 hops), ours {own_s:.3f} s (19 hops)")
        print(f"  ratio {own_s / peer_s:.2f} (limit 1.0); {ours[0]}")
        cells = [f"source file={folder / 'gsm.ci8'} format=ci8 rate={13e6 / 12!r} freq={freq} level_db=-46" for freq in CELLS_HZ]
        (folder / "six.txt").write_text("\n".join(["noise_dbfs_hz -130", *paced, *cells]) + "\n")
        figures = continuous(environment(folder, folder / "six.txt"), 60 if short else 200, folder)
        print(f"758-803 + 869-894 + 925-960 MHz with {len(CELLS_HZ)} cells: {figures}")
        print(f"  CPU {figures['cpu_fraction']:.0%} of one core (limit 60 %), {figures['dropped_dwells']} dwells dropped (limit 0)")
        print(f"  {figures['cells']} cells identified within {figures['first_s']} s (limit 35 s)")
        print(f"  read again after {figures['longest_apart_s']} s at most (limit 60 s{', not reached in a short run' if short else ''})")
        met = own_s <= peer_s and figures["cpu_fraction"] <= 0.6 and figures["dropped_dwells"] == 0
        met = met and figures["cells"] == len(CELLS_HZ) and figures["first_s"] <= 35.0 and figures["longest_apart_s"] <= 60.0
        if not met:
            raise SystemExit("a limit was missed")


if __name__ == "__main__":
    main()
