"""The GSM receiver's figures: sensitivity, echoes, fading, impairments, neighbours, noise and processor time; gr-gsm beside it.

python tests/benchmarks/bench_gsm.py [--short] [--out docs/figures] [--only sensitivity,echo,...]

Es/N0 = signal power / (N0 x 270 833 Hz). Shares are of every BCCH block (SCH burst) wholly inside, acquisition included.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dsp.channelizer import plan_bank, split  # noqa: E402
from dsp.gsm.params import SYMBOL_RATE_HZ  # noqa: E402
from dsp.synth.fading import Path as Route  # noqa: E402
from dsp.synth.fading import model  # noqa: E402

PEER = ROOT / "tests" / "peers" / "grgsm_bcch.py"
SYSTEM_PYTHON = "/usr/bin/python3"
Shares = dict[float, float]


def _scenes() -> Any:
    spec = importlib.util.spec_from_file_location("scenes", ROOT / "tests" / "dsp" / "gsm" / "scenes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


scenes = _scenes()
RATE_HZ = scenes.FOUR_PER_SYMBOL_HZ


def ours(snr_db: float, *, runs: int, duration_s: float, seed: int, **fields: Any) -> tuple[float, float, float]:
    """(share of BCCH blocks, of SCH bursts, of dwells identified) over ``runs`` random cells. ``make_paths``: paths from a Generator."""
    passed, sent, identified = np.zeros(2), np.zeros(2), 0
    make_paths = fields.pop("make_paths", None)
    for run in range(runs):
        rng = np.random.default_rng([seed, run])
        paths = {"paths": make_paths(rng)} if make_paths is not None else {}
        signal = scenes.signal(rng, seed=run, **paths, **fields)
        x = scenes.heard(rng, signal, duration_s=duration_s, snr_db=snr_db)
        found = scenes.cells(x)
        sent += scenes.sent_whole(signal, x.size, RATE_HZ)
        passed += (scenes.good(found, signal), min(scenes.good(found, signal, "SCH"), scenes.sent_whole(signal, x.size, RATE_HZ)[1]))
        identified += any(c.status == "identified" for c in found)
    return float(passed[0] / sent[0]), float(passed[1] / sent[1]), identified / runs


def peer(snr_db: float, *, duration_s: float, seed: int, make_paths: Callable[..., Any] | None = None) -> tuple[float, float] | None:
    """(share of BCCH blocks, CPU seconds per second of IQ) of gr-gsm on one recording, or None where it is absent."""
    rng = np.random.default_rng([seed, 77])
    signal = scenes.signal(rng, start_symbol=0.0, **({"paths": make_paths(rng)} if make_paths is not None else {}))
    x = scenes.heard(rng, signal, duration_s=duration_s, snr_db=snr_db)
    plan = plan_bank(sample_rate_hz=RATE_HZ, out_rate_hz=RATE_HZ, pass_hz=100e3, stop_hz=140e3)
    blocks = (x.size - plan.n_in // 4) // plan.hop_in
    narrow = split(x[: blocks * plan.hop_in + plan.n_in // 4], plan=plan, bins=(0,))[0]  # gr-gsm wants the channel filtered
    with tempfile.NamedTemporaryFile(suffix=".cf32") as file:
        (narrow / np.float32(np.abs(narrow).max())).tofile(file.name)
        done = subprocess.run([SYSTEM_PYTHON, str(PEER), file.name, "--bare"], capture_output=True, check=False, timeout=600)
    if done.returncode:
        return None
    said = json.loads(done.stdout.decode().strip().splitlines()[-1])
    blocks_sent = scenes.sent_whole(signal, x.size, RATE_HZ)[0]
    return len({b["fn"] for b in said["bcch"]}) / blocks_sent, said["cpu_s"] / (narrow.size / RATE_HZ)


def crossing(curve: Shares, level: float) -> float | None:
    """The SNR at which a rising curve passes ``level``, by straight lines; None where it does not."""
    points = sorted(curve.items())
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if y0 < level <= y1:
            return x0 + (level - y0) / (y1 - y0) * (x1 - x0)
    return None


def draw(path: Path, curves: dict[str, Shares], *, title: str, x_label: str) -> None:
    """Draw shares over ``x_label``."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    fig, ax = plt.subplots(figsize=(7.0, 4.2))
    for name, curve in curves.items():
        ax.plot(list(curve), [100.0 * v for v in curve.values()], marker="o", markersize=4, label=name)
    ax.set(title=title, xlabel=x_label, ylabel="passed, %", ylim=(-3, 103))
    ax.grid(alpha=0.3)
    ax.legend()
    fig.tight_layout()
    fig.savefig(path, metadata={"Date": None})
    plt.close(fig)


