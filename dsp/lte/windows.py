"""Where in a dwell's span LTE carriers are looked for.

The centre of a carrier is only seen whole where it lies, with 0.54 MHz to either side, within 0.45 of the sample rate from the tuned
centre; what is beyond is cut by the filters or an alias of something else, and is never searched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from dsp.lte.params import BANDWIDTHS_RB, SUBCARRIER_HZ, SUBCARRIERS_PER_RB
from dsp.lte.raster import RASTER_HZ
from dsp.types import PpmEstimate

MAX_OFFSET_HZ: Final = 324e3
"""120 ppm at 2.7 GHz."""
MAX_PPM: Final = 120.0
_USABLE: Final = 0.45
_HALF_WIDTH_HZ: Final = 0.54e6
_SEEN_HZ: Final = 864e3 - _HALF_WIDTH_HZ  # how far off centre a carrier may lie in 1.92 MS/s
_WIDE_HZ: Final = 3e6  # below this a span searched without emissions is one carrier's, tuned to its centre
_EDGE_HZ: Final = 150e3  # emissions' edges are not known better
_PPM_SIGMAS: Final = 4.0
_CLOCK_SLACK_HZ: Final = 1.5e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of the span, 648 kHz at most, in which one carrier's centre is looked for. Offsets from the tuned centre, Hz."""

    lower_hz: float
    upper_hz: float

    @property
    def middle_hz(self) -> float:
        """Its middle: where 1.92 MS/s are taken out."""
        return (self.lower_hz + self.upper_hz) / 2


def usable_limit_hz(sample_rate_hz: float) -> float:
    """Return how far from the tuned centre a carrier's centre may lie."""
    return _USABLE * sample_rate_hz - _HALF_WIDTH_HZ


def default_reach_hz(center_freq_hz: float | None) -> float:
    """Return the largest carrier offset that a clock wrong by 120 ppm makes, plus half a raster step for a tuned centre off the raster."""
    if center_freq_hz is None:
        return MAX_OFFSET_HZ
    return min(MAX_OFFSET_HZ, MAX_PPM * 1e-6 * center_freq_hz + RASTER_HZ / 2)


def first_windows(
    carriers: Sequence[tuple[float, float]] | None, *, sample_rate_hz: float, reach_hz: float
) -> list[tuple[Window, tuple[float, float]]]:
    """Return the likeliest window of each carrier, with the carrier: around its middle."""
    limit = usable_limit_hz(sample_rate_hz)
    spans = [(-sample_rate_hz / 2, sample_rate_hz / 2)] if carriers is None else list(carriers)
    found = []
    for lower, upper in spans:
        middle = (lower + upper) / 2
        window = _clipped(middle - reach_hz, middle + reach_hz, limit)
        if window is not None and upper - lower >= 2 * _HALF_WIDTH_HZ - 2 * _EDGE_HZ:
            found.append((window, (lower, upper)))
    return found


def other_windows(span: tuple[float, float], *, sample_rate_hz: float, reach_hz: float, done: Window) -> Iterator[Window]:
    """Yield the windows left to search in ``span`` after ``done``: it may be several carriers side by side, or cut by the edge.

    Where the span is the whole of a dongle's, there are none. Where the span's edge cuts the emission: everywhere. Else where a carrier of
    one of the six widths would begin or end with the emission.
    """
    lower, upper = span
    if sample_rate_hz < _WIDE_HZ and upper - lower >= sample_rate_hz:
        return
    limit = usable_limit_hz(sample_rate_hz)
    left, right = max(lower + _HALF_WIDTH_HZ, -limit), min(upper - _HALF_WIDTH_HZ, limit)
    cut = lower < -_USABLE * sample_rate_hz or upper > _USABLE * sample_rate_hz
    searched = [(done.lower_hz, done.upper_hz)]
    wanted: list[tuple[float, float]] = []
    if cut:
        n = max(1, int(np.ceil((right - left) / (2 * _SEEN_HZ))))
        edges = np.linspace(left, right, n + 1)
        wanted = [(float(a), float(b)) for a, b in pairwise(edges)]
    else:
        halves = [SUBCARRIERS_PER_RB * SUBCARRIER_HZ * n_rb / 2 for n_rb in BANDWIDTHS_RB]
        centres = [lower + half for half in halves] + [upper - half for half in halves]
        wanted = [(c - reach_hz, c + reach_hz) for c in centres if lower + _EDGE_HZ < c < upper - _EDGE_HZ]
    for low, high in wanted:
        for piece in _without((max(low, left), min(high, right)), searched):
            searched.append(piece)
            yield Window(lower_hz=piece[0], upper_hz=piece[1])


def raster_ranges(window: Window, *, center_freq_hz: float | None, ppm: PpmEstimate | None) -> list[tuple[float, float]]:
    """Return the offsets from the tuned centre to search in ``window``: all of it, or around each raster point where the clock is known."""
    whole = [(window.lower_hz, window.upper_hz)]
    if center_freq_hz is None or ppm is None:
        return whole
    slack = _PPM_SIGMAS * ppm.sigma_ppm * 1e-6 * center_freq_hz + _CLOCK_SLACK_HZ
    if slack > RASTER_HZ / 3:
        return whole
    shift = ppm.ppm * 1e-6
    first = np.floor((center_freq_hz + window.lower_hz) / (1 - shift) / RASTER_HZ)
    last = np.ceil((center_freq_hz + window.upper_hz) / (1 - shift) / RASTER_HZ)
    points = np.arange(first, last + 1) * RASTER_HZ * (1 - shift) - center_freq_hz
    ranges = [(max(float(p) - slack, window.lower_hz), min(float(p) + slack, window.upper_hz)) for p in points]
    return [(low, high) for low, high in ranges if low <= high]


def _clipped(lower: float, upper: float, limit: float) -> Window | None:
    middle = (lower + upper) / 2
    low = max(lower, -limit, middle - _SEEN_HZ)
    high = min(upper, limit, middle + _SEEN_HZ)
    return Window(lower_hz=low, upper_hz=high) if low <= high else None


def _without(piece: tuple[float, float], searched: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return what of ``piece`` is not in ``searched``."""
    left = [piece] if piece[0] < piece[1] else []
    for low, high in searched:
        left = [part for a, b in left for part in ((a, min(b, low)), (max(a, high), b)) if part[1] - part[0] > 1.0]
    return left
