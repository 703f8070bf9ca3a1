"""The resource grid an LTE base station fills: synchronisation and reference signals, PBCH, control and data elements, frame by frame.

TS 36.211 cl. 6. What matters to nobody but the cell's own subscribers (PCFICH, PDCCH, PHICH, PDSCH) is energy of the right kind in the
right place: random QPSK with the cell's transmit diversity.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError
from dsp.lte import bch
from dsp.lte.params import (
    BANDWIDTHS_RB,
    CENTRE_SUBCARRIERS,
    PBCH_SLOT,
    SFN_CYCLE,
    SLOTS_PER_FRAME,
    SUBCARRIERS_PER_RB,
    SYMBOLS_PER_SLOT,
    SYNC_FIRST_SUBCARRIER,
    SYNC_SUBCARRIERS,
    pss_places,
    sss_places,
)
from dsp.lte.resource_grid import crs_subcarriers, crs_symbols, pbch_elements, transmit_diversity
from dsp.lte.sequences import crs, pss, split_pci, sss
from dsp.lte.types import CyclicPrefix, Duplex
from dsp.synth.lte_sib1 import Sib1Transmission, put_sib1
from dsp.types import ComplexArray

TDD_SUBFRAMES: Final = ("DSUUUDSUUU", "DSUUDDSUUD", "DSUDDDSUDD", "DSUUUDDDDD", "DSUUDDDDDD", "DSUDDDDDDD", "DSUUUDSUUD")
"""By uplink-downlink configuration (TS 36.211 table 4.2-2): downlink, special, uplink."""

DATA, CONTROL, RESERVED, SYNC, PBCH, REFERENCE, SILENT = range(7)
"""What an element is for; RESERVED stays empty, SILENT is not the base station's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LteCellDescription:
    """A cell as its operator would describe it."""

    pci: int
    n_rb: int = 6
    n_ports: int = 1
    duplex: Duplex = "fdd"
    cp: CyclicPrefix = "normal"
    phich_duration: bch.PhichDuration = "normal"
    phich_resource: bch.PhichResource = "1"
    first_sfn: int = 0
    spare: int = 0
    """The MIB's last ten bits."""
    load: float = 1.0
    """Part of the data blocks in use, 0 to 1."""
    control_symbols: int = 2
    """Symbols at the start of each subframe kept for control; half of their element pairs carry energy, none where ``load`` is 0."""
    sync_on_all_ports: bool = False
    """PSS and SSS from every port, each at full power, as some base stations do; TS 36.211 cl. 6.11.1.2 leaves the port open."""
    tdd_config: int = 2
    """Uplink-downlink configuration, 0 to 6."""
    dwpts_symbols: int = 10
    """Downlink symbols of a special subframe (TS 36.211 table 4.2-1), at least 3."""
    sib1: Sib1Transmission | None = None
    """Sent in subframe 5 of even frames; the control channel that announces it is not."""

    def __post_init__(self) -> None:
        """Refuse what no cell can be."""
        split_pci(self.pci)
        limits = (
            ("n_rb", self.n_rb in BANDWIDTHS_RB, f"one of {BANDWIDTHS_RB}"),
            ("n_ports", self.n_ports in (1, 2, 4), "1, 2 or 4"),
            ("first_sfn", 0 <= self.first_sfn < SFN_CYCLE, "0 to 1023"),
            ("load", 0.0 <= self.load <= 1.0, "0 to 1"),
            ("control_symbols", 1 <= self.control_symbols <= 4, "1 to 4"),
            ("tdd_config", 0 <= self.tdd_config <= 6, "0 to 6"),
            ("dwpts_symbols", 3 <= self.dwpts_symbols <= 2 * SYMBOLS_PER_SLOT[self.cp] - 2, "3 to two less than a subframe"),
        )
        for name, good, limit in limits:
            if not good:
                raise ParameterError(name, getattr(self, name), limit)


def frame_sfn(cell: LteCellDescription, frame: int) -> int:
    """Return the system frame number of ``frame``, counted from the cell's first (may be negative)."""
    return (cell.first_sfn + frame) % SFN_CYCLE


def frame_mib(cell: LteCellDescription, frame: int) -> bch.Mib:
    """Return the MIB that ``frame`` carries a quarter of."""
    sfn = frame_sfn(cell, frame)
    return bch.Mib(
        n_rb=cell.n_rb,
        phich_duration=cell.phich_duration,
        phich_resource=cell.phich_resource,
        sfn=sfn - sfn % 4,
        spare=cell.spare,
    )


def frame_grid(cell: LteCellDescription, frame: int, *, rng: np.random.Generator) -> ComplexArray:
    """Return what each port sends in one frame, shape (n_ports, 140 or 120, 12 n_rb).

    Each reference, synchronisation and (summed over ports) data element has power 1. PSS and SSS go out on port 0.
    """
    grid = _template(cell).copy()
    role = roles(cell)
    n_symbols = SYMBOLS_PER_SLOT[cell.cp]
    quarter = frame_sfn(cell, frame) % 4
    bits = _pbch_bits(cell, frame_mib(cell, frame)).reshape(4, -1)[quarter]
    symbols, subcarriers = pbch_elements(cell.pci, cell.cp)
    first = centre_subcarrier(cell.n_rb)
    grid[:, PBCH_SLOT * n_symbols + symbols, first + subcarriers] = transmit_diversity(qpsk(bits), n_ports=cell.n_ports)
    if cell.load > 0.0:
        for kind, keep in ((CONTROL, 0.5), (DATA, cell.load)):
            _fill(grid, role == kind, keep=keep, rng=rng)
    if cell.sib1 is not None:
        put_sib1(grid, role == DATA, cell.sib1, sfn=frame_sfn(cell, frame), pci=cell.pci)
    return grid


