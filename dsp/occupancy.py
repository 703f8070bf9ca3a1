"""Occupancy of channels and bands over time (ITU-R SM.1880, SM.2256), with a stated false-alarm probability instead of a margin in dB.

A look is a spectrogram row, or the whole dwell where there are no rows; a ``Tally`` adds up the looks of many dwells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError
from dsp.thresholds import threshold
from dsp.types import FloatArray, NoiseFloor, Psd

BoolArray = npt.NDArray[np.bool_]
DEFAULT_PFA = 1e-3
"""Probability that noise alone makes a channel look occupied: far below any occupancy worth reporting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel of the span: its edges as offsets from the tuned centre in Hz."""

    lower_offset_hz: float
    upper_offset_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """Occupancy of some channels and of the band they make up, each from 0 to 1.

    ``fco``: of each channel, the part of the looks in which it was occupied. ``fbo``: the part of the band's (look, bin) cells that
    were occupied. ``sro``: the mean of ``fco``, channels by their number.
    """

    fco: tuple[float, ...]
    fbo: float
    sro: float
    n_looks: int


def channel_states(psd: Psd, floor: NoiseFloor, channels: tuple[Channel, ...], *, pfa: float = DEFAULT_PFA) -> BoolArray:
    """Return which channel was occupied in which look, shape (n_looks, n_channels).

    Occupied: its mean density passes the threshold that noise passes with probability ``pfa``.

    Raises:
        ParameterError: a channel lies outside the span.
    """
    looks, n_averages = _looks(psd)
    total = np.zeros((looks.shape[0], psd.n_fft + 1))
    np.cumsum(looks / floor.density, axis=1, dtype=np.float64, out=total[:, 1:])
    states = np.zeros((looks.shape[0], len(channels)), np.bool_)
    for index, channel in enumerate(channels):
        low, high = _bins(psd, channel)
        limit = threshold(high - low, n_averages=n_averages, overlap=psd.overlap, pfa=pfa)
        states[:, index] = total[:, high] - total[:, low] > limit * (high - low)
    return states


def cell_states(psd: Psd, floor: NoiseFloor, band: Channel, *, pfa: float = DEFAULT_PFA) -> BoolArray:
    """Return which bin of ``band`` was occupied in which look, shape (n_looks, n_bins of the band)."""
    looks, n_averages = _looks(psd)
    low, high = _bins(psd, band)
    limit = threshold(1, n_averages=n_averages, overlap=psd.overlap, pfa=pfa)
    occupied: BoolArray = looks[:, low:high] > np.float32(limit) * floor.density[low:high]
    return occupied


class Tally:
    """The looks at one band, dwell after dwell: in how many each channel was occupied, and which part of the cells."""

    def __init__(self, channels: tuple[Channel, ...], band: Channel) -> None:
        """``channels``: of equal standing in the SRO; ``band``: what they make up."""
        self._channels, self._band = channels, band
        self._clear()

    def _clear(self) -> None:
        self.n_looks = 0
        self._occupied = np.zeros(len(self._channels))
        self._cells = 0.0

    def add(self, psd: Psd, floor: NoiseFloor) -> None:
        """Take in the looks of one dwell.

        Raises:
            ParameterError: a channel lies outside the span, or holds no bin.
        """
        states, cells = channel_states(psd, floor, self._channels), cell_states(psd, floor, self._band)
        self.n_looks += states.shape[0]
        self._occupied += states.sum(axis=0)
        self._cells += float(cells.mean()) * states.shape[0]

    def take(self) -> Occupancy:
        """Return the occupancy over what was added since the last time, and begin again.

        Raises:
            ParameterError: no look was added.
        """
        if not self.n_looks:
            raise ParameterError("n_looks", 0, "at least one look")
        fco = self._occupied / self.n_looks
        taken = Occupancy(fco=tuple(fco.tolist()), fbo=self._cells / self.n_looks, sro=float(fco.mean()), n_looks=self.n_looks)
        self._clear()
        return taken


def _looks(psd: Psd) -> tuple[FloatArray, int]:
    if psd.rows.shape[0]:
        return psd.rows, psd.row_averages
    return psd.mean[None, :], psd.n_averages


def _bins(psd: Psd, channel: Channel) -> tuple[int, int]:
    """Return first bin and the bin after the last of those whose centres lie in ``channel``."""
    half = psd.n_fft // 2
    low = max(int(np.ceil(channel.lower_offset_hz / psd.bin_hz)) + half, 0)
    high = min(int(np.ceil(channel.upper_offset_hz / psd.bin_hz)) + half, psd.n_fft)
    if high <= low:
        raise ParameterError("channels", channel, f"inside +-{psd.sample_rate_hz / 2} Hz and at least a bin wide")
    return low, high
