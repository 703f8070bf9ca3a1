"""False alarms of wide windows, counted where they are frequent: noise that is a little louder in one window, each dwell weighted back.

A window half as wide as the span gives few independent looks a dwell and alarms in clumps of a hundred: a straight count needs hours for
5 %. So the dwells are drawn from another distribution. All n values z of a dwell's transform are independent complex normal values; in a
window of K chosen at random their variance is 1 + a, outside it 1 - b, so that one of the thresholds, chosen at random, is what is
expected there. The weight of a dwell is the exact ratio of the two densities, over all choices: with S the energy inside and T the whole,

    1 / w = mean over the choices of (1 + a)^-K (1 - b)^-(n - K) exp(S a / (1 + a) - (T - S) b / (1 - b)).

The mean of w times the part of the windows with an alarm is the false-alarm rate of white noise, whatever the tests and the floor do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.fft

from dsp.noise_floor import estimate_floor
from dsp.psd import WelchPsd
from dsp.types import Psd
from tests.dsp.false_alarms import PFAS, Z_99, Case, Cell, quick_noise, set_threshold

STEP_PART = 0.125
"""The windows that may be made louder are this part of their width apart."""


def alarms_in_tilted_noise(case: Case, width_bins: int, *, dwells: int, seed: int, pfas: tuple[float, ...] = PFAS) -> list[Cell]:
    """Return a cell for each probability."""
    rates, seen, clumps = np.zeros((len(pfas), dwells)), np.zeros(len(pfas)), np.zeros(len(pfas), np.int64)
    for index, (psd, weight) in enumerate(_dwells(case, width_bins, dwells=dwells, seed=seed, pfas=pfas)):
        floor = estimate_floor(psd)
        total = np.concatenate([[0.0], np.cumsum(psd.mean / floor.density.astype(np.float64))])
        mean = (total[width_bins:] - total[:-width_bins]) / width_bins
        for column, pfa in enumerate(pfas):
            passed = int(np.count_nonzero(mean > set_threshold(floor, psd, width_bins, pfa)))
            rates[column, index] = weight * passed / mean.size / pfa
            seen[column] += passed
            clumps[column] += passed > 0
    error = Z_99 * rates.std(axis=1, ddof=1) / math.sqrt(dwells)
    return [
        Cell(
            case=case,
            width_bins=width_bins,
            pfa=pfa,
            rate=float(rates[column].mean()),
            error=float(error[column]),
            expected=float(seen[column]),
            clumps=int(clumps[column]),
            tilted=True,
        )
        for column, pfa in enumerate(pfas)
    ]


def _dwells(case: Case, width: int, *, dwells: int, seed: int, pfas: tuple[float, ...]) -> Iterator[tuple[Psd, float]]:
    """Yield dwells of tilted noise and their weights."""
    n_fft, n_samples = case.n_fft, (case.n_averages - 1) * case.hop + case.n_fft
    n = scipy.fft.next_fast_len(n_samples)
    welch = WelchPsd(n_fft=n_fft, sample_rate_hz=case.rates_hz[0], sample_format="cf32_le", overlap=case.overlap)
    rng, bits = np.random.default_rng(seed), np.random.SFC64(seed + 1)
    welch.add(quick_noise(bits, n_samples))
    plain = welch.result()
    # the least change that makes the ratio of the window to the whole what the threshold is
    up = np.array([set_threshold(estimate_floor(plain), plain, width, pfa) - 1.0 for pfa in pfas])
    tilts = np.stack([up, up * width / (n_fft - width)], axis=1)
    n_windows = max(16, math.ceil((n_fft - width) / width / STEP_PART))
    starts = np.round(np.linspace(0, n_fft - width, n_windows) * n / n_fft).astype(np.int64)
    size = round(width * n / n_fft)
    for _ in range(dwells):
        spectrum = quick_noise(bits, n)
        first, (more, less) = starts[rng.integers(n_windows)], tilts[rng.integers(len(pfas))]
        spectrum *= np.float32(math.sqrt(1.0 - less))
        spectrum[first : first + size] *= np.float32(math.sqrt((1.0 + more) / (1.0 - less)))
        weight = _weight(spectrum, starts, size, tilts)
        welch.reset()
        welch.add(scipy.fft.ifft(np.fft.ifftshift(spectrum), norm="ortho")[:n_samples])
        yield welch.result(), weight


def _weight(spectrum: npt.NDArray[np.complex64], starts: npt.NDArray[np.int64], size: int, tilts: npt.NDArray[np.float64]) -> float:
    """Return the density of ``spectrum`` as white noise over its density as tilted noise."""
    parts = spectrum.view(np.float32).astype(np.float64)
    energy = np.concatenate([[0.0], np.cumsum((parts * parts).reshape(-1, 2).sum(axis=1))])
    inside, whole, n = energy[starts + size] - energy[starts], energy[-1], spectrum.size
    log_ratios = np.array(
        [
            inside * a / (1.0 + a) - (whole - inside) * b / (1.0 - b) - size * math.log1p(a) - (n - size) * math.log1p(-b)
            for a, b in tilts.tolist()
        ]
    )
    most = float(log_ratios.max())
    return math.exp(-most) / float(np.mean(np.exp(log_ratios - most)))
