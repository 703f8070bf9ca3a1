"""What a detection run is set to, and how long its transforms may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dsp.errors import ParameterError, TooFewSamplesError

SECONDS_PER_DAY: Final = 86_400.0
MIN_N_FFT: Final = 256
MIN_AVERAGES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionSettings:
    """The settings of a detection run; the defaults suit 250 ms dwells and the bursts of ISM and cellular bands alike."""

    n_fft: int = 4096
    overlap: float = 0.5
    dwell_s: float = 0.25
    row_step_s: float = 0.002
    """Wanted time step of the spectrogram rows; the nearest whole number of segments is used, at least one."""
    pfa: float | None = None
    """Probability of one or more false emissions in a dwell; None shares ``false_emissions_per_day`` out by the dwell's length."""
    false_emissions_per_day: float = 0.5
    merge_gap_hz: float = 25e3
    merge_gap_s: float = 0.01


DEFAULT_SETTINGS: Final = DetectionSettings()


def dwell_pfa(duration_s: float, *, false_emissions_per_day: float = DEFAULT_SETTINGS.false_emissions_per_day) -> float:
    """Return the false-alarm probability of one dwell of ``duration_s`` that keeps to ``false_emissions_per_day``."""
    return min(false_emissions_per_day * duration_s / SECONDS_PER_DAY, 0.5)


def choose_n_fft(n_samples: int, *, n_fft: int = DEFAULT_SETTINGS.n_fft, overlap: float = DEFAULT_SETTINGS.overlap) -> int:
    """Return the largest power of two up to ``n_fft`` that leaves ``n_samples`` at least 16 averages (256 at the least).

    Raises:
        ParameterError: ``overlap`` is not in [0, 1).
        TooFewSamplesError: not even one segment of 256 samples.
    """
    if not 0.0 <= overlap < 1.0:
        raise ParameterError("overlap", overlap, "0 or more and less than 1")
    if n_samples < MIN_N_FFT:
        raise TooFewSamplesError(n_samples, MIN_N_FFT)
    size = n_fft
    while size > MIN_N_FFT and _n_averages(n_samples, size, overlap) < MIN_AVERAGES:
        size //= 2
    return size


def _n_averages(n_samples: int, n_fft: int, overlap: float) -> int:
    hop = round(n_fft * (1.0 - overlap))
    return (n_samples - n_fft) // hop + 1 if n_samples >= n_fft else 0
