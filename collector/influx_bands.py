"""Which band names may be tags in InfluxDB: those of the band plans that are known here. A station can draw any others without end."""

from __future__ import annotations

from functools import cache
from typing import Final

from collector.store import NO_BAND

OTHER: Final = "other"
"""Tag of every band whose name is not known here; the name itself is the field ``band_name``."""
_GSM: Final = ("P-GSM900", "E-GSM900", "R-GSM900", "ER-GSM900", "DCS1800", "PCS1900", "GSM850", "GSM450", "GSM480", "GSM750")
"""TS 45.005 cl. 2, as cell reports have them."""
_EUTRA: Final = tuple(f"B{number}" for number in range(1, 86))
"""TS 36.101 table 5.5-1, as cell reports have them."""


@cache
def known_bands() -> frozenset[str]:
    """Return the names of the band plan that comes with the program, and of the bands of 3GPP."""
    from config.band_plan import load_band_plan

    return frozenset((*(name for name, _, _, _ in load_band_plan().ranges()), *_GSM, *_EUTRA))


def band_tag(band: str | None, more: frozenset[str] = frozenset()) -> str:
    """Return the tag of ``band``; ``more``: names that are known besides (setting ``bands``)."""
    if not band:
        return NO_BAND
    return band if band in known_bands() or band in more else OTHER
