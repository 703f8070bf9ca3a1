"""From a channel's stream to soft bits: derotated symbols, channel estimates, and the MAP equaliser.

GMSK (TS 45.004) is, to 99.6 % of its energy, a linear modulation: symbol n, sign a_n = 1 - 2 b_n, turned by j^n and shaped by one pulse
about four symbols long (Laurent's first). Derotated by j^-n and sampled once a symbol through a root-Nyquist filter, which keeps
white noise white, a burst is y_k = sum_l h_l a_(k-l) + noise, with h the pulse and the echoes together. The equaliser is the
exact MAP detector of that model (BCJR, probabilities, scaled each step); known bits (tails, training) enter as certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.filters import cosine_skirt, impulse_response, root_raised_cosine
from dsp.gsm.params import SYMBOL_RATE_HZ
from dsp.types import ComplexArray

ROLL_OFF: Final = 0.3
_REACH: Final = 10
"""Half length of the front end's kernel, symbols."""
_PHASES: Final = 64

Complex128 = npt.NDArray[np.complex128]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd:
    """The receive filter as a table: ``table`` shape (phases + 1, taps), row r for a sampling point r/phases past a sample."""

    table: Complex128
    rate_hz: float
    offset_hz: float
    """What is left of the carrier's frequency in the stream."""

    @property
    def power_gain(self) -> float:
        """Power gain at the carrier's centre."""
        n = self.table.shape[1]
        turn = np.exp(-2j * np.pi * self.offset_hz / self.rate_hz * (n // 2 - 1 - np.arange(n)))
        return float(abs((self.table[0] * turn).sum()) ** 2)


def front_end(*, rate_hz: float, offset_hz: float, whitening: tuple[complex, ...] = ()) -> FrontEnd:
    """Return the front end of a stream: root-Nyquist filter around ``offset_hz``; unit gain for white noise.

    ``whitening``: taps of a filter for the derotated symbols, one symbol apart, to put behind it; empty: none.
    """
    table = _table(rate_hz, whitening)
    phases, taps = table.shape[0] - 1, table.shape[1]
    times_s = (np.arange(phases + 1)[:, None] / phases + (taps // 2 - 1 - np.arange(taps))[None, :]) / rate_hz
    return FrontEnd(table=table * np.exp(2j * np.pi * offset_hz * times_s), rate_hz=rate_hz, offset_hz=offset_hz)


@lru_cache(maxsize=32)
def _table(rate_hz: float, whitening: tuple[complex, ...]) -> Complex128:
    """Return the table of a front end at offset zero."""
    n = 256
    bin_hz = rate_hz / n
    freq_hz = (np.arange(n) - n // 2) * bin_hz
    response = root_raised_cosine(freq_hz, symbol_rate_hz=SYMBOL_RATE_HZ, roll_off=ROLL_OFF).astype(np.complex128)
    if whitening:
        delays = np.outer(freq_hz / SYMBOL_RATE_HZ, np.arange(len(whitening)))
        response *= np.exp(-2j * np.pi * delays) @ (np.array(whitening) * 1j ** np.arange(len(whitening)))
    half = int(np.ceil(_REACH * rate_hz / SYMBOL_RATE_HZ))
    rows = np.arange(_PHASES + 1)[:, None] / _PHASES
    times_s = (rows + (half - 1 - np.arange(2 * half))[None, :]) / rate_hz
    fade = cosine_skirt(times_s * rate_hz, pass_hz=0.7 * half, stop_hz=half + 1.0)
    table = impulse_response(response, bin_hz=bin_hz, times_s=times_s.ravel()).reshape(times_s.shape) * fade
    table /= np.sqrt((np.abs(table[0]) ** 2).sum())
    table.setflags(write=False)
    return np.asarray(table)


def symbols(stream: ComplexArray, end: FrontEnd, *, start: float, step: float, n: int) -> Complex128:
    """Return ``n`` derotated symbols, the first at stream sample ``start``, ``step`` samples apart, shape (n,); zeros outside."""
    from dsp.gsm.kernels import derotated

    turn = 2.0 * np.pi * end.offset_hz / end.rate_hz
    return np.asarray(derotated(stream, end.table, float(start), float(step), n, turn))


def soft_bits(y: Complex128, *, taps: Complex128, noise: float, prior: Float64) -> Float64:
    """Return log P(0)/P(1) of each bit given the whole burst, shape (n,), ``prior`` included.

    ``y``: shape (n,), y_k = sum_l taps_l a_(k-l) + noise of variance ``noise``. ``prior``: log P(0)/P(1), +-40 where known.
    """
    from dsp.gsm.kernels import posterior

    return np.asarray(posterior(y, taps, float(noise), prior))


def training_matrix(known: npt.NDArray[np.integer], n_taps: int) -> Float64:
    """Return A, shape (n_known - n_taps + 1, n_taps): row k holds the signs a_(k + n_taps - 1), ..., a_k of known bits."""
    signs = 1.0 - 2.0 * known.astype(np.float64)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(signs, n_taps)[:, ::-1].astype(np.float64))
