"""PSS search: every root, carrier offset, frame timing and clock drift in one pass in the frequency domain (TS 36.211 cl. 6.11.1).

The samples, 1.92 MS/s, are transformed once, in blocks; an offset hypothesis is a shift by whole bins. Per hypothesis: multiply by
the replica's spectrum, go back, divide |.|^2 by the energy under the replica (so that a loud burst counts no more than a quiet
stretch), then add up the half frames. A receiver clock off by 120 ppm moves the peak by 18 samples in 80 ms, so the sum is taken along
lines of several drifts and the best kept. Drift and offset are free of each other: behind a block converter they have two crystals.

In noise the sum of R half frames, over its mean, is a gamma variable of shape R: the threshold for a stated number of false peaks in the
whole search follows.

The arrays the transforms work in are made once and kept: two threads of one process must not search at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp.lte.params import PSS_ROOTS, SYNC_FIRST_SUBCARRIER, SYNC_SUBCARRIERS
from dsp.lte.sequences import pss
from dsp.types import ComplexArray, FloatArray

SAMPLE_RATE_HZ: Final = 1.92e6
HALF_FRAME: Final = 9600
N_FFT: Final = 128
BLOCK: Final = 2048
STEP: Final = 1920
_BLOCKS_PER_ROW: Final = HALF_FRAME // STEP
_BIN_HZ: Final = SAMPLE_RATE_HZ / BLOCK
_HALF_BAND: Final = 560  # bins: 525 kHz; the PSS reaches 465 kHz
_OFFSET_STEP: Final = 6  # bins: 5.6 kHz; half of it costs 0.5 dB
_DRIFT_STEP: Final = 2.0  # samples between first and last half frame; half of it costs 0.2 dB
_DRIFT_PLACES: Final = 0.6  # independent places that each further drift adds, measured in noise
_EDGE: Final = 64
_NEAR_HZ: Final = 8e3
_NEAR_SAMPLES: Final = 12
_REFINE_LAGS: Final = 3
_REFINE_OFFSETS: Final = np.arange(-5, 6) * 750.0
_MOST_PEAKS: Final = 16
_MOST_PER_HYPOTHESIS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PssPeak:
    """One place where the PSS may be. Half frame i has its PSS at ``sample`` + i (9600 + ``drift``), the useful part's first sample."""

    n_id2: int
    offset_hz: float
    sample: float
    drift: float
    """Samples per half frame; 9600 x 1e-6 for each ppm of clock error."""
    metric: float
    """Sum over half frames of |correlation|^2 over its mean: about gamma distributed in noise, shape = number of half frames."""
    n_rows: int

    def starts(self) -> npt.NDArray[np.float64]:
        """Return the first sample of the useful part of each half frame's PSS, shape (n_rows,)."""
        rows = np.arange(self.n_rows, dtype=np.float64)
        return self.sample + rows * (HALF_FRAME + self.drift)


@lru_cache(maxsize=3)
def replica(n_id2: int) -> ComplexArray:
    """Return the PSS symbol at 1.92 MS/s without prefix, shape (128,), of unit energy."""
    spectrum = np.zeros(N_FFT, dtype=np.complex64)
    spectrum[sync_bins()] = pss(n_id2)
    out: ComplexArray = np.fft.ifft(spectrum).astype(np.complex64)
    out /= np.float32(np.sqrt(np.sum(np.abs(out) ** 2)))
    out.setflags(write=False)
    return out


def sync_bins() -> npt.NDArray[np.intp]:
    """Return the bins of a 128-point transform that hold PSS and SSS, lowest subcarrier first, shape (62,)."""
    k = np.arange(SYNC_FIRST_SUBCARRIER, SYNC_FIRST_SUBCARRIER + SYNC_SUBCARRIERS) - 36
    return np.where(k < 0, k, k + 1) % N_FFT


