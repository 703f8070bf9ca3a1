"""One cell: from a place where the PSS may be to identity, time base, channel and MIB."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dsp.lte.channel import CrsFit, fit_reference, refine_base
from dsp.lte.interpolation import Statistics, channel_at_pbch, measure_statistics
from dsp.lte.ofdm import FRAME, Float64Array, TimeBase
from dsp.lte.params import N_PCI
from dsp.lte.pbch import Broadcast, find_broadcast, soft_bits
from dsp.lte.pss import PssPeak, refine_peak
from dsp.lte.reference_signals import FrameGrid, downlink_slots, frame_grid, pilots
from dsp.lte.sss import BLIND_SLACK_HZ, SssMatch, match_sss
from dsp.lte.types import CyclicPrefix, Duplex
from dsp.types import ComplexArray

_ALONE_PROOF: Final = 22.0
"""Reference signals that prove a cell alone (``CrsFit.proof``): in noise below e^-22 for each of 85 offsets and two identities a peak."""
_SSS_SIGMAS: Final = 4.5
"""The likeliest of 1344 identities stands 3.5 over noise on average: below this the reference signals are not even looked at."""
_BOTH: Final = (7.0, 8.0)
"""Or an SSS of so many sigmas with reference signals of so much proof (a neighbour's may lie on the same elements; TDD has few)."""
_DECOY_STEPS: Final = (7, 40)
_DECOY_RATIO: Final = 2.0
"""Two other identities must not be proved half as well: a steady carrier in the band repeats from frame to frame as the sequences do."""
_N_IDENTITIES: Final = 2
_KNOWN_SLACK_HZ: Final = 400.0  # Doppler of a fast train, twice


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


def synchronise(x: ComplexArray, peak: PssPeak, known: Synchronised | None = None) -> Synchronised | None:
    """Return the cell at ``peak``, or None where no identity's reference signals are there. ``x``: 1.92 MS/s, shape (n,).

    ``known``: a cell of the same carrier, whose offset, drift and duplex are taken.
    """
    refined = refine_peak(x, peak)
    duplexes: tuple[Duplex, ...] = ("fdd", "tdd")
    slack_hz = BLIND_SLACK_HZ
    if known is not None:
        refined = replace(refined, offset_hz=known.base.offset_hz, drift=known.base.drift)
        duplexes, slack_hz = (known.duplex,), _KNOWN_SLACK_HZ
    best: Synchronised | None = None
    for match in match_sss(x, refined, n_best=_N_IDENTITIES, duplexes=duplexes, slack_hz=slack_hz):
        found = _confirm(x, refined, match) if match.sigmas >= _SSS_SIGMAS else None
        if found is not None and (best is None or found.fit.proof > best.fit.proof):
            best = found
    return best


def _confirm(x: ComplexArray, peak: PssPeak, match: SssMatch) -> Synchronised | None:
    base = TimeBase(frame_sample=match.frame_sample, drift=peak.drift, offset_hz=peak.offset_hz + match.offset_error_hz)
    base = replace(base, frame_sample=match.frame_sample % (FRAME * base.stretch))
    grid = frame_grid(x, base, match.cp)
    weights = np.array(match.weights)
    fit = _fit(grid, match, weights, 0)
    sigmas, proof = _BOTH
    if fit.proof < _ALONE_PROOF and (match.sigmas < sigmas or fit.proof < proof):
        return None
    if fit.proof < _DECOY_RATIO * max(_fit(grid, match, weights, 3 * step).proof for step in _DECOY_STEPS):
        return None
    base = replace(base, offset_hz=base.offset_hz + fit.offset_error_hz)
    return Synchronised(pci=match.pci, duplex=match.duplex, cp=match.cp, base=base, fit=fit)


def _fit(grid: FrameGrid, match: SssMatch, weights: Float64Array, step: int) -> CrsFit:
    """Return the proof of the identity ``step`` on from the one matched."""
    port = pilots(grid, pci=(match.pci + step) % N_PCI, port=0, slots=downlink_slots(match.duplex))
    return fit_reference(port, weights)


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
