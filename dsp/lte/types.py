"""What the LTE receiver gives: one value per cell and identity dwell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dsp.lte.sib1_message import Sib1
from dsp.types import Tap

CellStatus = Literal["synchronised", "identified"]
Duplex = Literal["fdd", "tdd"]
CyclicPrefix = Literal["normal", "extended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LteCell:
    """One LTE cell. Frequencies in Hz; ``cfo_hz`` = apparent - nominal; powers in full scale squared; SNR is Es/N0 of one RE in dB."""

    status: CellStatus
    reason: str
    """Why it went no further than ``status``; empty when identified."""
    freq_hz: float | None
    """Nominal carrier on the 100 kHz raster; None where the tuned centre is not known."""
    offset_hz: float
    """Apparent carrier against the tuned centre."""
    raster_ambiguous: bool
    pci: int
    duplex: Duplex
    cp: CyclicPrefix
    n_rb: int | None
    ports: int | None
    phich_duration: Literal["normal", "extended"] | None
    phich_resource: Literal["1/6", "1/2", "1", "2"] | None
    sfn: int | None
    """Of the frame that holds ``frame_sample``."""
    frame_sample: int
    """Sample of the dwell at which a radio frame begins."""
    cfo_hz: float
    """Against ``freq_hz``; against the nearest raster step of the offset where the centre is not known."""
    ppm: float | None
    ppm_sigma: float | None
    snr_db: float
    rsrp: float
    """Mean power of one reference-signal resource element."""
    power: float
    """Mean power of the centre 1.08 MHz that belongs to this cell."""
    taps: tuple[Tap, ...]
    mib_count: int
    """How many MIBs passed their CRC in step with each other."""
    sib1: Sib1 | None = None
    """None: not asked for (``dsp.lte.sib1.with_sib1``)."""
