"""A carrier too wide for the receiver, looked at window by window: where to tune to, and the SIB1 in what was heard there.

The tuner stands m x 15 kHz from the carrier, so that its DC spike falls onto one subcarrier and no edge between two; a window's blocks are
those within the flat part of the receiver's band. Block 0 is first: most cells send SIB1 there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from dsp.lte.crs import CarrierView
from dsp.lte.crs_timing import locate_frames
from dsp.lte.params import SUBCARRIER_HZ, SUBCARRIERS_PER_RB
from dsp.lte.sib1 import cell_view, on_grid, search_sib1
from dsp.lte.sib1_message import Sib1
from dsp.lte.types import LteCell
from dsp.types import ComplexArray

DWELL_S: Final = 0.09
"""Eight frames and a bit: four occurrences of SIB1."""
ASIDE_HZ: Final = 350.0
"""An R820T's oscillator stands at multiples of 28.8 MHz / 32768 / 2 at 900 MHz, 439 Hz: two tunings may differ by so much."""
_FLAT: Final = 0.8
"""Part of the sample rate that the receiver's filter leaves whole."""
_BLOCK_HZ: Final = SUBCARRIERS_PER_RB * SUBCARRIER_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierWindow:
    """One tuning, in steps of 15 kHz from the carrier's nominal centre, and the blocks it shows whole."""

    steps: int
    first: int
    last: int
    """The block after the last."""

    @property
    def offset_hz(self) -> float:
        """Return the tuned frequency against the carrier's nominal centre."""
        return self.steps * SUBCARRIER_HZ


def carrier_windows(n_rb: int, *, sample_rate_hz: float, remembered: tuple[int, int] | None = None) -> tuple[CarrierWindow, ...]:
    """Return the windows that show every block of a carrier, block 0's first; ``remembered``: where SIB1 was, which is looked at before."""
    width = min(int(_FLAT * sample_rate_hz / _BLOCK_HZ), n_rb)
    firsts = [min(first, n_rb - width) for first in range(0, n_rb, width)]
    if remembered is not None:
        start, length = remembered
        firsts.insert(0, max(0, min(start - (width - min(length, width)) // 2, n_rb - width)))
    return tuple(_window(first, width, n_rb) for first in dict.fromkeys(firsts))


def _window(first: int, width: int, n_rb: int) -> CarrierWindow:
    steps = round(SUBCARRIERS_PER_RB * (first + width / 2 - n_rb / 2))
    return CarrierWindow(steps=steps, first=first, last=first + width)


def window_view(
    iq: ComplexArray, cell: LteCell, window: CarrierWindow, *, sample_rate_hz: float, tuned_offset_hz: float | None = None
) -> CarrierView | None:
    """Return where the frames and subcarriers of ``cell`` lie in the samples of one window, shape (n,); None: its signals are not there.

    The cell was found by the same receiver with the same clock, so its carrier offset and its clock error hold, but for the steps in which
    the receiver can be tuned. ``tuned_offset_hz``: what the receiver was tuned to against the cell's ``freq_hz``, where that is not
    just the window's.
    """
    view = cell_view(cell, sample_rate_hz=sample_rate_hz)
    if view is None:
        return None
    tuned = window.offset_hz if tuned_offset_hz is None else tuned_offset_hz
    return locate_frames(iq, replace(view, frame_sample=0.0, offset_hz=cell.cfo_hz - tuned), aside_hz=(-ASIDE_HZ, ASIDE_HZ))


def window_sib1(
    iq: ComplexArray, cell: LteCell, window: CarrierWindow, *, sample_rate_hz: float, tuned_offset_hz: float | None = None
) -> Sib1:
    """Return the SIB1 of ``cell`` in the samples of one window, shape (n,); frames are found by reference signals, the SFN is not known."""
    if cell_view(cell, sample_rate_hz=sample_rate_hz) is None:
        return Sib1(status="not_tried", reason="no MIB was read")
    clean, rate_hz = on_grid(iq - iq.mean(), sample_rate_hz=sample_rate_hz)
    view = window_view(clean, cell, window, sample_rate_hz=rate_hz, tuned_offset_hz=tuned_offset_hz)
    if view is None:
        return Sib1(status="not_seen", reason=f"the cell's reference signals were not found in blocks {window.first} to {window.last - 1}")
    try:
        return search_sib1(clean, replace(view, band_hz=sample_rate_hz), sfn=None)
    except ImportError:
        return Sib1(status="not_tried", reason="the package pycrate is not installed: without it nothing can be known for a SIB1")
