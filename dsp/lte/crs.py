"""A cell's subframe over the whole carrier, or the part that was heard: resource elements, and the channel from its reference signals.

The centre six blocks at 1.92 MS/s are ``dsp.lte.reference_signals``'; this is for any sample rate that is a multiple of 15 kHz and any
place of the carrier, as far as the samples reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError
from dsp.lte.ofdm import Float64Array
from dsp.lte.params import FRAME_S, SLOTS_PER_FRAME, SUBCARRIER_HZ, SUBCARRIERS_PER_RB, SYMBOLS_PER_SLOT, symbol_starts
from dsp.lte.resource_grid import crs_subcarriers, crs_symbols
from dsp.lte.sequences import crs
from dsp.lte.subframe_channel import PortPilots, channel_at
from dsp.lte.types import CyclicPrefix, Duplex
from dsp.types import ComplexArray

SUBFRAME: Final = 5
_OWN: Final = (10, 11)
_REACH_SLOTS: Final = 20
"""Reference signals so far before and after serve subframe 5."""
_SURE: Final[dict[Duplex, tuple[int, ...]]] = {"fdd": (0, 4, 5, 9), "tdd": (0, 5)}
"""Subframes that are downlink in every cell and never MBSFN."""
_SURE_START: Final[dict[Duplex, tuple[int, ...]]] = {"fdd": (1, 2, 3, 6, 7, 8), "tdd": (1, 6)}
"""Those of which the first symbols are, MBSFN or special."""
_BACKOFF_S: Final = 1.5e-6
_EDGE: Final = 0.48
"""Of the sample rate to either side of the middle: blocks beyond were lost in the receiver's filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierView:
    """Where a cell's frames and subcarriers lie in the samples."""

    sample_rate_hz: float
    frame_sample: float
    """Sample at which a frame begins."""
    stretch: float
    """Received over nominal samples."""
    offset_hz: float
    """Carrier centre against the middle of the samples; the whole carrier need not be in their band."""
    pci: int
    n_rb: int
    ports: int
    cp: CyclicPrefix
    duplex: Duplex
    seen: tuple[int, int] | None = None
    """The first block heard and the one after the last; None: all that lie in the samples' band."""
    band_hz: float | None = None
    """How wide that is where it is less than the sample rate."""

    def seen_blocks(self) -> tuple[int, int]:
        """Return the first block heard and the one after the last; equal where none is."""
        if self.seen is not None:
            return self.seen
        lowest = self.offset_hz - self.n_rb / 2 * SUBCARRIERS_PER_RB * SUBCARRIER_HZ
        reach = (np.array([-1.0, 1.0]) * _EDGE * (self.band_hz or self.sample_rate_hz) - lowest) / (SUBCARRIERS_PER_RB * SUBCARRIER_HZ)
        first, last = int(np.ceil(reach[0])), int(np.floor(reach[1]))
        return min(max(first, 0), self.n_rb), max(min(last, self.n_rb), min(max(first, 0), self.n_rb))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subframe:
    """Subframe 5 of one frame. ``elements``: (14 or 12, 12 n_rb), zero where not heard; ``channels``: (ports, 14 or 12, 12 n_rb)."""

    elements: ComplexArray
    channels: ComplexArray
    signal: float
    noise: float
    """Mean power of one reference element of a port, and of noise, full scale squared."""


def subcarrier_numbers(n_rb: int) -> npt.NDArray[np.int64]:
    """Return the frequency of each subcarrier in steps of 15 kHz from the carrier, shape (12 n_rb,); the carrier itself is not used."""
    k = np.arange(SUBCARRIERS_PER_RB * n_rb) - SUBCARRIERS_PER_RB * n_rb // 2
    return np.where(k < 0, k, k + 1)


def frames_inside(view: CarrierView, n_samples: int) -> list[int]:
    """Return the frames, counted from the one that begins at ``frame_sample``, whose subframe 5 lies within the samples."""
    length = FRAME_S * view.sample_rate_hz * view.stretch
    first, last = SUBFRAME / 10, (SUBFRAME + 1) / 10
    low, high = (-view.frame_sample) / length - first, (n_samples - view.frame_sample) / length - last
    return list(range(int(np.ceil(low)), int(np.floor(high)) + 1))


