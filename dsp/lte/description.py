"""What is told about a cell: its numbers against the tuned centre and the raster, and how sure its identity is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dsp.lte.cell import ReadCell
from dsp.lte.impulse_response import measure_taps
from dsp.lte.narrowband import Narrowband
from dsp.lte.ofdm import HALF_FRAME, N_FFT, SAMPLE_RATE_HZ
from dsp.lte.params import CENTRE_RB, CENTRE_SUBCARRIERS, SFN_CYCLE
from dsp.lte.pbch import SINGLE_MARGIN, Broadcast
from dsp.lte.raster import FLOOR_PPM, choose_raster_point
from dsp.lte.types import LteCell
from dsp.types import PpmEstimate
from dsp.units import db

FIRM_RANGE_DB: Final = 13.0
"""A cell further below the strongest of its carrier is not called identified: the bench proves 12 dB."""
_BENEATH_COUNT: Final = 2
_BENEATH_MARGIN: Final = 2 * SINGLE_MARGIN
"""A cell found beneath another needs so many MIBs in step, and on average each with the margin that a single one would need."""
_MIN_HALF_FRAMES: Final = 6
_SIGMA_SLACK: Final = 1.5  # the line's fit against the bound it is reckoned from
_FEIGNED_PPM: Final = ((40.0, 2.5), (4.0, 1.0), (0.0, 0.3))
_PILOT_VARIANCE: Final = (CENTRE_SUBCARRIERS**2) / 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a cell is told against. ``middle_hz``: what the 1.92 MS/s were centred on; ``joint``: clock error from other carriers."""

    band: Narrowband
    middle_hz: float
    center_freq_hz: float | None
    joint: PpmEstimate | None


def describe(cell: ReadCell, setting: Setting, strongest: ReadCell) -> LteCell:
    """Return what is told about ``cell``; ``strongest`` is the one found first on its carrier (``cell`` itself, perhaps)."""
    sync, statistics, band = cell.sync, cell.statistics, setting.band
    reason = _doubt(cell, strongest)
    sure = cell.broadcast if not reason else None
    offset = setting.middle_hz + sync.base.offset_hz
    timing = clock_error(cell, band)
    point = choose_raster_point(offset_hz=offset, center_freq_hz=setting.center_freq_hz, timing=timing, joint=setting.joint)
    n_rb = sure.mib.n_rb if sure else CENTRE_RB
    return LteCell(
        status="identified" if sure else "synchronised",
        reason=reason,
        freq_hz=point.freq_hz,
        offset_hz=offset,
        raster_ambiguous=point.ambiguous,
        pci=sync.pci,
        duplex=sync.duplex,
        cp=sync.cp,
        n_rb=sure.mib.n_rb if sure else None,
        ports=sure.n_ports if sure else None,
        phich_duration=sure.mib.phich_duration if sure else None,
        phich_resource=sure.mib.phich_resource if sure else None,
        sfn=(sure.sfn_of_first - cell.grid.first_frame) % SFN_CYCLE if sure else None,
        frame_sample=round(sync.base.frame_sample * band.sample_rate_hz / band.out_rate_hz),
        cfo_hz=point.cfo_hz,
        ppm=timing.ppm if timing else None,
        ppm_sigma=float(np.hypot(timing.sigma_ppm, FLOOR_PPM)) if timing else None,
        snr_db=db(statistics.signal / statistics.noise),
        rsrp=statistics.signal,
        power=_power(cell),
        taps=measure_taps(band, sync.base, center_hz=setting.middle_hz, pci=sync.pci, cp=sync.cp, n_rb=n_rb),
        mib_count=cell.broadcast.count if cell.broadcast else 0,
    )


def _doubt(cell: ReadCell, strongest: ReadCell) -> str:
    """Return why ``cell`` is not identified; empty where it is."""
    broadcast: Broadcast | None = cell.broadcast
    if broadcast is None:
        return "no MIB passed its CRC"
    if not broadcast.certain:
        return "a single MIB passed its CRC, with a margin that chance may reach"
    if cell is strongest:
        return ""
    if broadcast.count < _BENEATH_COUNT or broadcast.margin < _BENEATH_MARGIN:
        return "MIB read, but beneath a stronger cell and not firmly enough"
    below_db = db(strongest.statistics.signal / cell.statistics.signal)
    if below_db > FIRM_RANGE_DB:
        return f"MIB read, but {below_db:.0f} dB beneath the strongest cell of the carrier: beyond the proven range of 12 dB"
    return ""


def _power(cell: ReadCell) -> float:
    """Return the mean power of the centre six blocks less the noise, but no less than the reference signals alone make up (a sixth)."""
    statistics = cell.statistics
    mean = float(np.mean(np.abs(cell.grid.elements[cell.grid.valid]) ** 2))
    return CENTRE_SUBCARRIERS * max(mean - statistics.noise, statistics.signal / 6)


def clock_error(cell: ReadCell, band: Narrowband) -> PpmEstimate | None:
    """Return the receiver's clock error as the drift of the cell's frame timing has it; None below 30 ms.

    The uncertainty is the Cramer-Rao bound of the delay of each half frame's reference signals, put through a straight line, times 1.5,
    and beside it what moving paths feign in 80 ms: 0.3 ppm where no Doppler shows, 1 where it does, 2.5 where it is fast (EPA5, ETU70).
    """
    n = 2 * int(cell.grid.valid.any(axis=(1, 2)).sum())
    if n < _MIN_HALF_FRAMES:
        return None
    resampling_ppm = (band.out_rate_hz / SAMPLE_RATE_HZ - 1) * 1e6
    ppm = cell.sync.base.drift / HALF_FRAME * 1e6 - resampling_ppm
    symbols = 2 * cell.grid.valid.any(axis=2).sum() / n / (5 if cell.sync.duplex == "tdd" else 1)
    energy = 2 * CENTRE_RB * symbols * cell.statistics.signal / cell.statistics.noise
    delay = N_FFT / (2 * np.pi) * np.sqrt((1 + 1 / energy) / (2 * energy * _PILOT_VARIANCE))
    slope = delay / np.sqrt(n * (n * n - 1) / 12)
    moving = next(feigned for doppler, feigned in _FEIGNED_PPM if cell.statistics.doppler_hz >= doppler) * 16 / n
    return PpmEstimate(ppm=float(ppm), sigma_ppm=float(np.hypot(_SIGMA_SLACK * slope / HALF_FRAME * 1e6, moving)))
