"""What the radio channel does to the bursts of one carrier: its taps, their statistics over the dwell, and the estimate for each burst.

The 64 training bits of every SCH give a least-squares channel of 15 taps. Over all SCH of the dwell these give the mean power of
each tap, hence the window of taps worth keeping, and their covariance. With it the estimate of a single burst from its 26 training
bits is the linear minimum-mean-square one: in a channel that stands still nothing but one complex factor is left to estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.gsm.burst import Complex128, Float64, training_matrix
from dsp.gsm.params import SCH_TRAINING

FIRST_TAP: Final = -6
N_TAPS: Final = 15
MAX_TAPS: Final = 9
"""Longest channel the equaliser takes: 14.8 us of echo are 4 symbols, the pulse through the filter 4 more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStatistics:
    """Mean behaviour of a carrier's channel: taps ``first`` to ``first + n - 1`` (symbols against the timing)."""

    first: int
    covariance: Complex128
    """Shape (n, n): mean of h h^H."""
    noise: float
    """Variance of the noise in a symbol."""
    profile: Float64
    """Mean power of all ``N_TAPS`` taps from ``FIRST_TAP`` on, noise taken off."""
    n_bursts: int

    @property
    def n_taps(self) -> int:
        """Length of the channel in symbols."""
        return int(self.covariance.shape[0])

    @property
    def power(self) -> float:
        """Mean power of the signal per symbol."""
        return float(np.trace(self.covariance).real)

    def estimator(self, training: npt.NDArray[np.integer]) -> Complex128:
        """Return W, shape (n_taps, n_training - n_taps + 1): taps = W y, for known bits ``training``.

        y: the symbols from the one where the last tap meets the first training bit, to the last training bit at the first tap.
        """
        a = training_matrix(training, self.n_taps)
        cross = self.covariance @ a.T
        return np.asarray(np.linalg.solve((a @ cross + self.noise * np.eye(a.shape[0])).T, cross.T).T)


def least_squares(y: Complex128) -> tuple[Complex128, float, Float64]:
    """Return (taps, shape (n, 15); noise variance; taps' noise covariance / variance) from SCH training symbols.

    ``y``: shape (n, 64): the symbols at the training bits of n bursts, timing at tap 0.
    """
    a = training_matrix(SCH_TRAINING, N_TAPS)
    rows = y[:, N_TAPS - 1 + FIRST_TAP : N_TAPS - 1 + FIRST_TAP + a.shape[0]]
    taps = rows @ np.linalg.pinv(a).T
    residual = rows - taps @ a.T
    noise = float((np.abs(residual) ** 2).sum() / max(y.shape[0] * (a.shape[0] - N_TAPS), 1))
    return taps, max(noise, 1e-30), np.asarray(np.linalg.inv(a.T @ a))


def statistics(y: Complex128) -> ChannelStatistics:
    """Return the channel's statistics from the training symbols of n SCH bursts, shape (n, 64)."""
    taps, noise, error = least_squares(y)
    n = taps.shape[0]
    full = taps.T @ taps.conj() / n - noise * error
    profile = np.maximum(np.diag(full).real, 0.0)
    first, count = _window(profile, noise=noise, deviation=noise * float(error[N_TAPS // 2, N_TAPS // 2]) / np.sqrt(n))
    keep = slice(first, first + count)
    values, vectors = np.linalg.eigh(full[keep, keep])
    covariance = (vectors * np.maximum(values, 0.0)) @ vectors.conj().T
    blend = min(0.5, 0.02 + 0.3 / n)
    covariance = (1.0 - blend) * covariance + blend * np.diag(np.diag(covariance).real)
    return ChannelStatistics(first=FIRST_TAP + first, covariance=covariance, noise=noise, profile=profile, n_bursts=n)


def _window(profile: Float64, *, noise: float, deviation: float) -> tuple[int, int]:
    """Return (first index, count) of the taps to keep: all that matter against the noise, at most ``MAX_TAPS``, at least three."""
    worth = max(0.12 * noise, 4.0 * deviation, 2e-4 * float(profile.max()))
    index = np.flatnonzero(profile > worth)
    peak = int(np.argmax(profile))
    low, high = (int(index[0]), int(index[-1])) if index.size else (peak, peak)
    low, high = max(min(low, peak - 1), 0), min(max(high, peak + 1), N_TAPS - 1)
    if high - low + 1 > MAX_TAPS:
        sums = np.convolve(profile, np.ones(MAX_TAPS), "valid")
        low = int(np.argmax(sums))
        high = low + MAX_TAPS - 1
    return low, high - low + 1
