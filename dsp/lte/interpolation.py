"""The channel at the PBCH: Wiener interpolation of the reference signals, first in time, then in frequency.

In time, the Doppler spread is one of a few, chosen by how the channel's autocorrelation falls off (products of different symbols, which
noise does not bias); the autocorrelation is taken as J0(2 pi f t). In frequency, the delay profile is the measured one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dsp.lte.ofdm import CENTRE_K, N_FFT, Float64Array
from dsp.lte.params import PBCH_SLOT, PBCH_SYMBOLS, SLOTS_PER_FRAME
from dsp.lte.reference_signals import FrameGrid, Pilots
from dsp.types import ComplexArray

_DOPPLERS_HZ: Final = (3.0, 10.0, 25.0, 50.0, 75.0, 110.0, 160.0, 240.0, 350.0)
_LAGS: Final = (1, 2, 3, 5, 7, 10, 14, 20)
_SLOT_S: Final = 0.5e-3
_REACH: Final = 20  # slots before and after the frame's first that are used at most
_DELAYS: Final = np.arange(-4, 13) * 1.0  # samples: -2 to 6 us


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Second-order statistics of one cell's channel. Powers of one resource element, full scale squared."""

    signal: float
    noise: float
    doppler_hz: float
    profile: Float64Array
    """Power of each of 17 delays from -4 to 12 samples; sums to 1."""


def measure_statistics(pilots: Pilots) -> Statistics:
    """Return the statistics of the channel in ``pilots``; a signal that is not there reads a thousandth of the noise."""
    lags = [lag for lag in _LAGS if any(s + lag in pilots.slots for s in pilots.slots)]
    correlation = np.array([_correlation(pilots, lag) for lag in lags])
    count = int(pilots.valid.sum()) * pilots.values.shape[-1]
    total = float(np.sum(np.abs(pilots.values) ** 2)) / max(count, 1)
    doppler, signal = _fit_doppler(np.array(lags) * _SLOT_S, correlation)
    signal = float(np.clip(signal, 1e-3 * total, total * 0.9999))
    return Statistics(signal=signal, noise=max(total - signal, 1e-4 * total), doppler_hz=doppler, profile=_profile(pilots))


def _correlation(pilots: Pilots, lag: int) -> float:
    """Return the mean product of channel samples ``lag`` slots apart, real part."""
    pairs = [(i, pilots.slots.index(s + lag)) for i, s in enumerate(pilots.slots) if s + lag in pilots.slots]
    before, after = np.array(pairs).T
    product = np.conj(pilots.values[:, before]) * pilots.values[:, after]
    both = pilots.valid[:, before] & pilots.valid[:, after]
    count = max(int(both.sum()) * product.shape[-1], 1)
    return float(np.sum(product.real) / count)


def _fit_doppler(lags_s: Float64Array, correlation: Float64Array) -> tuple[float, float]:
    """Return (Doppler, power at lag 0) of the J0 that fits best."""
    from scipy.special import j0

    best = (np.inf, _DOPPLERS_HZ[0], 0.0)
    for doppler in _DOPPLERS_HZ:
        model = j0(2 * np.pi * doppler * lags_s)
        power = max(float(model @ correlation) / float(model @ model), 0.0)
        best = min(best, (float(np.sum((correlation - power * model) ** 2)), doppler, power))
    return best[1], best[2]


def _profile(pilots: Pilots) -> Float64Array:
    """Return the delay profile: taps summed over pairs of slots, which noise does not bias; negative values are cut off."""
    steer = np.exp(2j * np.pi * pilots.k[..., np.newaxis] * _DELAYS / N_FFT).astype(np.complex64)
    taps = np.einsum("fslk,slkd->fsd", pilots.values, steer, optimize=True)
    pairs = [(i, i + 1) for i, s in enumerate(pilots.slots[:-1]) if pilots.slots[i + 1] == s + 1]
    before, after = np.array(pairs).T
    power = np.sum((np.conj(taps[:, before]) * taps[:, after]).real, axis=(0, 1))
    power = np.maximum(power, 0.02 * max(float(power.max()), 1e-30))
    total = float(power.sum())
    shares: Float64Array = power / total
    return shares


