"""The values that flow through the signal processing. Frozen, linear inside (full scale squared), arrays read-only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
ComplexArray = npt.NDArray[np.complex64]
FloorSource = Literal["free_bins", "reference", "assumed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Psd:
    """Welch estimate over one dwell.

    ``mean``, ``max_hold``, ``min_hold``: shape (n_fft,), density in full scale squared per Hz, lowest frequency first: bin k is at
    ``(k - n_fft // 2) * sample_rate_hz / n_fft`` from the tuned centre. White noise of total power P reads P / sample_rate_hz; a tone
    of power P reads P / (enbw_bins * sample_rate_hz / n_fft) at its bin.
    ``rows``: shape (n_rows, n_fft), the mean density of consecutive stretches of ``row_averages`` segments, ``row_step_s`` apart
    (empty, shape (0, n_fft), where none were asked).
    """

    mean: FloatArray
    max_hold: FloatArray
    min_hold: FloatArray
    rows: FloatArray
    row_step_s: float
    row_averages: int
    sample_rate_hz: float
    n_fft: int
    n_averages: int
    overlap: float
    n_samples: int
    clipped_fraction: float | None
    """Part of the I and Q values at the converter's end stops; None where clipping cannot be judged (cf32)."""
    peak: float
    """Largest |I| or |Q| seen, full scale 1.0."""

    @property
    def bin_hz(self) -> float:
        """Spacing of the bins in Hz."""
        return self.sample_rate_hz / self.n_fft

    @property
    def duration_s(self) -> float:
        """Length of the dwell in seconds."""
        return self.n_samples / self.sample_rate_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """Noise density of every bin, shape (n_fft,), full scale squared per Hz, in the order of ``Psd.mean``; and where it came from."""

    density: FloatArray
    source: FloorSource
    free_fraction: float
    """Part of the span's bins that were taken as free of signals."""
    uncertainty_db: float
    """One standard deviation of the density against the truth, given that the bins taken as free are free."""
    averaged_bins: float = math.inf
    """How many bins' worth of noise each value of ``density`` rests on; infinite: the density is known, not estimated."""
    ripple: float = 0.0
    """Relative deviation (rms) of the free bins from ``density`` beyond what noise explains; 0 where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """One emission of one dwell: a box in time and frequency.

    Frequencies are offsets from the tuned centre, times from the dwell's start.
    """

    center_offset_hz: float
    lower_offset_hz: float
    upper_offset_hz: float
    """The outer edges of the detected box."""
    bandwidth_hz: float
    """99 % bandwidth, ITU-R SM.443 beta method, 0.5 % left out on each side."""
    bandwidth_26db_hz: float | None
    """None where the peak stands less than 30 dB over the floor."""
    power: float
    """Mean power while on, floor taken off, full scale squared."""
    peak_density: float
    mean_density: float
    floor_density: float
    snr_db: float
    """Power in the 99 % bandwidth over the noise in it."""
    first_s: float
    last_s: float
    burst_count: int
    duty: float
    cut_low: bool
    cut_high: bool
    """The span's edge cuts the emission on that side."""
    burst_times_s: tuple[tuple[float, float], ...] = ()
    """First and last time of each burst, in order; empty where the dwell had no spectrogram rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """Something the receiver made itself: recognised and marked, not an emission."""

    kind: Literal["dc_spike", "image", "clipping", "intermodulation"]
    center_offset_hz: float
    bandwidth_hz: float
    power: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """The weakest steady carrier of one width that a dwell would have seen with probability 0.5, full scale squared."""

    width_hz: float
    power: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """What one dwell gave: the emissions, what the receiver made itself, and how well it looked."""

    emissions: tuple[Emission, ...]
    artefacts: tuple[Artefact, ...]
    sensitivities: tuple[Sensitivity, ...]
    false_alarm_probability: float
    """The stated probability of one or more false emissions in this dwell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PpmEstimate:
    """Receiver clock error; > 0 is a fast clock, which makes every carrier appear low."""

    ppm: float
    sigma_ppm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """One path of a channel: delay against the strongest path in microseconds, level against it in dB."""

    delay_us: float
    level_db: float
