"""A cell's subframe over the whole carrier, or the part that was heard: resource elements, and the channel from its reference signals.

The centre six blocks at 1.92 MS/s are ``dsp.lte.reference_signals``'; this is for any sample rate that is a multiple of 15 kHz and any
place of the carrier, as far as the samples reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError
from dsp.lte.ofdm import Float64Array
from dsp.lte.params import FRAME_S, SLOTS_PER_FRAME, SUBCARRIER_HZ, SUBCARRIERS_PER_RB, SYMBOLS_PER_SLOT, symbol_starts
from dsp.lte.resource_grid import crs_subcarriers, crs_symbols
from dsp.lte.sequences import crs
from dsp.lte.types import CyclicPrefix, Duplex
from dsp.types import ComplexArray

SUBFRAME: Final = 5
_OWN: Final = (10, 11)
_SLOTS: Final[dict[Duplex, tuple[int, ...]]] = {"fdd": (0, 1, 8, 9, 10, 11, 18, 19), "tdd": (0, 1, 10, 11)}
"""Slots all of whose reference signals serve subframe 5: those that are downlink in every cell and never MBSFN."""
_FIRST_SYMBOLS: Final[dict[Duplex, tuple[int, ...]]] = {"fdd": (6, 12, 14), "tdd": (12,)}
"""And those of which only the first symbols do, which a special or MBSFN subframe has too."""
_BACKOFF_S: Final = 1.5e-6
_EDGE: Final = 0.48
"""Of the sample rate to either side of the middle: blocks beyond were lost in the receiver's filter."""
_REACH_RB: Final = 3
_SPREADS: Final = ((0.8, 1e-6), (0.2, 5e-6))
"""Delay profile that is reckoned with: parts of the power and the widths over which they lie."""
_DOPPLERS: Final = ((0.8, 5.0), (0.2, 100.0))
"""And parts of the power by Doppler spread, Hz: a station stands still, most of what it hears does too."""
_SNR_STEP_DB: Final = 3.0


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

    def seen_blocks(self) -> tuple[int, int]:
        """Return the first block heard and the one after the last; equal where none is."""
        if self.seen is not None:
            return self.seen
        lowest = self.offset_hz - self.n_rb / 2 * SUBCARRIERS_PER_RB * SUBCARRIER_HZ
        reach = (np.array([-1.0, 1.0]) * _EDGE * self.sample_rate_hz - lowest) / (SUBCARRIERS_PER_RB * SUBCARRIER_HZ)
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
    seen = np.zeros(SUBCARRIERS_PER_RB * view.n_rb, dtype=bool)
    first, last = view.seen_blocks()
    seen[SUBCARRIERS_PER_RB * first : SUBCARRIERS_PER_RB * last] = True
    pilots = {symbol for port in range(view.ports) for symbol in crs_symbols(port, view.cp)}
    rows = [(slot, m) for slot in _SLOTS[view.duplex] for m in range(per_slot) if slot in _OWN or m in pilots]
    rows += [(slot, m) for slot in _FIRST_SYMBOLS[view.duplex] for m in (0, 1) if m in pilots]
    spectrum, inside = _demodulate(iq, view, [(frame, slot, symbol) for slot, symbol in rows])
    spectrum *= seen
    rows = [row for row, there in zip(rows, inside, strict=True) if there]
    spectrum = spectrum[inside]
    channels, signal, noise = _channels(spectrum, rows, view)
    own = np.array([slot in _OWN for slot, _ in rows])
    return Subframe(elements=spectrum[own], channels=channels, signal=signal, noise=noise)


def _demodulate(iq: ComplexArray, view: CarrierView, rows: list[tuple[int, int, int]]) -> tuple[ComplexArray, npt.NDArray[np.bool_]]:
    """Return all subcarriers of the symbols (frame, slot, symbol), and which of the symbols lie within ``iq``."""
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
    number = subcarrier_numbers(view.n_rb)
    spectrum = np.fft.fft(iq[clipped[:, np.newaxis] + np.arange(n_fft)] * mix, axis=1)[:, number % n_fft]
    phase = np.outer((starts - begin) / n_fft, number) - (turns * begin % 1.0)[:, np.newaxis]
    return (spectrum * np.exp(2j * np.pi * phase) / n_fft).astype(np.complex64), inside


