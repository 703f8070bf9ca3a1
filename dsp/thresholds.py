"""Thresholds of the detector: how far the mean of some bins must stand over the floor before noise is no longer the explanation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dsp.errors import ParameterError
from dsp.radiometer import REACH_BINS, Spectrum, spectrum, tail, traces

WIDTHS_HZ: Final = (25e3, 200e3, 1.4e6, 5e6, 10e6, 20e6)
"""Widths looked at beside the bin: speech radio, GSM, and the LTE channels."""
ENBW_BINS: Final = 1.5
"""Equivalent noise bandwidth of the Hann window."""
MIN_CONTRAST: Final = 1.25
"""The floor must rest on at least this many times the bins under test: a band is measured against bins beside it."""
RIPPLE_SIGMA: Final = 3.0
FLOOR_STEPS: Final = 64
LADDER: Final = (58, 46, 37, 30, 24, 19, 15, 12, 10, 8, 6, 5, 4, 3, 2, 1)
"""Resolution with which the number of bins behind the floor enters a threshold, parts of the span (so that thresholds are remembered)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One width of the detector: the mean of ``width_bins`` neighbouring bins against ``ratio`` times the floor."""

    width_hz: float
    width_bins: int
    ratio: float
    pfa: float
    """Probability that noise alone passes at one position."""
    positions: float
    """How many independent looks the positions of this width amount to (an upper bound)."""


@lru_cache(maxsize=4096)
def threshold(width_bins: int, *, n_averages: int, overlap: float, pfa: float, averaged_bins: float = math.inf) -> float:
    """Return the ratio to the floor that the mean of ``width_bins`` bins of white noise exceeds with probability ``pfa``.

    ``averaged_bins``: the floor is itself the mean of so many bins, the ones under test among them; infinite: it is known.

    Raises:
        ParameterError: ``pfa`` is not in (0, 0.5), or the floor rests on too few bins to judge the width.
    """
    if not 0.0 < pfa < 0.5:
        raise ParameterError("pfa", pfa, "between 0 and 0.5")
    band = spectrum(n_averages, width_bins, overlap)
    if math.isinf(averaged_bins):
        return _solved(band, None, pfa)
    own = _own_share(width_bins, n_averages, overlap)
    beside = round(averaged_bins - own)
    if averaged_bins < MIN_CONTRAST * width_bins or beside < 1:
        raise ParameterError("averaged_bins", averaged_bins, f"at least {MIN_CONTRAST} times the {width_bins} bins under test")
    against_rest = _solved(band, spectrum(n_averages, beside, overlap), pfa)
    return against_rest * averaged_bins / (own * against_rest + averaged_bins - own)


def _own_share(width_bins: int, n_averages: int, overlap: float) -> float:
    """Return how many bins of the floor go up and down with ``width_bins`` bins under test: these, and part of their neighbours.

    The regression of the floor's sum on the band's: a long sum grows in variance by the slope s a bin, so the band's covariance with
    everything is s W, over its variance tr(C^2).
    """
    slope = traces(n_averages, REACH_BINS + 1, overlap)[1] - traces(n_averages, REACH_BINS, overlap)[1]
    return float(slope * width_bins**2 / traces(n_averages, width_bins, overlap)[1])


def _solved(band: Spectrum, rest: Spectrum | None, pfa: float) -> float:
    """Return the ratio at which ``tail`` is ``pfa``: secant steps on its logarithm, kept inside a bracket."""
    goal, low = math.log(pfa), 1.0
    sigma = math.sqrt(band.variance + (rest.variance if rest is not None else 0.0))
    x = 1.0 + sigma * math.sqrt(-2.0 * goal)
    high, previous = math.inf, (1.0, math.log(0.45))
    for _ in range(60):
        y = math.log(max(tail(x, band, rest), 1e-300))
        if abs(y - goal) < 1e-4:
            break
        low, high = (x, high) if y > goal else (low, x)
        step = (x - previous[0]) / (y - previous[1]) if y != previous[1] else 0.0
        previous = (x, y)
        x += step * (goal - y)
        if not low < x < high:
            x = 0.5 * (low + high) if math.isfinite(high) else 2.0 * low
    return x


def upcrossings(n_positions: int, width_bins: int, pfa: float) -> float:
    """Return how many independent looks ``n_positions`` sliding windows amount to: their expected upcrossings over ``pfa``.

    Neighbouring windows share all but two of their bins; for a normal sum with correlation rho from step to step the rate of
    upcrossings of u is pfa * u * sqrt((1 - rho) / pi), and 1 - rho = 1 / (1.94 W) with a Hann window (1.94: tr(C^2) per bin).
    """
    u = math.sqrt(max(-2.0 * math.log(pfa), 1.0))
    return max(1.0, n_positions * min(1.0, u / math.sqrt(1.94 * math.pi * width_bins)))


@lru_cache(maxsize=256)
def plan(n_fft: int, bin_hz: float, *, n_averages: int, overlap: float, pfa: float, floor_steps: int | None = None) -> tuple[Test, ...]:
    """Return the tests of one dwell, narrowest first, that together raise a false alarm with probability ``pfa`` at most.

    ``floor_steps``: the floor rests on so many 64ths of the span's bins; None: it is known. Widths that the span or the floor cannot
    hold are left out. The bin's share is split between single bins and pairs (a carrier between two bins is seen by the pair).
    """
    averaged = math.inf if floor_steps is None else max(floor_steps, 1) * n_fft / FLOOR_STEPS
    usable = [
        (hz, w) for hz in WIDTHS_HZ if (w := round(hz / bin_hz)) > 2 and w * MIN_CONTRAST <= min(averaged, 4.0 * n_fft) and w <= n_fft
    ]
    share = pfa / (len(usable) + 1)
    tests = []
    for hz, w, part in ((bin_hz * ENBW_BINS, 1, share / 2), (2 * bin_hz, 2, share / 2), *((hz, w, share) for hz, w in usable)):
        if w * MIN_CONTRAST > averaged:
            continue
        positions = upcrossings(n_fft - w + 1, w, part / n_fft)
        each = part / positions
        ratio = threshold(w, n_averages=n_averages, overlap=overlap, pfa=each, averaged_bins=averaged)
        tests.append(Test(width_hz=hz, width_bins=w, ratio=ratio, pfa=each, positions=positions))
    return tuple(tests)


def floor_steps(averaged_bins: float, n_fft: int) -> int | None:
    """Return ``averaged_bins`` as 64ths of the span, as ``plan`` takes it; None for a known floor.

    Exact where nearly all of the span is free; below nine tenths rounded down to a ladder of few steps, which errs upwards in the
    thresholds: the number of free bins changes a little from dwell to dwell, and every new one would cost a new plan.
    """
    if math.isinf(averaged_bins):
        return None
    steps = round(FLOOR_STEPS * averaged_bins / n_fft)
    return steps if steps >= LADDER[0] else next((step for step in LADDER if step <= steps), 1)


def widened(ratio: float, ripple: float) -> float:
    """Return a threshold's ratio with room for a floor that ``ripple`` (relative, rms) leaves unexplained."""
    return ratio * (1.0 + RIPPLE_SIGMA * ripple)
