"""One dwell: samples in, findings out. PSD, then its noise floor, then what stands out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from config.settings import AnalysisSection
from dsp.detection import choose_n_fft, dwell_pfa
from dsp.emissions import detect
from dsp.noise_floor import estimate_floor
from dsp.psd import WelchPsd
from dsp.types import Detections, NoiseFloor, Psd
from dsp.units import SampleFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What one dwell gave: its spectrum, its noise and its emissions. ``first_sample`` is where it began."""

    first_sample: int
    psd: Psd
    floor: NoiseFloor
    detections: Detections

    @property
    def end_sample(self) -> int:
        """The sample after the last."""
        return self.first_sample + self.psd.n_samples


class DwellAnalysis:
    """The analysis of one dwell after another while their samples come in; holds no samples."""

    def __init__(self, settings: AnalysisSection, *, sample_rate_hz: float, sample_format: SampleFormat) -> None:
        """Prepare for samples of one format and rate."""
        self._settings, self._rate, self._format = settings, sample_rate_hz, sample_format
        self._welch: dict[int, WelchPsd] = {}
        self._first_sample = 0
        self._current: WelchPsd | None = None

    def begin(self, first_sample: int, n_samples: int) -> None:
        """Begin a dwell of ``n_samples``; a short one gets a shorter transform, so that there are averages enough.

        Raises:
            TooFewSamplesError: fewer than 256.
        """
        n_fft = choose_n_fft(n_samples, n_fft=self._settings.n_fft, overlap=self._settings.overlap)
        if n_fft not in self._welch:
            self._welch[n_fft] = WelchPsd(
                n_fft=n_fft,
                sample_rate_hz=self._rate,
                sample_format=self._format,
                overlap=self._settings.overlap,
                row_step_s=self._settings.row_step_s,
            )
        self._first_sample, self._current = first_sample, self._welch[n_fft]
        self._current.reset()

    def add(self, samples: npt.NDArray[Any]) -> None:
        """Take in the next samples: interleaved in the converter's type, or complex64."""
        assert self._current is not None
        self._current.add(samples)

    def findings(self) -> Findings:
        """Return what the dwell gave."""
        assert self._current is not None
        psd = self._current.result()
        floor = estimate_floor(psd)
        settings = self._settings
        pfa = settings.pfa or dwell_pfa(psd.duration_s, false_emissions_per_day=settings.false_emissions_per_day)
        found = detect(psd, floor, pfa=pfa, merge_gap_hz=settings.merge_gap_hz, merge_gap_s=settings.merge_gap_s)
        return Findings(first_sample=self._first_sample, psd=psd, floor=floor, detections=found)


def bins_of(psd: Psd, lower_offset_hz: float, upper_offset_hz: float) -> slice:
    """Return the bins of ``psd`` whose centres lie between two offsets; at least one bin."""
    low = int(np.clip(round(lower_offset_hz / psd.bin_hz + 0.5) + psd.n_fft // 2, 0, psd.n_fft - 1))
    high = int(np.clip(round(upper_offset_hz / psd.bin_hz - 0.5) + psd.n_fft // 2, low, psd.n_fft - 1))
    return slice(low, high + 1)


def shows_signal(findings: Findings, lower_offset_hz: float, upper_offset_hz: float, *, hold_db: float) -> bool:
    """Return whether a band still holds at least ``hold_db`` less than a new carrier of its width would need to be found."""
    psd, floor = findings.psd, findings.floor
    band = bins_of(psd, lower_offset_hz, upper_offset_hz)
    excess = float((psd.mean[band] - floor.density[band]).sum()) * psd.bin_hz
    width = upper_offset_hz - lower_offset_hz
    wide_enough = [one.power for one in findings.detections.sensitivities if one.width_hz >= width]
    needed = min(wide_enough, default=max((one.power for one in findings.detections.sensitivities), default=float("inf")))
    return bool(excess >= needed * 10 ** (-hold_db / 10))
