"""The channel from the reference signals: proof of a cell, carrier offset, clock drift, noise, and the channel at the PBCH."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from dsp.lte.ofdm import N_FFT, Float64Array, TimeBase
from dsp.lte.reference_signals import Pilots
from dsp.types import ComplexArray

_T = TypeVar("_T", bound=np.generic)
_TAP_STEP: Final = N_FFT / 72
_TAPS: Final = np.arange(-1, 4) * _TAP_STEP
_OFFSETS: Final = np.arange(-42, 43) * 60.0
_PRIOR_HZ: Final = 500.0  # what PSS and SSS leave open near the threshold
_LEAST_WEIGHT: Final = 0.1
_SEGMENT_S: Final = 5e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class CrsFit:
    """How surely the reference signals of a cell are there."""

    proof: float
    """-ln of a bound on the chance that noise looks like this at one carrier offset: Chernoff's for a gamma variable."""
    offset_error_hz: float


def fit_reference(pilots: Pilots, weights: Float64Array) -> CrsFit:
    """Return the proof in the energy of the reference signals, summed coherently over each half frame, at the best carrier offset.

    ``weights``: how much each of five taps counts, shape (5,), from the PSS. Each subcarrier, then each symbol, is first brought to its
    mean power: narrow carriers and bursts of others would otherwise make a few elements count alone, and the sum spread more than noise's.
    """
    levelled = replace(pilots, values=_levelled(pilots.values))
    per_segment, seconds = _segment_taps(levelled)
    tones = np.exp(-2j * np.pi * seconds[..., np.newaxis] * _OFFSETS).astype(np.complex64)
    summed = np.matmul(per_segment.transpose(0, 2, 1), tones)
    energy = np.sum(np.abs(_segments(levelled.values)) ** 2, axis=(1, 2))
    there = energy > 0
    if not there.any():
        return CrsFit(proof=0.0, offset_error_hz=0.0)
    share = np.maximum(weights, _LEAST_WEIGHT * weights.max() + 1e-9)
    metric = np.einsum("gdf,g,d->f", np.abs(summed[there]) ** 2, 1.0 / energy[there], share)
    per_nat = float(share.sum()) / float(np.sum(share**2))
    at = int(np.argmax(per_nat * metric - (_OFFSETS / _PRIOR_HZ) ** 2 / 2))
    shape = int(there.sum()) * float(share.sum()) * per_nat
    excess = float(metric[at]) * per_nat / shape
    return CrsFit(
        proof=shape * (excess - 1.0 - float(np.log(excess))) if excess > 1.0 else 0.0,
        offset_error_hz=float(_OFFSETS[at]) + _vertex(metric, at) * float(_OFFSETS[1] - _OFFSETS[0]),
    )


def _levelled(values: ComplexArray) -> ComplexArray:
    """Return ``values``, (n_frames, n_slots, n_symbols, 12), with every subcarrier's and then every symbol's mean power made 1."""
    power = np.mean(np.abs(values) ** 2, axis=(0, 1), keepdims=True)
    even = values / np.sqrt(np.maximum(power, 1e-30))
    symbol = np.mean(np.abs(even) ** 2, axis=3, keepdims=True)
    return np.where(symbol > 1e-3, even / np.sqrt(np.maximum(symbol, 1e-3)), 0.0).astype(np.complex64)


