"""Measure the LTE receiver: sensitivity, clock error, fading, neighbours, speed and memory, phantoms; curves into docs/figures.

Usage: python tests/benchmarks/bench_lte.py [--short] [--only PART ...] [--trials N] [--noise-seconds S] [--out docs/figures]

SNR is Es/N0 of one resource element; PSS, SSS, reference signals and data have equal power. Every search is blind: random identity,
start, and clock error (carrier and samples together).
"""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.append(str(Path(__file__).resolve().parents[2]))

import numpy as np

from dsp.lte.search import find_cells
from dsp.lte.types import LteCell
from dsp.synth.lte import LteCellDescription, LteDownlink, Reception, noise_variance
from tests.benchmarks.lte_curves import Part, axes, run, save, without_lte

RATE = 1.92e6
RE_POWER = 1e-5


@dataclass
class Air:
    """How a series of trials hears its cells."""

    ms: float = 80.0
    carrier_hz: float = 1_800e6
    max_ppm: float = 120.0
    cell: dict[str, Any] = field(default_factory=dict)
    reception: dict[str, Any] = field(default_factory=dict)


def white(rng: np.random.Generator, count: int, snr_db: float, rate: float = RATE) -> np.ndarray:
    """Return white noise for ``snr_db`` against elements of RE_POWER, shape (count,)."""
    scale = np.sqrt(noise_variance(RE_POWER, snr_db=snr_db, sample_rate_hz=rate) / 2)
    return (rng.standard_normal((count, 2), dtype=np.float32) * np.float32(scale)).view(np.complex64)[:, 0]


def trial(air: Air, snr_db: float, seed: int) -> tuple[LteDownlink, float, tuple[LteCell, ...]]:
    """Return the downlink, the receiver's ppm and what a blind search found."""
    rng = np.random.default_rng((seed, 4242))
    ppm = float(rng.uniform(-air.max_ppm, air.max_ppm))
    description = LteCellDescription(**{"pci": int(rng.integers(504)), "first_sfn": int(rng.integers(1000)), **air.cell})
    reception = Reception(
        re_power=RE_POWER, carrier_hz=air.carrier_hz, receiver_ppm=ppm, start_s=float(rng.uniform(0, 0.04)), **air.reception
    )
    downlink = LteDownlink(description, reception, sample_rate_hz=RATE, seed=seed)
    count = round(air.ms * 1e-3 * RATE)
    iq = downlink.samples(0, count=count) + white(rng, count, snr_db)
    return downlink, ppm, find_cells(iq, sample_rate_hz=RATE, center_freq_hz=air.carrier_hz)


def rates(air: Air, snr_db: float, trials: int) -> dict[str, float]:
    """Return the share of trials with the right PCI and with the MIB, wrong answers, and the errors of what was measured."""
    pci = mib = wrong = 0
    cfo, ppm_error, in_sigma, raster = [], [], [], 0
    for seed in range(trials):
        downlink, ppm, cells = trial(air, snr_db, seed)
        mine = [c for c in cells if c.pci == downlink.cell.pci]
        pci += bool(mine)
        mib += any(c.status == "identified" for c in mine)
        wrong += any(c.status == "identified" for c in cells if c.pci != downlink.cell.pci)
        for c in mine:
            cfo.append(c.offset_hz - downlink.cfo_hz)
            raster += (not c.raster_ambiguous) and c.freq_hz != air.carrier_hz
            if c.ppm is not None and c.ppm_sigma is not None:
                ppm_error.append(c.ppm - ppm)
                in_sigma.append(abs(c.ppm - ppm) / c.ppm_sigma)
    return {
        "pci": pci / trials,
        "mib": mib / trials,
        "wrong": wrong,
        "cfo_rms": float(np.sqrt(np.mean(np.square(cfo)))) if cfo else float("nan"),
        "ppm_rms": float(np.sqrt(np.mean(np.square(ppm_error)))) if ppm_error else float("nan"),
        "sigmas_max": max(in_sigma, default=float("nan")),
        "raster_wrong": raster,
    }


