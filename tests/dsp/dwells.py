"""Dwells for the tests of floor and detection: seeded noise, signals of known power, and their Welch estimate."""

from __future__ import annotations

import math

import numpy as np

from dsp.emissions import detect
from dsp.noise_floor import estimate_floor
from dsp.psd import WelchPsd
from dsp.types import Detections, Emission, Psd

RATE_HZ = 2.4e6
N_DWELL = 600_000  # 250 ms
BIN_HZ = RATE_HZ / 4096


def noise(rng: np.random.Generator, n: int, power: float = 1.0) -> np.ndarray:
    """Return complex white noise, shape (n,), complex64."""
    pairs = rng.standard_normal((n, 2), dtype=np.float32) * np.float32(math.sqrt(power / 2))
    return pairs.view(np.complex64).ravel()


def tone(n: int, freq_hz: float, power: float, rate_hz: float = RATE_HZ) -> np.ndarray:
    """Return a carrier, shape (n,), complex64."""
    return (math.sqrt(power) * np.exp(2j * np.pi * freq_hz / rate_hz * np.arange(n))).astype(np.complex64)


def shaped(rng: np.random.Generator, density: np.ndarray, n: int) -> np.ndarray:
    """Return Gaussian noise, shape (n,), whose power per sample rate follows ``density``, shape (n_bins,), lowest frequency first."""
    bins = np.arange(n) * density.size // n
    spectrum = np.fft.ifftshift(noise(rng, n) * np.sqrt(density[bins]))
    return (np.fft.ifft(spectrum) * math.sqrt(n)).astype(np.complex64)


def band(rng: np.random.Generator, n: int, center_hz: float, width_hz: float, density: float, rate_hz: float = RATE_HZ) -> np.ndarray:
    """Return noise-like signal, shape (n,): ``density`` (power per sample rate) inside ``width_hz``, nothing outside."""
    freq_hz = (np.arange(4096) - 2047.5) * rate_hz / 4096
    return shaped(rng, np.where(np.abs(freq_hz - center_hz) < width_hz / 2, density, 0.0), n)


def welch(
    samples: np.ndarray, *, n_fft: int = 4096, overlap: float = 0.5, rate_hz: float = RATE_HZ, row_step_s: float | None = None
) -> Psd:
    """Return the estimate of one dwell; white noise of unit power has density 1 / rate."""
    psd = WelchPsd(n_fft=n_fft, sample_rate_hz=rate_hz, sample_format="cf32_le", overlap=overlap, row_step_s=row_step_s)
    psd.add(samples)
    return psd.result()


def on_and_off(n: int, times_s: list[tuple[float, float]]) -> np.ndarray:
    """Return 1 while it is on, else 0, shape (n,)."""
    t = np.arange(n) / RATE_HZ
    return np.logical_or.reduce([(t >= a) & (t < b) for a, b in times_s]).astype(np.float32)


def found(psd: Psd) -> Detections:
    """Return what is detected over the dwell's own floor."""
    return detect(psd, estimate_floor(psd))


def only(detections: Detections) -> Emission:
    """Return the emission, which must be one."""
    assert len(detections.emissions) == 1, detections.emissions
    return detections.emissions[0]


def db(ratio: float) -> float:
    """Return ``ratio`` in decibels."""
    return 10 * math.log10(ratio)
