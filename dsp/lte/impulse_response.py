"""The impulse response of a cell's channel from its reference signals, over as much of the carrier as was received.

The product of two slots' responses, half a millisecond apart, is averaged over half frames: the noise of the two is independent, so what is
left of it is as often negative as positive and shows how far a tap must stand out. Delays of 22 us are told apart (pilots every third
subcarrier), paths closer than about 1.3 / bandwidth are one tap.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from dsp.lte.narrowband import Narrowband
from dsp.lte.ofdm import SAMPLE_RATE_HZ, Float64Array, TimeBase
from dsp.lte.params import SUBCARRIER_HZ, symbol_starts
from dsp.lte.resource_grid import crs_shift, crs_symbols
from dsp.lte.sequences import crs
from dsp.lte.types import CyclicPrefix
from dsp.types import ComplexArray, Tap

_USABLE: Final = 0.45
_LONGEST_S: Final = 25e-3
_FINE: Final = 4
_BEFORE_US: Final = 4.0
_WEAKEST_DB: Final = -20.0
_NOISE_SIGMAS: Final = 5.0
_MOST_TAPS: Final = 8


def measure_taps(band: Narrowband, base: TimeBase, *, center_hz: float, pci: int, cp: CyclicPrefix, n_rb: int) -> tuple[Tap, ...]:
    """Return the paths of the cell whose carrier is at ``center_hz`` + ``base.offset_hz``, strongest first."""
    offset = center_hz + base.offset_hz
    blocks = min(n_rb, int(2 * (_USABLE * band.sample_rate_hz - abs(offset)) / (12 * SUBCARRIER_HZ)))
    if blocks < 6:
        return ()
    factor = 1
    while factor * 128 < 12 * blocks * 1.06:
        factor *= 2
    count = min(band.n, int(_LONGEST_S * band.sample_rate_hz))
    piece = Narrowband(band.first(count), band.sample_rate_hz)
    x, middle = piece.around(offset, factor=factor)
    scale = piece.out_rate_hz / band.out_rate_hz
    local = TimeBase(frame_sample=base.frame_sample * scale, drift=base.drift, offset_hz=offset - middle)
    pairs = _slot_responses(x, local, pci=pci, cp=cp, blocks=blocks, factor=factor)
    if pairs is None:
        return ()
    return _taps(pairs, blocks)


def _slot_responses(
    x: ComplexArray, base: TimeBase, *, pci: int, cp: CyclicPrefix, blocks: int, factor: int
) -> tuple[ComplexArray, ComplexArray] | None:
    """Return the channel at every third subcarrier from even and odd slots of subframes 0 and 5, (n, 4 blocks) each."""
    n_fft, shift = 128 * factor, pci % 3
    symbols = crs_symbols(0, cp)
    first = int(np.floor(-base.frame_sample / (9600 * base.stretch)))
    last = int((x.size / factor - base.frame_sample) / (9600 * base.stretch)) + 1
    found: tuple[list[ComplexArray], list[ComplexArray]] = ([], [])
    for half in range(first, last):
        both = []
        for slot in (0, 1):
            number = slot + 10 * (half % 2)
            row = np.zeros(4 * blocks, dtype=np.complex64)
            for symbol in symbols:
                within = symbol_starts(cp, n_fft=128)[symbol]
                start = base.at(np.array([half * 9600.0 + slot * 960.0 + within]))[0] * factor
                spectrum = _subcarriers(x, float(start), base.offset_hz, n_fft, blocks)
                if spectrum is None:
                    break
                at = crs_shift(0, slot=number, symbol=symbol, pci=pci)
                sent = crs(pci, slot=number, symbol=symbol, cp=cp, n_rb=blocks)
                row[(at - shift) // 3 :: 2] = spectrum[at::6] * np.conj(sent)
            else:
                both.append(row)
        if len(both) == 2:
            found[0].append(both[0])
            found[1].append(both[1])
    return (np.array(found[0]), np.array(found[1])) if found[0] else None


def _subcarriers(x: ComplexArray, start: float, offset_hz: float, n_fft: int, blocks: int) -> ComplexArray | None:
    """Return the centre 12 ``blocks`` subcarriers of the symbol whose useful part begins at ``start``; None where it is cut off."""
    factor = n_fft // 128
    begin = int(np.floor(start)) - 3 * factor
    if begin < 0 or begin + n_fft > x.size:
        return None
    turns = offset_hz / (SAMPLE_RATE_HZ * factor)
    rotated = x[begin : begin + n_fft] * np.exp(-2j * np.pi * turns * (begin + np.arange(n_fft)))
    k = np.concatenate([np.arange(-6 * blocks, 0), np.arange(1, 6 * blocks + 1)])
    out: ComplexArray = (np.fft.fft(rotated)[k % n_fft] * np.exp(2j * np.pi * k * (start - begin) / n_fft)).astype(np.complex64)
    return out


def _taps(pairs: tuple[ComplexArray, ComplexArray], blocks: int) -> tuple[Tap, ...]:
    """Return the taps of the averaged product of two responses."""
    n = _FINE * int(2 ** np.ceil(np.log2(4 * blocks)))
    window = np.hamming(4 * blocks)
    first, second = (np.fft.ifft(rows * window, n, axis=1) for rows in pairs)
    profile = np.mean((np.conj(first) * second).real, axis=0)
    step_us = 1e6 / (3 * SUBCARRIER_HZ * n)
    top = int(np.argmax(profile))
    if profile[top] <= 0:
        return ()
    profile = np.roll(profile, round(_BEFORE_US / step_us) - top)
    return _peaks(profile / profile.max(), step_us)


def _peaks(profile: Float64Array, step_us: float) -> tuple[Tap, ...]:
    top = int(np.argmax(profile))
    noise = 1.4826 * float(np.median(np.abs(profile[profile.size // 2 :])))
    least = max(10 ** (_WEAKEST_DB / 10), _NOISE_SIGMAS * noise)
    inner = profile[1:-1]
    places = np.flatnonzero((inner >= profile[:-2]) & (inner > profile[2:]) & (inner >= least)) + 1
    places = places[np.argsort(-profile[places])][:_MOST_TAPS]
    return tuple(
        Tap(delay_us=round(float((place - top) * step_us), 3), level_db=round(10 * float(np.log10(profile[place])), 2)) for place in places
    )
