"""What is measured of one emission: bandwidths, power, densities, signal-to-noise ratio."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from dsp.activity import Activity
from dsp.figures import MIN_POWER, N_FIGURES, figures
from dsp.regions import IndexArray
from dsp.types import Emission, FloatArray, NoiseFloor, Psd

CUT_BINS: Final = 2
"""An emission that reaches so near to the span's edge goes on beyond it."""


def without_spike(mean: FloatArray) -> FloatArray:
    """Return a dwell's ``mean`` with the five bins at the tuned centre replaced by what is beside them."""
    centre = mean.size // 2
    bridged = mean.copy()
    below, above = float(mean[centre - 3]), float(mean[centre + 3])
    bridged[centre - 2 : centre + 3] = [below + (above - below) * step / 6.0 for step in range(1, 6)]
    bridged.flags.writeable = False
    return bridged


def measured(psd: Psd, mean: FloatArray, floor: NoiseFloor, found: IndexArray, when: Activity) -> list[Emission]:
    """Return the emissions in the ranges ``found``, shape (n, 2), in their order; ``mean``: of ``psd``, the receiver's spike taken out.

    Powers and bandwidths are over all of a range; the edges are those without the skirts, 20 dB down.
    """
    table = np.empty((found.shape[0], N_FIGURES))
    figures(mean, psd.rows, floor.density, found, when.on, when.rows_on, table)
    n_rows, bin_hz, n_fft = psd.rows.shape[0], psd.bin_hz, psd.n_fft
    emissions = []
    for low, n_on, line, times_s in zip(found[:, 0].tolist(), when.rows_on.tolist(), table.tolist(), when.times_s, strict=True):
        first, last, total, mean_inside, noise_inside, noise_mean, left, right, peak, wide = line
        start = low - n_fft // 2
        lower, upper = (start + first) * bin_hz, (start + last) * bin_hz
        bandwidth = max(upper - lower, bin_hz)
        power = max(total * bin_hz, MIN_POWER)
        emissions.append(
            Emission(
                center_offset_hz=0.5 * (lower + upper),
                lower_offset_hz=(start + left - 0.5) * bin_hz,
                upper_offset_hz=(start + right - 0.5) * bin_hz,
                bandwidth_hz=bandwidth,
                bandwidth_26db_hz=wide * bin_hz if wide else None,
                power=power,
                peak_density=peak,
                mean_density=mean_inside,
                floor_density=noise_mean,
                snr_db=10.0 * math.log10(max(power / (noise_inside * bandwidth), MIN_POWER)),
                first_s=times_s[0][0],
                last_s=times_s[-1][1],
                burst_count=len(times_s),
                duty=n_on / n_rows if n_rows else 1.0,
                cut_low=low + left <= CUT_BINS,
                cut_high=low + right >= n_fft - CUT_BINS,
                burst_times_s=times_s if n_rows else (),
            )
        )
    return emissions
