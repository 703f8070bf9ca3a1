"""Speed of the Welch estimate from cu8, conversion included, against scipy.signal.welch and a C loop over FFTW; and its memory.

    python tests/benchmarks/bench_psd.py [--short] [--out docs/figures]

Processor time of one thread, the best of several runs taken in turns, so that the ratios hold on a busy machine too. Exits 1 where a
ratio that the project has promised is missed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dsp.psd import WelchPsd
from dsp.psd_engine import Engine

HERE = Path(__file__).resolve().parent
RATE_HZ = 2.4e6
BLOCK = 262144
PROMISED = {("welch", "numba+pyfftw"): 10.0, ("C", "numba+pyfftw"): 0.75, ("C", "numpy+pyfftw"): 0.55}
RSS_LIMIT_MIB = 260.0


def samples(n: int) -> npt.NDArray[np.uint8]:
    """Noise with a tone and the receiver's DC, as a dongle gives it: shape (2n,)."""
    rng = np.random.default_rng(1)
    iq = rng.standard_normal((n, 2), dtype=np.float32) * 12.0 + 129.0
    return np.clip(np.rint(iq), 0, 255).astype(np.uint8).ravel()


def ours(raw: npt.NDArray[np.uint8], n_fft: int, engine: Engine) -> float:
    begin = time.process_time()
    welch = WelchPsd(n_fft=n_fft, sample_rate_hz=RATE_HZ, sample_format="cu8", engine=engine)
    for first in range(0, raw.size, BLOCK):
        welch.add(raw[first : first + BLOCK])
    welch.result()
    return time.process_time() - begin


def scipy_welch(raw: npt.NDArray[np.uint8], n_fft: int) -> float:
    from scipy.signal import welch

    begin = time.process_time()
    iq = ((raw.astype(np.float32) - np.float32(127.5)) / np.float32(127.5)).view(np.complex64)
    welch(iq, RATE_HZ, "hann", n_fft, n_fft // 2, detrend=False, return_onesided=False)
    return time.process_time() - begin


def build_peer(folder: Path) -> Path | None:
    """Compile the C loop, where a compiler and FFTW are there."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    target = folder / "psd_peer"
    flags = ["-O3", "-march=native", "-ffast-math", "-o", str(target), str(HERE / "psd_peer.c"), "-lfftw3f", "-lm"]
    return target if subprocess.run([compiler, *flags], capture_output=True, check=False).returncode == 0 else None


def peer(program: Path, raw: npt.NDArray[np.uint8], n_fft: int) -> float:
    done = subprocess.run([program, str(n_fft), "3"], input=raw.tobytes(), capture_output=True, check=True)
    return float(done.stdout.split()[0])


def compare(n_fft: int, raw: npt.NDArray[np.uint8], program: Path | None, rounds: int) -> dict[str, float]:
    """Return the best time of each in seconds."""
    runs: dict[str, Callable[[], float]] = {
        "numba+pyfftw": lambda: ours(raw, n_fft, "numba+pyfftw"),
        "numpy+pyfftw": lambda: ours(raw, n_fft, "numpy+pyfftw"),
    }
    if program is not None:
        runs["C"] = lambda: peer(program, raw, n_fft)
    for run in runs.values():
        run()
    runs["welch"] = lambda: scipy_welch(raw, n_fft)
    best = {name: run() for name, run in runs.items()}
    for _ in range(rounds):
        for name, run in runs.items():
            best[name] = min(best[name], run())
    return best


def peak_rss_mib(duration_s: float) -> float:
    """Return the largest memory of a process that takes in ``duration_s`` of cu8."""
    code = (
        "import sys, numpy as np\n"
        "from dsp.psd import WelchPsd\n"
        "welch = WelchPsd(n_fft=4096, sample_rate_hz=2.4e6, sample_format='cu8')\n"
        "block = np.random.default_rng(1).integers(100, 156, 262144).astype(np.uint8)\n"
        "for _ in range(round(float(sys.argv[1]) * 4.8e6 / block.size)):\n"
        "    welch.add(block)\n"
        "welch.result()\n"
        "print(*(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(duration_s)], capture_output=True, check=True, text=True, cwd=HERE.parents[1])
    return float(done.stdout) / 1024


def draw(table: dict[int, dict[str, float]], n_samples: int, out: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    labels = {
        "C": "C, FFTW measured",
        "numba+pyfftw": "Canh Sóng",
        "numpy+pyfftw": "Canh Sóng without numba",
        "welch": "scipy.signal.welch",
    }
    for name, label in labels.items():
        points = [(n, n_samples / times[name] / 1e6) for n, times in table.items() if name in times]
        axes.loglog(*zip(*points, strict=True), "o-", base=2, label=label) if points else None
    axes.set(xlabel="transform size", ylabel="MS/s on one core", title="Welch estimate from cu8, 50 % overlap, conversion included")
    axes.grid(which="both", alpha=0.3)
    axes.legend()
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "psd_speed.svg", metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="only the two sizes that have a promise")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    raw = samples(4_000_000)
    sizes = [2048, 4096] if arguments.short else [1 << k for k in range(8, 17)]
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        program = build_peer(Path(folder))
        if program is None:
            print("no C compiler or no libfftw3f: not compared with C")
        table = {n_fft: compare(n_fft, raw, program, 6) for n_fft in sizes}
    for n_fft, times in table.items():
        speeds = "  ".join(f"{name} {raw.size / 2 / t / 1e6:.1f} MS/s" for name, t in times.items())
        ratios = {pair: times[pair[0]] / times[pair[1]] for pair in PROMISED if pair[0] in times}
        print(f"N {n_fft}: {speeds};  " + ", ".join(f"{engine} is {ratio:.2f} x {other}" for (other, engine), ratio in ratios.items()))
        if n_fft in (2048, 4096):
            missed += [
                f"N {n_fft}: {e} {ratios[o, e]:.2f} x {o}, promised {p}" for (o, e), p in PROMISED.items() if ratios.get((o, e), p) < p
            ]
    rss = [peak_rss_mib(t) for t in (1.0, 20.0)]
    print(f"memory: {rss[0]:.0f} MiB after 1 s of samples, {rss[1]:.0f} MiB after 20 s (limit {RSS_LIMIT_MIB:.0f})")
    if max(rss) > RSS_LIMIT_MIB:
        missed.append(f"memory {max(rss):.0f} MiB")
    if arguments.out is not None:
        draw(table, raw.size // 2, arguments.out)
    for line in missed:
        print("MISSED", line)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