def search_pss(
    x: ComplexArray, *, ranges_hz: Sequence[tuple[float, float]], drifts: tuple[float, float], n_false: float
) -> tuple[PssPeak, ...]:
    """Return the peaks of the search over carrier offsets in ``ranges_hz`` (least, largest), strongest first.

    ``x``: shape (n,), 1.92 MS/s. ``drifts``: least and largest clock drift in samples per half frame. ``n_false``: how many peaks white
    noise is to give on average over the whole search. Of peaks of one root within 8 kHz and 12 samples only the strongest is given, and
    16 in all: a strong cell has echoes of itself at other offsets, as a shift in frequency looks like one in time to a Zadoff-Chu sequence.
    """
    search = _Search(x, drifts)
    bins = _offset_bins(ranges_hz)
    places = HALF_FRAME * len(PSS_ROOTS) * max(bins.size, 1) * (1.0 + _DRIFT_PLACES * (search.shifts.shape[0] - 1))
    threshold = gamma_threshold(search.n_rows, n_false / places)
    peaks = [peak for b in bins for n_id2 in range(len(PSS_ROOTS)) for peak in search.peaks(int(b), n_id2, threshold)]
    return _strongest(peaks)


def _offset_bins(ranges_hz: Sequence[tuple[float, float]]) -> npt.NDArray[np.int64]:
    """Return the offsets tried, in bins: at most 5.6 kHz apart and no more than half of that from any offset in the ranges."""
    bins: list[npt.NDArray[np.float64]] = [np.empty(0)]
    for lower, upper in ranges_hz:
        n = max(1, round(np.ceil((upper - lower) / (_OFFSET_STEP * _BIN_HZ))))
        bins.append((lower + (np.arange(n) + 0.5) * (upper - lower) / n) / _BIN_HZ)
    return np.unique(np.round(np.concatenate(bins)).astype(np.int64))


@lru_cache(maxsize=64)
def gamma_threshold(shape: int, probability: float) -> float:
    """Return what a gamma variable of ``shape`` and scale 1 exceeds with ``probability``."""
    from scipy.special import gammainccinv

    return float(gammainccinv(shape, min(1.0, probability)))


def _strongest(peaks: list[PssPeak]) -> tuple[PssPeak, ...]:
    """Return the strongest peaks of which none lies on the slope of another, strongest first, 16 at most."""
    kept: list[PssPeak] = []
    for peak in sorted(peaks, key=lambda p: -p.metric):
        if not any(_beside(peak, other) for other in kept):
            kept.append(peak)
        if len(kept) == _MOST_PEAKS:
            break
    return tuple(kept)


def _beside(a: PssPeak, b: PssPeak) -> bool:
    if a.n_id2 != b.n_id2 or abs(a.offset_hz - b.offset_hz) > _NEAR_HZ:
        return False
    middle = (a.n_rows - 1) / 2
    apart = (a.sample + a.drift * middle - b.sample - b.drift * middle + HALF_FRAME / 2) % HALF_FRAME - HALF_FRAME / 2
    return abs(apart) < _NEAR_SAMPLES