def curve(name: str, air: Air, snrs: list[float], trials: int) -> list[dict[str, float]]:
    """Measure and print one curve."""
    rows = []
    print(f"\n{name}: {trials} trials a point, {air.ms:g} ms")
    print("  SNR dB    PCI    MIB  wrong  cfo rms Hz  ppm rms  worst/sigma  raster wrong")
    for snr_db in snrs:
        row = {"snr_db": snr_db, **rates(air, snr_db, trials)}
        rows.append(row)
        print(
            f"  {snr_db:6.1f} {row['pci']:6.2f} {row['mib']:6.2f} {row['wrong']:6.0f} {row['cfo_rms']:11.1f} {row['ppm_rms']:8.2f}"
            f" {row['sigmas_max']:12.1f} {row['raster_wrong']:13.0f}",
            flush=True,
        )
    return rows


def crossing(rows: list[dict[str, float]], what: str, level: float = 0.5) -> float:
    """Return the SNR at which ``what`` reaches ``level``, linearly between points."""
    for low, high in pairwise(rows):
        if low[what] < level <= high[what]:
            return low["snr_db"] + (level - low[what]) / (high[what] - low[what]) * (high["snr_db"] - low["snr_db"])
    return rows[0]["snr_db"] if rows[0][what] >= level else float("nan")


