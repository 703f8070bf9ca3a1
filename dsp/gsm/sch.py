"""Timing, frame position and frequency of one carrier from its SCH and FCCH bursts.

SCH (TS 45.002 cl. 5.2.5): 3 tail, 39 coded, 64 training, 39 coded, 3 tail bits; frames 1, 11, 21, 31, 41 of the 51,
one frame after each FCCH. The training is correlated in timeslot 0 of every frame; the energies are folded over the position in the
51-multiframe and over the drift of the receiver's clock, so that all bursts count together and none has to be heard alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.gsm.burst import Complex128, FrontEnd, symbols
from dsp.gsm.params import FCCH_FRAMES, FRAME_SYMBOLS, SCH_FRAMES, SCH_TRAINING, SCH_TRAINING_AT, SYMBOL_RATE_HZ
from dsp.types import ComplexArray

_IS_SCH: Final = np.isin(np.arange(51), SCH_FRAMES)
_REACH: Final = 56
"""Lags searched on each side of the FCCH's timing, symbols: its 40 and the drift."""
_MAX_DRIFT: Final = 70e-6
_SURE: Final = 1e-7
"""Probability that noise gives a fold as high as the threshold, per search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Where the frames of a carrier lie in its stream: frame n starts (its burst 0, bit 0) at ``start + n * frame`` stream samples.

    ``phase``: the position in the 51-multiframe of frame 0. ``frames``: how many begin inside the stream.
    """

    start: float
    step: float
    """Stream samples per symbol."""
    phase: int
    frames: int
    quality: float
    """Mean normalised energy of the training, 0 to 1."""

    @property
    def frame(self) -> float:
        """Stream samples per frame."""
        return FRAME_SYMBOLS * self.step

    def burst_at(self, n: int) -> float:
        """Return the stream sample of bit 0 of timeslot 0 of frame ``n``."""
        return self.start + n * self.frame

    def positions(self, wanted: tuple[int, ...]) -> npt.NDArray[np.int64]:
        """Return the frames of the stream, in order, whose position in the 51-multiframe is in ``wanted``."""
        n = np.arange(self.frames)
        return n[np.isin((n + self.phase) % 51, wanted)]


def training_energy(
    stream: ComplexArray, end: FrontEnd, *, start: float, step: float, frames: npt.NDArray[np.int64], reach: int
) -> npt.NDArray[np.float64]:
    """Return the normalised energy of the SCH training, shape (n_frames, 4 * reach + 1), by half symbols of lag around ``start``.

    1: the 64 symbols are the training, undistorted; 1/64 in the mean: noise.
    """
    from dsp.gsm.kernels import training_energies

    turn = 0.5 * np.pi + 2.0 * np.pi * end.offset_hz / end.rate_hz * step
    pattern = (1.0 - 2.0 * SCH_TRAINING) * np.exp(-1j * turn * np.arange(SCH_TRAINING.size))
    starts = start + (frames * FRAME_SYMBOLS + SCH_TRAINING_AT.start - reach) * step
    return np.asarray(training_energies(stream, end.table, starts.astype(np.float64), 0.5 * step, pattern, 4 * reach + 1))


