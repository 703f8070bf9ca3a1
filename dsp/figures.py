"""The figures of an emission's spectrum: power, bandwidths (ITU-R SM.443), edges, peak. All emissions of a dwell in one call."""

from __future__ import annotations

from typing import Final

import numpy as np

from dsp.free_bins import BoolArray, RealArray
from dsp.jit import compiled
from dsp.regions import IndexArray
from dsp.types import FloatArray

BETA: Final = 0.01
"""ITU-R SM.443: the part of the power outside the occupied bandwidth, half of it on each side."""
X_DB: Final = 26.0
X_DB_NEEDS_DB: Final = 30.0
"""The 26 dB points are below the noise of an emission that stands less than this over the floor."""
SKIRT_RATIO: Final = 0.01
MIN_POWER: Final = 1e-30
N_FIGURES: Final = 10


@compiled
def figures(
    mean: FloatArray, rows: FloatArray, floor: FloatArray, found: IndexArray, on: BoolArray, rows_on: IndexArray, table: RealArray
) -> None:
    """Fill ``table``, shape (n, 10), a line for each of the ranges ``found``, shape (n, 2); bins are counted from the range's start.

    Lower and upper edge of the 99 % bandwidth; sum of the excess over the floor; mean density and mean noise in that bandwidth; mean
    noise; first bin and the bin after the last without the skirts; peak density; bins between the 26 dB points (0: none).
    """
    for index in range(found.shape[0]):
        low, high = found[index, 0], found[index, 1]
        size = high - low
        density, noise, net = np.empty(size), np.empty(size), np.empty(size)
        for i in range(size):
            noise[i] = floor[low + i]
        _while_on(mean[low:high], rows[:, low:high], on[index], rows_on[index], noise, density)
        for i in range(size):
            net[i] = density[i] - noise[i]
        first, last = occupied(net)
        inside_first = max(int(first), 0)
        inside_last = max(int(np.ceil(last)), inside_first + 1)
        table[index, 0], table[index, 1] = first, last
        table[index, 2], table[index, 3], table[index, 4], table[index, 5] = _means(density, noise, inside_first, inside_last)
        table[index, 6], table[index, 7] = _edges(density, noise, inside_first, inside_last)
        table[index, 8], table[index, 9] = x_db_bins(density, noise)


@compiled
def _while_on(mean: FloatArray, rows: FloatArray, on: BoolArray, n_on: int, noise: RealArray, density: RealArray) -> None:
    """Fill ``density``: the mean over the time the emission was on."""
    n_rows = on.size
    if n_on == n_rows:
        for i in range(density.size):
            density[i] = mean[i]
    elif 2 * n_on > n_rows:
        # the whole dwell has the better noise; rows at the dwell's end may be missing
        for i in range(density.size):
            density[i] = noise[i] + (mean[i] - noise[i]) * n_rows / n_on
    else:
        density[:] = 0.0
        for r in range(n_rows):
            if on[r]:
                row = rows[r]
                for i in range(density.size):
                    density[i] += row[i]
        for i in range(density.size):
            density[i] /= n_on


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


@compiled
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
    _, wide = x_db_bins(density, noise)
    return wide * bin_hz if wide else None


@compiled
def x_db_bins(density: RealArray, noise: RealArray) -> tuple[float, int]:
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
