"""How often white noise passes the detector's thresholds, the floor estimated from the same dwell: the simulation and its verdict.

Three things make many dwells cheap, and none of them changes the distribution. Normal values are looked up in a table by 16 random bits.
The rows of one long Welch estimate are the dwells: a row *is* the mean over so many segments. And a dwell is looked at twice, once with
its spectrum turned by half the span: x[n] (-1)^n is as white as x[n]. Neighbouring rows share half a segment, the two looks share their
noise, and sliding windows alarm in clumps; so the interval comes from the scatter of the rates of whole batches, hundreds of dwells each,
which are independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.stats

from dsp.errors import ParameterError
from dsp.noise_floor import estimate_floor
from dsp.psd import WelchPsd
from dsp.thresholds import FLOOR_STEPS, WIDTHS_HZ, floor_steps, threshold, widened
from dsp.types import NoiseFloor, Psd

PFAS: Final = (1e-3, 1e-4)
MIN_EXPECTED: Final = 500.0
MIN_CLUMPS: Final = 100
"""Dwells with an alarm in them, below which the scatter of the rates says little."""
TOLERANCE: Final = 0.2
SHORT_DWELL_S: Final = 0.055
MOST_SAMPLES: Final = 1 << 18
N_BATCHES: Final = 200
Z_99: Final = 2.576

Limits = Callable[[NoiseFloor, Psd, int, float], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A dwell as the estimator sees it. Its noise is the same at any sample rate: ``rates_hz`` tell which widths are looked at."""

    n_fft: int
    n_averages: int
    overlap: float
    rates_hz: tuple[float, ...] = (2.4e6,)

    @property
    def hop(self) -> int:
        """Samples from segment to segment."""
        return self.n_fft - round(self.n_fft * self.overlap)

    def dwell_s(self, rate_hz: float) -> float:
        """Length of the dwell in seconds."""
        return ((self.n_averages - 1) * self.hop + self.n_fft) / rate_hz

    def widths(self) -> dict[int, list[str]]:
        """Return each width in bins and what it is at the sample rates."""
        found: dict[int, list[str]] = {1: ["bin"], 2: ["pair of bins"]}
        for rate_hz in self.rates_hz:
            for hz in WIDTHS_HZ:
                width = round(hz * self.n_fft / rate_hz)
                if width > 2 and width * 1.25 <= self.n_fft:
                    name = f"{hz / 1e6:g} MHz" if hz >= 1e6 else f"{hz / 1e3:g} kHz"
                    found.setdefault(width, []).append(f"{name} of {rate_hz / 1e6:g}")
        return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of the table: the measured rate of alarms over the set one."""

    case: Case
    width_bins: int
    pfa: float
    rate: float
    error: float
    """Half of the 99 % interval."""
    expected: float
    """Alarms that the set probability lets expect; each window of a dwell counted once."""
    clumps: int
    """Dwells with an alarm."""
    tilted: bool = False
    """From ``tilted_noise``: ``expected`` is then how many alarms were seen."""

    @property
    def short(self) -> bool:
        """Whether the case is a short dwell at one of its sample rates: within 20 % is asked, in longer ones the 99 % interval."""
        return any(self.case.dwell_s(rate_hz) <= SHORT_DWELL_S for rate_hz in self.case.rates_hz)

    @property
    def judged(self) -> bool:
        """Whether there are alarms enough to say anything."""
        return self.expected >= MIN_EXPECTED and self.clumps >= MIN_CLUMPS

    def missed(self, *, strict: bool) -> str | None:
        """Return what is wrong with this cell, None where nothing is. Not ``strict``: but for what chance explains (99.9 %)."""
        if not self.judged:
            return f"only {self.expected:.0f} alarms expected, {self.clumps} dwells with one"
        off = abs(self.rate - 1.0)
        chance = 1.28 * self.error if not strict else 0.0 if self.short else self.error
        if off > (TOLERANCE if self.short else 0.0) + chance:
            return f"{self.rate:.3f} +- {self.error:.3f} of the set rate"
        return None


def alarms_in_noise(
    case: Case,
    *,
    dwells: int,
    seed: int,
    pfas: tuple[float, ...] = PFAS,
    limits: Limits | None = None,
    below_bins: int | None = None,
) -> Iterator[Cell]:
    """Yield a cell for each width (of less than ``below_bins``) and probability.

    ``limits``: the threshold of (floor, dwell, width, pfa); None: the detector's.
    """
    limit_of = set_threshold if limits is None else limits
    n = case.n_fft
    widths = [width for width in case.widths() if below_bins is None or width < below_bins]
    n_batches = min(N_BATCHES, dwells)
    rates = np.zeros((len(widths), len(pfas), n_batches))
    clumps = np.zeros((len(widths), len(pfas)), np.int64)
    done = np.zeros(n_batches)
    known: dict[tuple[float, float], npt.NDArray[np.float64]] = {}
    for index, psd in enumerate(noise_dwells(case, dwells=dwells, seed=seed)):
        batch = index * n_batches // dwells
        done[batch] += 1
        hit = np.zeros(clumps.shape, np.bool_)
        for look in (psd, replace(psd, mean=np.roll(psd.mean, n // 2))):
            floor = estimate_floor(look)
            key = (floor.averaged_bins, floor.ripple)
            if key not in known:
                known[key] = np.array([[limit_of(floor, look, width, pfa) for pfa in pfas] for width in widths])
            total = np.concatenate([[0.0], np.cumsum(look.mean / floor.density.astype(np.float64))])
            for row, width in enumerate(widths):
                mean = (total[width:] - total[:-width]) / width
                if mean.max() > known[key][row].min():
                    passed = (mean[:, None] > known[key][row]).mean(axis=0)
                    rates[row, :, batch] += 0.5 * passed
                    hit[row] |= passed > 0.0
        clumps += hit
    for row, width in enumerate(widths):
        for column, pfa in enumerate(pfas):
            each = rates[row, column] / done / pfa
            error = Z_99 * float(each.std(ddof=1)) / math.sqrt(n_batches)
            expected = pfa * dwells * min(2 * (n - width + 1), n)
            rate = float(rates[row, column].sum() / dwells / pfa)
            yield Cell(case=case, width_bins=width, pfa=pfa, rate=rate, error=error, expected=expected, clumps=int(clumps[row, column]))


def set_threshold(floor: NoiseFloor, psd: Psd, width: int, pfa: float) -> float:
    """Return the detector's threshold for ``width`` bins over this floor; infinite where such a floor judges no such width."""
    averaged = (floor_steps(floor.averaged_bins, psd.n_fft) or 0) * psd.n_fft / FLOOR_STEPS
    try:
        ratio = threshold(width, n_averages=psd.n_averages, overlap=psd.overlap, pfa=pfa, averaged_bins=averaged)
    except ParameterError:  # a curved floor, one dwell in a thousand
        return math.inf
    return widened(ratio, floor.ripple)


