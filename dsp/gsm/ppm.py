"""The receiver's clock error, solved over all carriers of a dwell at once.

A carrier of nominal frequency F appears at F / (1 + p) when the receiver's clock is fast by p. All GSM downlinks lie on multiples of
200 kHz (TS 45.005 cl. 2), so p is what brings every apparent frequency onto that raster; the drift of the frames in samples
is the same p, and decides where two raster points are possible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.gsm.params import CARRIER_SPACING_HZ
from dsp.types import PpmEstimate

_CARRIER_SIGMA_HZ: Final = 60.0
"""A base station's own error, 0.05 ppm, and the measurement's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierClock:
    """What one carrier says of the receiver's clock."""

    apparent_hz: float
    """Tuned centre plus offset."""
    drift_ppm: float
    """From the frames' timing."""
    drift_sigma_ppm: float
    weight: float = 1.0


def nominal_hz(apparent_hz: float, ppm: float) -> float:
    """Return the raster point that appears at ``apparent_hz`` when the clock is fast by ``ppm``."""
    return CARRIER_SPACING_HZ * round(apparent_hz * (1.0 + ppm * 1e-6) / CARRIER_SPACING_HZ)


def solve(clocks: tuple[CarrierClock, ...], *, max_ppm: float, prior: PpmEstimate | None = None) -> PpmEstimate | None:
    """Return the clock error that explains all carriers best, or None without carriers or beyond ``max_ppm``."""
    if not clocks:
        return None
    grid = np.arange(-max_ppm, max_ppm + 0.05, 0.1)
    cost = np.zeros(grid.size)
    for c in clocks:
        off = _distance(c.apparent_hz * (1.0 + grid * 1e-6))
        cost += c.weight * np.minimum((off / _CARRIER_SIGMA_HZ) ** 2, 400.0)
        cost += np.minimum(((grid - c.drift_ppm) / c.drift_sigma_ppm) ** 2, 100.0) if c.drift_sigma_ppm < max_ppm else 0.0
    if prior is not None:
        cost += np.minimum(((grid - prior.ppm) / max(prior.sigma_ppm, 0.1)) ** 2, 100.0)
    start = float(grid[np.argmin(cost + 1e-3 * np.abs(grid))])
    each = np.array([(nominal_hz(c.apparent_hz, start) / c.apparent_hz - 1.0) * 1e6 for c in clocks])
    weights = np.array([c.weight for c in clocks])
    centre = _weighted_median(each, weights)
    near = np.abs(each - centre) < 0.5
    ppm = float(np.average(each[near], weights=weights[near]))
    if abs(ppm) > max_ppm + 1.0:
        return None
    sigma = _CARRIER_SIGMA_HZ / clocks[0].apparent_hz * 1e6 / np.sqrt(near.sum())
    return PpmEstimate(ppm=ppm, sigma_ppm=float(sigma))


def off_raster_hz(apparent_hz: float, ppm: float) -> float:
    """Return how far, in Hz and signed, a carrier at ``apparent_hz`` is from the nearest raster point."""
    return float(_distance(np.array([apparent_hz * (1.0 + ppm * 1e-6)]))[0])


def _distance(freq_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the signed distance to the nearest raster point."""
    return np.asarray((freq_hz + CARRIER_SPACING_HZ / 2) % CARRIER_SPACING_HZ - CARRIER_SPACING_HZ / 2)


def _weighted_median(values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    """Return the value at which half of the weight is reached."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, 0.5 * reached[-1])])
