"""From a receiver's address to the receiver. Used by the receiver's own process."""

from __future__ import annotations

from typing import Final

from config.settings import ReceiverSection
from station.errors import MisuseError
from station.rtlsdr_limits import LiveReceiver

SCHEMES: Final = "rtlsdr (the first dongle), rtlsdr:SERIAL, rtlsdr:INDEX, rtltcp://HOST:PORT"


def open_receiver(settings: ReceiverSection, *, ppm: float = 0.0) -> LiveReceiver:
    """Return the receiver that ``settings`` name, open.

    Raises:
        MisuseError: the address cannot be meant.
        ReceiverError: it cannot be used.
    """
    scheme, _, device = settings.address.partition(":")
    if scheme == "rtlsdr":
        from station.rtlsdr import RtlSdrOptions, RtlSdrReceiver

        options = RtlSdrOptions(
            device=device or None,
            sample_rate_hz=settings.sample_rate_hz,
            gain_db=settings.gain_db,
            ppm=ppm,
            bias_tee=settings.bias_tee,
        )
        return RtlSdrReceiver(options)
    if scheme == "rtltcp":
        from station.rtltcp import RtlTcpReceiver

        return RtlTcpReceiver(
            settings.address,
            sample_rate_hz=settings.sample_rate_hz,
            gain_db=settings.gain_db,
            ppm=ppm,
            bias_tee=settings.bias_tee,
        )
    raise MisuseError(f"receiver address {settings.address!r}: known are {SCHEMES}")


def library_of(settings: ReceiverSection) -> str:
    """Return the path of the driver library that an open receiver uses; empty where it uses none."""
    if not settings.address.startswith("rtlsdr"):
        return ""
    from station.rtlsdr import library_path

    return library_path()
