"""Occupancy of the bands in a tuning's span, gathered over dwells (ITU-R SM.1880: looks in which it was occupied over all looks)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from config.band_plan import BandPlan
from dsp.errors import ParameterError
from dsp.occupancy import Channel, Tally
from dsp.types import Artefact, FloatArray, NoiseFloor, Psd
from station.analysis import Findings, bins_of

PLAIN_CHANNEL_HZ: Final = 200e3
MAX_CHANNELS: Final = 4096
LOOKS_PER_DWELL: Final = 4
"""Spectrogram rows of a dwell that are judged, evenly spread: 16 looks a second are enough, and cost little."""
BINS_PER_CHANNEL: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class OccupancyOfBand:
    """FCO per channel, FBO and SRO of one band over what was observed."""

    band: str | None
    lower_freq_hz: float
    upper_freq_hz: float
    channel_width_hz: float
    observed_s: float
    looks: int
    fbo: float
    sro: float
    channels: tuple[tuple[float, float], ...]
    """(centre in Hz, FCO)."""


class OccupancyLog:
    """Adds up in how many looks each channel was occupied."""

    def __init__(self, plan: BandPlan, *, center_freq_hz: float | None, sample_rate_hz: float, n_fft: int) -> None:
        """The bands of ``plan`` that lie in the span, cut to it on whole channels; the span itself where there is none."""
        middle, half = center_freq_hz or 0.0, 0.5 * sample_rate_hz
        narrowest = BINS_PER_CHANNEL * sample_rate_hz / n_fft
        self._bands: list[_Band] = []
        for name, lower, upper, width in () if center_freq_hz is None else plan.ranges():
            first = max(0, -int((lower - (middle - half)) // width))
            n = int((min(upper, middle + half) - lower) / width + 1e-9) - first
            if n > 0:
                self._bands.append(_Band(name, middle, (lower + first * width, lower + (first + n) * width), max(width, narrowest)))
        if not self._bands:
            self._bands.append(_Band(None, middle, (middle - half, middle + half), max(PLAIN_CHANNEL_HZ, narrowest)))
        self.observed_s = 0.0

    def add(self, findings: Findings) -> None:
        """Take in a dwell; what the receiver made itself is taken out first."""
        looks = without_artefacts(thinned(findings.psd), findings.floor, findings.detections.artefacts)
        self.observed_s += findings.psd.duration_s
        for band in self._bands:
            band.add(looks, findings.floor)

    def take(self) -> list[OccupancyOfBand]:
        """Return what was gathered since the last time, and begin again."""
        taken = [band.take(self.observed_s) for band in self._bands if band.looks]
        self.observed_s = 0.0
        return taken


class _Band:
    """One band of the span, in channels of equal width."""

    def __init__(self, name: str | None, middle: float, edges: tuple[float, float], width_hz: float) -> None:
        self._name, self._edges = name, edges
        n = max(1, min(MAX_CHANNELS, round((edges[1] - edges[0]) / width_hz)))
        self._width = (edges[1] - edges[0]) / n
        limits = [edges[0] - middle + index * self._width for index in range(n + 1)]
        channels = tuple(Channel(lower_offset_hz=low, upper_offset_hz=high) for low, high in pairwise(limits))
        self._tally = Tally(channels, Channel(lower_offset_hz=limits[0], upper_offset_hz=limits[-1]))

    @property
    def looks(self) -> int:
        return self._tally.n_looks

    def add(self, psd: Psd, floor: NoiseFloor) -> None:
        # a very short dwell's bins are wider than a channel
        with suppress(ParameterError):
            self._tally.add(psd, floor)

    def take(self, observed_s: float) -> OccupancyOfBand:
        taken = self._tally.take()
        centers = [self._edges[0] + (index + 0.5) * self._width for index in range(len(taken.fco))]
        return OccupancyOfBand(
            band=self._name,
            lower_freq_hz=self._edges[0],
            upper_freq_hz=self._edges[1],
            channel_width_hz=self._width,
            observed_s=observed_s,
            looks=taken.n_looks,
            fbo=taken.fbo,
            sro=taken.sro,
            channels=tuple(zip(centers, taken.fco, strict=True)),
        )


def thinned(psd: Psd) -> Psd:
    """Return ``psd`` with at most ``LOOKS_PER_DWELL`` of its rows, evenly spread."""
    n = psd.rows.shape[0]
    if n <= LOOKS_PER_DWELL:
        return psd
    step = n / LOOKS_PER_DWELL
    return replace(psd, rows=psd.rows[[int((index + 0.5) * step) for index in range(LOOKS_PER_DWELL)]])


def without_artefacts(psd: Psd, floor: NoiseFloor, artefacts: Iterable[Artefact]) -> Psd:
    """Return ``psd`` with the floor in place of what the receiver made itself."""
    spots = [
        bins_of(psd, one.center_offset_hz - 0.5 * one.bandwidth_hz - psd.bin_hz, one.center_offset_hz + 0.5 * one.bandwidth_hz + psd.bin_hz)
        for one in artefacts
        if one.kind != "clipping"
    ]
    if not spots:
        return psd
    return replace(psd, mean=_patched(psd.mean, floor, spots), rows=_patched(psd.rows, floor, spots))


def _patched(density: FloatArray, floor: NoiseFloor, spots: list[slice]) -> FloatArray:
    patched = density.copy()
    for spot in spots:
        patched[..., spot] = floor.density[spot]
    return patched
