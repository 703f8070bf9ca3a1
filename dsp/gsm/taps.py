"""The paths of a channel: delays finer than a symbol, from the taps a symbol apart.

The channel that the SCH training shows is every path's share of one known pulse (Laurent's first, through the receive filter). The
pulse is taken off path by path, strongest first (orthogonal matching pursuit over the main directions of the taps' covariance, so that
paths which fade on their own are found together); all paths are fitted anew each time, and delays adjusted around their grid point.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np

from dsp.filters import impulse_response, root_raised_cosine
from dsp.gsm.burst import ROLL_OFF, Complex128, Float64
from dsp.gsm.channel import FIRST_TAP, N_TAPS
from dsp.gsm.params import GMSK_BT, SYMBOL_RATE_HZ
from dsp.types import Tap

FINE: Final = 20
"""Steps per symbol of the delays tried."""
_SPAN: Final = 9
_MAX_PATHS: Final = 6
_FLOOR_DB: Final = -20.0
"""What GMSK's second pulse and the filter's edges leave behind a clean signal is 25 dB down."""
_SURE: Final = 20.0
"""Times the noise of a tap's mean power that a path must have."""
_APART: Final = 0.7
"""Paths nearer than this, in symbols, are not told apart."""


def main_pulse(times: Float64) -> Float64:
    """Return Laurent's first pulse of GMSK with BT 0.3, ``times`` in symbols from its peak; it lasts from -2.5 to 2.5."""
    grid = np.arange(0.0, 4.0 + 1e-9, 1e-3)
    deviation = math.sqrt(math.log(2.0)) / (2.0 * math.pi * GMSK_BT)
    edge = np.array([math.erf(v / (deviation * math.sqrt(2.0))) for v in np.concatenate([grid - 1.5, grid - 2.5])]).reshape(2, -1)
    phase = np.cumsum(edge[0] - edge[1])
    phase = phase / phase[-1]
    out = np.ones_like(times)
    for i in range(4):
        t = times + 2.5 + i
        psi = np.where(t < 4.0, np.interp(t, grid, phase), 1.0 - np.interp(t - 4.0, grid, phase))
        out = out * np.where((t > 0.0) & (t < 8.0), np.sin(0.5 * np.pi * psi), 0.0)
    return np.asarray(out)


@lru_cache(maxsize=1)
def received_pulse() -> Float64:
    """Return the pulse behind the receive filter, shape (2 * 9 * FINE + 1,): 1/FINE symbol apart, peak in the middle, energy 1."""
    fine = np.arange(-_SPAN * FINE, _SPAN * FINE + 1) / FINE
    bins = np.arange(-128, 128) * SYMBOL_RATE_HZ / 64
    response = root_raised_cosine(bins, symbol_rate_hz=SYMBOL_RATE_HZ, roll_off=ROLL_OFF).astype(np.complex128)
    taps = impulse_response(response, bin_hz=SYMBOL_RATE_HZ / 64, times_s=fine / SYMBOL_RATE_HZ).real
    pulse = np.convolve(main_pulse(fine), taps, "same")
    pulse /= np.sqrt((pulse[_SPAN * FINE % FINE :: FINE] ** 2).sum())
    pulse.setflags(write=False)
    return np.asarray(pulse)


def _columns(delays: Float64) -> Float64:
    """Return the pulse at each of ``delays`` (symbols) as the 15 taps see it, shape (15, n)."""
    fine = np.arange(-_SPAN * FINE, _SPAN * FINE + 1) / FINE
    at = (FIRST_TAP + np.arange(N_TAPS))[:, None] - delays[None, :]
    return np.asarray(np.interp(at, fine, received_pulse(), left=0.0, right=0.0))


def _fit(shares: Complex128, delays: Float64) -> tuple[Float64, float]:
    """Return (mean power of each path, what is left over) of ``shares``, shape (15, n), for paths at ``delays``."""
    columns = _columns(delays)
    weights = np.linalg.lstsq(columns, shares, rcond=None)[0]
    return (np.abs(weights) ** 2).sum(axis=1), float((np.abs(shares - columns @ weights) ** 2).sum())


def _polish(shares: Complex128, delays: Float64) -> Float64:
    """Return ``delays`` moved, one after another in ever finer steps, to where the fit leaves least."""
    best = _fit(shares, delays)[1]
    for step in (0.1, 0.05, 0.02, 0.01):
        for k in range(2 * delays.size):
            for move in (-step, step):
                trial = delays.copy()
                trial[k % delays.size] += move
                left = _fit(shares, trial)[1]
                if left < best:
                    best, delays = left, trial
    return delays


def paths(covariance: Complex128, *, noise: float) -> tuple[tuple[Tap, ...], float]:
    """Return (paths by delay against the strongest, rms delay spread in us) of the 15 taps' ``covariance``, shape (15, 15).

    ``noise``: deviation of a tap's mean power. Only paths that stand 13 dB over it and within 20 dB of the strongest are given.
    """
    values, vectors = np.linalg.eigh(covariance)
    main = values > max(0.01 * float(values[-1]), 3.0 * noise)
    if not main.any():
        return (), 0.0
    turned = 1j ** (FIRST_TAP + np.arange(N_TAPS))  # the derotation turns tap l by j^-l
    shares = vectors[:, main] * np.sqrt(values[main]) * turned[:, None]
    grid = np.arange(FIRST_TAP + 1.0, FIRST_TAP + N_TAPS - 2.0, 1.0 / FINE)
    dictionary = _columns(grid)
    norms = np.sqrt((dictionary**2).sum(axis=0))
    delays: Float64 = np.zeros(0)
    power: Float64 = np.zeros(0)
    left = shares
    while delays.size < _MAX_PATHS:
        score = (np.abs(dictionary.T @ left) ** 2).sum(axis=1) / norms**2
        for d in delays:
            score[np.abs(grid - d) < _APART] = 0.0
        trial = _polish(shares, np.append(delays, grid[int(np.argmax(score))]))
        strength = _fit(shares, trial)[0]
        gaps = np.diff(np.sort(trial))
        if strength.min() < max(_SURE * noise, strength.max() * 10 ** (_FLOOR_DB / 10)) or (gaps < _APART).any():
            break
        delays, power = trial, strength
        columns = _columns(delays)
        left = shares - columns @ np.linalg.lstsq(columns, shares, rcond=None)[0]
    return _as_taps(delays, power)


def _as_taps(delays: Float64, power: Float64) -> tuple[tuple[Tap, ...], float]:
    """Return (taps against the strongest, rms delay spread in us)."""
    if delays.size == 0:
        return (), 0.0
    order = np.argsort(delays)
    strongest = int(np.argmax(power))
    us = (delays - delays[strongest]) / SYMBOL_RATE_HZ * 1e6
    level = 10.0 * np.log10(np.maximum(power / power[strongest], 1e-30))
    share = power / power.sum()
    mean = float(share @ us)
    spread = math.sqrt(max(float(share @ (us - mean) ** 2), 0.0))
    return tuple(Tap(delay_us=float(us[k]), level_db=float(level[k])) for k in order), spread