def find_timing(stream: ComplexArray, end: FrontEnd, *, about: float, reach: int | None = None) -> Timing | None:
    """Return where the carrier's frames lie, or None where no SCH training stands out.

    ``about``: stream sample near which some frame starts (to 40 symbols; ``reach``: symbols to search on each side). The position in
    the 51-multiframe comes from the first two multiframes; the rest of the dwell, its SCH alone, gives the clock's drift.
    """
    from dsp.gsm.kernels import fold_training

    nominal = end.rate_hz / SYMBOL_RATE_HZ
    frame = FRAME_SYMBOLS * nominal
    start = about - frame * np.floor(about / frame)
    n_frames = int((stream.size - start - 0.1 * frame) // frame) + 1
    if n_frames < 1:
        return None
    reach = _REACH if reach is None else reach
    early = np.arange(min(n_frames, 102))
    energy = training_energy(stream, end, start=start, step=nominal, frames=early, reach=reach)
    drifts = np.linspace(-1.0, 1.0, 9) * _MAX_DRIFT * 2.0 * FRAME_SYMBOLS
    trials = []
    for phase in range(51):
        rows = early[_IS_SCH[(early + phase) % 51]]
        if rows.size:
            trials += [(fold_training(energy[rows], rows, d)[0], phase, rows.size) for d in drifts]
    quality, phase, count = max(trials)
    if quality < _threshold(count):
        return None
    frames = np.arange(n_frames)
    rows = frames[_IS_SCH[(frames + phase) % 51]]
    energy = training_energy(stream, end, start=start, step=nominal, frames=rows, reach=reach)
    fine = np.arange(-_MAX_DRIFT, _MAX_DRIFT, 0.5 / max(n_frames, 51) / FRAME_SYMBOLS)
    (mean, lag), drift = max((fold_training(energy, rows, 2.0 * FRAME_SYMBOLS * d), float(d)) for d in fine)
    return Timing(
        start=float(start + (0.5 * lag - reach) * nominal),
        step=nominal * (1.0 + drift),
        phase=phase,
        frames=n_frames,
        quality=mean,
    )


def _threshold(count: int) -> float:
    """Return the mean normalised energy that ``count`` bursts of noise reach with probability ``_SURE`` over all folds."""
    from scipy.special import gammainccinv

    tests = 51 * 9 * (4 * _REACH + 1) * 10
    return float(gammainccinv(max(count, 1), _SURE / tests)) / max(count, 1) / SCH_TRAINING.size


def fit_timing(timing: Timing, frames: npt.NDArray[np.int64], delays: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> Timing:
    """Return ``timing`` moved by the weighted line through measured ``delays`` (symbols, > 0: later), shape (n,)."""
    if frames.size == 0:
        return timing
    spread = float(frames[-1] - frames[0])
    if frames.size >= 4 and spread > 30:
        slope, offset = np.polyfit(frames, delays, 1, w=np.sqrt(weights))
    else:
        slope, offset = 0.0, float(np.average(delays, weights=weights))
    step = timing.step * (1.0 + slope / FRAME_SYMBOLS)
    return replace(timing, start=timing.start + offset * timing.step, step=step)


def tone_spectrum(stream: ComplexArray, end: FrontEnd, timing: Timing) -> tuple[float, float, float]:
    """Return (frequency error in Hz, tone power, noise variance per symbol) from the FCCH bursts at ``timing``.

    The error is what is left after ``end.offset_hz``. Powers are at the front end's output.
    """
    n, pad = 138, 4096
    spectrum = np.zeros(pad)
    total = 0.0
    used = 0
    for f in timing.positions(FCCH_FRAMES):
        first = timing.burst_at(int(f)) + 5 * timing.step
        if first < 0 or first + n * timing.step > stream.size:
            continue
        y: Complex128 = symbols(stream, end, start=first, step=timing.step, n=n)
        spectrum += np.abs(np.fft.fft(y, pad)) ** 2 / n
        total += float((np.abs(y) ** 2).sum())
        used += 1
    if used == 0:
        return 0.0, 0.0, 0.0
    best = int(np.argmax(spectrum))
    left, top, right = spectrum[best - 1], spectrum[best], spectrum[(best + 1) % pad]
    shift = 0.5 * (left - right) / (left - 2.0 * top + right) if left - 2.0 * top + right != 0 else 0.0
    error = ((best + shift + pad / 2) % pad - pad / 2) / pad * SYMBOL_RATE_HZ
    noise = (total - top) / (used * (n - 1))
    return float(error), float(max(top / used - noise, 0.0) / n), float(max(noise, 1e-30))
