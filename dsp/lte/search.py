"""Every LTE cell in one dwell: carrier by carrier, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from dsp.lte.cell import ReadCell, read_cell, synchronise
from dsp.lte.narrowband import Narrowband
from dsp.lte.ofdm import HALF_FRAME, SAMPLE_RATE_HZ
from dsp.lte.params import SFN_CYCLE
from dsp.lte.pss import search_pss
from dsp.lte.raster import choose_raster_point
from dsp.lte.types import LteCell
from dsp.types import ComplexArray, PpmEstimate

MAX_PPM: Final = 120.0
MAX_OFFSET_HZ: Final = 324e3
_USABLE: Final = 0.45
_HALF_WIDTH_HZ: Final = 0.54e6
_FALSE_PEAKS: Final = 2.0


def find_cells(
    iq: ComplexArray,
    *,
    sample_rate_hz: float,
    center_freq_hz: float | None,
    carriers: Sequence[tuple[float, float]] | None = None,
    ppm: PpmEstimate | None = None,
    max_offset_hz: float | None = None,
) -> tuple[LteCell, ...]:
    """Return every LTE cell in ``iq``, shape (n,), strongest first; none where the rate is below 1.92 MS/s."""
    if sample_rate_hz < SAMPLE_RATE_HZ or iq.size < HALF_FRAME * sample_rate_hz / SAMPLE_RATE_HZ / 2:
        return ()
    band = Narrowband(iq, sample_rate_hz)
    centres = [0.0] if carriers is None else [(low + high) / 2 for low, high in carriers]
    found: list[LteCell] = []
    for centre in centres:
        found += _search_carrier(band, centre, center_freq_hz, ppm, max_offset_hz)
    return tuple(sorted(found, key=lambda c: -c.rsrp))


def _search_carrier(
    band: Narrowband, centre: float, center_freq_hz: float | None, ppm: PpmEstimate | None, max_offset_hz: float | None
) -> list[LteCell]:
    x, middle = band.around(centre)
    reach = MAX_OFFSET_HZ if max_offset_hz is None else max_offset_hz
    limit = _USABLE * band.sample_rate_hz - _HALF_WIDTH_HZ
    lower, upper = max(-reach, -limit - middle), min(reach, limit - middle)
    if lower > upper:
        return []
    drift = MAX_PPM * 1e-6 * HALF_FRAME
    for peak in search_pss(x, lower_hz=lower, upper_hz=upper, drifts=(-drift, drift), n_false=_FALSE_PEAKS):
        sync = synchronise(x, peak)
        if sync is not None:
            return [_describe(read_cell(x, sync), band, middle, center_freq_hz, ppm)]
    return []


def _describe(cell: ReadCell, band: Narrowband, middle: float, center_freq_hz: float | None, joint: PpmEstimate | None) -> LteCell:
    base, broadcast = cell.sync.base, cell.broadcast
    offset = middle + base.offset_hz
    timing = _clock(cell, band)
    point = choose_raster_point(offset_hz=offset, center_freq_hz=center_freq_hz, timing=timing, joint=joint)
    certain = broadcast is not None and broadcast.certain
    statistics = cell.statistics
    return LteCell(
        status="identified" if certain else "synchronised",
        reason="" if certain else ("one MIB without margin" if broadcast is not None else "no MIB passed its CRC"),
        freq_hz=point.freq_hz,
        offset_hz=offset,
        raster_ambiguous=point.ambiguous,
        pci=cell.sync.pci,
        duplex=cell.sync.duplex,
        cp=cell.sync.cp,
        n_rb=broadcast.mib.n_rb if certain and broadcast else None,
        ports=broadcast.n_ports if certain and broadcast else None,
        phich_duration=broadcast.mib.phich_duration if certain and broadcast else None,
        phich_resource=broadcast.mib.phich_resource if certain and broadcast else None,
        sfn=(broadcast.sfn_of_first - cell.grid.first_frame) % SFN_CYCLE if certain and broadcast else None,
        frame_sample=round(base.frame_sample * band.sample_rate_hz / band.out_rate_hz),
        cfo_hz=point.cfo_hz,
        ppm=timing.ppm if timing else None,
        ppm_sigma=timing.sigma_ppm if timing else None,
        snr_db=10 * float(np.log10(statistics.signal / statistics.noise)),
        rsrp=statistics.signal,
        power=72 * max(float((np.abs(cell.grid.elements[cell.grid.valid]) ** 2).mean()) - statistics.noise, statistics.signal / 6),
        taps=(),
        mib_count=broadcast.count if broadcast else 0,
    )


def _clock(cell: ReadCell, band: Narrowband) -> PpmEstimate | None:
    """Return the receiver's clock error as the frame timing's drift has it; None below 30 ms."""
    n = int(cell.grid.valid.any(axis=(1, 2)).sum()) * 2
    if n < 6:
        return None
    ppm = cell.sync.base.drift / HALF_FRAME * 1e6 - (band.out_rate_hz / SAMPLE_RATE_HZ - 1) * 1e6
    snr = cell.statistics.signal / cell.statistics.noise
    per_half = snr * 12 * 2 * cell.grid.valid.any(axis=2).sum() / n / (5 if cell.sync.duplex == "tdd" else 1)
    delay = 128 / (2 * np.pi) / np.sqrt(2 * per_half * 432) * np.sqrt(1 + 1 / per_half)
    slope = delay / np.sqrt(n * (n * n - 1) / 12)
    return PpmEstimate(ppm=float(ppm), sigma_ppm=float(1.5 * slope / HALF_FRAME * 1e6))
