"""The floor along a span, gathered over dwells: what raises it in the shape of a filter is seen in it, and not in the floor's median."""

from __future__ import annotations

from typing import Final

import numpy as np

from dsp.types import FloatArray
from station.analysis import Findings
from station.messages import level

STEPS: Final = 32
_CHUNKS: Final = 32
"""Parts of a dwell's span, each with its median."""
_GRID_HZ: Final = 10e3


class FloorProfile:
    """Mean floor by frequency."""

    def __init__(self) -> None:
        """Nothing gathered yet."""
        self._sums: dict[int, tuple[float, float]] = {}

    def add(self, findings: Findings, *, center_freq_hz: float, used_hz: float) -> None:
        """Take in the middle ``used_hz`` of a dwell heard at ``center_freq_hz``."""
        psd = findings.psd
        width = min(1.0, used_hz / (psd.n_fft * psd.bin_hz))
        edge = int((1.0 - width) / 2 * psd.n_fft)
        density: FloatArray = findings.floor.density[edge : psd.n_fft - edge]
        for index, part in enumerate(np.array_split(density, _CHUNKS)):
            at_hz = center_freq_hz + ((index + 0.5) / _CHUNKS - 0.5) * width * psd.n_fft * psd.bin_hz
            total, seconds = self._sums.get(round(at_hz / _GRID_HZ), (0.0, 0.0))
            self._sums[round(at_hz / _GRID_HZ)] = (total + float(np.median(part)) * psd.duration_s, seconds + psd.duration_s)

    def steps(self, lower_freq_hz: float, upper_freq_hz: float) -> list[float]:
        """Return the floor in ``STEPS`` equal steps in dBFS/Hz; a step that was not heard has its neighbours' between them."""
        if not self._sums:
            return []
        at = sorted(self._sums)
        freqs = np.array(at) * _GRID_HZ
        values = np.array([self._sums[key][0] / self._sums[key][1] for key in at])
        edges = np.linspace(lower_freq_hz, upper_freq_hz, STEPS + 1)
        index = np.clip(np.searchsorted(edges, freqs, side="right") - 1, 0, STEPS - 1)
        count = np.bincount(index, minlength=STEPS)
        mean = np.bincount(index, weights=values, minlength=STEPS) / np.maximum(count, 1)
        heard = np.flatnonzero(count)
        return [level(float(one)) for one in np.interp(np.arange(STEPS), heard, mean[heard])]
