"""What is measured of one emission: bandwidths, power, densities, signal-to-noise ratio."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from dsp.bursts import Activity
from dsp.free_bins import RealArray
from dsp.jit import compiled
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
    bin_hz, half = psd.bin_hz, psd.n_fft // 2
    first, last = occupied(density - noise)
    lower, upper = (low + first - half) * bin_hz, (low + last - half) * bin_hz
    bandwidth = max(upper - lower, bin_hz)
    total, mean_inside, noise_inside, noise_mean = _means(density, noise, int(first), max(math.ceil(last), int(first) + 1))
    left, right = _edges(density, noise, int(first), max(math.ceil(last), int(first) + 1))
    left, right = left + low, right + low
    peak, wide = _x_db_bins(density, noise)
    power = max(total * bin_hz, MIN_POWER)
    return Emission(
        center_offset_hz=0.5 * (lower + upper),
        lower_offset_hz=(left - half - 0.5) * bin_hz,
        upper_offset_hz=(right - half - 0.5) * bin_hz,
        bandwidth_hz=bandwidth,
        bandwidth_26db_hz=wide * bin_hz if wide else None,
        power=power,
        peak_density=peak,
        mean_density=mean_inside,
        floor_density=noise_mean,
        snr_db=10.0 * math.log10(max(power / (noise_inside * bandwidth), MIN_POWER)),
        first_s=when.times_s[0][0],
        last_s=when.times_s[-1][1],
        burst_count=len(when.times_s),
        duty=when.duty,
        cut_low=left <= CUT_BINS,
        cut_high=right >= psd.n_fft - CUT_BINS,
        burst_times_s=when.times_s if psd.rows.shape[0] else (),
    )


@compiled
def _means(density: RealArray, noise: RealArray, first: int, last: int) -> tuple[float, float, float, float]:
    """Return the sum of the excess, the mean density and noise of the bins from ``first`` to before ``last``, the mean noise of all."""
    n = density.size
    total, noise_total, inside, noise_inside = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        total += density[i] - noise[i]
        noise_total += noise[i]
    for i in range(first, min(last, n)):
        inside += density[i]
        noise_inside += noise[i]
    count = min(last, n) - first
    return total, inside / count, noise_inside / count, noise_total / n


@compiled
def _edges(density: RealArray, noise: RealArray, first: int, last: int) -> tuple[int, int]:
    """Return the first bin and the bin after the last of those whose excess over the floor is a hundredth of the mean inside.

    Inside: the bins from ``first`` to before ``last``.
    """
    n = density.size
    mean = 0.0
    for i in range(first, min(last, n)):
        mean += density[i] / noise[i] - 1.0
    least = SKIRT_RATIO * max(mean / (min(last, n) - first), 0.0)
    left, right = 0, n
    while left < n - 1 and density[left] < (1.0 + least) * noise[left]:
        left += 1
    while right > left + 1 and density[right - 1] < (1.0 + least) * noise[right - 1]:
        right -= 1
    return left, right


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
    below, above = _crossings(net)
    return below - 0.5, net.size - above - 0.5


@compiled
def _crossings(net: RealArray) -> tuple[float, float]:
    """Return where the running sum of ``net`` passes half of ``BETA`` for the last time from below, in bins from the start and the end."""
    n = net.size
    total = 0.0
    for i in range(n):
        total += net[i]
    if total <= 0.0:
        return 0.0, 0.0
    level = 0.5 * BETA * total
    places = (0.0, 0.0)
    for side in range(2):
        running, before, at = 0.0, 0.0, 0
        for i in range(n):
            running += net[i] if side == 0 else net[n - 1 - i]
            if running < level:
                at, before = i + 1, running
        place = float(n)
        if at < n:
            here = net[at] if side == 0 else net[n - 1 - at]
            place = at + min(max((level - before) / max(here, MIN_POWER), 0.0), 1.0)
        places = (place, 0.0) if side == 0 else (places[0], place)
    return places


def x_db_bandwidth(density: RealArray, noise: RealArray, *, bin_hz: float) -> float | None:
    """Return the width between the outermost points 26 dB below the peak; None where the peak stands less than 30 dB over the floor.

    ITU-R SM.443 x-dB method with x = 26; ``density`` and ``noise``: shape (n,).
    """
    _, wide = _x_db_bins(density, noise)
    return wide * bin_hz if wide else None


@compiled
def _x_db_bins(density: RealArray, noise: RealArray) -> tuple[float, int]:
    """Return the peak and how many bins the points 26 dB below it are apart; 0 where it stands less than 30 dB over the floor."""
    n, peak = density.size, 0
    for i in range(n):
        if density[i] > density[peak]:
            peak = i
    if density[peak] < 10 ** (X_DB_NEEDS_DB / 10.0) * noise[peak]:
        return density[peak], 0
    least = density[peak] * 10 ** (-X_DB / 10.0)
    left, right = 0, n - 1
    while density[left] < least:
        left += 1
    while density[right] < least:
        right -= 1
    return density[peak], right - left + 1