def sensitivity(short: bool, out: Path) -> None:
    runs = 4 if short else 24
    steps = [float(s) for s in range(-5, 5)] if short else [s / 2 for s in range(-10, 9)]
    curves: dict[str, Shares] = {"BCCH blocks": {}, "SCH bursts": {}, "identified in a 2 s dwell": {}}
    for snr in steps:
        for name, value in zip(curves, ours(snr, runs=runs, duration_s=2.0, seed=1), strict=True):
            curves[name][snr] = value
    theirs = {float(s): peer(s, duration_s=8.0 if short else 30.0, seed=2) for s in range(2, 11, 2 if short else 1)}
    curves["gr-gsm, BCCH blocks"] = {s: v[0] for s, v in theirs.items() if v is not None}
    if not curves["gr-gsm, BCCH blocks"]:
        print("gr-gsm is absent: its curve is left out")
        del curves["gr-gsm, BCCH blocks"]
    for name, curve in curves.items():
        print(f"{name}: " + "  ".join(f"{s:+.1f}: {100 * v:.0f} %" for s, v in curve.items()))
        marks = ((f"{level:.0%}", crossing(curve, level)) for level in (0.5, 0.9, 0.95))
        print("   " + ", ".join(f"{what} at {at:.1f} dB" for what, at in marks if at is not None))
    draw(out / "gsm_sensitivity.svg", curves, title="BCCH and SCH in white noise", x_label="Es/N0, dB")


def echo(short: bool, out: Path) -> None:
    delays = (1.0, 3.7, 7.4, 11.0, 14.8) if short else (0.5, 1.0, 2.0, 3.7, 5.5, 7.4, 9.2, 10.0, 11.0, 12.9, 13.7, 14.8, 16.0, 18.5)
    curves: dict[str, Shares] = {}
    for level in (-3.0, 3.0):
        curve = curves.setdefault(f"echo {level:+.0f} dB", {})
        for delay in delays:

            def paths(rng: np.random.Generator, delay: float = delay, level: float = level) -> tuple[Route, ...]:
                return Route(), Route(delay_us=delay, level_db=level, phase_rad=float(rng.uniform(0, 2 * np.pi)))

            curve[delay] = ours(20.0, runs=3 if short else 16, duration_s=1.5, seed=round(10 * delay), make_paths=paths)[0]
            if level < 0 and (said := peer(20.0, duration_s=8.0, seed=3, make_paths=paths)) is not None:
                curves.setdefault("gr-gsm, echo -3 dB", {})[delay] = said[0]
    for name, values in curves.items():
        print(f"{name}, Es/N0 20 dB: " + "  ".join(f"{d:g} us: {100 * v:.0f} %" for d, v in values.items()))
    draw(out / "gsm_echo.svg", curves, title="BCCH blocks with one echo, Es/N0 20 dB, random phases", x_label="delay, us")


def fading(short: bool, out: Path) -> None:
    curves: dict[str, Shares] = {}
    for name in ("TU3", "TU50", "HT100"):
        curves[name] = {}
        for snr in (0.0, 5.0, 10.0, 20.0) if short else (-2.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0):
            paths = model(name, scenes.CENTRE_HZ)
            curves[name][snr] = ours(snr, runs=3 if short else 16, duration_s=2.0, seed=5, paths=paths)[0]
        print(f"{name}: " + "  ".join(f"{s:g} dB: {100 * v:.0f} %" for s, v in curves[name].items()))
    draw(out / "gsm_fading.svg", curves, title="BCCH blocks in the channels of TS 45.005 annex C", x_label="mean Es/N0, dB")


def impairments(short: bool, _: Path) -> None:
    for ppm in (-60.0, 0.0, 60.0):
        passed = sent = 0
        for run in range(3 if short else 12):
            rng = np.random.default_rng([6, run])
            signal = scenes.signal(rng, offset_hz=(-400e3, 0.0, 600e3)[run % 3], ppm=ppm)
            x = scenes.impaired(scenes.heard(rng, signal, duration_s=2.0, snr_db=10.0, rate_hz=2.4e6))
            passed += scenes.good(scenes.cells(x, rate_hz=2.4e6), signal)
            sent += scenes.sent_whole(signal, x.size, 2.4e6)[0]
        print(f"{ppm:+.0f} ppm, DC 6 %, IQ 2 %/2 deg, Es/N0 10 dB: {sent - passed} of {sent} blocks lost")