def noise_dwells(case: Case, *, dwells: int, seed: int) -> Iterator[Psd]:
    """Yield dwells of white noise: the rows of longer estimates."""
    bits = np.random.SFC64(seed)
    rate_hz = case.rates_hz[0]
    together = max(1, min(MOST_SAMPLES // (case.n_averages * case.hop), dwells // N_BATCHES))
    welch = WelchPsd(
        n_fft=case.n_fft,
        sample_rate_hz=rate_hz,
        sample_format="cf32_le",
        overlap=case.overlap,
        row_step_s=case.n_averages * case.hop / rate_hz,
    )
    n_samples = (together * case.n_averages - 1) * case.hop + case.n_fft
    left = dwells
    while left > 0:
        welch.reset()
        welch.add(quick_noise(bits, n_samples))
        psd = welch.result()
        for row in psd.rows[:left]:
            yield replace(psd, mean=row, rows=psd.rows[:0], n_averages=case.n_averages)
        left -= together


def quick_noise(bits: np.random.SFC64, n: int) -> npt.NDArray[np.complex64]:
    """Return complex white noise of unit power, shape (n,): table values by 16 random bits each."""
    index = bits.random_raw(n // 2 + 1).view(np.uint16)[: 2 * n]
    return np.take(_normal_table(), index, mode="clip").view(np.complex64)


@cache
def _normal_table() -> npt.NDArray[np.float32]:
    """Return the mean normal value of each of 65536 slices of equal probability, variance one half; fourth moment 2.9998."""
    edges = scipy.stats.norm.ppf(np.arange(65537) / 65536)
    density = scipy.stats.norm.pdf(edges)
    values = (density[:-1] - density[1:]) * 65536
    return np.asarray(values * math.sqrt(0.5 / np.mean(values**2)), np.float32)