def read_subframe(iq: ComplexArray, view: CarrierView, frame: int) -> Subframe:
    """Return subframe 5 of ``frame`` (see ``frames_inside``) with its channel."""
    per_slot = SYMBOLS_PER_SLOT[view.cp]
    first, last = view.seen_blocks()
    span = (SUBCARRIERS_PER_RB * first, SUBCARRIERS_PER_RB * last)
    pilots = {symbol for port in range(view.ports) for symbol in crs_symbols(port, view.cp)}
    slots = range(_OWN[0] - _REACH_SLOTS, _OWN[-1] + _REACH_SLOTS + 1)
    rows = np.array([(slot, m) for slot in slots for m in range(per_slot) if slot in _OWN or m in pilots])
    spectrum, inside = _demodulate(iq, view, [(frame, slot, symbol) for slot, symbol in rows.tolist()], span)
    rows, spectrum = rows[inside], spectrum[inside]
    own = np.isin(rows[:, 0], _OWN)
    channel = channel_at(_pilots(spectrum, rows, view, span), _seconds(rows[own], view.cp), span)
    n_subcarriers = SUBCARRIERS_PER_RB * view.n_rb
    elements = np.zeros((2 * per_slot, n_subcarriers), dtype=np.complex64)
    channels = np.zeros((view.ports, 2 * per_slot, n_subcarriers), dtype=np.complex64)
    elements[:, slice(*span)] = spectrum[own]
    channels[:, :, slice(*span)] = channel.gains
    return Subframe(elements=elements, channels=channels, signal=channel.signal, noise=channel.noise)


def _pilots(spectrum: ComplexArray, rows: npt.NDArray[np.int64], view: CarrierView, span: tuple[int, int]) -> list[list[PortPilots]]:
    """Return the reference signals of every port, its two shifts apart."""
    part = slice(span[0] // 6, span[1] // 6)
    out = []
    for port in range(view.ports):
        symbols = crs_symbols(port, view.cp)
        by_shift: dict[int, list[tuple[int, ComplexArray]]] = {}
        for i, (slot, symbol) in enumerate(rows.tolist()):
            if symbol in symbols:
                k = crs_subcarriers(port, slot=slot % SLOTS_PER_FRAME, symbol=symbol, pci=view.pci, n_rb=view.n_rb)[part]
                sent = crs(view.pci, slot=slot % SLOTS_PER_FRAME, symbol=symbol, cp=view.cp, n_rb=view.n_rb)[part]
                by_shift.setdefault(int(k[0]), []).append((i, spectrum[i, k - span[0]] * np.conj(sent)))
        groups = []
        for shift, found in by_shift.items():
            at = rows[[i for i, _ in found]]
            values = np.stack([value for _, value in found])
            groups.append(PortPilots(values=values, seconds=_seconds(at, view.cp), first=shift, units=_units(at, view.duplex)))
        out.append(groups)
    return out


def _units(rows: npt.NDArray[np.int64], duplex: Duplex) -> npt.NDArray[np.int64]:
    """Return 0 for symbols that are downlink and not MBSFN in every cell, else which subframe they belong to."""
    subframe, within = rows[:, 0] // 2, rows[:, 0] % 2
    number = subframe % 10
    start = (within == 0) & (rows[:, 1] < 2)
    sure = np.isin(number, _SURE[duplex]) | (start & np.isin(number, _SURE_START[duplex]))
    return np.where(sure, 0, 1 + subframe - subframe.min())


def _seconds(rows: npt.NDArray[np.int64], cp: CyclicPrefix) -> Float64Array:
    """Return the times of (slot, symbol), shape (n,), from the frame's start on."""
    return np.asarray((rows[:, 0] + rows[:, 1] / SYMBOLS_PER_SLOT[cp]) * FRAME_S / SLOTS_PER_FRAME, dtype=np.float64)


def _demodulate(
    iq: ComplexArray, view: CarrierView, rows: list[tuple[int, int, int]], span: tuple[int, int]
) -> tuple[ComplexArray, npt.NDArray[np.bool_]]:
    """Return the subcarriers ``span`` of the symbols (frame, slot, symbol), and which of the symbols lie within ``iq``."""
    n_fft = round(view.sample_rate_hz / SUBCARRIER_HZ)
    if abs(n_fft * SUBCARRIER_HZ - view.sample_rate_hz) > 1e-3 * SUBCARRIER_HZ:
        raise ParameterError("sample_rate_hz", view.sample_rate_hz, "a multiple of 15 kHz")
    frame, slot, symbol = np.array(rows).T
    within_s = np.array(symbol_starts(view.cp, n_fft=2048))[symbol] / (2048 * SUBCARRIER_HZ)
    nominal = (frame + slot / SLOTS_PER_FRAME) * FRAME_S + within_s
    starts = view.frame_sample + nominal * view.sample_rate_hz * view.stretch
    begin = np.floor(starts - _BACKOFF_S * view.sample_rate_hz).astype(np.int64)
    inside = (begin >= 0) & (begin + n_fft <= iq.size)
    clipped = np.clip(begin, 0, max(0, iq.size - n_fft))
    turns = view.offset_hz / view.sample_rate_hz
    mix = np.exp(-2j * np.pi * ((turns * np.arange(n_fft)) % 1.0)).astype(np.complex64)
    number = subcarrier_numbers(view.n_rb)[slice(*span)]
    spectrum = np.fft.fft(iq[clipped[:, np.newaxis] + np.arange(n_fft)] * mix, axis=1)[:, number % n_fft]
    phase = np.outer((starts - begin) / n_fft, number) - (turns * begin % 1.0)[:, np.newaxis]
    return (spectrum * np.exp(2j * np.pi * phase) / n_fft).astype(np.complex64), inside
