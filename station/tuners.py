"""What each tuner chip of an RTL-SDR dongle can hear. Ranges as measured by the drivers' authors; a dongle may do a little more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuner:
    """One tuner chip: its name and the ranges, in Hz, in which its oscillator locks."""

    name: str
    ranges_hz: tuple[tuple[float, float], ...]
    zero_if: bool
    """True: a strong spike stands in the middle of every span."""

    def hears(self, lower_hz: float, upper_hz: float) -> bool:
        """Whether the whole of ``lower_hz`` to ``upper_hz`` lies in one range."""
        return any(low <= lower_hz and upper_hz <= high for low, high in self.ranges_hz)

    def audible(self, lower_hz: float, upper_hz: float) -> tuple[tuple[float, float], ...]:
        """Return the parts of ``lower_hz`` to ``upper_hz`` that it hears, by frequency."""
        parts = ((max(low, lower_hz), min(high, upper_hz)) for low, high in self.ranges_hz)
        return tuple(sorted((low, high) for low, high in parts if low < high))


_R82XX: Final = ((24e6, 1766e6),)
TUNERS: Final = {
    tuner.name: tuner
    for tuner in (
        Tuner(name="E4000", ranges_hz=((52e6, 1100e6), (1250e6, 2200e6)), zero_if=True),
        Tuner(name="FC0012", ranges_hz=((22e6, 948.6e6),), zero_if=True),
        Tuner(name="FC0013", ranges_hz=((22e6, 1100e6),), zero_if=True),
        Tuner(name="FC2580", ranges_hz=((146e6, 308e6), (438e6, 924e6)), zero_if=True),
        Tuner(name="R820T", ranges_hz=_R82XX, zero_if=False),
        Tuner(name="R828D", ranges_hz=_R82XX, zero_if=False),
    )
}
"""By name as the driver gives it."""
