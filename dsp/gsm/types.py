"""What the GSM receiver gives: one value per C0 carrier and identity dwell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dsp.types import Tap

CellStatus = Literal["carrier", "synchronised", "identified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCount:
    """How many blocks (or bursts) of one kind were tried and how many passed their parity."""

    good: int
    tried: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemInformation:
    """What the BCCH said of its own cell. A field is None where the message that carries it was not received.

    TS 44.018 cl. 9.1.31-9.1.43, 10.5.2. ``mnc`` keeps its digits: "01" is not "001".
    """

    mcc: str | None = None
    mnc: str | None = None
    lac: int | None = None
    ci: int | None = None
    t3212: int | None = None
    """As sent, units of 6 minutes; 0: no periodic update."""
    cro_db: int | None = None
    temporary_offset_db: int | None = None
    """0 to 60 in steps of 10; 70 stands for infinity."""
    penalty_time_s: int | None = None
    """20 to 620; None with cro_db present: the code 31 (the offset is subtracted)."""
    barred: bool | None = None
    reestablishment_allowed: bool | None = None
    access_classes_barred: tuple[int, ...] | None = None
    emergency_calls_allowed: bool | None = None
    ncc_permitted: tuple[int, ...] | None = None
    ccch_combined: bool | None = None
    ccch_count: int | None = None
    attach_detach_allowed: bool | None = None
    bs_pa_mfrms: int | None = None
    ms_txpwr_max_cch: int | None = None
    rxlev_access_min_dbm: int | None = None
    cell_reselect_hysteresis_db: int | None = None
    gprs: bool | None = None
    cell_channels: tuple[int, ...] | None = None
    """Cell allocation of SI1, ARFCNs in order."""
    neighbours: tuple[int, ...] | None = None
    """Sorted union of the BCCH allocations of SI2, 2bis and 2ter."""
    neighbours_continued: bool | None = None
    """EXT-IND of SI2: SI2bis carries more of the list."""
    ba_ind: int | None = None
    """Number of the neighbour list, 0 or 1, that changes with it."""
    band_1900: bool | None = None
    """SI1: ARFCN 512 to 810 are of PCS 1900, not of DCS 1800."""
    lte_neighbours: tuple[int, ...] | None = None
    """EARFCNs of SI2quater."""
    si_hex: Mapping[str, str] = field(default_factory=dict)
    """Message name ("SI3", "SI2ter") -> 23 octets as lower-case hex."""
    conflicts: tuple[str, ...] = ()
    """Messages that came with differing contents in one dwell, both with good parity: the names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GsmCell:
    """One C0 carrier. Frequencies in Hz; ``cfo_hz`` = apparent - nominal; powers in full scale squared; SNR is Es/N0 in dB."""

    status: CellStatus
    reason: str
    """Why it went no further than ``status``; empty when identified."""
    freq_hz: float | None
    """Nominal frequency on the raster; None where the recording's centre frequency is not known."""
    offset_hz: float
    """Apparent frequency against the tuned centre."""
    arfcn: int | None
    band: str | None
    bsic: int | None
    """Decimal, 8 NCC + BCC."""
    cfo_hz: float | None
    ppm: float | None
    """The receiver's ppm, joint over all carriers."""
    ppm_sigma: float | None
    snr_db: float
    power: float
    fn: int | None
    """Frame number of the first SCH that passed."""
    fn_sample: int | None
    """Sample of the dwell at which that frame's burst 0 began."""
    blocks: Mapping[str, BlockCount]
    """Per kind: "SCH" and "BCCH"."""
    information: SystemInformation
    taps: tuple[Tap, ...]
    delay_spread_us: float | None
