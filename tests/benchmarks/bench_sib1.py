"""Measure how well SIB1 is read blind: noise, unseen blocks, versions together, fading, clocks, a neighbour, time, phantoms.

Usage: python tests/benchmarks/bench_sib1.py [--short] [--only PART ...] [--trials N] [--noise-seconds S] [--out docs/figures]

SNR is Es/N0 of one resource element of the PDSCH (and of one reference signal: they have equal power). One occurrence is heard with the
frames before and after it, 30 ms of a window's 90, unless its frame is said to be all. Every try ranks all allocations and sizes over the
blocks seen (ten, as a dongle has), as on air; every SIB1 is another one, as full as base stations have them.
"""

from __future__ import annotations

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
from dsp.lte.sib1_message import Sib1
from dsp.lte.sib1_windows import DWELL_S, carrier_windows, window_sib1
from dsp.lte.types import LteCell
from dsp.synth.gsm import GsmSignal
from dsp.synth.gsm_messages import CellDescription
from dsp.synth.lte_sib1 import Sib1Transmission
from dsp.synth.noise import white_noise
from dsp.types import ComplexArray
from tests.benchmarks.lte_curves import Figures, Part, axes, run, save, without_lte
from tests.lte_sib1_air import air, cell, varied_octets

SEEN = (0, 10)
DONGLE = CarrierView(
    sample_rate_hz=2.4e6, frame_sample=0.0, stretch=1.0, offset_hz=8.1e6, pci=7, n_rb=100, ports=2, cp="normal", duplex="fdd"
)
BASE: dict[str, Any] = {"length": 4, "start": 2, "size": 176}
ONE_PORT: dict[str, Any] = {"ports": 1, "control": 1}
CURVES: dict[str, tuple[dict[str, Any], float, tuple[float, ...]]] = {
    "4 blocks, 176 bits, all seen, 1 port, 13 symbols": (BASE | ONE_PORT, -4.0, (-6.0, -5.0, -4.0, -3.0)),
    "3 of the 4 seen, 1 port, 13 symbols": (BASE | ONE_PORT | {"start": 7}, -2.0, (-4.0, -3.0, -2.0)),
    "4 blocks, 176 bits, all seen, 2 ports, 12 symbols": (BASE, -4.0, (-6.0, -5.0, -4.0, -3.0, -2.0)),
    "the same, its frame is all that is heard": (BASE | {"first": 0, "frames": 1}, -4.0, (-5.0, -4.0, -3.0)),
    "3 of the 4 seen": (BASE | {"start": 7}, -2.0, (-4.0, -3.0, -2.0, -1.0)),
    "2 of the 4 seen": (BASE | {"start": 8}, 2.0, (-1.0, 0.0, 1.0, 2.0)),
    "the same, 4 ports": (BASE | {"ports": 4}, -4.0, (-5.0, -4.0, -3.0)),
    "6 blocks, 144 bits, all seen": ({"length": 6, "start": 2, "size": 144}, 0.0, (-8.0, -7.0, -6.0, 0.0)),
    "6 blocks, 144 bits, 4 seen": ({"length": 6, "start": 6, "size": 144}, 2.0, (-6.0, -5.0, -4.0, 2.0)),
    "four versions together, 4 blocks, 176 bits": (BASE | {"first": 0, "frames": 8}, -8.0, (-11.0, -10.0, -9.0, -8.0)),
}
"""What is sent; where the issue asks for 94 %; the points of the curve."""


def trial(case: dict[str, Any], snr_db: float, seed: int, **reception: Any) -> bool:
    """Return whether SIB1 was read; a wrong one is an error."""
    sib1 = Sib1Transmission(octets=varied_octets(case["size"], seed), start=case["start"], length=case["length"])
    described = cell(
        n_rb=25, n_ports=case.get("ports", 2), sib1=sib1, pci=seed * 7 % 504, control_symbols=case.get("control", 2), first_sfn=2 * seed
    )
    first = case.get("first", 1)
    iq, view = air(described, snr_db=snr_db, first=first, frames=case.get("frames", 3), seed=seed, **reception)
    found = search_sib1(iq, replace(view, seen=SEEN), sfn=(2 * seed + first) % 1024)
    if found.message is not None and found.message.octets != sib1.octets:
        raise AssertionError(f"a phantom: {found}")
    return found.status == "decoded"


def curve(case: dict[str, Any], grid: tuple[float, ...], trials: int, **reception: Any) -> list[tuple[float, float]]:
    """Return (SNR, part read)."""
    return [(snr_db, sum(trial(case, snr_db, seed, **reception) for seed in range(1, trials + 1)) / trials) for snr_db in grid]