def neighbours(short: bool, _: Path) -> None:
    runs = 2 if short else 10
    for apart, level in ((600e3, -45.0), (400e3, -40.0), (200e3, -15.0), (200e3, -18.0), (200e3, -20.0)):
        both = Counter[str]()
        for run in range(runs):
            rng = np.random.default_rng([7, run])
            place = -200e3 + (apart if run % 2 else -apart)
            x, _sent = scenes.mixed(rng, {-200e3: 0.0, place: level}, duration_s=2.0, rate_hz=2.4e6, snr_db=20.0)
            both[" ".join(sorted(c.status for c in scenes.cells(scenes.cu8(x), rate_hz=2.4e6)))] += 1
        print(f"cu8, second C0 {level:g} dB at {apart / 1e3:g} kHz: {dict(both)}")
    statuses = Counter[str]()
    for run in range(runs):
        rng = np.random.default_rng([8, run])
        levels = {-400e3: 0.0, (0.0, 200e3, 600e3)[run % 3]: 0.0, 1000e3: -20.0}
        x, _sent = scenes.mixed(rng, levels, duration_s=2.0, rate_hz=2.4e6, snr_db=20.0)
        statuses[" ".join(sorted(c.status for c in scenes.cells(scenes.cu8(x, clipped=0.25), rate_hz=2.4e6)))] += 1
    print(f"25 % clipped, two C0 alike and a third 20 dB weaker: {dict(statuses)}")


def false_cells(short: bool, _: Path) -> None:
    seconds = 20 if short else 600
    statuses = Counter[str]()
    for run in range(seconds // 2):
        x = scenes.noise(np.random.default_rng([9, run]), round(2.0 * 2.4e6), 0.01)
        statuses.update(c.status for c in scenes.cells(x, rate_hz=2.4e6))
    print(f"{seconds} s of noise at 2.4 MS/s: {dict(statuses) or 'nothing'}")


def processor(short: bool, _: Path) -> None:
    rng = np.random.default_rng(10)
    seconds = 4.0
    levels = {-800e3: -10.0, -200e3: 0.0, 200e3: -5.0, 800e3: -20.0}
    x, _sent = scenes.mixed(rng, levels, duration_s=seconds, rate_hz=2.4e6, snr_db=15.0)
    plan = plan_bank(sample_rate_hz=2.4e6, out_rate_hz=2.4e6, pass_hz=60e3, stop_hz=110e3)
    turn = 2j * np.pi * np.arange(x.size) / 2.4e6
    for offset in (-1000e3, -600e3, -400e3, 0.0, 400e3, 600e3, 1000e3):  # traffic carriers: noise of a channel's width
        raw = scenes.noise(rng, x.size + plan.n_in + plan.hop_in, 1.0)
        x += (split(raw, plan=plan, bins=(0,))[0, : x.size] * np.exp(turn * offset)).astype(np.complex64)
    scenes.cells(x[: x.size // 2], rate_hz=2.4e6)
    figures = []
    for _run in range(3):
        began = time.process_time()
        found = scenes.cells(x, rate_hz=2.4e6)
        figures.append((time.process_time() - began) / seconds)
    print(f"2.4 MS/s, {sum(c.status == 'identified' for c in found)} C0 among 11 carriers: {min(figures):.3f} CPU s per s (<= 0.25 asked)")
    signal = scenes.signal(rng)
    y = scenes.heard(rng, signal, duration_s=8.0 if short else 20.0, snr_db=15.0)
    scenes.cells(y[: y.size // 4])
    began = time.process_time()
    scenes.cells(y)
    mine = (time.process_time() - began) / (y.size / RATE_HZ)
    theirs = peer(15.0, duration_s=8.0 if short else 20.0, seed=4)
    beside = f"gr-gsm {theirs[1]:.3f}: ratio {mine / theirs[1]:.2f} (<= 1 asked)" if theirs is not None else "gr-gsm is absent"
    print(f"one ARFCN at 13/12 MS/s: {mine:.3f} CPU s per s; {beside}")


MEASURES = {
    m.__name__: m for m in (sensitivity, echo, fading, impairments, neighbours, false_cells, processor)
}  # fmt: skip


def main() -> None:
    """Run the measures asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures")
    parser.add_argument("--only", default=",".join(MEASURES))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"symbol rate {SYMBOL_RATE_HZ:.1f} Hz")
    for name in args.only.split(","):
        began = time.monotonic()
        print(f"-- {name}")
        MEASURES[name](args.short, args.out)
        print(f"   ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
