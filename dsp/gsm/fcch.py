"""Blind search for FCCH bursts over a wide span: the tone that every C0 sends five times in a 51-multiframe.

FCCH (TS 45.002 cl. 5.2.4): 148 zero bits, in GMSK a tone at +1625/24 kHz (67.708 kHz) from the carrier for 0.546 ms, in frames 0, 10, 20,
30 and 40 of the 51. A short-time spectrum is whitened twice: each bin by its median over time (the carrier's own data, steady tones, DC
and the slopes of strong neighbours), each row by the mean around the bin (bursts of data). What stands out is folded over the
51-multiframe, so that five tones at the right spacing count together, each up to a limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.gsm.params import FCCH_FRAMES, FCCH_TONE_HZ, FRAME_S
from dsp.types import ComplexArray

MULTIFRAME_S: Final = 51 * FRAME_S
_WINDOW_S: Final = 520e-6
_NEAR_HZ: Final = 42e3  # background of a row: from _GUARD_BINS to here on both sides
_OWN_HZ: Final = 25e3
"""Nearer than this to a stronger tone there is only its window's skirt."""
_GUARD_BINS: Final = 3
_SLAB_BINS: Final = 4096
"""Bins whitened at a time: bounds the memory of wide spans."""
_P_FALSE: Final = 1e-3
"""Probability that white noise gives a candidate in one chunk; the SCH decides in the end."""
_LIMIT_FULL: Final = 14.0  # no single tone of five can reach the threshold of about 33 alone: impulses and odd data do not


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A carrier that seems to send FCCH bursts. ``start_s``: when, in the chunk, frame 0 of the 51 begins (to about 0.15 ms)."""

    carrier_hz: float
    """Apparent frequency against the tuned centre: tone - 67.708 kHz."""
    start_s: float
    score: float
    power: float
    """Mean power of the tones, full scale squared."""


def spectrogram(iq: ComplexArray, *, sample_rate_hz: float) -> tuple[npt.NDArray[np.float32], float, float]:
    """Return (power, hop_s, bin_hz): Hann-windowed short-time spectrum, shape (n_rows, n_bins), lowest frequency first.

    A tone of power P reads P at its bin.
    """
    import scipy.fft

    n = scipy.fft.next_fast_len(round(_WINDOW_S * sample_rate_hz))
    hop = n // 2
    rows = max((iq.size - n) // hop + 1, 0)
    window = np.hanning(n + 1)[:n].astype(np.float32)
    window /= window.sum()
    power = np.empty((rows, n), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(iq, n)[::hop] if rows else iq[:0].reshape(0, n)
    step = max(1, (1 << 18) // n)
    for first in range(0, rows, step):
        bins = scipy.fft.fft(frames[first : first + step] * window, axis=1, overwrite_x=True)
        half = n // 2
        block = bins.real**2 + bins.imag**2
        power[first : first + step, : n - half - n % 2] = block[:, half + n % 2 :]
        power[first : first + step, n - half - n % 2 :] = block[:, : half + n % 2]
    return power, hop / sample_rate_hz, sample_rate_hz / n


def threshold(n_tones: int, n_tests: float) -> float:
    """Return the sum of ``n_tones`` unit exponentials that ``n_tests`` tests exceed with probability ``_P_FALSE``."""
    from scipy.special import gammainccinv

    return float(gammainccinv(n_tones, _P_FALSE / max(n_tests, 1.0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fold:
    """How the rows of a short-time spectrum are folded, and what its bins are worth."""

    steps: npt.NDArray[np.float64]
    """Rows from frame 0 to each of the five tones."""
    period: float
    """Rows in a 51-multiframe."""
    hop_s: float
    bin_hz: float
    threshold: float
    limit: float
    """What a single tone may add to the score."""

    @property
    def reach(self) -> int:
        """Bins on each side that a row's background is taken from."""
        return max(round(_NEAR_HZ / self.bin_hz), _GUARD_BINS + 4)

    def tones(self, phase: int, rows: int) -> npt.NDArray[np.int64]:
        """Return the rows, of ``rows``, at which the tones of a carrier at ``phase`` are."""
        times = (phase + self.steps) % self.period
        return np.round(times[times < rows - 0.5]).astype(np.int64)


