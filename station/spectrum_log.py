"""Spectra gathered over dwells and thinned out for the waterfall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.types import NoiseFloor, Psd

RealArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinSpectrum:
    """Mean, max-hold and floor densities, shape (n_bins,) each, full scale squared per Hz; lowest frequency first."""

    first_sample: int
    lower_offset_hz: float
    step_hz: float
    duration_s: float
    mean: RealArray
    max_hold: RealArray
    floor: RealArray


class SpectrumLog:
    """Averages the spectra of some dwells into one of at most ``n_bins`` steps."""

    def __init__(self, n_bins: int) -> None:
        """``n_bins``: a power of two gives whole groups of bins; other sizes are rounded down to one."""
        self._n_bins = 1 << (n_bins.bit_length() - 1)
        self._clear()

    def _clear(self) -> None:
        self._first: int | None = None
        self.duration_s = 0.0
        self._mean: RealArray | None = None
        self._max: RealArray | None = None
        self._floor: RealArray | None = None
        self._bin_hz = 0.0

    def add(self, psd: Psd, floor: NoiseFloor, first_sample: int) -> None:
        """Take in a dwell. Means are means, the max-hold keeps the highest bin of every step."""
        n = min(self._n_bins, psd.n_fft)
        mean = psd.mean.reshape(n, -1).mean(axis=1, dtype=np.float64) * psd.duration_s
        noise = floor.density.reshape(n, -1).mean(axis=1, dtype=np.float64) * psd.duration_s
        highest = psd.max_hold.reshape(n, -1).max(axis=1).astype(np.float64)
        if self._mean is None or self._max is None or self._floor is None or len(self._mean) != n:
            self._clear()
            self._first, self._mean, self._max, self._floor = first_sample, mean, highest, noise
        else:
            self._mean, self._max, self._floor = self._mean + mean, np.maximum(self._max, highest), self._floor + noise
        self._bin_hz = psd.bin_hz * psd.n_fft / n
        self.duration_s += psd.duration_s

    def take(self) -> ThinSpectrum | None:
        """Return the spectrum since the last time, and begin again; None: there was none."""
        if self._mean is None or self._max is None or self._floor is None or self._first is None:
            return None
        n = len(self._mean)
        taken = ThinSpectrum(
            first_sample=self._first,
            lower_offset_hz=-n // 2 * self._bin_hz,
            step_hz=self._bin_hz,
            duration_s=self.duration_s,
            mean=self._mean / self.duration_s,
            max_hold=self._max,
            floor=self._floor / self.duration_s,
        )
        self._clear()
        return taken