class _Search:
    """The spectra of one dwell's blocks and the room the hypotheses are worked in."""

    def __init__(self, x: ComplexArray, drifts: tuple[float, float]) -> None:
        n_valid = x.size - N_FFT + 1
        self.n_rows = max(1, -(-n_valid // HALF_FRAME))
        n_blocks = self.n_rows * _BLOCKS_PER_ROW
        padded = np.zeros(n_blocks * STEP + BLOCK, dtype=np.complex64)
        padded[: min(x.size, padded.size)] = x[: padded.size]
        blocks = np.lib.stride_tricks.sliding_window_view(padded, BLOCK)[: n_blocks * STEP : STEP]
        self.spectrum = np.fft.fftshift(_forward(n_blocks)(blocks), axes=1)
        self.weight = _inverse_energy(padded, n_valid, n_blocks * STEP)
        self.drifts, self.shifts = _drift_lines(self.n_rows, drifts)
        self.margin = int(np.abs(self.shifts).max()) + 1
        self.power: FloatArray = np.zeros(n_blocks * STEP + 2 * self.margin, dtype=np.float32)
        self.best: FloatArray = np.empty(HALF_FRAME, dtype=np.float32)
        self.which = np.empty(HALF_FRAME, dtype=np.int64)

    def peaks(self, offset_bin: int, n_id2: int, threshold: float) -> Iterator[PssPeak]:
        """Yield the local maxima over ``threshold`` of one hypothesis."""
        from dsp.lte.pss_kernel import add_power, best_over_drift, fill_product

        plan, product, correlation = _backward()
        conj_replica = _replica_spectrum(n_id2)
        first = BLOCK // 2 + offset_bin - _HALF_BAND
        if first < 0 or first + 2 * _HALF_BAND > BLOCK:
            return
        n_batch = product.shape[0]
        for block in range(0, self.spectrum.shape[0], n_batch):
            fill_product(self.spectrum[block : block + n_batch], conj_replica, first, _HALF_BAND, product)
            plan.execute()
            span = slice(block * STEP, (block + n_batch) * STEP)
            add_power(correlation, self.weight[span], STEP, self.power[self.margin + span.start : self.margin + span.stop])
        best_over_drift(self.power, self.shifts, HALF_FRAME, self.margin, self.best, self.which)
        mean = float(self.power.sum()) / HALF_FRAME / self.n_rows
        yield from self._over(threshold, mean, offset_bin, n_id2)

    def _over(self, threshold: float, mean: float, offset_bin: int, n_id2: int) -> Iterator[PssPeak]:
        best = self.best
        left = np.flatnonzero(best > threshold * mean)
        for _ in range(_MOST_PER_HYPOTHESIS):
            if left.size == 0:
                return
            n = int(left[np.argmax(best[left])])
            left = left[np.abs((left - n + HALF_FRAME // 2) % HALF_FRAME - HALF_FRAME // 2) >= _NEAR_SAMPLES]
            drift = float(self.drifts[self.which[n]])
            yield PssPeak(
                n_id2=n_id2,
                offset_hz=offset_bin * _BIN_HZ,
                sample=float(n) - drift * (self.n_rows - 1) / 2,
                drift=drift,
                metric=float(best[n]) / mean,
                n_rows=self.n_rows,
            )


def _drift_lines(n_rows: int, drifts: tuple[float, float]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the drifts tried, shape (n,), and the whole-sample shift of each half frame on each, shape (n, n_rows), 0 in the middle."""
    low, high = drifts
    span = (high - low) * (n_rows - 1)
    n = 2 * int(np.ceil(span / 2 / _DRIFT_STEP)) + 1 if span > 0 else 1
    tried = np.linspace(low, high, n)
    if n == 1:
        tried = np.array([(low + high) / 2])
    lines = np.round(tried[:, np.newaxis] * (np.arange(n_rows) - (n_rows - 1) / 2))
    return tried, lines.astype(np.int64)


def _inverse_energy(padded: ComplexArray, n_valid: int, size: int) -> FloatArray:
    """Return 1 / energy under the replica at each place, shape (size,); 0 where it overhangs or nothing was received.

    The largest energy of five places up to one symbol to either side is taken: a replica half over the end of a TDD downlink part would
    otherwise be divided by the silence behind it.
    """
    running = np.zeros(padded.size + 1)
    np.cumsum(padded.real**2 + padded.imag**2, dtype=np.float64, out=running[1:])
    energy: FloatArray = np.zeros(size + 2 * N_FFT, dtype=np.float32)
    energy[N_FFT : N_FFT + size] = running[N_FFT : N_FFT + size] - running[:size]
    largest = energy[N_FFT : N_FFT + size].copy()
    for lag in (-128, -64, 64, 128):
        np.maximum(largest, energy[N_FFT + lag : N_FFT + lag + size], out=largest)
    floor = np.float32(1e-3 * running[-1] / padded.size * N_FFT)
    out: FloatArray = np.zeros(size, dtype=np.float32)
    np.divide(np.float32(1.0), largest, out=out, where=largest > floor)
    out[max(n_valid, 0) :] = 0.0
    return out


@lru_cache(maxsize=3)
def _replica_spectrum(n_id2: int) -> ComplexArray:
    """Return the conjugate spectrum of the replica over the band kept, lowest frequency first."""
    spectrum = np.fft.fftshift(np.fft.fft(replica(n_id2), BLOCK))
    band: ComplexArray = np.conj(spectrum[BLOCK // 2 - _HALF_BAND : BLOCK // 2 + _HALF_BAND]).astype(np.complex64)
    return band


@lru_cache(maxsize=4)
def _forward(n_blocks: int) -> Any:
    """Return a callable that transforms (n_blocks, 2048) samples."""
    import pyfftw

    return pyfftw.builders.fft(pyfftw.empty_aligned((n_blocks, BLOCK), np.complex64), axis=1, planner_effort="FFTW_ESTIMATE")


@lru_cache(maxsize=1)
def _backward() -> tuple[Any, ComplexArray, ComplexArray]:
    """Return the plan of one half frame's inverse transforms, its input (zero outside the replica's band) and its output."""
    import pyfftw

    product = pyfftw.zeros_aligned((_BLOCKS_PER_ROW, BLOCK), np.complex64)
    correlation = pyfftw.empty_aligned((_BLOCKS_PER_ROW, BLOCK), np.complex64)
    plan = pyfftw.FFTW(product, correlation, axes=(1,), direction="FFTW_BACKWARD", flags=("FFTW_ESTIMATE",))
    product[:] = 0
    return plan, product, correlation


def refine_peak(x: ComplexArray, peak: PssPeak) -> PssPeak:
    """Return ``peak`` with its offset and sample interpolated between hypotheses, from correlations 0.75 kHz and one sample apart."""
    starts = np.round(peak.starts()).astype(np.int64) - _REFINE_LAGS
    starts = starts[(starts >= 0) & (starts + N_FFT + 2 * _REFINE_LAGS <= x.size)]
    if starts.size == 0:
        return peak
    segments = x[starts[:, np.newaxis] + np.arange(N_FFT + 2 * _REFINE_LAGS)]
    windows = np.lib.stride_tricks.sliding_window_view(segments, N_FFT, axis=1)
    tones = np.exp(-2j * np.pi * np.outer(np.arange(N_FFT), peak.offset_hz + _REFINE_OFFSETS) / SAMPLE_RATE_HZ)
    kernel = (np.conj(replica(peak.n_id2))[:, np.newaxis] * tones).astype(np.complex64)
    energy = np.sum(np.abs(segments) ** 2, axis=1) + 1e-30
    power = np.einsum("rlf,r->lf", np.abs(windows @ kernel) ** 2, 1.0 / energy)
    lag, offset = np.unravel_index(int(np.argmax(power)), power.shape)
    return replace(
        peak,
        offset_hz=peak.offset_hz
        + float(np.interp(offset + _vertex(power[lag], int(offset)), np.arange(_REFINE_OFFSETS.size), _REFINE_OFFSETS)),
        sample=peak.sample + float(lag) - _REFINE_LAGS + _vertex(power[:, offset], int(lag)),
    )


def _vertex(values: npt.NDArray[np.floating], at: int) -> float:
    """Return how far from ``at``, -0.5 to 0.5, the parabola through it and its neighbours is highest."""
    if not 0 < at < values.size - 1:
        return 0.0
    before, here, after = float(values[at - 1]), float(values[at]), float(values[at + 1])
    curve = before - 2 * here + after
    return 0.0 if curve >= 0 else float(np.clip(0.5 * (before - after) / curve, -0.5, 0.5))
