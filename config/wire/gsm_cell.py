"""``gsm_cell``: one C0 carrier and what its cell says of itself."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from config.wire.base import Count, FreqHz, LevelDb, LevelRecord, Ppm, ShortText
from config.wire.tap import TapReport

Arfcn = Annotated[int, Meta(ge=0, le=1023)]
ArfcnList = Annotated[list[Arfcn], Meta(max_length=1024)]
SmallList = Annotated[list[Annotated[int, Meta(ge=0, le=15)]], Meta(max_length=16)]
MessageName = Annotated[str, Meta(pattern=r"^SI[0-9a-z/]{1,14}$")]


class BlockCounts(Struct, frozen=True, kw_only=True):
    """Numbers of SCH bursts and of BCCH blocks."""

    sch: Count
    bcch: Count


class GsmCellReport(LevelRecord, frozen=True, kw_only=True, tag="gsm_cell"):
    """One cell in one identity dwell. A field of the BCCH is null where the message that carries it was not received.

    ``start_time_ns`` is the first sample of the dwell. Only an ``identified`` cell is ever alarmed on.
    """

    status: Literal["carrier", "synchronised", "identified"]
    """FCCH only; SCH in step with each other; SI3 with good parity."""
    reason: ShortText
    """Why it went no further than ``status``; empty when identified."""
    freq_hz: FreqHz | None
    """Nominal carrier on the 200 kHz raster; null where the tuned centre is not known."""
    offset_hz: FreqHz
    """Apparent carrier against the tuned centre."""
    arfcn: Arfcn | None
    band: Annotated[str, Meta(max_length=32)] | None
    """P-GSM900, E-GSM900, DCS1800, ..."""
    bsic: Annotated[int, Meta(ge=0, le=63)] | None
    """Decimal, 8 NCC + BCC."""
    cfo_hz: FreqHz | None
    """Apparent - nominal."""
    ppm: Ppm | None
    ppm_sigma: Annotated[float, Meta(ge=0.0, le=1000.0)] | None
    snr_db: LevelDb
    """Es/N0."""
    power_dbfs: LevelDb
    fn: Annotated[int, Meta(ge=0, le=2715647)] | None
    """Frame number of the first SCH that passed; its burst began at ``fn_sample`` of the dwell."""
    fn_sample: Annotated[int, Meta(ge=-(2**53), le=2**53)] | None
    blocks_good: BlockCounts
    """Parity passed."""
    blocks_tried: BlockCounts
    taps: Annotated[list[TapReport], Meta(max_length=64)]
    delay_spread_us: Annotated[float, Meta(ge=0.0, le=1e4)] | None

    mcc: Annotated[str, Meta(pattern=r"^[0-9]{3}$")] | None
    mnc: Annotated[str, Meta(pattern=r"^[0-9]{2,3}$")] | None
    """Two or three digits as sent: "01" is not "001"."""
    lac: Annotated[int, Meta(ge=0, le=65535)] | None
    ci: Annotated[int, Meta(ge=0, le=65535)] | None
    t3212: Annotated[int, Meta(ge=0, le=255)] | None
    """As sent, units of 6 minutes; 0: no periodic update."""
    cro_db: Annotated[int, Meta(ge=0, le=126)] | None
    temporary_offset_db: Annotated[int, Meta(ge=0, le=70)] | None
    """70 stands for infinity."""
    penalty_time_s: Annotated[int, Meta(ge=20, le=620)] | None
    """Null with cro_db given: the offset is subtracted."""
    barred: bool | None
    reestablishment_allowed: bool | None
    access_classes_barred: SmallList | None
    emergency_calls_allowed: bool | None
    ncc_permitted: SmallList | None
    ccch_combined: bool | None
    ccch_count: Annotated[int, Meta(ge=1, le=4)] | None
    attach_detach_allowed: bool | None
    bs_pa_mfrms: Annotated[int, Meta(ge=2, le=9)] | None
    ms_txpwr_max_cch: Annotated[int, Meta(ge=0, le=31)] | None
    rxlev_access_min_dbm: Annotated[int, Meta(ge=-110, le=-47)] | None
    cell_reselect_hysteresis_db: Annotated[int, Meta(ge=0, le=14)] | None
    gprs: bool | None
    cell_channels: ArfcnList | None
    neighbours: ArfcnList | None
    """Sorted union of SI2, SI2bis and SI2ter."""
    neighbours_continued: bool | None
    """SI2 says that SI2bis carries more."""
    ba_ind: Annotated[int, Meta(ge=0, le=1)] | None
    band_1900: bool | None
    """SI1: ARFCN 512 to 810 are of PCS 1900."""
    lte_neighbours: Annotated[list[Annotated[int, Meta(ge=0, le=262143)]], Meta(max_length=256)] | None
    """EARFCNs of SI2quater."""
    si_hex: Annotated[dict[MessageName, Annotated[str, Meta(pattern=r"^[0-9a-f]{46}$")]], Meta(max_length=64)]
    """Message name to 23 octets."""
    conflicts: Annotated[list[MessageName], Meta(max_length=64)]
    """Messages that came with differing contents in one dwell, both with good parity."""
