"""What is measured of one emission: bandwidths, power, densities, signal-to-noise ratio."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from dsp.bursts import Activity
from dsp.free_bins import RealArray
from dsp.regions import Region
from dsp.types import Emission, FloatArray, NoiseFloor, Psd

BETA: Final = 0.01
"""ITU-R SM.443: the part of the power outside the occupied bandwidth, half of it on each side."""
X_DB: Final = 26.0
X_DB_NEEDS_DB: Final = 30.0
"""The 26 dB points are below the noise of an emission that stands less than this over the floor."""
SKIRT_RATIO: Final = 0.01
CUT_BINS: Final = 2
"""An emission that reaches so near to the span's edge goes on beyond it."""
MIN_POWER: Final = 1e-30


def without_spike(psd: Psd) -> Psd:
    """Return ``psd`` with the five bins at the tuned centre replaced by what is beside them, in mean and max hold."""
    return replace(psd, mean=_bridged(psd.mean), max_hold=_bridged(psd.max_hold))


def _bridged(density: FloatArray) -> FloatArray:
    centre = density.size // 2
    bridged = density.copy()
    bridged[centre - 2 : centre + 3] = np.linspace(density[centre - 3], density[centre + 3], 7)[1:-1]
    bridged.flags.writeable = False
    return bridged


def measured(psd: Psd, floor: NoiseFloor, region: Region, when: Activity) -> Emission:
    """Return the emission in ``region``: powers and bandwidths over all of it; its edges without the skirts, 20 dB down."""
    low, high = region
    noise = floor.density[low:high].astype(np.float64)
    density = _density_while_on(psd, noise, region, when)
    net = density - noise
    bin_hz, half = psd.bin_hz, psd.n_fft // 2
    first, last = occupied(net)
    lower, upper = (low + first - half) * bin_hz, (low + last - half) * bin_hz
    bandwidth = max(upper - lower, bin_hz)
    inside = slice(int(first), max(math.ceil(last), int(first) + 1))
    power = max(float(net.sum()) * bin_hz, MIN_POWER)
    noise_power = float(noise[inside].mean()) * bandwidth
    left, right = _edges(net / noise, inside)
    left, right = left + low, right + low
    return Emission(
        center_offset_hz=0.5 * (lower + upper),
        lower_offset_hz=(left - half - 0.5) * bin_hz,
        upper_offset_hz=(right - half - 0.5) * bin_hz,
        bandwidth_hz=bandwidth,
        bandwidth_26db_hz=x_db_bandwidth(density, noise, bin_hz=bin_hz),
        power=power,
        peak_density=float(density.max()),
        mean_density=float(density[inside].mean()),
        floor_density=float(noise.mean()),
        snr_db=10.0 * math.log10(max(power / noise_power, MIN_POWER)),
        first_s=when.times_s[0][0],
        last_s=when.times_s[-1][1],
        burst_count=len(when.times_s),
        duty=when.duty,
        cut_low=left <= CUT_BINS,
        cut_high=right >= psd.n_fft - CUT_BINS,
        burst_times_s=when.times_s if psd.rows.shape[0] else (),
    )


def _edges(excess: RealArray, inside: slice) -> tuple[int, int]:
    """Return the first bin and the bin after the last of those whose excess over the floor is a hundredth of the mean ``inside``."""
    strong = np.flatnonzero(excess >= SKIRT_RATIO * max(float(excess[inside].mean()), 0.0))
    return int(strong[0]), int(strong[-1]) + 1


def _density_while_on(psd: Psd, noise: RealArray, region: Region, when: Activity) -> RealArray:
    """Return the mean density over the time the emission was on, shape (n,)."""
    low, high = region
    if when.duty >= 1.0:
        return psd.mean[low:high].astype(np.float64)
    if when.duty <= 0.5:
        weight = when.on.astype(np.float32) / np.float32(np.count_nonzero(when.on))
        return (weight @ psd.rows[:, low:high]).astype(np.float64)
    # the whole dwell has the better noise; rows at the dwell's end may be missing
    return noise + (psd.mean[low:high] - noise) / when.duty


def occupied(net: RealArray) -> tuple[float, float]:
    """Return the edges of the 99 % bandwidth of ``net``, shape (n,), in bins from its start (bin i covers i - 0.5 to i + 0.5).

    ITU-R SM.443 beta method: half a per cent of the power is left out on each side; the crossing is interpolated inside its bin.
    ``net`` is the density with the floor taken off, and so scatters about zero where there is no signal.
    """
    total = float(net.sum())
    if total <= 0.0:
        return -0.5, net.size - 0.5
    aside = 0.5 * BETA * total
    return _crossing(net, aside) - 0.5, net.size - _crossing(net[::-1], aside) - 0.5


def _crossing(net: RealArray, level: float) -> float:
    """Return where the running sum of ``net`` passes ``level`` for the last time from below, in bins from the start."""
    running = np.cumsum(net)
    below = np.flatnonzero(running < level)
    at = int(below[-1]) + 1 if below.size else 0
    if at >= net.size:
        return float(net.size)
    before = float(running[at - 1]) if at else 0.0
    part = (level - before) / max(float(running[at]) - before, MIN_POWER)
    return at + min(max(part, 0.0), 1.0)


def x_db_bandwidth(density: RealArray, noise: RealArray, *, bin_hz: float) -> float | None:
    """Return the width between the outermost points 26 dB below the peak; None where the peak stands less than 30 dB over the floor.

    ITU-R SM.443 x-dB method with x = 26; ``density`` and ``noise``: shape (n,).
    """
    peak = int(density.argmax())
    if density[peak] < 10 ** (X_DB_NEEDS_DB / 10.0) * noise[peak]:
        return None
    above = np.flatnonzero(density >= density[peak] * 10 ** (-X_DB / 10.0))
    return float(above[-1] - above[0] + 1) * bin_hz
