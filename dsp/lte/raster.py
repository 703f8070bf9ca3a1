"""Which point of the 100 kHz raster a carrier stands on.

An offset of +-324 kHz spans several points. The clock error decides, as all carriers and the sample clock hang on one crystal: first the
ppm that the frame timing's drift gives, where it fits one point and no other; else the joint ppm of the receiver's other carriers; else
the nearest point is given as ambiguous. (ppm > 0: fast clock, carriers appear low: cfo = -ppm x nominal.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dsp.types import PpmEstimate

RASTER_HZ: Final = 100_000.0
_MAX_PPM: Final = 130.0
FLOOR_PPM: Final = 0.5  # echoes that come and go, temperature: what the timing's own uncertainty leaves out
_SIGMAS: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterPoint:
    """A carrier on the raster. ``freq_hz`` is None where the tuned centre is not known; then ``cfo_hz`` is against the nearest step."""

    freq_hz: float | None
    cfo_hz: float
    ambiguous: bool


def choose_raster_point(
    *, offset_hz: float, center_freq_hz: float | None, timing: PpmEstimate | None, joint: PpmEstimate | None
) -> RasterPoint:
    """Return the raster point of a carrier that appears ``offset_hz`` from the tuned centre."""
    if center_freq_hz is None:
        return RasterPoint(freq_hz=None, cfo_hz=offset_hz - RASTER_HZ * round(offset_hz / RASTER_HZ), ambiguous=True)
    apparent = center_freq_hz + offset_hz
    nearest = RASTER_HZ * round(apparent / RASTER_HZ)
    reach = int(np.ceil(_MAX_PPM * 1e-6 * apparent / RASTER_HZ)) + 1
    points = nearest + RASTER_HZ * np.arange(-reach, reach + 1)
    ppm = -(apparent - points) / points * 1e6
    for clock in (timing, joint):
        if clock is None:
            continue
        fits = np.flatnonzero(np.abs(ppm - clock.ppm) <= _SIGMAS * float(np.hypot(clock.sigma_ppm, FLOOR_PPM)))
        if fits.size == 1:
            freq = float(points[fits[0]])
            return RasterPoint(freq_hz=freq, cfo_hz=apparent - freq, ambiguous=False)
    return RasterPoint(freq_hz=nearest, cfo_hz=apparent - nearest, ambiguous=True)
