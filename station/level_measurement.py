"""What a receiver makes of something known: a carrier of a known level, or the noise of a 50 ohm load. Spectra in, points out; pure."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.units import db
from station.errors import StationError
from station.level_table import LevelPoint
from station.watch import N_FFT, OFFSET_HZ, power_spectrum

STRETCHES: Final = 10
"""Parts of one look that are measured apart: how far they lie apart is the measurement's own uncertainty."""
SEARCH_HZ: Final = 80e3
"""A crystal that is 80 ppm out puts a carrier of 1 GHz this far from where it is looked for."""
HALF_WIDTH_HZ: Final = 12.5e3
"""What counts as the carrier, either side of its peak."""
MIN_SNR_DB: Final = 20.0
"""Below this the noise beneath the carrier counts for more than 0.05 dB."""
MAX_SCATTER_DB: Final = 0.5
"""An unmodulated carrier over a sound cable keeps its level better than this."""
CLIPPED: Final = 1e-4
BOLTZMANN: Final = 1.380649e-23
"""J/K, exact (SI, 2019)."""
REFERENCE_K: Final = 290.0
"""The temperature that noise figures are defined at (IEEE)."""
QUANTISATION: Final = 2.0 / (12.0 * 127.5**2)
"""Power of the converter's own noise, I and Q of 8 bits, spread evenly over the sample rate."""
MIN_OVER_QUANTISATION_DB: Final = 6.0
"""Nearer to the converter's own noise, what is left of a load's after taking that off is too uncertain."""
BUSY_DB: Final = 3.0
BUSY_PART: Final = 0.05
"""More bins than this part so far above the median are no load's noise: something comes in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSource:
    """A carrier at the receiver's socket. ``sigma_db``: generator, attenuator and cable together."""

    level_dbm: float
    sigma_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLoad:
    """A 50 ohm load at the receiver's socket, and the receiver's noise figure with its uncertainty."""

    noise_figure_db: float
    sigma_db: float
    temperature_c: float = 20.0

    @property
    def density_dbm_hz(self) -> float:
        """Noise at the socket: k (T + 290 K (F - 1)), in dBm/Hz; -174 + F at 290 K."""
        factor = 10.0 ** (self.noise_figure_db / 10.0)
        return 10.0 * math.log10(BOLTZMANN * (self.temperature_c + 273.15 + REFERENCE_K * (factor - 1.0)) * 1e3)


def source_point(samples: npt.NDArray[np.uint8], *, freq_hz: float, sample_rate_hz: float, known: KnownSource) -> LevelPoint:
    """Return the point that a carrier at ``freq_hz`` gives; ``samples``: unsigned bytes, shape (2n,), tuned 250 kHz below it.

    Raises:
        StationError: no carrier is there, it is too weak, overloads the receiver or is not steady; says what to do.
    """
    place = f"{freq_hz / 1e6:g} MHz"
    if float(np.mean((samples == 0) | (samples == 255))) > CLIPPED:
        raise StationError(f"{place}: the receiver is overloaded: put in an attenuator (and give it with --loss), or lower --gain")
    parts = np.array_split(samples[: len(samples) // (2 * STRETCHES) * 2 * STRETCHES].reshape(-1, 2), STRETCHES)
    offsets = np.fft.fftfreq(N_FFT, 1.0 / sample_rate_hz)
    powers = [power_spectrum(part.reshape(-1), sample_rate_hz=sample_rate_hz)[1] for part in parts]
    near = np.flatnonzero(np.abs(offsets - OFFSET_HZ) <= SEARCH_HZ)
    whole = np.mean(powers, axis=0)
    peak_hz = offsets[near[int(np.argmax(whole[near]))]]
    inside = np.abs(offsets - peak_hz) <= max(HALF_WIDTH_HZ, 2.0 * sample_rate_hz / N_FFT)
    noise = float(np.median(whole)) * int(inside.sum())
    carrier = float(whole[inside].sum()) - noise
    if carrier <= 0 or db(carrier / max(noise, 1e-30)) < MIN_SNR_DB:
        todo = "is the generator on, at this frequency, unmodulated? Otherwise raise its level or --gain"
        raise StationError(f"{place}: no carrier stands {MIN_SNR_DB:g} dB over the noise: {todo}")
    levels = [db(max(float(power[inside].sum()) - noise, 1e-30)) for power in powers]
    if (scatter := statistics.pstdev(levels)) > MAX_SCATTER_DB:
        raise StationError(f"{place}: the carrier's level moves by {scatter:.1f} dB: switch its modulation off, check the connectors")
    return _point(freq_hz, known.level_dbm - db(carrier), math.hypot(known.sigma_db, scatter))


def load_point(samples: npt.NDArray[np.uint8], *, freq_hz: float, sample_rate_hz: float, known: KnownLoad) -> LevelPoint:
    """Return the point that a load's noise gives; ``samples``: unsigned bytes, shape (2n,), tuned to ``freq_hz``.

    The converter's own noise is taken off; the median over the inner 80 % of the span leaves the receiver's own spurs out.

    Raises:
        StationError: signals come in, or the noise is not well above the converter's own; says what to do.
    """
    offsets, power = power_spectrum(samples, sample_rate_hz=sample_rate_hz)
    inner = power[(np.abs(offsets) < 0.4 * sample_rate_hz) & (np.abs(offsets) > 4 * sample_rate_hz / N_FFT)]
    middle = float(np.median(inner))
    place = f"{freq_hz / 1e6:g} MHz"
    if float(np.mean(inner > middle * 10 ** (BUSY_DB / 10))) > BUSY_PART:
        raise StationError(
            f"{place}: signals come in: is the 50 ohm load on the socket instead of the antenna? Move away from transmitters"
        )
    density = middle * N_FFT / sample_rate_hz
    own = QUANTISATION / sample_rate_hz
    if db(density / own) < MIN_OVER_QUANTISATION_DB:
        raise StationError(f"{place}: the noise is hardly above the converter's own: raise --gain, or use `calibrate source`")
    scatter = 10.0 / math.log(10.0) / math.sqrt(len(samples) / 2 / N_FFT)
    return _point(freq_hz, known.density_dbm_hz - db(density - own), math.hypot(known.sigma_db, scatter))


def curve_problem(points: Sequence[LevelPoint], *, step_db: float = 6.0) -> str:
    """Return what is odd about a calibration's points; empty: nothing. A tuner's response is smooth; a loose connector's is not."""
    for low, high in itertools.pairwise(points):
        if abs(high.dbm_minus_dbfs - low.dbm_minus_dbfs) > step_db:
            places = f"{low.freq_mhz:g} and {high.freq_mhz:g} MHz"
            return f"{places} differ by {abs(high.dbm_minus_dbfs - low.dbm_minus_dbfs):.1f} dB: measure again, with a point between them"
    return ""


def _point(freq_hz: float, offset_db: float, sigma_db: float) -> LevelPoint:
    return LevelPoint(freq_mhz=round(freq_hz / 1e6, 6), dbm_minus_dbfs=round(offset_db, 2), sigma_db=round(sigma_db, 2))