def _channels(spectrum: ComplexArray, rows: list[tuple[int, int]], view: CarrierView) -> tuple[ComplexArray, float, float]:
    """Return the channel of each port at subframe 5, (ports, n_symbols, 12 n_rb), and the mean power of signal and noise."""
    per_slot = SYMBOLS_PER_SLOT[view.cp]
    first, last = view.seen_blocks()
    estimates, powers = [], []
    for port in range(view.ports):
        symbols = crs_symbols(port, view.cp)
        use = [(i, slot, symbol) for i, (slot, symbol) in enumerate(rows) if symbol in symbols]
        k = np.array([crs_subcarriers(port, slot=s, symbol=m, pci=view.pci, n_rb=view.n_rb) for _, s, m in use])
        sent = np.array([crs(view.pci, slot=s, symbol=m, cp=view.cp, n_rb=view.n_rb) for _, s, m in use])
        values = spectrum[np.array([i for i, _, _ in use])[:, np.newaxis], k] * np.conj(sent)
        part = slice(2 * first, 2 * last)
        estimates.append((tuple((s, m) for _, s, m in use), k[:, part], values[:, part]))
        powers.append(_powers(values[:, part]))
    signal, noise, slope = _summary(powers)
    out = np.zeros((view.ports, 2 * per_slot, spectrum.shape[1]), dtype=np.complex64)
    snr_db = _SNR_STEP_DB * round(10 * np.log10(max(signal, 1e-3 * noise) / noise) / _SNR_STEP_DB)
    for port, (at, k, values) in enumerate(estimates):
        straight = values * np.exp(-1j * slope * k)
        for block in range(first, last):
            low = min(max(block - _REACH_RB, first), max(last - 2 * _REACH_RB - 1, first))
            high = min(low + 2 * _REACH_RB + 1, last)
            shifts = tuple(int(row[0] % 6) for row in k)
            weight = _weights(at, shifts, (low - block, high - block), view.cp, snr_db)
            near = straight[:, 2 * (low - first) : 2 * (high - first)].ravel()
            span = slice(SUBCARRIERS_PER_RB * block, SUBCARRIERS_PER_RB * (block + 1))
            out[port, :, span] = (weight @ near).reshape(2 * per_slot, SUBCARRIERS_PER_RB)
    out *= np.exp(1j * slope * np.arange(spectrum.shape[1])).astype(np.complex64)
    return out, signal, noise


def _powers(values: ComplexArray) -> tuple[float, complex]:
    """Return the mean power of pilots and the mean product of neighbours in frequency."""
    return float(np.mean(np.abs(values) ** 2)), complex(np.mean(np.conj(values[:, :-1]) * values[:, 1:]))


def _summary(powers: list[tuple[float, complex]]) -> tuple[float, float, float]:
    """Return (signal, noise, phase per subcarrier) of all ports together."""
    total = float(np.mean([p for p, _ in powers]))
    product = sum(c for _, c in powers) / len(powers)
    signal = float(np.clip(abs(product), 1e-3 * total, 0.9995 * total))
    return signal, total - signal, float(np.angle(product)) / 6


@lru_cache(maxsize=256)
def _weights(
    at: tuple[tuple[int, int], ...], shifts: tuple[int, ...], blocks: tuple[int, int], cp: CyclicPrefix, snr_db: float
) -> npt.NDArray[np.float32]:
    """Return the Wiener weights of the pilots in ``blocks`` (from the wanted one) for its elements, (n_symbols x 12, n_pilots)."""
    per_slot = SYMBOLS_PER_SLOT[cp]
    pilot_k = np.concatenate([shift + np.arange(2 * blocks[0], 2 * blocks[1]) * 6 for shift in shifts]).astype(np.float64)
    pilot_t = np.repeat([_seconds(slot, symbol, cp) for slot, symbol in at], 2 * (blocks[1] - blocks[0]))
    wanted_t = np.repeat([_seconds(slot, symbol, cp) for slot in _OWN for symbol in range(per_slot)], SUBCARRIERS_PER_RB)
    wanted_k = np.tile(np.arange(SUBCARRIERS_PER_RB, dtype=np.float64), 2 * per_slot)
    covariance = _correlation(pilot_k, pilot_k, pilot_t, pilot_t) + 10 ** (-snr_db / 10) * np.eye(pilot_k.size)
    cross = _correlation(pilot_k, wanted_k, pilot_t, wanted_t)
    return np.linalg.solve(covariance, cross).T.astype(np.float32)


def _seconds(slot: int, symbol: int, cp: CyclicPrefix) -> float:
    return (slot + symbol / SYMBOLS_PER_SLOT[cp]) * 0.5e-3


def _correlation(k1: Float64Array, k2: Float64Array, t1: Float64Array, t2: Float64Array) -> Float64Array:
    from scipy.special import j0

    apart, lag = (k1[:, np.newaxis] - k2) * SUBCARRIER_HZ, t1[:, np.newaxis] - t2
    over_frequency, over_time = np.zeros_like(apart), np.zeros_like(lag)
    for part, width in _SPREADS:
        over_frequency += part * np.sinc(apart * width)
    for part, doppler in _DOPPLERS:
        over_time += part * j0(2 * np.pi * doppler * lag)
    out: Float64Array = over_frequency * over_time
    return out
