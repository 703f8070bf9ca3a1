"""``lte_cell``: one LTE cell in one identity dwell."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from config.wire.base import Count, FreqHz, LevelDb, LevelRecord, Ppm, ShortText
from config.wire.tap import TapReport


class EarfcnReport(Struct, frozen=True, kw_only=True):
    """One number of a carrier; bands overlap, so it may have several."""

    band: Annotated[int, Meta(ge=1, le=256)]
    earfcn: Annotated[int, Meta(ge=0, le=262143)]


class PhichReport(Struct, frozen=True, kw_only=True):
    """PHICH configuration of the MIB (TS 36.331 cl. 6.2.2)."""

    duration: Literal["normal", "extended"]
    resource: Literal["1/6", "1/2", "1", "2"]


Mcc = Annotated[str, Meta(pattern=r"^[0-9]{3}$")]
Mnc = Annotated[str, Meta(pattern=r"^[0-9]{2,3}$")]


class PlmnReport(Struct, frozen=True, kw_only=True):
    """One network of a cell's SIB1."""

    mcc: Mcc
    mnc: Mnc
    """Two or three digits as sent: "01" is not "001"."""
    reserved: bool
    """Reserved for operator use."""


class BlocksReport(Struct, frozen=True, kw_only=True):
    """Neighbouring resource blocks."""

    start: Annotated[int, Meta(ge=0, le=109)]
    length: Annotated[int, Meta(ge=1, le=110)]


class LteCellReport(LevelRecord, frozen=True, kw_only=True, tag="lte_cell"):
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

    sib1_status: Literal["decoded", "not_seen", "not_tried"] = "not_tried"
    sib1_reason: ShortText = ""
    """Why SIB1 was not decoded; empty when it was. The fields below are null then."""
    sib1_hex: Annotated[str, Meta(pattern=r"^([0-9a-f]{2}){8,300}$")] | None = None
    """The transport block, padding included."""
    sib1_prb: BlocksReport | None = None
    """Where SIB1 was last sent."""
    plmns: Annotated[list[PlmnReport], Meta(max_length=6)] | None = None
    """In the order sent; ``mcc`` and ``mnc`` are the first's."""
    mcc: Mcc | None = None
    mnc: Mnc | None = None
    tac: Annotated[int, Meta(ge=0, le=65535)] | None = None
    ci: Annotated[int, Meta(ge=0, le=2**28 - 1)] | None = None
    """E-UTRAN cell identity, 28 bits."""
    enb: Annotated[int, Meta(ge=0, le=2**20 - 1)] | None = None
    """The first 20 bits of ``ci``: a macro base station's identity."""
    barred: bool | None = None
    band: Annotated[int, Meta(ge=1, le=64)] | None = None
    """As SIB1 has it (freqBandIndicator)."""
    tdd_config: Annotated[int, Meta(ge=0, le=6)] | None = None
    """Uplink-downlink configuration; null in FDD."""
