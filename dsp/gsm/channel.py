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


WHITENING_ORDER: Final = 4
WHITENING_GAIN: Final = 1.6
"""Least gain in noise power that is worth a filter: estimated from 40 bursts, white noise shows 1.01."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStatistics:
    """Mean behaviour of a carrier's channel: taps ``first`` to ``first + n - 1`` (symbols against the timing)."""

    first: int
    covariance: Complex128
    """Shape (n, n): mean of h h^H."""
    noise: float
    """Variance of the noise in a symbol."""
    wide: Complex128
    """Covariance of all ``N_TAPS`` taps from ``FIRST_TAP`` on, noise taken off."""
    wide_noise: float
    """Deviation of one such tap's mean power."""
    n_bursts: int
    correlation: Complex128
    """Autocorrelation of the noise, symbol by symbol of lag, shape (``WHITENING_ORDER`` + 1,)."""

    @property
    def n_taps(self) -> int:
        """Length of the channel in symbols."""
        return int(self.covariance.shape[0])

    @property
    def power(self) -> float:
        """Mean power of the signal per symbol."""
        return float(np.trace(self.covariance).real)

    def whitening(self) -> tuple[complex, ...]:
        """Return the taps, one symbol apart, of the filter that makes the noise white, or () where it is white enough.

        Linear prediction of the noise. A neighbour 200 kHz away leaves noise at one edge of the band; AWGN gives nothing to gain.
        """
        r = self.correlation
        matrix = np.array([[r[i - j] if i >= j else r[j - i].conj() for j in range(WHITENING_ORDER)] for i in range(WHITENING_ORDER)])
        matrix += 1e-4 * r[0].real * np.eye(WHITENING_ORDER)
        taps = -np.linalg.solve(matrix, r[1:])
        left = float((r[0] + np.conj(taps) @ r[1:]).real)
        if r[0].real < WHITENING_GAIN * left or self.power > 30.0 * self.noise:
            return ()
        return (1.0 + 0.0j, *(complex(t) for t in taps))

    def estimator(self, training: npt.NDArray[np.integer]) -> Complex128:
        """Return W, shape (n_taps, n_training - n_taps + 1): taps = W y, for known bits ``training``.

        y: the symbols from the one where the last tap meets the first training bit, to the last training bit at the first tap.
        """
        a = training_matrix(training, self.n_taps)
        cross = self.covariance @ a.T
        return np.asarray(np.linalg.solve((a @ cross + self.noise * np.eye(a.shape[0])).T, cross.T).T)


def least_squares(y: Complex128, *, first: int, count: int) -> tuple[Complex128, float, Float64, Complex128]:
    """Return (taps, shape (n, count); noise variance; taps' noise covariance / variance; residual) from SCH training symbols.

    ``y``: shape (n, 64): the symbols at the training bits of n bursts. Tap ``first`` is the first of ``count``.
    """
    a = training_matrix(SCH_TRAINING, count)
    low = max(0, -(count - 1 + first))  # rows whose symbol lies before the first one given
    rows = y[:, count - 1 + first + low : count - 1 + first + a.shape[0]]
    a = a[low : low + rows.shape[1]]
    taps = rows @ np.linalg.pinv(a).T
    residual = rows - taps @ a.T
    noise = float((np.abs(residual) ** 2).sum() / max(y.shape[0] * (a.shape[0] - count), 1))
    return taps, max(noise, 1e-30), np.asarray(np.linalg.inv(a.T @ a)), residual


def statistics(y: Complex128) -> ChannelStatistics:
    """Return the channel's statistics from the training symbols of n SCH bursts, shape (n, 64)."""
    taps, noise, error = least_squares(y, first=FIRST_TAP, count=N_TAPS)[:3]
    n = taps.shape[0]
    wide = taps.T @ taps.conj() / n - noise * error
    wide_noise = noise * float(error[N_TAPS // 2, N_TAPS // 2]) / np.sqrt(n)
    first, count = _window(np.maximum(np.diag(wide).real, 0.0), noise=noise, deviation=wide_noise)
    taps, noise, error, residual = least_squares(y, first=FIRST_TAP + first, count=count)
    values, vectors = np.linalg.eigh(taps.T @ taps.conj() / n - noise * error)
    covariance = (vectors * np.maximum(values, 0.0)) @ vectors.conj().T
    blend = min(0.5, 0.02 + 0.3 / n)
    covariance = (1.0 - blend) * covariance + blend * np.diag(np.diag(covariance).real)
    correlation = np.array([np.mean(residual[:, k:] * residual[:, : residual.shape[1] - k].conj()) for k in range(WHITENING_ORDER + 1)])
    return ChannelStatistics(
        first=FIRST_TAP + first, covariance=covariance, noise=noise, wide=wide, wide_noise=wide_noise, n_bursts=n, correlation=correlation
    )


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
