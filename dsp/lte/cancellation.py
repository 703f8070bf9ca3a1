"""Take a cell's PSS and SSS out of the samples, so that weaker cells on the same carrier show.

The channel at each half frame is taken from its SSS alone, smoothed with the measured delay profile: the PSS may be shared with a
neighbour of the same N_ID2 in the same place, whose PSS would be taken out as well.
"""

from __future__ import annotations

import numpy as np

from dsp.lte.cell import ReadCell
from dsp.lte.ofdm import CENTRE_K, HALF_FRAME, N_FFT, SAMPLE_RATE_HZ, Float64Array, demodulate
from dsp.lte.params import SYNC_FIRST_SUBCARRIER, SYNC_SUBCARRIERS
from dsp.lte.sequences import pss, sss
from dsp.lte.sss import pss_to_frame, sss_to_frame
from dsp.types import ComplexArray

_SYNC = slice(SYNC_FIRST_SUBCARRIER, SYNC_FIRST_SUBCARRIER + SYNC_SUBCARRIERS)
_K = np.array(CENTRE_K, dtype=np.float64)[_SYNC]
_DELAYS = np.arange(-5, 14) * 1.0
_PREFIX = {"normal": 9, "extended": 32}


def cancel_synchronisation(x: ComplexArray, cell: ReadCell) -> ComplexArray:
    """Return ``x``, shape (n,), 1.92 MS/s, without the PSS and SSS of ``cell``."""
    sync = cell.sync
    halves = np.arange(-2, 2 * (cell.grid.elements.shape[0] + 1))
    begin = sync.base.at(halves * float(HALF_FRAME))
    sss_at = begin + sss_to_frame(sync.duplex, sync.cp) * sync.base.stretch
    pss_at = begin + pss_to_frame(sync.duplex, sync.cp) * sync.base.stretch
    secondary = np.array([sss(sync.pci, half=int(h) % 2) for h in halves])
    received, inside = demodulate(x, sss_at, offset_hz=sync.base.offset_hz)
    channel = (received[:, _SYNC] * np.conj(secondary)) @ _smoother(cell).T
    primary = channel * pss(sync.pci % 3)
    out = x.copy()
    for starts, spectrum in ((sss_at, channel * secondary), (pss_at, primary)):
        _subtract(out, starts[inside], spectrum[inside], sync.base.offset_hz, _PREFIX[sync.cp])
    return out


def _smoother(cell: ReadCell) -> ComplexArray:
    """Return the Wiener smoother of the 62 subcarriers, shape (62, 62)."""
    statistics = cell.statistics
    profile = np.full(_DELAYS.size, 0.002)
    profile[1:18] += statistics.profile
    steer = np.exp(-2j * np.pi * np.outer(_K, _DELAYS) / N_FFT)
    covariance = (steer * profile) @ np.conj(steer.T)
    loaded = covariance + statistics.noise / statistics.signal * np.eye(_K.size)
    out: ComplexArray = np.linalg.solve(loaded.T, covariance.T).T.astype(np.complex64)
    return out


def _subtract(out: ComplexArray, starts: Float64Array, spectrum: ComplexArray, offset_hz: float, prefix: int) -> None:
    """Take symbols of 62 subcarriers, (n, 62), with useful parts at ``starts``, out of ``out`` in place."""
    first = np.ceil(starts).astype(np.int64)
    late = first - starts
    n = np.arange(-prefix, N_FFT)
    turns = offset_hz / SAMPLE_RATE_HZ
    tones = np.exp(2j * np.pi * np.outer(_K, n) / N_FFT)
    shifted = spectrum * np.exp(2j * np.pi * np.outer(late, _K) / N_FFT)
    symbols = (shifted @ tones) * np.exp(2j * np.pi * ((first[:, np.newaxis] * turns) % 1.0 + turns * n))
    index = first[:, np.newaxis] + n
    usable = (index >= 0) & (index < out.size)
    out[index[usable]] -= symbols[usable].astype(np.complex64)
