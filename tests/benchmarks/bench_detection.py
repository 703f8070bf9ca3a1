"""Measure the detector: false-alarm rates, detection curves against an ideal radiometer, speed against the PSD.

Usage: python tests/benchmarks/bench_detection.py [--short] [--out docs/figures]
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.stats

from dsp.emissions import detect
from dsp.errors import ParameterError
from dsp.noise_floor import estimate_floor
from dsp.psd import WelchPsd
from dsp.thresholds import FLOOR_STEPS, floor_steps, threshold
from dsp.types import NoiseFloor, Psd

RATE_HZ = 2.4e6


def noise(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return complex white noise of unit power, shape (n,), complex64."""
    pairs = rng.standard_normal((n, 2), dtype=np.float32) * np.float32(math.sqrt(0.5))
    return pairs.view(np.complex64).ravel()


def welch(samples: np.ndarray, *, n_fft: int, overlap: float = 0.5, row_step_s: float | None = None) -> Psd:
    """Return the estimate of one dwell."""
    psd = WelchPsd(n_fft=n_fft, sample_rate_hz=RATE_HZ, sample_format="cf32_le", overlap=overlap, row_step_s=row_step_s)
    psd.add(samples)
    return psd.result()


def set_threshold(floor: NoiseFloor, psd: Psd, width: int, pfa: float) -> float:
    """Return the detector's threshold for ``width`` bins over this floor."""
    averaged = (floor_steps(floor.averaged_bins, psd.n_fft) or 0) * psd.n_fft / FLOOR_STEPS
    return threshold(width, n_averages=psd.n_averages, overlap=psd.overlap, pfa=pfa, averaged_bins=averaged)


def false_alarm_rates(*, n_fft: int, n_averages: int, overlap: float, seconds: float, seed: int) -> list[str]:
    """Return a line for each width and Pfa: the measured rate over the set one, white noise, floor estimated."""
    rng = np.random.default_rng(seed)
    hop = round(n_fft * (1 - overlap))
    n = (n_averages - 1) * hop + n_fft
    widths = sorted({1, 2, *(w for hz in (25e3, 200e3, 1.4e6) if (w := round(hz * n_fft / RATE_HZ)) > 2)})
    alarms: dict[tuple[int, float], list[float]] = {(w, p): [] for w in widths for p in (1e-3, 1e-4)}
    until = time.process_time() + seconds
    dwells = 0
    while time.process_time() < until:
        dwells += 1
        psd = welch(noise(rng, n), n_fft=n_fft, overlap=overlap)
        floor = estimate_floor(psd)
        total = np.concatenate([[0.0], np.cumsum(psd.mean / floor.density.astype(np.float64))])
        for (width, pfa), rates in alarms.items():
            try:
                limit = set_threshold(floor, psd, width, pfa)
            except ParameterError:  # a curved floor, one dwell in a thousand, judges no wide window
                limit = math.inf
            rates.append(float(np.mean(total[width:] - total[:-width] > limit * width)))
    lines = []
    for (width, pfa), rates in alarms.items():
        rate, error = statistics.fmean(rates), 2.576 * statistics.stdev(rates) / math.sqrt(len(rates))
        expected = pfa * dwells * max(n_fft - width + 1, 1)
        lines.append(
            f"N {n_fft:5d}  averages {n_averages:4d}  overlap {overlap}  dwell {1e3 * n / RATE_HZ:6.2f} ms  width {width:4d} bins"
            f"  Pfa {pfa:.0e}: measured/set {rate / pfa:.3f} +- {error / pfa:.3f} (99 %), {expected:.0f} alarms expected"
        )
    return lines


def false_emissions(*, dwells: int, pfa: float, seed: int) -> str:
    """Return how many dwells of white noise gave an emission, the whole chain, against the stated probability."""
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(dwells):
        psd = welch(noise(rng, 120_000), n_fft=4096, row_step_s=0.002)
        hits += bool(detect(psd, estimate_floor(psd), pfa=pfa).emissions)
    low, high = scipy.stats.binomtest(hits, dwells).proportion_ci(0.99)
    return f"dwells of 50 ms with a false emission: {hits / dwells:.4f} ({low:.4f} to {high:.4f}), stated at most {pfa}"


