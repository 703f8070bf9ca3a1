"""Every LTE cell in one dwell: carrier by carrier, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dsp.lte.carrier import cells_on_carrier
from dsp.lte.description import Setting, describe
from dsp.lte.narrowband import Narrowband
from dsp.lte.ofdm import SAMPLE_RATE_HZ
from dsp.lte.params import SUBCARRIER_HZ, SUBCARRIERS_PER_RB
from dsp.lte.types import LteCell
from dsp.lte.windows import Window, default_reach_hz, first_windows, other_windows, raster_ranges
from dsp.types import ComplexArray, PpmEstimate

_SHORTEST_S: Final = 2e-3
_KNOWN_HALF_RB: Final = 6 / 2


def find_cells(
    iq: ComplexArray,
    *,
    sample_rate_hz: float,
    center_freq_hz: float | None,
    carriers: Sequence[tuple[float, float]] | None = None,
    ppm: PpmEstimate | None = None,
    max_offset_hz: float | None = None,
) -> tuple[LteCell, ...]:
    """Return every LTE cell in one dwell, the strongest first.

    ``iq``: shape (n,), 5 to 160 ms at ``sample_rate_hz``; below 1.92 MS/s no cell can be seen and none is returned.
    ``center_freq_hz``: the tuned centre, None where not known (then ``freq_hz`` is not given). ``carriers``: lower and upper edge of each
    emission wide enough for a carrier, Hz from the tuned centre; None: the whole span. ``ppm``: what is known of the receiver's clock,
    which narrows the search to the raster points it allows. ``max_offset_hz``: the largest offset of a carrier's centre from the
    emission's middle; None: 120 ppm and half a raster step, 324 kHz at most.
    """
    if sample_rate_hz < SAMPLE_RATE_HZ or iq.size < _SHORTEST_S * sample_rate_hz:
        return ()
    search = _DwellSearch(Narrowband(iq, sample_rate_hz), center_freq_hz, ppm)
    reach = default_reach_hz(center_freq_hz) if max_offset_hz is None else max_offset_hz
    firsts = first_windows(carriers, sample_rate_hz=sample_rate_hz, reach_hz=reach)
    for window, _ in firsts:
        search.look(window)
    for window, span in firsts:
        for other in other_windows(span, sample_rate_hz=sample_rate_hz, reach_hz=reach, done=window):
            if not search.covered(span):
                search.look(other)
    return tuple(sorted(search.found, key=lambda cell: -cell.rsrp))


class _DwellSearch:
    """The cells found so far in one dwell, and what they say of the clock."""

    def __init__(self, band: Narrowband, center_freq_hz: float | None, ppm: PpmEstimate | None) -> None:
        self.band, self.center_freq_hz, self.ppm = band, center_freq_hz, ppm
        self.found: list[LteCell] = []

    def look(self, window: Window) -> None:
        """Search one window, less what known carriers occupy."""
        if any(self._occupies(cell, window.lower_hz) and self._occupies(cell, window.upper_hz) for cell in self.found):
            return
        x, middle = self.band.around(window.middle_hz)
        ranges = raster_ranges(window, center_freq_hz=self.center_freq_hz, ppm=self.ppm)
        cells = cells_on_carrier(x, [(low - middle, high - middle) for low, high in ranges])
        setting = Setting(band=self.band, middle_hz=middle, center_freq_hz=self.center_freq_hz, joint=self.ppm)
        told = [describe(cell, setting, cells[0]) for cell in cells]
        self.found += [cell for cell in told if not any(self._repeats(cell, other) for other in self.found)]
        self._learn_clock()

    def covered(self, span: tuple[float, float]) -> bool:
        """Return whether the carriers found fill ``span``, but for 1.4 MHz."""
        left = span[1] - span[0]
        for offset, n_rb in {(round(cell.offset_hz, -4), cell.n_rb) for cell in self.found if cell.n_rb is not None}:
            half = n_rb * SUBCARRIERS_PER_RB * SUBCARRIER_HZ / 2
            left -= max(0.0, min(span[1], offset + half) - max(span[0], offset - half))
        return left < 1.4e6

    def _occupies(self, cell: LteCell, offset_hz: float) -> bool:
        return (
            cell.n_rb is not None
            and abs(offset_hz - cell.offset_hz) < (cell.n_rb / 2 + _KNOWN_HALF_RB) * SUBCARRIERS_PER_RB * SUBCARRIER_HZ
        )

    @staticmethod
    def _repeats(cell: LteCell, other: LteCell) -> bool:
        return cell.pci == other.pci and abs(cell.offset_hz - other.offset_hz) < 5e3

    def _learn_clock(self) -> None:
        """Take the clock of an identified cell whose raster point is sure for the windows to come."""
        for cell in self.found:
            if self.ppm is None and cell.status == "identified" and not cell.raster_ambiguous and cell.freq_hz is not None:
                self.ppm = PpmEstimate(ppm=-cell.cfo_hz / cell.freq_hz * 1e6, sigma_ppm=0.1)
