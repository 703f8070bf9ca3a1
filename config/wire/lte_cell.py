"""``lte_cell``: one LTE cell in one identity dwell."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from config.wire.base import Count, FreqHz, LevelDb, Ppm, Record, ShortText
from config.wire.tap import TapReport


class EarfcnReport(Struct, frozen=True, kw_only=True):
    """One number of a carrier; bands overlap, so it may have several."""

    band: Annotated[int, Meta(ge=1, le=256)]
    earfcn: Annotated[int, Meta(ge=0, le=262143)]


class PhichReport(Struct, frozen=True, kw_only=True):
    """PHICH configuration of the MIB (TS 36.331 cl. 6.2.2)."""

    duration: Literal["normal", "extended"]
    resource: Literal["1/6", "1/2", "1", "2"]


class LteCellReport(Record, frozen=True, kw_only=True, tag="lte_cell"):
    """One cell. The MIB's fields are null where no MIB was read; only an ``identified`` cell is ever alarmed on.

    ``start_time_ns`` is the first sample of the dwell.
    """

    status: Literal["synchronised", "identified"]
    reason: ShortText
    """Why it went no further than ``status``; empty when identified."""
    freq_hz: FreqHz | None
    """Nominal carrier on the 100 kHz raster; null where the tuned centre is not known."""
    offset_hz: FreqHz
    """Apparent carrier against the tuned centre."""
    earfcns: Annotated[list[EarfcnReport], Meta(max_length=16)]
    """Empty where the carrier is not known or in no band of the table."""
    raster_ambiguous: bool
    """True where the raster point could not be told from its neighbours: freq_hz + cfo_hz holds, each alone may not."""
    pci: Annotated[int, Meta(ge=0, le=503)]
    duplex: Literal["fdd", "tdd"]
    cp: Literal["normal", "extended"]
    n_rb: Literal[6, 15, 25, 50, 75, 100] | None
    ports: Literal[1, 2, 4] | None
    phich: PhichReport | None
    sfn: Annotated[int, Meta(ge=0, le=1023)] | None
    """Of the frame that begins at ``frame_sample``."""
    frame_sample: Count
    """Sample of the dwell, from 0."""
    cfo_hz: FreqHz
    """Apparent - nominal."""
    ppm: Ppm | None
    ppm_sigma: Annotated[float, Meta(ge=0.0, le=1000.0)] | None
    snr_db: LevelDb
    """Es/N0 of one resource element."""
    power_dbfs: LevelDb
    """Of the cell in the centre 1.08 MHz."""
    rsrp_dbfs: LevelDb
    """Mean power of one reference-signal resource element."""
    taps: Annotated[list[TapReport], Meta(max_length=64)]
    mib_count: Count
    """MIBs that passed their CRC in step with each other."""
