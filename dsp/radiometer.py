"""The distribution of a sum of Welch bins in noise, and the thresholds that follow from it.

A Welch estimate averages |X|^2 over M segments; a band of W bins adds W of them. In white noise the M W values X are jointly complex
normal, so the sum is sum(lambda_i E_i): E_i independent unit exponentials, lambda_i the eigenvalues of the covariance of the X. With a
Hann window neighbouring bins are correlated (-2/3, 1/6), with 50 % overlap neighbouring segments too (1/6): the sum is not a gamma
variable, and the formula for the equivalent degrees of freedom is wrong in the tail (26 % at 8 segments and Pfa 1e-4).

The covariance is block banded, so every trace tr(C^n) is exactly bilinear in M and W once both exceed the band's reach: it is computed
from small matrices and extrapolated. Six traces give a three-point Gauss quadrature of the eigenvalues' density, which reproduces the
first six cumulants; the tail follows by integrating the moment generating function along its saddle (no series, no asymptotics).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError

RealArray = npt.NDArray[np.float64]
N_TRACES: Final = 6
REACH_SEGMENTS: Final = 7
REACH_BINS: Final = 14
"""Above these sizes the traces are extrapolated: tr(C^6) feels the ends over about 6 segments and 12 bins."""
WINDOW_POINTS: Final = 256
FEW_VALUES: Final = 3.5


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Eigenvalues of a covariance, gathered: ``count[j]`` (need not be whole) of size ``value[j]``; both shape (n,)."""

    value: RealArray
    count: RealArray

    @property
    def mean(self) -> float:
        """Mean of the quadratic form."""
        return float((self.value * self.count).sum())

    @property
    def variance(self) -> float:
        """Variance of the quadratic form."""
        return float((self.value**2 * self.count).sum())


@cache
def covariance(n_segments: int, width_bins: int, overlap: float) -> npt.NDArray[np.complex128]:
    """Return the covariance of the Hann-windowed transforms of ``n_segments`` segments in ``width_bins`` bins, unit diagonal.

    Shape (n_segments * width_bins,) * 2, segment by segment. ``overlap`` 0 or 0.5.
    """
    if overlap not in (0.0, 0.5):
        raise ParameterError("overlap", overlap, "0 or 0.5")
    n, hop = WINDOW_POINTS, WINDOW_POINTS // 2
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    same = np.fft.fft(window * window) / (window @ window)
    shifted = np.zeros(n)
    shifted[hop:] = window[hop:] * window[:hop]
    beside = np.fft.fft(shifted) / (window @ window)
    k = np.arange(width_bins)
    difference = (k[:, None] - k[None, :]) % n
    here = same[difference]
    next_one = beside[difference] * np.where(k % 2, -1.0, 1.0)[None, :]
    full = np.kron(np.eye(n_segments), here)
    if overlap == 0.5:
        step = np.eye(n_segments, k=1)
        full = full + np.kron(step, next_one) + np.kron(step.T, next_one.conj().T)
    return full


@cache
def _small_traces(n_segments: int, width_bins: int, overlap: float) -> RealArray:
    eigenvalues = np.linalg.eigvalsh(covariance(n_segments, width_bins, overlap))
    return np.array([np.sum(eigenvalues**n) for n in range(1, N_TRACES + 1)])


def traces(n_segments: int, width_bins: int, overlap: float) -> RealArray:
    """Return tr(C^n), n = 1..6, shape (6,), of ``covariance`` at any size."""
    m, w = min(n_segments, REACH_SEGMENTS), min(width_bins, REACH_BINS)
    base = _small_traces(m, w, overlap)
    more_m, more_w = n_segments - m, width_bins - w
    if more_m == 0 and more_w == 0:
        return base
    step_m = _small_traces(m, w, overlap) - _small_traces(m - 1, w, overlap) if more_m else np.zeros(N_TRACES)
    step_w = _small_traces(m, w, overlap) - _small_traces(m, w - 1, overlap) if more_w else np.zeros(N_TRACES)
    both = np.zeros(N_TRACES)
    if more_m and more_w:
        both = step_m - (_small_traces(m, w - 1, overlap) - _small_traces(m - 1, w - 1, overlap))
    return base + more_m * step_m + more_w * step_w + more_m * more_w * both


@lru_cache(maxsize=4096)
def spectrum(n_segments: int, width_bins: int, overlap: float) -> Spectrum:
    """Return the eigenvalues of the *mean* over ``n_segments`` and ``width_bins`` of white noise of unit density."""
    p = traces(n_segments, width_bins, overlap)
    size = n_segments * width_bins
    if size <= 2:
        value = np.linalg.eigvalsh(covariance(n_segments, width_bins, overlap))
        return Spectrum(value / size, np.ones(size))
    nodes, weights = _gauss(p / p[0])
    return Spectrum(nodes / size, weights * p[0] / nodes)


def _gauss(moments: RealArray) -> tuple[RealArray, RealArray]:
    """Return nodes and weights, shape (n,) each, n <= 3, of the Gauss rule with the given moments 0..5, shape (6,)."""
    for n in (3, 2, 1):
        hankel = np.array([[moments[i + j] for j in range(n)] for i in range(n)])
        if np.linalg.cond(hankel) < 1e11:
            break
    shifted = np.array([[moments[i + j + 1] for j in range(n)] for i in range(n)])
    lower = np.linalg.inv(np.linalg.cholesky(hankel))
    nodes, vectors = np.linalg.eigh(lower @ shifted @ lower.T)
    weights = moments[0] * (np.linalg.inv(lower)[0, 0] * vectors[0]) ** 2
    return nodes, weights


def tail(ratio: float, band: Spectrum, rest: Spectrum | None = None) -> float:
    """Return P(band > ratio * rest); ``rest`` None is exactly one (a floor that is known).

    The inversion integral of the moment generating function, exp(K(t)) / t, along the vertical line through its saddle.
    """
    value, count, shift = band.value, band.count, ratio
    if rest is not None:
        value, count, shift = np.concatenate([value, -ratio * rest.value]), np.concatenate([count, rest.count]), 0.0
    mean = float((value * count).sum())
    if mean >= shift:
        raise ParameterError("ratio", ratio, "above the mean")
    saddle = _saddle(value, count, shift)
    width = 1.0 / math.sqrt(float((count * (value / (1.0 - value * saddle)) ** 2).sum()))
    # the integrand falls as |t|^-(1 + number of values): a few values need a long path
    u = np.linspace(0.0, 9.0, 721) if band.mean**2 < FEW_VALUES * band.variance else np.linspace(0.0, 6.0, 101)
    t = saddle + 1j * width * np.sinh(u)
    exponent = -(count[:, None] * np.log(1.0 - value[:, None] * t[None, :])).sum(axis=0) - t * shift
    integrand = (np.exp(exponent) / t).real * width * np.cosh(u)
    return float((integrand.sum() - 0.5 * integrand[0]) * (u[1] - u[0]) / math.pi)


def _saddle(value: RealArray, count: RealArray, shift: float) -> float:
    """Return the t > 0 with K'(t) = ``shift``, by bisection below the nearest pole."""
    low, high = 0.0, (1.0 - 1e-12) / float(value.max())
    for _ in range(80):
        t = 0.5 * (low + high)
        slope = float((count * value / (1.0 - value * t)).sum())
        low, high = (t, high) if slope < shift else (low, t)
    return 0.5 * (low + high)
