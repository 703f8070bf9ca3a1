"""Dwells for the tests of floor and detection: seeded noise, signals of known power, and their Welch estimate."""

from __future__ import annotations

import math

import numpy as np

from dsp.psd import WelchPsd
from dsp.types import Psd

RATE_HZ = 2.4e6


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
