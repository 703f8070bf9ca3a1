"""What a dongle would have heard of a wide recording: a slice of 2.4 MS/s with roll-off, a DC spike, noise and eight bits.

``python tests/lte_slices.py WIDE.sigmf-meta --offset-hz -8.1e6 --out SLICE.cu8``
"""

from __future__ import annotations

import argparse
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dsp.types import ComplexArray
from dsp.units import to_complex64

RATE_HZ = 2.4e6
PASS = 0.40
"""Of the rate: flat to here, down at half the rate, as the dongle's decimator has it."""


def cut(iq: ComplexArray, *, rate_hz: float, offset_hz: float, snr_loss_db: float | None = None, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Return the slice around ``offset_hz`` as cu8, shape (2 n,). ``snr_loss_db``: noise so far below the slice's power is added."""
    ratio = Fraction(RATE_HZ / rate_hz).limit_denominator(1000)
    n = iq.size // ratio.denominator * ratio.denominator
    shifted = iq[:n] * np.exp(-2j * np.pi * ((offset_hz / rate_hz * np.arange(n)) % 1.0))
    spectrum = np.fft.fft(shifted)
    n_out = n * ratio.numerator // ratio.denominator
    k = np.fft.fftfreq(n_out) * n_out
    edge = np.clip((np.abs(k) / n_out - PASS) / (0.5 - PASS), 0.0, 1.0)
    part = spectrum[k.astype(int) % n] * (0.5 + 0.5 * np.cos(np.pi * edge))
    out = np.fft.ifft(part) * (n_out / n)
    rng = np.random.default_rng(seed)
    power = float(np.mean(np.abs(out) ** 2))
    if snr_loss_db is not None:
        sigma = np.sqrt(power * 10 ** (-snr_loss_db / 10) / 2)
        out = out + sigma * (rng.standard_normal(n_out) + 1j * rng.standard_normal(n_out))
    out = out * (0.25 / np.sqrt(np.mean(np.abs(out) ** 2))) + (0.03 + 0.02j)
    both = np.stack([out.real, out.imag], axis=1).ravel()
    return np.clip(np.round(both * 127.5 + 127.5), 0, 255).astype(np.uint8)


def heard(iq: ComplexArray, **how: float) -> ComplexArray:
    """The slice as the station has it after reading."""
    return to_complex64(cut(iq, **how), "cu8")  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("meta", type=Path)
    parser.add_argument("--offset-hz", type=float, required=True)
    parser.add_argument("--snr-loss-db", type=float)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    told = json.loads(asked.meta.read_text())["global"]
    raw = np.fromfile(asked.meta.with_suffix(".sigmf-data"), dtype=np.uint8 if told["core:datatype"] == "cu8" else np.int8)
    iq = to_complex64(raw, told["core:datatype"])
    cut(iq, rate_hz=told["core:sample_rate"], offset_hz=asked.offset_hz, snr_loss_db=asked.snr_loss_db).tofile(asked.out)


if __name__ == "__main__":
    main()
