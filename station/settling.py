"""Where the good samples begin after a retune: found in the samples, not guessed. Pure.

Until then there is what was still on its way from the old frequency, and the tuner's loop locking. Both look different from what follows,
unless both places are equally empty; the place is where the short-term spectrum changes for the last time. Where nothing is seen to
change, what other retunes of the same receiver took is taken.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

SEGMENT: Final = 256
"""Samples of one look: 0.1 ms at 2.4 MS/s."""
_BANDS: Final = 16
_MIN_GAIN: Final = 60.0
"""Log-likelihood that a change must gain: 16 densities over at least 4 looks gain 20 by chance, a busy channel's bursts about 40."""
_MIN_LOOKS: Final = 4
_MEMORY: Final = 64
_ENOUGH: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How many samples at the head of a dwell are of no use, and how that is known."""

    n_samples: int
    source: Literal["seen", "measured", "assumed"]
    """Seen in this dwell; measured in others of the same receiver; assumed from the tuner's data."""


def last_change(samples: npt.NDArray[Any]) -> int | None:
    """Return the sample from which on the spectrum no longer changes; None: no change is seen.

    ``samples``: unsigned bytes, I and Q in turn, shape (2n,): the head of a dwell with as much after the change as may be before it.
    """
    n_looks = len(samples) // (2 * SEGMENT)
    if n_looks < 3 * _MIN_LOOKS:
        return None
    flat = samples[: 2 * SEGMENT * n_looks].astype(np.float32) - np.float32(127.4)
    spectra = np.abs(np.fft.fft(flat.view(np.complex64).reshape(n_looks, SEGMENT), axis=1)) ** 2
    spectra[:, :2] = spectra[:, -2:].mean()  # the spike in the middle is the same everywhere
    density = spectra.reshape(n_looks, _BANDS, -1).mean(axis=2) + 1e-3
    at, found = 0, None
    while (step := _change(density[at:])) is not None:
        at += step
        found = at
    # the look that holds the change is given up as well
    return None if found is None else (found + 1) * SEGMENT


def _change(density: npt.NDArray[Any]) -> int | None:
    """Return the look at which the densities most likely change, None where a change explains too little (exponential model)."""
    n = len(density)
    if n < 2 * _MIN_LOOKS:
        return None
    total = np.cumsum(density, axis=0)
    k = np.arange(_MIN_LOOKS, n - _MIN_LOOKS + 1)
    before = total[k - 1] / k[:, None]
    after = (total[-1] - total[k - 1]) / (n - k)[:, None]
    whole = total[-1] / n
    weight = SEGMENT / _BANDS / 4.0  # neighbouring bins and looks of a modulated signal are not independent
    gain = weight * (n * np.log(whole) - k[:, None] * np.log(before) - (n - k)[:, None] * np.log(after)).sum(axis=1)
    best = int(np.argmax(gain))
    return int(k[best]) if gain[best] > _MIN_GAIN else None


class SettleLog:
    """What the retunes of one receiver took."""

    def __init__(self, *, assumed_s: float, sample_rate_hz: float) -> None:
        """``assumed_s``: taken until enough is measured."""
        self._rate = sample_rate_hz
        self._assumed = round(assumed_s * sample_rate_hz)
        self._seen: deque[int] = deque(maxlen=_MEMORY)

    @property
    def head_samples(self) -> int:
        """How much is to be read before a dwell's own samples."""
        return self._typical() or self._assumed

    @property
    def measured_s(self) -> float | None:
        """What a retune takes, as measured; None: not enough was seen yet."""
        typical = self._typical()
        return None if typical is None else typical / self._rate

    def settled(self, samples: npt.NDArray[Any]) -> Settled:
        """Return how much of the head of ``samples`` is of no use."""
        searched = 2 * min(len(samples) // 2, 2 * max(self._assumed, self.head_samples))
        change = last_change(samples[:searched])
        if change is not None and change <= self._assumed + SEGMENT:
            self._seen.append(change)
            return Settled(n_samples=change, source="seen")
        typical = self._typical()
        if typical is not None:
            return Settled(n_samples=typical, source="measured")
        return Settled(n_samples=self._assumed, source="assumed")

    def _typical(self) -> int | None:
        if len(self._seen) < _ENOUGH:
            return None
        return int(np.quantile(np.array(self._seen), 0.9)) + SEGMENT
