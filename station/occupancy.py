"""Occupancy of the bands in a tuning's span, gathered over dwells (ITU-R SM.1880: time occupied over time observed)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from config.band_plan import BandPlan
from station.sighting import Sighting

PLAIN_CHANNEL_HZ: Final = 200e3
MAX_CHANNELS: Final = 4096
_TOUCH: Final = 0.1
"""An emission occupies a channel when it covers this part of it, or has this part of itself in it."""


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


@dataclass(slots=True)
class _Band:
    name: str | None
    lower: float
    upper: float
    width: float
    channel_on_s: list[float] = field(default_factory=list)
    hertz_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.width = max(self.width, (self.upper - self.lower) / MAX_CHANNELS)
        self.channel_on_s = [0.0] * max(1, round((self.upper - self.lower) / self.width))
        self.width = (self.upper - self.lower) / len(self.channel_on_s)


class OccupancyLog:
    """Adds up how long each channel was occupied."""

    def __init__(self, plan: BandPlan, *, lower_freq_hz: float, upper_freq_hz: float, relative: bool) -> None:
        """The bands of ``plan`` that lie in the span, cut to it on whole channels; the span itself where there is none."""
        self._bands: list[_Band] = []
        for name, lower, upper, width in () if relative else plan.ranges():
            first = max(0, -int((lower - lower_freq_hz) // width))
            n = int((min(upper, upper_freq_hz) - lower) / width + 1e-9) - first
            if n > 0 and lower + first * width < upper:
                self._bands.append(_Band(name, lower + first * width, lower + (first + n) * width, width))
        if not self._bands:
            self._bands.append(_Band(None, lower_freq_hz, upper_freq_hz, min(PLAIN_CHANNEL_HZ, upper_freq_hz - lower_freq_hz)))
        self._reset()

    def _reset(self) -> None:
        self.observed_s, self._looks = 0.0, 0
        for band in self._bands:
            band.channel_on_s = [0.0] * len(band.channel_on_s)
            band.hertz_seconds = 0.0

    def add(self, sightings: Iterable[Sighting], duration_s: float) -> None:
        """Take in a dwell of ``duration_s``."""
        self.observed_s += duration_s
        self._looks += 1
        listed = list(sightings)
        for band in self._bands:
            self._add(band, listed, duration_s)

    def _add(self, band: _Band, sightings: list[Sighting], duration_s: float) -> None:
        on: dict[int, float] = {}
        for one in sightings:
            lower, upper = max(one.lower_freq_hz, band.lower), min(one.upper_freq_hz, band.upper)
            if upper <= lower:
                continue
            band.hertz_seconds += (upper - lower) * min(one.on_s, duration_s)
            needed = _TOUCH * min(band.width, one.upper_freq_hz - one.lower_freq_hz)
            for index in range(
                int((lower - band.lower) // band.width), min(int((upper - band.lower) // band.width) + 1, len(band.channel_on_s))
            ):
                edge = band.lower + index * band.width
                if min(upper, edge + band.width) - max(lower, edge) >= needed:
                    on[index] = min(duration_s, max(on.get(index, 0.0), one.on_s))
        for index, seconds in on.items():
            band.channel_on_s[index] += seconds

    def take(self) -> list[OccupancyOfBand]:
        """Return what was gathered since the last time, and begin again."""
        if self._looks == 0:
            return []
        taken = []
        for band in self._bands:
            fco = [min(1.0, on_s / self.observed_s) for on_s in band.channel_on_s]
            centers = [band.lower + (index + 0.5) * band.width for index in range(len(fco))]
            taken.append(
                OccupancyOfBand(
                    band=band.name,
                    lower_freq_hz=band.lower,
                    upper_freq_hz=band.upper,
                    channel_width_hz=band.width,
                    observed_s=self.observed_s,
                    looks=self._looks,
                    fbo=min(1.0, band.hertz_seconds / ((band.upper - band.lower) * self.observed_s)),
                    sro=sum(fco) / len(fco),
                    channels=tuple(zip(centers, fco, strict=True)),
                )
            )
        self._reset()
        return taken
