"""What an RTL-SDR dongle can do, however it is reached."""

from __future__ import annotations

from typing import Final, Protocol

from station.errors import MisuseError, ReceiverError
from station.receiver import Receiver
from station.tuners import TUNERS, Tuner

MIN_RATE_HZ: Final = 900_001
MAX_RATE_HZ: Final = 2_560_000
SLOW_RATES_HZ: Final = (225_001, 300_000)
"""The resampler's other range; between 300 and 900 kS/s the dongle gives nothing usable, above 2.56 MS/s it loses samples."""
TUNER_NAMES: Final = {1: "E4000", 2: "FC0012", 3: "FC0013", 4: "FC2580", 5: "R820T", 6: "R828D"}
"""By the driver's number."""


class LiveReceiver(Receiver, Protocol):
    """A receiver on the air: what is more than a recording."""

    tuner: Tuner
    gain_db: float
    name: str
    serial: str
    settle_s: float
    """Upper bound of the time after a retune in which samples may be of no use."""
    dropped_samples: int
    """Samples that are known to have been lost on the way, so far."""

    def correct(self, ppm: float) -> None:
        """Take the crystal to be fast by ``ppm``; from the next tuning on."""
        ...


def checked_rate(sample_rate_hz: float) -> int:
    """Return the rate in whole Hz.

    Raises:
        MisuseError: a dongle cannot sample at it.
    """
    rate = round(sample_rate_hz)
    if MIN_RATE_HZ <= rate <= MAX_RATE_HZ or SLOW_RATES_HZ[0] <= rate <= SLOW_RATES_HZ[1]:
        return rate
    raise MisuseError(
        f"sample rate {sample_rate_hz:g} Hz: an RTL-SDR gives 225001 to 300000 and 900001 to 2560000 without loss; 2400000 suits a sweep"
    )


def tuner_of(number: int) -> Tuner:
    """Return the tuner with the driver's ``number``.

    Raises:
        ReceiverError: it is none that is known.
    """
    if (name := TUNER_NAMES.get(number)) is None:
        raise ReceiverError(f"the dongle has no known tuner (type {number}): unplug it and plug it in again")
    return TUNERS[name]


def asked_freq_hz(center_freq_hz: float, *, tuner: Tuner, ppm: float) -> int:
    """Return what to ask of a dongle whose crystal is fast by ``ppm``, so that it hears ``center_freq_hz``.

    Raises:
        MisuseError: the tuner cannot hear there.
    """
    asked = round(center_freq_hz / (1.0 + ppm * 1e-6))
    if not any(low <= asked <= high for low, high in tuner.ranges_hz):
        heard = ", ".join(f"{low / 1e6:g}-{high / 1e6:g}" for low, high in tuner.ranges_hz)
        raise MisuseError(f"{center_freq_hz / 1e6:g} MHz: the tuner {tuner.name} hears {heard} MHz")
    return asked
