"""How often noise passes for a MIB, and what asking for a margin costs a real one.

    python tests/benchmarks/bench_lte_false_mib.py [--short] [--out docs/figures]

Noise: soft bits of 1 and of 4 frames, decoded under all three port masks. Printed: CRC passes against the number expected, and for every
margin m the part of decodings that reached it against 10^-m, the bound that ``dsp.lte.bch`` promises. Signal: blocks over AWGN, decoded
with and without a margin of 9.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from dsp.lte import bch
from dsp.types import FloatArray

PCI = 77
BATCH = 4000
MARGIN = 9.0
MIB = bch.Mib(n_rb=50, phich_duration="normal", phich_resource="1", sfn=512)


def combined(frames: FloatArray) -> FloatArray:
    """The 120 soft bits of each of many runs of frames, shape (n, n_frames, 480), quarter 0: ``bch.combine`` for a batch."""
    n, n_frames, _ = frames.shape
    signs = (1.0 - 2.0 * bch.scrambling(PCI, "normal")[: 480 * n_frames]).astype(np.float32)
    sums = (frames.reshape(n, -1) * signs).reshape(n, -1, bch.CODED_BITS).sum(axis=1)
    out = np.empty_like(sums)
    out[:, bch.rate_matching_order()] = sums
    return out


def noise_margins(n_decodes: int, n_frames: int, rng: np.random.Generator) -> tuple[FloatArray, float]:
    """Margins of the noise that passed, and CPU seconds spent decoding."""
    margins: list[float] = []
    spent = 0.0
    for _ in range(n_decodes // BATCH):
        frames = rng.standard_normal((BATCH, n_frames, 480), dtype=np.float32)
        soft = combined(frames)
        begin = time.process_time()
        found = bch.decode_many(soft, quarters=[0] * BATCH)
        spent += time.process_time() - begin
        for row in (row for row, block in enumerate(found) if block is not None):
            block = bch.decode(frames[row], pci=PCI, cp="normal", quarter=0)
            assert block is not None
            margins.append(block.margin)
    return np.array(margins, dtype=np.float32), spent


def report_noise(n_decodes: int, n_frames: int, rng: np.random.Generator) -> FloatArray:
    """Print the statistic of one number of frames."""
    margins, spent = noise_margins(n_decodes, n_frames, rng)
    n = n_decodes // BATCH * BATCH
    expected = n * 3 * 6 / 8 / 2**16
    print(f"noise, {n_frames} frame(s): {n} decodings at {n / spent:.0f} a CPU second")
    print(f"  CRC passes {margins.size}, expected {expected:.1f} (3 masks, 6 of 8 bandwidth codes, 2^-16)")
    for limit in range(2, 8):
        reached = int(np.sum(margins >= limit))
        print(f"  margin >= {limit}: {reached:5d}, bound {n * 10.0**-limit:9.2f}")
    print(f"  largest margin {margins.max(initial=-np.inf):.2f}")
    return margins


def signal_rates(snrs_db: FloatArray, n_blocks: int, n_frames: int, rng: np.random.Generator) -> tuple[list[float], list[float]]:
    """Part of blocks decoded right, and decoded right with the margin, at each Es/N0."""
    sent = (1 - 2.0 * bch.encode(bch.pack_mib(MIB), n_ports=2, cp="normal", pci=PCI)).reshape(4, -1)[:n_frames]
    plain, sure = [], []
    for snr_db in snrs_db:
        right = certain = 0
        for _ in range(n_blocks):
            frames = (sent * 10 ** (snr_db / 20) + rng.standard_normal(sent.shape)).astype(np.float32)
            block = bch.decode(frames, pci=PCI, cp="normal", quarter=0)
            right += block is not None and block.mib == MIB
            certain += block is not None and block.mib == MIB and block.margin >= MARGIN
        plain.append(right / n_blocks)
        sure.append(certain / n_blocks)
    return plain, sure


def half_way(snrs_db: FloatArray, rates: list[float]) -> float:
    """The Es/N0 of 50 %, by straight lines."""
    return float(np.interp(0.5, np.maximum.accumulate(rates), snrs_db))


def draw(
    noise: dict[int, FloatArray], n_decodes: dict[int, int], signal: dict[int, tuple[FloatArray, list[float], list[float]]], out: Path
) -> None:
    """Two pictures side by side: noise against its bound, signal with and without margin."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    at = np.linspace(0, 8, 161)
    left.semilogy(at, 10.0**-at, "k--", label="bound $10^{-m}$")
    for n_frames, margins in noise.items():
        part = np.array([np.sum(margins >= m) for m in at]) / n_decodes[n_frames]
        left.semilogy(at[part > 0], part[part > 0], label=f"{n_frames} frame(s), {n_decodes[n_frames]:.0e} decodings")
    left.set(xlabel="margin m", ylabel="part of noise decodings that pass with m or more", ylim=(1e-8, 1))
    for n_frames, (snrs_db, plain, sure) in signal.items():
        line = right.plot(snrs_db, plain, label=f"{n_frames} frame(s), CRC alone")[0]
        right.plot(snrs_db, sure, "--", color=line.get_color(), label=f"{n_frames} frame(s), margin {MARGIN:g}")
    right.set(xlabel="Es/N0 of one element, dB (channel known)", ylabel="blocks decoded", ylim=(0, 1.02))
    for axis in (left, right):
        axis.grid(visible=True, alpha=0.3)
        axis.legend()
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "lte_false_mib.png", dpi=110)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a hundredth of the decodings")
    parser.add_argument("--out", type=Path, help="folder for the picture")
    options = parser.parse_args()
    rng = np.random.default_rng(36212)
    share = 100 if options.short else 1
    n_decodes = {1: 2_000_000 // share, 4: 1_000_000 // share}
    noise = {n_frames: report_noise(n, n_frames, rng) for n_frames, n in n_decodes.items()}
    signal = {}
    for n_frames, low in ((1, -13.0), (4, -18.0)):
        snrs_db = np.arange(low, low + 10.1, 1.0).astype(np.float32)
        plain, sure = signal_rates(snrs_db, 50 if options.short else 1000, n_frames, rng)
        signal[n_frames] = (snrs_db, plain, sure)
        by_crc, with_margin = half_way(snrs_db, plain), half_way(snrs_db, sure)
        print(f"signal, {n_frames} frame(s): 50 % at {by_crc:.1f} dB by CRC, {with_margin:.1f} dB with margin {MARGIN:g}")
    if options.out:
        draw(noise, n_decodes, signal, options.out)


if __name__ == "__main__":
    main()
