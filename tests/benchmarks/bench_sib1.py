"""Measure how well SIB1 is read blind: noise, unseen blocks, versions together, fading, clocks, a neighbour, time, phantoms.

Usage: python tests/benchmarks/bench_sib1.py [--short] [--only PART ...] [--trials N] [--noise-seconds S] [--out docs/figures]

SNR is Es/N0 of one resource element. Every try ranks all allocations and sizes over the blocks seen (ten, as a dongle has), as on air.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.append(str(Path(__file__).resolve().parents[2]))

import numpy as np

from dsp.lte.crs import CarrierView
from dsp.lte.crs_timing import locate_frames
from dsp.lte.sib1 import search_sib1
from dsp.synth.lte_sib1 import Sib1Transmission
from dsp.synth.noise import white_noise
from dsp.types import ComplexArray
from tests.lte_sib1_air import air, cell, octets, varied_octets

SEEN = (0, 10)
GRID_DB = (-9.0, -8.0, -7.0, -6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0)
CURVES: dict[str, tuple[dict[str, Any], tuple[float, float]]] = {
    "4 blocks, 176 bits, all seen": ({"length": 4, "start": 2, "size": 176}, (-4.0, 0.94)),
    "4 blocks, 176 bits, 3 seen": ({"length": 4, "start": 7, "size": 176}, (-2.0, 0.94)),
    "4 blocks, 176 bits, 2 seen": ({"length": 4, "start": 8, "size": 176}, (2.0, 0.94)),
    "6 blocks, 144 bits, all seen": ({"length": 6, "start": 2, "size": 144}, (0.0, 0.94)),
    "6 blocks, 144 bits, 4 seen": ({"length": 6, "start": 6, "size": 144}, (2.0, 0.94)),
    "four versions together, 4 blocks, 176 bits": ({"length": 4, "start": 2, "size": 176, "frames": 8}, (-8.0, 0.94)),
}
"""What is sent, and what a prototype reached: (dB, part of the tries)."""


def trial(case: dict[str, Any], snr_db: float, seed: int, **reception: Any) -> bool:
    """Return whether SIB1 was read; a wrong one is an error."""
    frames = case.get("frames", 1)
    sib1 = Sib1Transmission(octets=varied_octets(case["size"], seed), start=case["start"], length=case["length"])
    described = cell(n_rb=25, n_ports=case.get("ports", 2), sib1=sib1, pci=seed * 7 % 504, control_symbols=case.get("control", 2))
    iq, view = air(described, snr_db=snr_db, frames=frames, seed=seed, first=2 * seed, **reception)
    found = search_sib1(iq, replace(view, seen=SEEN), sfn=2 * seed % 1024)
    if found.message is not None and found.message.octets != sib1.octets:
        raise AssertionError(f"a phantom: {found}")
    return found.status == "decoded"


def curve(case: dict[str, Any], grid: tuple[float, ...], trials: int, **reception: Any) -> list[tuple[float, float]]:
    """Return (SNR, part read), from the high end down until nothing is read."""
    points: list[tuple[float, float]] = []
    for snr_db in reversed(grid):
        good = sum(trial(case, snr_db, seed, **reception) for seed in range(1, trials + 1)) / trials
        points.append((snr_db, good))
        if good < 0.05:
            break
        if good == 1.0 and len(points) > 1 and points[-2][1] == 1.0:
            continue
    return points[::-1]


def told(points: list[tuple[float, float]]) -> str:
    return "  ".join(f"{snr:g}: {100 * part:.0f} %" for snr, part in points)


def noise_curves(trials: int, figures: dict[str, Any], *, short: bool) -> None:
    """White noise, one occurrence unless said."""
    for name, (case, (at_db, reached)) in CURVES.items():
        grid = (at_db - 1.0, at_db) if short else tuple(at for at in GRID_DB if at_db - 5.0 <= at <= at_db + 1.0)
        points = curve(case, grid, trials)
        figures[name] = points
        print(f"{name} (prototype {100 * reached:.0f} % at {at_db:g} dB):  {told(points)}", flush=True)


def fading(trials: int, figures: dict[str, Any], *, short: bool) -> None:
    """Fading, one occurrence and four."""
    for model in ("EPA5", "ETU70"):
        for frames in (1, 8):
            case = {"length": 4, "start": 2, "size": 176, "frames": frames}
            points = curve(case, (0.0,) if short else (-6.0, -3.0, 0.0, 3.0, 6.0, 10.0), trials, fading=model)
            figures[f"{model}, {frames // 2 or 1} occurrences"] = points
            print(f"{model}, {frames // 2 or 1} occurrences: {told(points)}", flush=True)


def clocks(trials: int, figures: dict[str, Any], *, short: bool) -> None:
    """Sample clock off by up to 60 ppm, carrier and samples together; and frames found by reference signals with the SFN unknown."""
    case = {"length": 4, "start": 2, "size": 176}
    for ppm in (-60.0, 60.0) if not short else (60.0,):
        points = curve(case, (-4.0,), trials, receiver_ppm=ppm)
        print(f"clock off by {ppm:g} ppm: {told(points)}", flush=True)
    for snr_db in (0.0,) if short else (-6.0, -4.0, -2.0, 0.0):
        good = [blind(snr_db, seed) for seed in range(1, trials // 2 + 2)]
        located = sum(place for place, _ in good) / len(good)
        print(
            f"80 ms, time by reference signals, SFN unknown, {snr_db:g} dB: {100 * located:.0f} % located, "
            f"{100 * sum(read for _, read in good) / len(good):.0f} % read",
            flush=True,
        )


def blind(snr_db: float, seed: int) -> tuple[bool, bool]:
    """Return whether the frames were found and SIB1 read in 80 ms of a slice."""
    sib1 = Sib1Transmission(octets=octets(), start=2, length=4)
    iq, view = air(cell(n_rb=25, sib1=sib1, pci=seed * 11 % 504), snr_db=snr_db, frames=8, seed=seed, receiver_ppm=40.0)
    view = replace(view, seen=SEEN)
    placed = locate_frames(iq, replace(view, frame_sample=0.0))
    if placed is None:
        return False, False
    off = (placed.frame_sample - view.frame_sample + 38_400) % 76_800 - 38_400
    return abs(off) < 8, search_sib1(iq, placed, sfn=None).status == "decoded"


def neighbour(trials: int, figures: dict[str, Any], *, short: bool) -> None:
    """A neighbour on the same carrier with full load, so many dB stronger, on four occurrences."""
    for above_db in (3.0,) if short else (-6.0, -3.0, 0.0, 3.0):
        good = 0
        for seed in range(1, trials + 1):
            sib1 = Sib1Transmission(octets=octets(), start=2, length=4)
            iq, view = air(cell(n_rb=25, sib1=sib1, pci=30), snr_db=20.0, frames=8, seed=seed)
            other, _ = air(cell(n_rb=25, pci=31 + seed % 5), snr_db=60.0, frames=8, seed=seed + 1000)
            both = iq + np.float32(10 ** (above_db / 20)) * other
            good += search_sib1(both, replace(view, seen=SEEN), sfn=0).status == "decoded"
        print(f"neighbour at full load {above_db:+g} dB: {100 * good / trials:.0f} % in 80 ms", flush=True)


def speed(trials: int, figures: dict[str, Any], *, short: bool) -> None:
    """CPU seconds per occurrence (SFN known) and per frame (unknown) where nothing is to be found, the dearest case."""
    for n_rb, seen in ((25, SEEN), (100, (0, 100))):
        iq, view = air(cell(n_rb=n_rb), snr_db=20.0, frames=2)
        view = replace(view, seen=seen)
        for sfn in (0, None):
            search_sib1(iq, view, sfn=sfn)
            start = time.process_time()
            search_sib1(iq, view, sfn=sfn)
            spent = (time.process_time() - start) / (1 if sfn == 0 else 2)
            what = "an occurrence, SFN known" if sfn == 0 else "a frame, SFN not known"
            print(f"{seen[1]} blocks seen: {spent:.3f} s CPU for {what}", flush=True)


def phantoms(seconds: float) -> None:
    """Noise, and a fully loaded cell without SIB1: nothing may be read."""
    view = CarrierView(
        sample_rate_hz=2.4e6, frame_sample=0.0, stretch=1.0, offset_hz=8.1e6, pci=7, n_rb=100, ports=2, cp="normal", duplex="fdd"
    )
    found = tries = 0
    start = time.process_time()
    for dwell in range(max(1, round(seconds / 0.08))):
        rng = np.random.default_rng((dwell, 3))
        iq: ComplexArray = white_noise(192_000, power=1e-2, rng=rng)
        found += search_sib1(iq, replace(view, pci=dwell % 504, ports=(1, 2, 4)[dwell % 3]), sfn=None).status == "decoded"
        tries += 1
    print(f"noise, {0.08 * tries:.1f} s: {found} SIB1 in {tries} dwells, {time.process_time() - start:.0f} s CPU", flush=True)


def draw(figures: dict[str, Any], folder: Path) -> None:
    """Write the curves as sib1_sensitivity.svg."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5))
    for name, points in figures.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=name, linestyle="--" if "occurrences" in name else "-")
    axes.set(xlabel="Es/N0 of a resource element, dB", ylabel="SIB1 read", ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(folder / "sib1_sensitivity.svg")


def main() -> None:
    """Run the parts asked for."""
    parts: dict[str, Callable[..., None]] = {
        "speed": speed, "noise": noise_curves, "fading": fading, "clocks": clocks, "neighbour": neighbour,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a few tries of each")
    parser.add_argument("--only", nargs="*", default=[*parts, "phantoms"], choices=[*parts, "phantoms"])
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--noise-seconds", type=float, default=600.0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    figures: dict[str, Any] = {}
    for name, part in parts.items():
        if name in asked.only:
            part(8 if asked.short else asked.trials, figures, short=asked.short)
    if "phantoms" in asked.only:
        phantoms(20.0 if asked.short else asked.noise_seconds)
    if asked.out is not None and not asked.short:
        draw(figures, asked.out)


if __name__ == "__main__":
    main()
