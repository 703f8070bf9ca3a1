"""Every cell on one carrier: the strongest blind, the others beneath it.

Base stations hold their carriers to 0.05 ppm, so once one cell is known the others are looked for at its carrier offset and clock drift
alone, in what is left of the samples without the PSS and SSS of the cells before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dsp.lte.cancellation import cancel_synchronisation
from dsp.lte.cell import ReadCell, Synchronised, read_cell, synchronise
from dsp.lte.ofdm import HALF_FRAME, TimeBase
from dsp.lte.pss import search_pss
from dsp.types import ComplexArray

MAX_PPM: Final = 120.0
MAX_CELLS: Final = 6
_FALSE_PEAKS: Final = 4.0
_FALSE_PEAKS_BENEATH: Final = 0.05
_PEAKS_BENEATH: Final = 6
_DRIFT_SPREAD: Final = 0.02  # samples per half frame: 2 ppm, what a moving echo may feign
_SAME_SAMPLES: Final = 4.0


def cells_on_carrier(x: ComplexArray, ranges_hz: Sequence[tuple[float, float]]) -> list[ReadCell]:
    """Return the cells of a carrier whose offset lies in one of ``ranges_hz`` (least, largest), the one found first at the front.

    ``x``: shape (n,), 1.92 MS/s.
    """
    drift = MAX_PPM * 1e-6 * HALF_FRAME
    peaks = search_pss(x, ranges_hz=ranges_hz, drifts=(-drift, drift), n_false=_FALSE_PEAKS)
    first = next((sync for peak in peaks if (sync := synchronise(x, peak)) is not None), None)
    if first is None:
        return []
    cells = [read_cell(x, first)]
    left = cancel_synchronisation(x, cells[0])
    while len(cells) < MAX_CELLS:
        beneath = _next_beneath(left, cells)
        if beneath is None:
            break
        cells.append(read_cell(left, beneath))
        left = cancel_synchronisation(left, cells[-1])
    return cells


def _next_beneath(left: ComplexArray, cells: list[ReadCell]) -> Synchronised | None:
    known = cells[0].sync
    base, spread = known.base, _DRIFT_SPREAD
    peaks = search_pss(
        left,
        ranges_hz=[(base.offset_hz, base.offset_hz)],
        drifts=(base.drift - spread, base.drift + spread),
        n_false=_FALSE_PEAKS_BENEATH,
    )
    for peak in peaks[:_PEAKS_BENEATH]:
        found = synchronise(left, peak, known=known)
        if found is not None and not any(_same(found, cell.sync) for cell in cells):
            return found
    return None


def _same(a: Synchronised, b: Synchronised) -> bool:
    return a.pci == b.pci and abs(_apart(a.base, b.base)) < _SAME_SAMPLES


def _apart(a: TimeBase, b: TimeBase) -> float:
    return (a.frame_sample - b.frame_sample + HALF_FRAME / 2) % HALF_FRAME - HALF_FRAME / 2
