"""Carrier frequency and EARFCN (TS 36.101 table 5.7.3-1): F_DL = F_DL_low + 0.1 (N_DL - N_Offs-DL) MHz.

Bands overlap, so one frequency may have several numbers, and a carrier outside every band listed has none. The numbers are 3GPP's;
which bands a country uses is configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dsp.errors import ParameterError
from dsp.lte.types import Duplex

RASTER_HZ: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LteBand:
    """One row of the table. ``low_hz`` is the downlink carrier of ``first``; ``last`` is the highest number of the band."""

    band: int
    low_hz: int
    first: int
    last: int
    duplex: Duplex
    uplink_low_hz: int | None
    """None for TDD: the same carrier."""
    uplink_first: int | None


def _fdd(band: int, low_hz: int, first: int, last: int, *, uplink: tuple[int, int]) -> LteBand:
    return LteBand(band=band, low_hz=low_hz, first=first, last=last, duplex="fdd", uplink_low_hz=uplink[0], uplink_first=uplink[1])


def _tdd(band: int, low_hz: int, first: int, last: int) -> LteBand:
    return LteBand(band=band, low_hz=low_hz, first=first, last=last, duplex="tdd", uplink_low_hz=None, uplink_first=None)


BANDS: Final = (
    _fdd(1, 2_110_000_000, 0, 599, uplink=(1_920_000_000, 18000)),
    _fdd(3, 1_805_000_000, 1200, 1949, uplink=(1_710_000_000, 19200)),
    _fdd(5, 869_000_000, 2400, 2649, uplink=(824_000_000, 20400)),
    _fdd(7, 2_620_000_000, 2750, 3449, uplink=(2_500_000_000, 20750)),
    _fdd(8, 925_000_000, 3450, 3799, uplink=(880_000_000, 21450)),
    _fdd(20, 791_000_000, 6150, 6449, uplink=(832_000_000, 24150)),
    _fdd(28, 758_000_000, 9210, 9659, uplink=(703_000_000, 27210)),
    _fdd(31, 462_500_000, 9870, 9919, uplink=(452_500_000, 27760)),
    _tdd(34, 2_010_000_000, 36200, 36349),
    _tdd(38, 2_570_000_000, 37750, 38249),
    _tdd(39, 1_880_000_000, 38250, 38649),
    _tdd(40, 2_300_000_000, 38650, 39649),
    _tdd(41, 2_496_000_000, 39650, 41589),
    _fdd(66, 2_110_000_000, 66436, 67335, uplink=(1_710_000_000, 131972)),
    _fdd(71, 617_000_000, 68586, 68935, uplink=(663_000_000, 133122)),
)


def downlink_freq_hz(earfcn: int) -> int:
    """Return the downlink carrier of ``earfcn``.

    Raises:
        ParameterError: it is in none of ``BANDS``.
    """
    for row in BANDS:
        if row.first <= earfcn <= row.last:
            return row.low_hz + RASTER_HZ * (earfcn - row.first)
    raise ParameterError("earfcn", earfcn, "a downlink EARFCN of a band in the table")


def uplink_freq_hz(earfcn: int) -> int:
    """Return the uplink carrier that goes by default with downlink ``earfcn``; the same carrier for TDD.

    Raises:
        ParameterError: it is in none of ``BANDS``, or beyond the band's uplink (band 66 has 20 MHz more downlink).
    """
    carrier = downlink_freq_hz(earfcn)
    row = next(row for row in BANDS if row.first <= earfcn <= row.last)
    if row.uplink_low_hz is None:
        return carrier
    if row.band == 66 and earfcn - row.first > _BAND_66_PAIRED:
        raise ParameterError("earfcn", earfcn, f"at most {row.first + _BAND_66_PAIRED}: above it band 66 has no uplink")
    return row.uplink_low_hz + carrier - row.low_hz


_BAND_66_PAIRED: Final = 699


def earfcns(freq_hz: float) -> tuple[tuple[int, int], ...]:
    """Return every (band, EARFCN) whose carrier is ``freq_hz``, in order of bands; empty off the 100 kHz raster or outside all bands."""
    steps = round(freq_hz / RASTER_HZ)
    if abs(freq_hz - steps * RASTER_HZ) > 1.0:
        return ()
    carrier = steps * RASTER_HZ
    found = []
    for row in BANDS:
        earfcn = row.first + (carrier - row.low_hz) // RASTER_HZ
        if row.first <= earfcn <= row.last:
            found.append((row.band, earfcn))
    return tuple(found)
