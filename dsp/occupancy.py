"""Occupancy of channels and bands over time (ITU-R SM.1880, SM.2256)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel of the span: its edges as offsets from the tuned centre in Hz."""

    lower_offset_hz: float
    upper_offset_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """Occupancy of some channels and of the band they make up.

    ``fco``: shape (n_channels,), the part of the looks in which each channel was occupied; ``fbo``: the part of (look, channel) cells
    weighted by channel width that were occupied; ``sro``: the mean of ``fco`` (SM.1880: spectrum resource occupancy).
    """

    fco: tuple[float, ...]
    fbo: float
    sro: float
    n_looks: int


def channel_states(occupied: BoolArray, *, bin_hz: float, channels: tuple[Channel, ...]) -> BoolArray:
    """Return which channel was occupied in which look, shape (n_looks, n_channels): True where any of its bins was.

    ``occupied``: shape (n_looks, n_bins), lowest frequency first, bin ``n_bins // 2`` at the tuned centre.
    """
    n_bins = occupied.shape[1]
    states = np.zeros((occupied.shape[0], len(channels)), np.bool_)
    for index, channel in enumerate(channels):
        low = max(int(np.ceil(channel.lower_offset_hz / bin_hz - 0.5)) + n_bins // 2, 0)
        high = min(int(np.floor(channel.upper_offset_hz / bin_hz + 0.5)) + n_bins // 2, n_bins - 1)
        if high < low:
            raise ParameterError("channels", channel, "inside the span")
        states[:, index] = occupied[:, low : high + 1].any(axis=1)
    return states


def occupancy(states: BoolArray, *, widths_hz: tuple[float, ...]) -> Occupancy:
    """Return FCO, FBO and SRO of ``states``, shape (n_looks, n_channels), for channels ``widths_hz`` wide.

    SM.1880: FCO = looks in which the channel was occupied over all looks; FBO the same over the band, each channel by its width;
    SRO the mean of the channels' FCO.
    """
    if states.shape[0] == 0 or states.shape[1] == 0:
        raise ParameterError("states", states.shape, "at least one look and one channel")
    fco = states.mean(axis=0)
    width = np.asarray(widths_hz, np.float64)
    return Occupancy(
        fco=tuple(float(f) for f in fco),
        fbo=float((fco * width).sum() / width.sum()),
        sro=float(fco.mean()),
        n_looks=int(states.shape[0]),
    )