def centre_subcarrier(n_rb: int) -> int:
    """Return the subcarrier of ``n_rb`` blocks at which the centre 72 begin."""
    return (SUBCARRIERS_PER_RB * n_rb - CENTRE_SUBCARRIERS) // 2


def qpsk(bits: npt.NDArray[np.uint8]) -> ComplexArray:
    """Return the symbols of pairs of bits, power 1 (TS 36.211 table 7.1.2-1): 0 is the positive axis."""
    signs = (1.0 - 2.0 * bits.astype(np.float32)) * np.float32(1 / np.sqrt(2))
    return signs.view(np.complex64)


@lru_cache(maxsize=32)
def roles(cell: LteCellDescription) -> npt.NDArray[np.uint8]:
    """Return what each element of a frame is for, shape (140 or 120, 12 n_rb)."""
    n_symbols = SYMBOLS_PER_SLOT[cell.cp]
    role = np.full((SLOTS_PER_FRAME * n_symbols, SUBCARRIERS_PER_RB * cell.n_rb), DATA, dtype=np.uint8)
    role.reshape(10, 2 * n_symbols, -1)[:, : cell.control_symbols] = CONTROL
    centre = slice(centre_subcarrier(cell.n_rb), centre_subcarrier(cell.n_rb) + CENTRE_SUBCARRIERS)
    for slot, symbol in pss_places(cell.duplex, cell.cp) + sss_places(cell.duplex, cell.cp):
        role[slot * n_symbols + symbol, centre] = RESERVED
        role[slot * n_symbols + symbol, _sync_subcarriers(cell.n_rb)] = SYNC
    rows = role[PBCH_SLOT * n_symbols : PBCH_SLOT * n_symbols + 4, centre]
    rows[:] = RESERVED
    rows[pbch_elements(cell.pci, cell.cp)] = PBCH
    for port in range(cell.n_ports):
        for slot in range(SLOTS_PER_FRAME):
            for symbol in crs_symbols(port, cell.cp):
                k = crs_subcarriers(port, slot=slot, symbol=symbol, pci=cell.pci, n_rb=cell.n_rb)
                role[slot * n_symbols + symbol, k] = REFERENCE
    role[~_downlink_symbols(cell)] = SILENT
    role.setflags(write=False)
    return role


def _downlink_symbols(cell: LteCellDescription) -> npt.NDArray[np.bool_]:
    """Return which symbols of a frame are the base station's, shape (140 or 120,)."""
    per_subframe = 2 * SYMBOLS_PER_SLOT[cell.cp]
    kinds = TDD_SUBFRAMES[cell.tdd_config] if cell.duplex == "tdd" else "D" * 10
    length = {"D": per_subframe, "S": cell.dwpts_symbols, "U": 0}
    return np.concatenate([np.arange(per_subframe) < length[kind] for kind in kinds])


def _sync_subcarriers(n_rb: int) -> slice:
    first = centre_subcarrier(n_rb) + SYNC_FIRST_SUBCARRIER
    return slice(first, first + SYNC_SUBCARRIERS)


@lru_cache(maxsize=32)
def _template(cell: LteCellDescription) -> ComplexArray:
    """Return the part of the grid that is the same in every frame: synchronisation and reference signals."""
    n_symbols = SYMBOLS_PER_SLOT[cell.cp]
    grid = np.zeros((cell.n_ports, SLOTS_PER_FRAME * n_symbols, SUBCARRIERS_PER_RB * cell.n_rb), dtype=np.complex64)
    for port in range(cell.n_ports):
        for slot in range(SLOTS_PER_FRAME):
            for symbol in crs_symbols(port, cell.cp):
                k = crs_subcarriers(port, slot=slot, symbol=symbol, pci=cell.pci, n_rb=cell.n_rb)
                values = crs(cell.pci, slot=slot, symbol=symbol, cp=cell.cp, n_rb=cell.n_rb)
                grid[port, slot * n_symbols + symbol, k] = values
    sync = _sync_subcarriers(cell.n_rb)
    ports = slice(cell.n_ports if cell.sync_on_all_ports else 1)
    for half in (0, 1):
        slot, symbol = pss_places(cell.duplex, cell.cp)[half]
        grid[ports, slot * n_symbols + symbol, sync] = pss(cell.pci % 3)
        slot, symbol = sss_places(cell.duplex, cell.cp)[half]
        grid[ports, slot * n_symbols + symbol, sync] = sss(cell.pci, half=half)
    grid[:, ~_downlink_symbols(cell)] = 0.0
    grid.setflags(write=False)
    return grid


@lru_cache(maxsize=64)
def _pbch_bits(cell: LteCellDescription, mib: bch.Mib) -> npt.NDArray[np.uint8]:
    return bch.encode(bch.pack_mib(mib), n_ports=cell.n_ports, cp=cell.cp, pci=cell.pci)


def _fill(grid: ComplexArray, places: npt.NDArray[np.bool_], *, keep: float, rng: np.random.Generator) -> None:
    """Put random QPSK with transmit diversity on ``places``, one stretch of 12 in row after another, the part ``keep`` of them."""
    n_ports = grid.shape[0]
    at = np.flatnonzero(places)
    at = at[: at.size - at.size % n_ports]
    symbols = qpsk(rng.integers(0, 2, size=2 * at.size, dtype=np.uint8))
    if keep < 1.0:
        stretches = rng.random(at.size // SUBCARRIERS_PER_RB + 1) < keep
        symbols *= np.repeat(stretches, SUBCARRIERS_PER_RB)[: at.size]
    grid.reshape(n_ports, -1)[:, at] = transmit_diversity(symbols, n_ports=n_ports)