Scene = Callable[[np.random.Generator, int, float], np.ndarray]


def tone(offset_bins: float) -> Scene:
    """Return a maker of a steady carrier so far from a bin's centre; its power is given over the noise in one bin's ENBW."""

    def make(rng: np.random.Generator, n: int, snr: float) -> np.ndarray:
        cycles = (700 + offset_bins) / 4096 * np.arange(n) + rng.random()
        return (math.sqrt(snr * 1.5 / 4096) * np.exp(2j * np.pi * cycles)).astype(np.complex64)

    return make


def band(width_hz: float) -> Scene:
    """Return a maker of noise-like signal ``width_hz`` wide, of density ``snr`` times the noise's."""

    def make(rng: np.random.Generator, n: int, snr: float) -> np.ndarray:
        spectrum = np.zeros(n, np.complex64)
        first, width = round(300e3 / RATE_HZ * n), round(width_hz / RATE_HZ * n)
        spectrum[first : first + width] = noise(rng, width) * np.float32(math.sqrt(snr * n))
        return scipy.fft.ifft(spectrum, overwrite_x=True)

    return make


def detection_probability(scene: Scene, bins: list[tuple[int, int, float]], snrs_db: np.ndarray, *, trials: int, pfa: float) -> np.ndarray:
    """Return the part of the dwells of 50 ms in which one of ``bins`` (first, width, share of pfa) passes, for each SNR."""
    rng = np.random.default_rng(11)
    found = np.zeros(snrs_db.size)
    for _ in range(trials):
        white = noise(rng, 120_000)
        signal = scene(rng, white.size, 1.0)
        for i, snr_db in enumerate(snrs_db):
            psd = welch(white + signal * np.float32(10 ** (snr_db / 20)), n_fft=4096)
            floor = estimate_floor(psd)
            ratio = psd.mean / floor.density
            found[i] += any(ratio[a : a + w].mean() > set_threshold(floor, psd, w, share * pfa) for a, w, share in bins)
    return found / trials


def ideal(snrs_db: np.ndarray, *, bandwidth_hz: float, carrier: bool, pfa: float) -> np.ndarray:
    """Return the detection probability of an ideal radiometer: B T independent complex values, the noise known."""
    dof = 2 * bandwidth_hz * 0.05
    limit = scipy.stats.chi2.isf(pfa, dof)
    snr = 10 ** (snrs_db / 10)
    return scipy.stats.ncx2.sf(limit, dof, dof * snr) if carrier else scipy.stats.chi2.sf(limit / (1 + snr), dof)


def crossing(snrs_db: np.ndarray, probability: np.ndarray, level: float) -> float:
    """Return the SNR at which the curve reaches ``level``: a straight line through its probits over the linear SNR."""
    inside = (probability > 0.02) & (probability < 0.98)
    slope, start = np.polyfit(10 ** (snrs_db[inside] / 10), scipy.stats.norm.ppf(probability[inside]), 1)
    return 10 * math.log10((scipy.stats.norm.ppf(level) - start) / slope)


def detection_curves(*, trials: int, out: Path | None) -> list[str]:
    """Return a line for each signal, how much more SNR it needs than with an ideal radiometer; draw the curves."""
    pfa, bin_hz = 1e-4, RATE_HZ / 4096
    at, wide = 2048 + 700, round(200e3 / bin_hz)
    first = 2048 + round(300e3 / bin_hz)
    around = [(at, 1, 0.5), (at + 1, 1, 0.5), (at - 1, 2, 0.5), (at, 2, 0.5)]
    cases = [
        ("carrier at a bin's centre", tone(0.0), around, 1.5 * bin_hz, True, np.arange(-5, 2.1, 0.7)),
        ("carrier between two bins", tone(0.5), around, 1.5 * bin_hz, True, np.arange(-5, 2.1, 0.7)),
        ("200 kHz of noise-like signal", band(200e3), [(first, wide, 1.0)], 200e3, False, np.arange(-16.5, -11.9, 0.5)),
    ]
    lines, drawn = [], []
    for name, scene, bins, bandwidth_hz, carrier, snrs_db in cases:
        ours = detection_probability(scene, bins, snrs_db, trials=trials, pfa=pfa)
        fine = np.linspace(snrs_db[0], snrs_db[-1], 200)
        best = ideal(fine, bandwidth_hz=bandwidth_hz, carrier=carrier, pfa=pfa)
        losses = [crossing(snrs_db, ours, level) - float(np.interp(level, best, fine)) for level in (0.5, 0.9)]
        lines.append(
            f"{name}: {losses[0]:+.2f} dB at Pd 0.5, {losses[1]:+.2f} dB at Pd 0.9 against an ideal radiometer of {bandwidth_hz:.0f} Hz"
        )
        drawn.append((name, snrs_db, ours, fine, best))
    if out is not None:
        _draw(drawn, out / "detection_probability.svg", trials, pfa)
    return lines