def sensitivity(short: bool, trials: int, figures: dict[str, Any]) -> None:
    """PCI and MIB against SNR in white noise, 80 and 160 ms; FDD and TDD; two and four ports."""
    snrs = [-13.5, -9.0, -6.5, -5.0] if short else [-16.5, -15.5, -14.5, -13.5, -12.5, -11.5, -10.5, -9.0, -6.5, -5.0]
    series = {"white noise, 80 ms": Air()}
    if not short:
        series |= {
            "white noise, 160 ms": Air(ms=160.0),
            "TDD, 80 ms": Air(cell={"duplex": "tdd"}),
            "4 ports, 80 ms": Air(cell={"n_ports": 4}),
            "extended prefix, 80 ms": Air(cell={"cp": "extended"}),
        }
    for name, air in series.items():
        main = name == "white noise, 80 ms"
        rows = curve(name, air, snrs if main else snrs[::2], trials if main else max(trials // 3, 4))
        print(f"  50 % at {crossing(rows, 'pci'):.1f} dB (PCI), {crossing(rows, 'mib'):.1f} dB (MIB)")
        figures.setdefault("sensitivity", {})[name] = rows


def fading(short: bool, trials: int, figures: dict[str, Any]) -> None:
    """The same in fading channels."""
    snrs = [-9.0, -5.0] if short else [-13.5, -10.5, -7.5, -4.5, -1.5, 1.5]
    for name in ("EPA5", "ETU70"):
        figures.setdefault("fading", {})[name] = curve(name, Air(reception={"fading": name}), snrs, max(trials // 2, 4))


def clock(short: bool, trials: int, figures: dict[str, Any]) -> None:
    """PCI and MIB against the clock error at -11 dB."""
    del short
    print(f"\nclock error, -11 dB: {max(trials // 3, 4)} trials a point\n     ppm    PCI    MIB")
    rows = []
    for ppm in (-120.0, -60.0, 0.0, 60.0, 120.0):
        pci = mib = 0
        count = max(trials // 3, 4)
        for seed in range(count):
            air = Air(max_ppm=0.0, cell={}, reception={})
            rng = np.random.default_rng((seed, 7))
            cell = LteCellDescription(pci=int(rng.integers(504)))
            reception = Reception(re_power=RE_POWER, carrier_hz=air.carrier_hz, receiver_ppm=ppm, start_s=float(rng.uniform(0, 0.04)))
            downlink = LteDownlink(cell, reception, sample_rate_hz=RATE, seed=seed)
            iq = downlink.samples(0, count=153_600) + white(rng, 153_600, -11.0)
            mine = [c for c in find_cells(iq, sample_rate_hz=RATE, center_freq_hz=air.carrier_hz) if c.pci == cell.pci]
            pci, mib = pci + bool(mine), mib + any(c.status == "identified" for c in mine)
        rows.append({"ppm": ppm, "pci": pci / count, "mib": mib / count})
        print(f"  {ppm:6.0f} {pci / count:6.2f} {mib / count:6.2f}", flush=True)
    figures["clock"] = rows


def neighbours(short: bool, trials: int, figures: dict[str, Any]) -> None:
    """How often the weaker of two cells is found, the stronger at 10 dB."""
    cases = {
        "other N_ID2, within 3 samples": (False, True),
        "other N_ID2, random timing": (False, False),
        "same N_ID2, within 3 samples": (True, True),
    }
    levels = [-12.0] if short else [-20.0, -17.0, -15.0, -12.0, -9.0, -6.0]
    for name, (same, near) in cases.items():
        rows = []
        for below in levels:
            found = phantom = 0
            count = max(trials // 3, 4)
            for seed in range(count):
                pcis, cells = two_cells(seed, below, same=same, near=near)
                found += pcis[1] in {c.pci for c in cells}
                phantom += len({c.pci for c in cells} - set(pcis))
            rows.append({"below_db": below, "found": found / count})
            print(f"  {name}, {below:.0f} dB: found {found}/{count}, phantoms {phantom}", flush=True)
        figures.setdefault("neighbours", {})[name] = rows


def two_cells(seed: int, below_db: float, *, same: bool, near: bool) -> tuple[tuple[int, int], tuple[LteCell, ...]]:
    """Return both identities and what was found."""
    rng = np.random.default_rng((seed, 99))
    first = int(rng.integers(504))
    others = [p for p in range(504) if p != first and (p % 3 == first % 3) == same]
    pcis = (first, int(rng.choice(others)))
    ppm, start = float(rng.uniform(-120, 120)), float(rng.uniform(0, 0.04))
    late = float(rng.uniform(-3, 3)) / RATE if near else float(rng.uniform(0, 0.01))
    iq = white(rng, 153_600, 10.0)
    for pci, start_s, power in ((pcis[0], start, RE_POWER), (pcis[1], start + late, RE_POWER * 10 ** (below_db / 10))):
        phases = tuple(float(p) for p in rng.uniform(0, 6, 4))
        reception = Reception(re_power=power, carrier_hz=800e6, receiver_ppm=ppm, start_s=start_s, port_phases_rad=phases)
        iq = iq + LteDownlink(LteCellDescription(pci=pci), reception, sample_rate_hz=RATE, seed=seed + pci).samples(0, count=153_600)
    return pcis, find_cells(iq, sample_rate_hz=RATE, center_freq_hz=800e6)


def speed(short: bool, trials: int, figures: dict[str, Any]) -> None:
    """CPU seconds of a whole search of 80 ms, MIB included, after compilation; and the memory it takes."""
    del trials
    runs = 3 if short else 8
    rows = []
    iq = LteDownlink(LteCellDescription(pci=1, n_ports=2), Reception(re_power=RE_POWER), sample_rate_hz=RATE, seed=1).samples(
        0, count=153_600
    )
    iq = iq + white(np.random.default_rng(1), iq.size, 3.0)
    noise = white(np.random.default_rng(2), iq.size, 3.0)
    for reach in (89e3, 324e3):
        for name, samples in (("a cell", iq), ("noise", noise)):
            rows.append((f"1.92 MS/s, +-{reach / 1e3:.0f} kHz, {name}", cpu(runs, samples, RATE, max_offset_hz=reach)))
    wide = 19.2e6
    narrow = cpu(runs, iq, RATE, max_offset_hz=324e3)
    emissions: list[tuple[float, float]] = []
    samples = white(np.random.default_rng(3), round(0.08 * wide), 3.0, wide)
    for n, offset in enumerate((-6e6, 0.0, 6e6)):
        description = LteCellDescription(pci=10 + n, n_rb=25, n_ports=2)
        reception = Reception(re_power=RE_POWER, offset_hz=offset, carrier_hz=1_800e6 + offset, receiver_ppm=9.0)
        samples = samples + LteDownlink(description, reception, sample_rate_hz=wide, seed=n).samples(0, count=samples.size)
        emissions.append((offset - 2.3e6, offset + 2.3e6))
        took = cpu(runs, samples, wide, center=1_800e6, carriers=list(emissions))
        rows.append((f"19.2 MS/s, {n + 1} carriers: over the 1.92 MS/s search, per carrier", (took - narrow) / (n + 1)))
    print()
    for name, seconds in rows:
        print(f"  {name}: {seconds:.3f} CPU-s per 80 ms")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  largest memory of this process: {peak:.0f} MiB")
    figures["speed"] = rows


def cpu(runs: int, iq: np.ndarray, rate: float, *, center: float | None = 800e6, **how: Any) -> float:
    """Return the median CPU time of a search, seconds."""
    find_cells(iq, sample_rate_hz=rate, center_freq_hz=center, **how)
    took = []
    for _ in range(runs):
        begin = time.process_time()
        find_cells(iq, sample_rate_hz=rate, center_freq_hz=center, **how)
        took.append(time.process_time() - begin)
    return float(np.median(took))


def phantoms(short: bool, seconds: float, figures: dict[str, Any]) -> None:
    """Cells in noise and in recordings that have none."""
    dwells = round(seconds / 0.08)
    said = {"identified": 0, "synchronised": 0}
    rng = np.random.default_rng(600)
    for dwell in range(dwells):
        if dwell and dwell % 1250 == 0:
            print(f"  noise, {dwell * 0.08:.0f} s so far: {said}", flush=True)
        for cell in find_cells(white(rng, 153_600, 0.0), sample_rate_hz=RATE, center_freq_hz=800e6):
            said[cell.status] += 1
    print(f"\n  noise, {dwells * 0.08:.0f} s: {said['identified']} identified, {said['synchronised']} synchronised", flush=True)
    figures["phantoms"] = {"seconds": dwells * 0.08, **said}
    for name, iq, rate, center in without_lte():
        said = {"identified": 0, "synchronised": 0}
        step = round(0.08 * rate)
        for first in range(0, min(iq.size, (4 if short else 12) * step), step):
            for cell in find_cells(iq[first : first + step], sample_rate_hz=rate, center_freq_hz=center):
                said[cell.status] += 1
        print(f"  {name}: {said['identified']} identified, {said['synchronised']} synchronised", flush=True)


def draw(figures: dict[str, Any], out: Path) -> None:
    """Draw what was measured."""
    for name, title in (("sensitivity", "White noise, blind, clock off by up to 120 ppm"), ("fading", "Fading channels, 80 ms")):
        if name in figures:
            drawn = axes("SNR of one resource element, dB", title)
            for number, (label, rows) in enumerate(figures[name].items()):
                snrs = [r["snr_db"] for r in rows]
                drawn.plot(snrs, [r["pci"] for r in rows], "-o", color=f"C{number}", label=f"{label}: PCI", markersize=4)
                drawn.plot(snrs, [r["mib"] for r in rows], "--s", color=f"C{number}", label=f"{label}: MIB", markersize=4)
            save(drawn, out / f"lte_{name}.svg")
    if "clock" in figures:
        drawn = axes("receiver clock error, ppm", "-11 dB, 80 ms")
        for what in ("pci", "mib"):
            drawn.plot([r["ppm"] for r in figures["clock"]], [r[what] for r in figures["clock"]], "-o", label=what.upper())
        save(drawn, out / "lte_clock.svg")
    if "neighbours" in figures:
        drawn = axes("weaker cell against the stronger, dB", "Two cells on one carrier, the stronger at 10 dB")
        for label, rows in figures["neighbours"].items():
            drawn.plot([r["below_db"] for r in rows], [r["found"] for r in rows], "-o", label=label)
        save(drawn, out / "lte_neighbours.svg")


def main() -> None:
    """Run the parts asked for."""
    parts: dict[str, Part] = {"speed": speed, "sensitivity": sensitivity, "fading": fading, "clock": clock, "neighbours": neighbours}
    run(__doc__, parts, phantoms, draw)


if __name__ == "__main__":
    main()