def find_candidates(iq: ComplexArray, *, sample_rate_hz: float) -> tuple[Candidate, ...]:
    """Return the carriers that seem to send FCCH bursts in one chunk, best first.

    ``iq``: shape (n,), best a little over one 51-multiframe (0.236 s), which then holds all five tones; less leaves fewer.
    """
    power, hop_s, bin_hz = spectrogram(iq, sample_rate_hz=sample_rate_hz)
    rows, bins = power.shape
    if rows < 2:
        return ()
    period = MULTIFRAME_S / hop_s
    full = rows >= period
    n_tones = 5 if full else max(1, math.ceil(5 * rows / period) - 1)
    least = threshold(n_tones, float(bins) * period)
    fold = _Fold(
        steps=np.array([k * FRAME_S / hop_s for k in FCCH_FRAMES]),
        period=period,
        hop_s=hop_s,
        bin_hz=bin_hz,
        threshold=least,
        limit=_LIMIT_FULL if full else max(_LIMIT_FULL, 1.05 * least / n_tones),
    )
    best, where = np.zeros(bins, np.float32), np.zeros(bins, np.int64)
    for first in range(0, bins, _SLAB_BINS):
        low, high = max(first - fold.reach, 0), min(first + _SLAB_BINS + fold.reach, bins)
        inner = slice(first - low, min(first + _SLAB_BINS, bins) - low)
        score, place = _score(power[:, low:high], fold)
        best[first : first + _SLAB_BINS], where[first : first + _SLAB_BINS] = score[inner], place[inner]
    return _peaks(power, best, where, fold)


def _score(power: npt.NDArray[np.float32], fold: _Fold) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return (best folded score, row at which it begins) of each bin of ``power``, each shape (n_bins,)."""
    from dsp.gsm.kernels import fold_tones, whitened

    rows, bins = power.shape
    if rows >= 24:
        floor = np.median(power[:: max(1, rows // 160)], axis=0) / math.log(2.0)
    else:
        floor = np.full(bins, np.median(power) / math.log(2.0))
    ratio = whitened(np.ascontiguousarray(power), np.maximum(floor, 1e-30).astype(np.float32), fold.reach, _GUARD_BINS)
    best, where = fold_tones(ratio, fold.steps, fold.period, fold.limit)
    return best, where


def _peaks(
    power: npt.NDArray[np.float32], best: npt.NDArray[np.float32], where: npt.NDArray[np.int64], fold: _Fold
) -> tuple[Candidate, ...]:
    """Return the local maxima of the folded score above the threshold, with frequency refined between bins."""
    rows, bins = power.shape
    found: list[Candidate] = []
    taken: list[tuple[int, float]] = []
    for b in np.argsort(-best)[: 40 + bins // 20]:
        if best[b] < fold.threshold:
            break
        tone = power[fold.tones(int(where[b]), rows), max(b - 2, 0) : b + 3].astype(np.float64).mean(axis=0)
        centre = min(b, 2) + int(np.clip(np.argmax(tone) - min(b, 2), -1, 1))
        level = float(tone[centre])
        near = [(abs(b - other), strength) for other, strength in taken if abs(b - other) * fold.bin_hz < _OWN_HZ]
        if any(apart <= 4 or level < 0.3 * strength for apart, strength in near):
            continue
        taken.append((int(b), level))
        left = math.sqrt(tone[centre - 1]) if centre > 0 else 0.0
        right = math.sqrt(tone[centre + 1]) if centre + 1 < tone.size else 0.0
        tone_hz = (b - min(b, 2) + centre - bins // 2 + _hann_shift(left, math.sqrt(level), right)) * fold.bin_hz
        start_s = float(where[b] * fold.hop_s)
        found.append(Candidate(carrier_hz=float(tone_hz - FCCH_TONE_HZ), start_s=start_s, score=float(best[b]), power=level))
    return tuple(found)


def _hann_shift(left: float, top: float, right: float) -> float:
    """Return where between bins, -0.5 to 0.5, a tone seen through a Hann window lies: amplitudes of three bins."""
    if right >= left:
        return float(np.clip((2.0 * right - top) / (top + right), -0.5, 0.5)) if top + right > 0 else 0.0
    return -float(np.clip((2.0 * left - top) / (top + left), -0.5, 0.5))