def _draw(drawn: list[tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]], path: Path, trials: int, pfa: float) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "canhsong"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), sharey=True)
    for axis, (name, snrs_db, ours, fine, best) in zip(axes, drawn, strict=True):
        axis.plot(fine, best, "k--", label="ideal radiometer")
        axis.plot(snrs_db, ours, "o-", label="dsp.emissions")
        axis.set(title=name, xlabel="SNR in the radiometer's width (dB)")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("probability of detection")
    axes[0].legend(loc="upper left")
    figure.suptitle(f"50 ms, 2.4 MS/s, N 4096, Hann 50 %, Pfa {pfa:.0e} a position, floor estimated, {trials} dwells a point")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def speed(*, repeats: int) -> list[str]:
    """Return floor + detection at all widths + boxes + measurement as part of the PSD's time, quiet span and one with carriers."""
    rng = np.random.default_rng(5)
    lines = []
    for dwell_s in (0.25, 0.05):
        n = round(RATE_HZ * dwell_s)
        quiet = 0.15 * noise(rng, n)
        busy = quiet + sum(tone(shift)(rng, n, snr) for shift, snr in ((0.2, 1e3), (-400.0, 30.0))) + 0.15 * band(200e3)(rng, n, 30.0)
        for name, samples in (("quiet", quiet), ("busy", busy)):
            cu8 = np.clip(np.round(samples.view(np.float32) * 127.5 + 127.5), 0, 255).astype(np.uint8)
            psd = WelchPsd(n_fft=4096, sample_rate_hz=RATE_HZ, sample_format="cu8", row_step_s=0.002)
            spent: dict[str, list[float]] = {"psd": [], "floor": [], "detect": []}
            for _ in range(repeats):
                times = [time.perf_counter()]
                psd.reset()
                psd.add(cu8)
                result = psd.result()
                times.append(time.perf_counter())
                floor = estimate_floor(result)
                times.append(time.perf_counter())
                detect(result, floor)
                times.append(time.perf_counter())
                for key, seconds in zip(spent, np.diff(times), strict=True):
                    spent[key].append(float(seconds))
            middle = {key: statistics.median(values) for key, values in spent.items()}
            share = (middle["floor"] + middle["detect"]) / middle["psd"]
            lines.append(
                f"{name}, dwell {1e3 * dwell_s:.0f} ms: PSD {1e3 * middle['psd']:.2f} ms, floor {1e3 * middle['floor']:.2f} ms, "
                f"detection and measurement {1e3 * middle['detect']:.2f} ms: {100 * share:.0f} % of the PSD's time"
            )
    return lines


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a minute in all")
    parser.add_argument("--out", type=Path, help="folder for the curves")
    arguments = parser.parse_args()
    print("\n".join(speed(repeats=30)))
    seconds = 3.0 if arguments.short else 30.0
    for n_fft, n_averages, overlap in ((256, 8, 0.5), (256, 16, 0.0), (256, 64, 0.5), (1024, 16, 0.5), (4096, 57, 0.5), (4096, 291, 0.5)):
        print("\n".join(false_alarm_rates(n_fft=n_fft, n_averages=n_averages, overlap=overlap, seconds=seconds, seed=n_fft + n_averages)))
    for pfa in (0.1, 0.01):
        print(false_emissions(dwells=500 if arguments.short else 5_000, pfa=pfa, seed=3))
    print("\n".join(detection_curves(trials=60 if arguments.short else 400, out=arguments.out)))


if __name__ == "__main__":
    main()
