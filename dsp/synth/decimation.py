"""Decimation of a signal rendered at a multiple of the receiver's rate: what an anti-alias filter does at the span's edges."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from dsp.types import ComplexArray

_REACH: Final = 2560
"""The filter's taps on either side, in samples of the low rate."""
_BLOCK: Final = 32768
"""Transform size at the low rate."""


def lead(factor: int) -> int:
    """Return how many samples at the high rate ``decimate`` needs before and after those it filters."""
    return _REACH * factor


def decimate(wide: ComplexArray, factor: int) -> ComplexArray:
    """Return every ``factor``-th sample of the filtered ``wide``, shape (n factor + 2 lead(factor),), from its sample lead on, shape (n,).

    Flat to 0.499 of the low rate, 70 dB down from 0.5: a carrier over the edge reaches it, and nothing comes round. Overlap-save; the
    folding of the spectrum decimates.
    """
    skirt = 2 * lead(factor)
    n, hop = (wide.size - skirt) // factor, _BLOCK - 2 * _REACH
    rows = -(-n // hop)
    padded = np.zeros((rows - 1) * hop * factor + _BLOCK * factor, np.complex64)
    padded[: wide.size] = wide[: padded.size]
    blocks = np.lib.stride_tricks.sliding_window_view(padded, _BLOCK * factor)[:: hop * factor]
    spectra = np.fft.fft(blocks, axis=1).astype(np.complex64, copy=False)
    spectra *= _response(factor)
    folded = spectra.reshape(rows, factor, _BLOCK).sum(axis=1)
    narrow: ComplexArray = np.fft.ifft(folded, axis=1)[:, 2 * _REACH :].astype(np.complex64, copy=False)
    return narrow.reshape(-1)[:n]


@lru_cache(maxsize=8)
def _response(factor: int) -> ComplexArray:
    """Return the filter's response at the high rate, shape (_BLOCK factor,), divided by ``factor`` for the folding."""
    reach = lead(factor)
    t = np.arange(-reach, reach + 1) / factor
    taps = np.sinc(0.99916 * t) * np.kaiser(2 * reach + 1, 7.0)
    response: ComplexArray = np.fft.fft(taps / (taps.sum() * factor), _BLOCK * factor).astype(np.complex64)
    response.flags.writeable = False
    return response