def channel_at_pbch(pilots: Pilots, grid: FrameGrid, statistics: Statistics) -> tuple[ComplexArray, Float64Array]:
    """Return the channel at the PBCH's symbols, (n_frames, 4, 72), and its error variance over the signal's power, (n_frames, 4)."""
    n_frames, n_symbols = grid.valid.shape[0], pilots.values.shape[2]
    at = grid.seconds[:, PBCH_SLOT, list(PBCH_SYMBOLS)]
    filtered = np.zeros((n_frames, len(PBCH_SYMBOLS), n_symbols, pilots.values.shape[-1]), dtype=np.complex64)
    error = np.full((n_frames, len(PBCH_SYMBOLS)), 1e3)
    for frame in range(n_frames):
        if not grid.valid[frame, PBCH_SLOT, list(PBCH_SYMBOLS)].all():
            continue
        filtered[frame], error[frame] = _in_time(pilots, frame, at[frame], statistics)
    k = pilots.k[pilots.slots.index(PBCH_SLOT)].ravel()
    return _in_frequency(filtered, error, k, statistics)


def _in_time(pilots: Pilots, frame: int, at: Float64Array, statistics: Statistics) -> tuple[ComplexArray, Float64Array]:
    """Return the pilots filtered to four times, (4, n_symbols, 12), unit gain, and their mean error variance, (4,)."""
    from scipy.special import j0

    number = np.arange(pilots.values.shape[0])[:, np.newaxis] * SLOTS_PER_FRAME + np.array(pilots.slots)
    near = np.abs(number - frame * SLOTS_PER_FRAME - PBCH_SLOT) <= _REACH
    out = np.zeros((at.size, pilots.values.shape[2], pilots.values.shape[-1]), dtype=np.complex64)
    error = np.zeros((at.size, pilots.values.shape[2]))
    for symbol in range(pilots.values.shape[2]):
        use = near & pilots.valid[:, :, symbol]
        t = pilots.seconds[:, :, symbol][use]
        covariance = j0(2 * np.pi * statistics.doppler_hz * (t[:, np.newaxis] - t)) + statistics.noise / statistics.signal * np.eye(t.size)
        cross = j0(2 * np.pi * statistics.doppler_hz * (t[:, np.newaxis] - at))
        weight = np.linalg.solve(covariance, cross)
        gain = np.clip(np.sum(weight * cross, axis=0), 1e-6, 1 - 1e-6)
        out[:, symbol] = (weight / gain).T @ pilots.values[:, :, symbol][use]
        error[:, symbol] = (1 - gain) / gain
    return out, error.mean(axis=1)


def _in_frequency(
    filtered: ComplexArray, error: Float64Array, k: Float64Array, statistics: Statistics
) -> tuple[ComplexArray, Float64Array]:
    """Return the channel on all 72 subcarriers and its error variance."""
    wanted = np.array(CENTRE_K, dtype=np.float64)
    pilot_pilot = _frequency_correlation(k[:, np.newaxis] - k, statistics.profile)
    pilot_wanted = _frequency_correlation(wanted[:, np.newaxis] - k, statistics.profile)
    values, vectors = np.linalg.eigh(pilot_pilot)
    flat = filtered.reshape(*filtered.shape[:2], -1)
    shrink = values / (values + error[..., np.newaxis])
    shrink = np.where(values > 1e-6 * values[-1], shrink / np.maximum(values, 1e-12), 0.0)
    projected = (flat @ np.conj(vectors)) * shrink
    mixed = pilot_wanted @ vectors
    channel = projected @ mixed.T
    left = 1.0 - np.sum(shrink[..., np.newaxis, :] * np.abs(mixed) ** 2, axis=-1).mean(axis=-1)
    return channel.astype(np.complex64), np.clip(left, 0.0, 1.0)


def _frequency_correlation(difference: Float64Array, profile: Float64Array) -> ComplexArray:
    out: ComplexArray = np.exp(-2j * np.pi * difference[..., np.newaxis] * _DELAYS / N_FFT) @ profile
    return out