def _segments(values: npt.NDArray[_T]) -> npt.NDArray[_T]:
    """Return (n_frames, n_slots, n_symbols, ...) as half frames, (2 n_frames, n_slots n_symbols / 2, ...)."""
    n_frames, n_slots, n_symbols = values.shape[:3]
    return values.reshape(2 * n_frames, n_slots // 2 * n_symbols, *values.shape[3:])


def _segment_taps(pilots: Pilots) -> tuple[ComplexArray, Float64Array]:
    """Return the taps of every symbol by half frame, (n_segments, n, 5), and the symbols' times."""
    steer = np.exp(2j * np.pi * pilots.k[..., np.newaxis] * _TAPS / N_FFT).astype(np.complex64)
    taps = np.einsum("fslk,slkd->fsld", pilots.values, steer, optimize=True)
    return _segments(taps), _segments(pilots.seconds)


def refine_base(pilots: Pilots, base: TimeBase) -> TimeBase:
    """Return ``base`` with carrier offset, timing and drift as the reference signals have them.

    Offset: the phase from half frame to half frame (+-100 Hz). Timing and drift: the line along which the half frames' delay spectra
    add up highest.
    """
    taps, _ = _segment_taps(pilots)
    whole = taps.sum(axis=1)
    turn = np.sum(np.conj(whole[:-1]) * whole[1:])
    error_hz = float(np.angle(turn)) / (2 * np.pi * _SEGMENT_S) if abs(turn) > 0 else 0.0
    tones = np.exp(-2j * np.pi * error_hz * pilots.seconds)
    delay, drift = _delay_line(pilots, tones)
    there = np.arange(taps.shape[0])[np.any(np.abs(whole) > 0, axis=1)]
    middle = float(there.mean()) if there.size else 0.0
    return replace(
        base,
        offset_hz=base.offset_hz + error_hz,
        frame_sample=base.frame_sample + delay - drift * middle,
        drift=base.drift + drift,
    )


_DELAY_STEP: Final = 1 / 8
_DELAYS: Final = np.arange(-40, 41) * _DELAY_STEP
_SLOPES: Final = np.arange(-30, 31) / 10.0


def _delay_line(pilots: Pilots, tones: ComplexArray) -> tuple[float, float]:
    """Return (delay in the middle, drift per half frame) in samples of the strongest line through the half frames' delay spectra."""
    values = pilots.values * tones[..., np.newaxis]
    steer = np.exp(2j * np.pi * pilots.k[..., np.newaxis] * _DELAYS / N_FFT).astype(np.complex64)
    spectra = np.einsum("fslk,slkd->fsld", values, steer, optimize=True)
    half = _segments(spectra).sum(axis=1)
    power = np.abs(half) ** 2
    rows = np.flatnonzero(power.sum(axis=1) > 0)
    if rows.size < 3:
        at = int(np.argmax(power.sum(axis=0)))
        return float(_DELAYS[at]), 0.0
    along = rows - rows.mean()
    slopes = _SLOPES / (rows[-1] - rows[0])
    total = np.zeros((slopes.size, _DELAYS.size))
    for row, way in zip(rows, along, strict=True):
        total += _shifted(power[row], slopes * way / _DELAY_STEP)
    s, d = np.unravel_index(int(np.argmax(total)), total.shape)
    delay = float(_DELAYS[d]) + _vertex(total[s], int(d)) * _DELAY_STEP
    drift = (float(_SLOPES[s]) + _vertex(total[:, d], int(s)) * 0.1) / float(rows[-1] - rows[0])
    return delay, drift


def _shifted(values: Float64Array, shifts: Float64Array) -> Float64Array:
    """Return ``values``, shape (n,), read ``shifts`` places further on, shape (n_shifts, n), linearly interpolated, 0 beyond the ends."""
    whole = np.floor(shifts).astype(int)
    margin = int(np.abs(whole).max()) + 1
    padded = np.pad(values, (margin, margin + 1))
    index = (margin + whole)[:, np.newaxis] + np.arange(values.size)
    part = (shifts - whole)[:, np.newaxis]
    out: Float64Array = padded[index] * (1 - part) + padded[index + 1] * part
    return out


def _vertex(values: Float64Array, at: int) -> float:
    if not 0 < at < values.size - 1:
        return 0.0
    before, here, after = float(values[at - 1]), float(values[at]), float(values[at + 1])
    curve = before - 2 * here + after
    return 0.0 if curve >= 0 else float(np.clip(0.5 * (before - after) / curve, -0.5, 0.5))
