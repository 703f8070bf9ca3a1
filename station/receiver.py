"""What the station hears with: anything that can be tuned and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from dsp.units import SampleFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class IQBlock:
    """Consecutive samples of one tuning, as they came.

    ``samples``: complex64, shape (n,), for cf32_le; else interleaved I, Q in the converter's own type, shape (2n,).
    """

    samples: npt.NDArray[Any]
    sample_format: SampleFormat
    sample_rate_hz: float
    center_freq_hz: float | None
    """None where the tuned centre is not known: every frequency is then an offset."""
    first_sample: int
    """Number of the first sample, counted from the receiver's start."""
    full_scale: float = 1.0
    """Magnitude that counts as 0 dBFS, for cf32_le alone."""

    @property
    def n_samples(self) -> int:
        """How many complex samples there are."""
        return len(self.samples) if self.sample_format == "cf32_le" else len(self.samples) // 2


class Receiver(Protocol):
    """A source of samples."""

    @property
    def sample_rate_hz(self) -> float:
        """Complex samples per second."""
        ...

    @property
    def sample_format(self) -> SampleFormat:
        """How the samples of every block are coded."""
        ...

    def tune(self, center_freq_hz: float) -> None:
        """Tune to ``center_freq_hz``; what is read from now on was heard there."""
        ...

    def read(self, n_samples: int) -> IQBlock | None:
        """Return the next samples, at most ``n_samples`` and of one tuning; None: there are no more."""
        ...

    def close(self) -> None:
        """Let go of whatever is held."""
        ...
