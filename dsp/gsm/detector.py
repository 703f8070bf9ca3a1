"""From the symbols of a burst to its soft bits: channel estimate, equaliser, and a second look with the bits of the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.gsm.burst import Complex128, Float64, FrontEnd, soft_bits, symbols
from dsp.gsm.channel import ChannelStatistics
from dsp.gsm.params import BURST_BITS, TAIL_BITS
from dsp.gsm.sch import Timing
from dsp.types import ComplexArray

_KNOWN: Final = 40.0
_LOOSE: Final = 0.1
"""Part of the mean tap power that the second look allows every tap beyond the dwell's statistics: interference that repeats with the
frames makes those wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """What it takes to equalise one kind of burst: the channel's statistics, its estimator, the known bits."""

    channel: ChannelStatistics
    estimator: Complex128
    training_at: int
    prior: Float64
    """log P(0)/P(1) of every bit, shape (148,)."""

    def symbols(self, stream: ComplexArray, end: FrontEnd, timing: Timing, frame: int) -> Complex128:
        """Return the symbols of burst 0 of ``frame``, shape (148,), the first tap at zero delay."""
        at = timing.burst_at(frame) + self.channel.first * timing.step
        return symbols(stream, end, start=at, step=timing.step, n=BURST_BITS)

    def soft_bits(self, y: Complex128) -> Float64:
        """Return the soft bits of the burst with symbols ``y``, shape (148,): channel from the training."""
        first = self.training_at + self.channel.n_taps - 1
        taps = self.estimator @ y[first : first + self.estimator.shape[1]]
        return self._equalised(y, taps, self.channel.noise)

    def soft_bits_again(self, y: Complex128, llr: Float64) -> Float64:
        """Return the soft bits with the channel and the noise estimated from all symbols, weighed by the bits ``llr`` of a first look.

        One step of expectation and maximisation: the mean symbols stand for the symbols, their variance counts as noise in the taps.
        """
        n = self.channel.n_taps
        mean = np.tanh(0.5 * llr)
        signs = np.lib.stride_tricks.sliding_window_view(mean, n)[:, ::-1]
        doubt = np.lib.stride_tricks.sliding_window_view(1.0 - mean**2, n)[:, ::-1]
        seen = y[n - 1 :]
        spread = self.channel.covariance + _LOOSE * self.channel.power / n * np.eye(n)
        normal = signs.T @ signs + np.diag(doubt.sum(axis=0)) + self.channel.noise * np.linalg.inv(spread)
        taps: Complex128 = np.linalg.solve(normal, signs.T @ seen).astype(np.complex128)
        left = (np.abs(seen - signs @ taps) ** 2).sum() + float((doubt @ np.abs(taps) ** 2).sum())
        return self._equalised(y, taps, float(left) / seen.size)

    def _equalised(self, y: Complex128, taps: Complex128, noise: float) -> Float64:
        return np.clip(soft_bits(y, taps=taps, noise=noise, prior=self.prior), -_KNOWN, _KNOWN)


def detector(channel: ChannelStatistics, training: npt.NDArray[np.integer], place: slice) -> Detector:
    """Return the detector of bursts with ``training`` at bits ``place`` and three tail bits at both ends."""
    prior = np.zeros(BURST_BITS)
    prior[:TAIL_BITS] = prior[-TAIL_BITS:] = _KNOWN
    prior[place] = _KNOWN * (1.0 - 2.0 * training)
    return Detector(channel=channel, estimator=channel.estimator(training), training_at=place.start, prior=prior)
