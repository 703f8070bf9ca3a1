"""One cell: from a place where the PSS may be to identity, time base, channel and MIB."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from dsp.lte.channel import CrsFit, fit_reference, refine_base
from dsp.lte.interpolation import Statistics, channel_at_pbch, measure_statistics
from dsp.lte.ofdm import FRAME, TimeBase
from dsp.lte.pbch import Broadcast, find_broadcast, soft_bits
from dsp.lte.pss import PssPeak, refine_peak
from dsp.lte.reference_signals import FrameGrid, downlink_slots, frame_grid, pilots
from dsp.lte.sss import SssMatch, match_sss
from dsp.lte.types import CyclicPrefix, Duplex
from dsp.types import ComplexArray

MIN_SIGMAS: Final = 9.0
"""Reference signals must stand this far over noise: noise alone stays below 6, strong data of other cells below 9."""
_N_IDENTITIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Synchronised:
    """A cell whose PSS, SSS and reference signals are there."""

    pci: int
    duplex: Duplex
    cp: CyclicPrefix
    base: TimeBase
    fit: CrsFit


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCell:
    """A synchronised cell with its channel measured and its MIB, if one passed."""

    sync: Synchronised
    grid: FrameGrid
    statistics: Statistics
    broadcast: Broadcast | None


def synchronise(x: ComplexArray, peak: PssPeak) -> Synchronised | None:
    """Return the cell at ``peak``, or None where no identity's reference signals are there. ``x``: 1.92 MS/s, shape (n,)."""
    refined = refine_peak(x, peak)
    best: Synchronised | None = None
    for match in match_sss(x, refined, n_best=_N_IDENTITIES):
        found = _confirm(x, refined, match)
        if found is not None and (best is None or found.fit.sigmas > best.fit.sigmas):
            best = found
    return best


def _confirm(x: ComplexArray, peak: PssPeak, match: SssMatch) -> Synchronised | None:
    base = TimeBase(frame_sample=match.frame_sample, drift=peak.drift, offset_hz=peak.offset_hz)
    base = replace(base, frame_sample=match.frame_sample % (FRAME * base.stretch))
    grid = frame_grid(x, base, match.cp)
    fit = fit_reference(pilots(grid, pci=match.pci, port=0, slots=downlink_slots(match.duplex)))
    if fit.sigmas < MIN_SIGMAS:
        return None
    base = replace(base, offset_hz=base.offset_hz + fit.offset_error_hz)
    return Synchronised(pci=match.pci, duplex=match.duplex, cp=match.cp, base=base, fit=fit)


def read_cell(x: ComplexArray, sync: Synchronised) -> ReadCell:
    """Return ``sync`` with its time base refined, its channel's statistics and its MIB."""
    slots = downlink_slots(sync.duplex)
    base = sync.base
    for _ in range(2):
        grid = frame_grid(x, base, sync.cp)
        base = refine_base(pilots(grid, pci=sync.pci, port=0, slots=slots), base)
    grid = frame_grid(x, base, sync.cp)
    ports = [pilots(grid, pci=sync.pci, port=port, slots=slots) for port in range(4)]
    statistics = measure_statistics(ports[0])
    channels = [channel_at_pbch(port, grid, statistics)[0] for port in ports]
    soft = {n: soft_bits(grid, tuple(channels[:n]), pci=sync.pci, noise=statistics.noise) for n in (1, 2, 4)}
    broadcast = find_broadcast(soft, pci=sync.pci, cp=sync.cp)
    return ReadCell(sync=replace(sync, base=base), grid=grid, statistics=statistics, broadcast=broadcast)