def told(points: list[tuple[float, float]]) -> str:
    return "  ".join(f"{snr:g}: {100 * part:.0f} %" for snr, part in points)


def noise_curves(short: bool, trials: int, figures: Figures) -> None:
    """White noise, one occurrence unless said."""
    for name, (case, at_db, grid) in CURVES.items():
        points = curve(case, (at_db,) if short else grid, trials)
        figures[name] = points
        print(f"{name} (asked for: 94 % at {at_db:g} dB):  {told(points)}", flush=True)


def fading(short: bool, trials: int, figures: Figures) -> None:
    """Fading, one occurrence and four."""
    for model in ("EPA5", "ETU70"):
        for first, frames in ((1, 3), (0, 8)):
            grid = (0.0,) if short else (-3.0, 0.0, 3.0, 6.0) if frames == 3 else (-9.0, -6.0, -3.0)
            points = curve(BASE | {"first": first, "frames": frames}, grid, trials, fading=model)
            name = f"{model}, {frames // 2} occurrences"
            figures[name] = points
            print(f"{name}: {told(points)}", flush=True)


def clocks(short: bool, trials: int, figures: Figures) -> None:
    """Sample clock off by up to 60 ppm, carrier and samples together; and frames found by reference signals with the SFN unknown."""
    for ppm in (-60.0, 0.0, 60.0) if not short else (60.0,):
        print(f"clock off by {ppm:g} ppm, -3.5 dB: {told(curve(BASE, (-3.5,), trials, receiver_ppm=ppm))}", flush=True)
    for snr_db in (0.0,) if short else (-9.0, -7.0, -5.0, 0.0):
        good = [blind(snr_db, seed) for seed in range(1, trials // 2 + 2)]
        located, read = (100 * sum(one[i] for one in good) / len(good) for i in (0, 1))
        print(f"80 ms, time by reference signals, SFN unknown, {snr_db:g} dB: {located:.0f} % located, {read:.0f} % read", flush=True)


def blind(snr_db: float, seed: int) -> tuple[bool, bool]:
    """Return whether the frames were found and SIB1 read in 80 ms of a slice."""
    sib1 = Sib1Transmission(octets=varied_octets(176, seed), start=2, length=4)
    iq, view = air(cell(n_rb=25, sib1=sib1, pci=seed * 11 % 504), snr_db=snr_db, frames=8, seed=seed, receiver_ppm=40.0)
    view = replace(view, seen=SEEN)
    placed = locate_frames(iq, replace(view, frame_sample=0.0))
    if placed is None:
        return False, False
    off = (placed.frame_sample - view.frame_sample + 38_400) % 76_800 - 38_400
    return abs(off) < 8, search_sib1(iq, placed, sfn=None).status == "decoded"


def neighbour(short: bool, trials: int, figures: Figures) -> None:
    """A neighbour on the same carrier with full load, so many dB stronger, on four occurrences."""
    for above_db in (3.0,) if short else (0.0, 3.0, 6.0):
        good = 0
        for seed in range(1, trials + 1):
            sib1 = Sib1Transmission(octets=varied_octets(176, seed), start=2, length=4)
            iq, view = air(cell(n_rb=25, sib1=sib1, pci=30), snr_db=20.0, frames=8, seed=seed)
            other, _ = air(cell(n_rb=25, pci=31 + seed % 5), snr_db=60.0, frames=8, seed=seed + 1000)
            both = iq + np.float32(10 ** (above_db / 20)) * other
            good += search_sib1(both, replace(view, seen=SEEN), sfn=0).status == "decoded"
        print(f"neighbour at full load {above_db:+g} dB: {100 * good / trials:.0f} % in 80 ms", flush=True)


def speed(short: bool, trials: int, figures: Figures) -> None:
    """CPU seconds per occurrence (SFN known) and per frame (unknown) where nothing is found, the dearest case."""
    weak = Sib1Transmission(octets=varied_octets(176, 1), start=2, length=4)
    for n_rb, seen, sib1, snr_db in ((25, SEEN, None, 20.0), (100, (0, 100), None, 20.0), (25, SEEN, weak, -5.5)):
        iq, view = air(cell(n_rb=n_rb, sib1=sib1), snr_db=snr_db, frames=2)
        view = replace(view, seen=seen)
        for sfn, limit in ((0, 0.25), (None, 0.5)):
            search_sib1(iq, view, sfn=sfn)
            start = time.process_time()
            search_sib1(iq, view, sfn=sfn)
            spent = (time.process_time() - start) / (1 if sfn == 0 else 2)
            what = "an occurrence, SFN known" if sfn == 0 else "a frame, SFN not known"
            there = "nothing there" if sib1 is None else "too weak to be read"
            print(f"{seen[1]} blocks seen, {there}: {spent:.3f} s CPU for {what} (limit {limit} s)", flush=True)


def phantoms(short: bool, seconds: float, figures: Figures) -> None:
    """Noise, GSM, recordings without LTE: nothing may be read. The station's way, then a tenth as if a cell's frames had been found."""
    window = carrier_windows(100, sample_rate_hz=2.4e6)[0]
    counted("the station's way", seconds, DWELL_S, lambda iq, n: window_sib1(iq, known_cell(n), window, sample_rate_hz=2.4e6))
    counted("forced", seconds / 10, 0.08, read_as_if)
    for name, iq, rate, _ in without_lte():
        step = round(0.08 * rate)
        firsts = range(0, iq.size - step + 1, step)[: 2 if short else 40] if rate >= 1.92e6 and rate % 15e3 == 0 else ()
        found = sum(read_as_if(iq[first : first + step], first // step, rate).status == "decoded" for first in firsts)
        print(f"{name}: {found} SIB1 in {len(firsts)} dwells", flush=True)


def counted(how: str, seconds: float, dwell_s: float, read: Callable[[ComplexArray, int], Sib1]) -> None:
    """Read dwells by turns of noise and of five GSM carriers in it.

    ``CANHSONG_FIRST_S``: where to begin, so that processes can share the seconds.
    """
    start = time.process_time()
    first = round(float(os.environ.get("CANHSONG_FIRST_S", "0")) / dwell_s)
    dwells = max(1, round(seconds / dwell_s))
    size, found = round(dwell_s * 2.4e6), 0
    for dwell in range(first, first + dwells):
        iq: ComplexArray = white_noise(size, power=1e-2, rng=np.random.default_rng((dwell, 3)))
        if dwell % 2:
            iq = iq + gsm(dwell, size)
        found += read(iq, dwell).status == "decoded"
        done = dwell - first + 1
        if done % 250 == 0 or done == dwells:
            spent = time.process_time() - start
            where = f"from {dwell_s * first:g} s on, {dwell_s * done:.1f} s of noise and GSM"
            print(f"{how}, {where}: {found} SIB1 in {done} dwells, {spent:.0f} s CPU", flush=True)


def gsm(number: int, size: int) -> ComplexArray:
    """Return five C0 with busy slots, 0 to 20 dB over the noise in their channels, at 2.4 MS/s."""
    rng = np.random.default_rng((number, 5))
    out = np.zeros(size, dtype=np.complex64)
    for channel in rng.choice(np.arange(-5, 6), 5, replace=False).tolist():
        described = CellDescription(bsic=int(rng.integers(64)), mcc="452", mnc="04", lac=1, ci=1)
        power = 1e-2 * 0.2 / 2.4 * 10 ** rng.uniform(0.0, 2.0)
        signal = GsmSignal(cell=described, offset_hz=2e5 * channel, power=power, start_fn=int(rng.integers(10**6)), busy_slots=(1, 2, 4, 5))
        out += signal.samples(0, size, 2.4e6)
    return out


def known_cell(number: int) -> LteCell:
    """Return a cell of a 20 MHz carrier as the look at its middle would have it."""
    return LteCell(
        status="identified", reason="", freq_hz=800e6, offset_hz=0.0, raster_ambiguous=False, pci=number % 504, duplex="fdd",
        cp="normal", n_rb=100, ports=(1, 2, 4)[number % 3], phich_duration="normal", phich_resource="1", sfn=0, frame_sample=0,
        cfo_hz=100.0, ppm=None, ppm_sigma=None, snr_db=3.0, rsrp=1e-5, power=1e-5, taps=(), mib_count=2,
    )  # fmt: skip


def read_as_if(iq: ComplexArray, number: int, rate_hz: float = 2.4e6) -> Sib1:
    """Return the SIB1 of some cell of a 20 MHz carrier, its frames where they happen to be."""
    view = replace(DONGLE, sample_rate_hz=rate_hz, pci=number % 504, ports=(1, 2, 4)[number % 3])
    return search_sib1(iq - iq.mean(), view, sfn=None)


def draw(figures: Figures, folder: Path) -> None:
    """Write the curves as sib1_sensitivity.svg."""
    drawn = axes("Es/N0 of a resource element, dB", "SIB1 read, blind")
    for name, points in figures.items():
        drawn.plot(*zip(*points, strict=True), marker="o", label=name, linestyle="--" if "occurrences" in name else "-")
    save(drawn, folder / "sib1_sensitivity.svg")


def main() -> None:
    """Run the parts asked for."""
    parts: dict[str, Part] = {"speed": speed, "noise": noise_curves, "fading": fading, "clocks": clocks, "neighbour": neighbour}
    run(__doc__, parts, phantoms, draw)


if __name__ == "__main__":
    main()
