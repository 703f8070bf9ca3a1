"""Carrier numbers and frequencies of every GSM band (TS 45.005 cl. 2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dsp.errors import ParameterError
from dsp.gsm.params import CARRIER_SPACING_HZ

RASTER_HZ: Final = int(CARRIER_SPACING_HZ)


class ArfcnError(ParameterError):
    """This carrier number is in no band asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A stretch of carrier numbers, 200 kHz apart: the uplink of ``first`` at ``uplink_hz``, its downlink ``duplex_hz`` above."""

    name: str
    first: int
    last: int
    uplink_hz: int
    duplex_hz: int

    def downlink_hz(self, arfcn: int) -> int:
        """Return the downlink carrier of ``arfcn``."""
        return self.uplink_hz + self.duplex_hz + RASTER_HZ * (arfcn - self.first)


def _band(name: str, numbers: tuple[int, int], uplink_khz: int, duplex_mhz: int) -> Band:
    return Band(name=name, first=numbers[0], last=numbers[1], uplink_hz=1000 * uplink_khz, duplex_hz=1_000_000 * duplex_mhz)


BANDS: Final = (
    _band("GSM450", (259, 293), 450_600, 10),
    _band("GSM850", (128, 251), 824_200, 45),
    _band("P-GSM900", (1, 124), 890_200, 45),
    _band("E-GSM900", (0, 0), 890_000, 45),
    _band("E-GSM900", (975, 1023), 880_200, 45),
    _band("R-GSM900", (955, 974), 876_200, 45),
    _band("ER-GSM900", (940, 954), 873_200, 45),
    _band("DCS1800", (512, 885), 1_710_200, 95),
    _band("PCS1900", (512, 810), 1_850_200, 80),
)
"""F(n) = 890 + 0.2 n MHz for 0 to 124 and 890 + 0.2 (n - 1024) for 940 to 1023; the others by their own formulas."""
NAMES: Final = tuple(dict.fromkeys(band.name for band in BANDS))
GSM900: Final = ("P-GSM900", "E-GSM900", "R-GSM900", "ER-GSM900")


def _bands(names: Iterable[str]) -> tuple[Band, ...]:
    wanted = tuple(names)
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        raise ParameterError("bands", unknown, f"of {', '.join(NAMES)}")
    return tuple(band for band in BANDS if band.name in wanted)


def band_of(arfcn: int, *, pcs: bool = False) -> str:
    """Return the band's name. ``pcs``: 512 to 810 are PCS 1900 (the band indicator of SI1), otherwise DCS 1800.

    Raises:
        ArfcnError: the number is in no band.
    """
    found = [band.name for band in BANDS if band.first <= arfcn <= band.last]
    if not found:
        raise ArfcnError("arfcn", arfcn, "0-124, 128-251, 259-293, 512-885 or 940-1023")
    return found[-1] if pcs else found[0]


def downlink_freq_hz(arfcn: int, *, pcs: bool = False) -> int:
    """Return the downlink carrier of ``arfcn``; ``pcs`` as in ``band_of``.

    Raises:
        ArfcnError: the number is in no band.
    """
    name = band_of(arfcn, pcs=pcs)
    return next(b for b in BANDS if b.name == name and b.first <= arfcn <= b.last).downlink_hz(arfcn)


def uplink_freq_hz(arfcn: int, *, pcs: bool = False) -> int:
    """Return the uplink carrier of ``arfcn``; ``pcs`` as in ``band_of``.

    Raises:
        ArfcnError: the number is in no band.
    """
    name = band_of(arfcn, pcs=pcs)
    return downlink_freq_hz(arfcn, pcs=pcs) - next(b for b in BANDS if b.name == name).duplex_hz


def carrier_at(freq_hz: float, bands: Iterable[str] = NAMES, *, tolerance_hz: float = 1.0) -> tuple[int, str] | None:
    """Return (ARFCN, band) of the downlink carrier at ``freq_hz``, or None where there is none within ``tolerance_hz``.

    ``bands``: the bands looked at, by name. Downlinks of different bands do not overlap.
    """
    for band in _bands(bands):
        steps = round((freq_hz - band.downlink_hz(band.first)) / RASTER_HZ)
        arfcn = band.first + steps
        if band.first <= arfcn <= band.last and abs(band.downlink_hz(arfcn) - freq_hz) <= tolerance_hz:
            return arfcn, band.name
    return None


def arfcn_of_downlink(freq_hz: float) -> tuple[int | None, str | None]:
    """Return (ARFCN, band) of the downlink carrier at ``freq_hz``, to 1 Hz, in any band; (None, None) where there is none."""
    return carrier_at(freq_hz) or (None, None)


def carriers_between(low_hz: float, high_hz: float, bands: Iterable[str] = NAMES) -> tuple[tuple[int, str, int], ...]:
    """Return (ARFCN, band, downlink in Hz) of every carrier from ``low_hz`` to ``high_hz``, lowest first."""
    found = [
        (arfcn, band.name, band.downlink_hz(arfcn))
        for band in _bands(bands)
        for arfcn in range(band.first, band.last + 1)
        if low_hz <= band.downlink_hz(arfcn) <= high_hz
    ]
    return tuple(sorted(found, key=lambda carrier: carrier[2]))
