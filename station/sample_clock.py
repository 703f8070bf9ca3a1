"""The one place where samples become time."""

from __future__ import annotations

from dataclasses import dataclass

from config.wire.base import TimeSource


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleClock:
    """When each sample of a stretch was heard: ``first_sample`` at ``start_time_ns``, and then ``sample_rate_hz`` a second."""

    first_sample: int
    start_time_ns: int
    sample_rate_hz: float
    time_source: TimeSource

    def time_ns(self, sample: float) -> int:
        """Return ns since 1970 (since the start where ``time_source`` is unknown) at ``sample``."""
        return self.start_time_ns + round((sample - self.first_sample) / self.sample_rate_hz * 1e9)
