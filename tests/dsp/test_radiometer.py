"""The distribution of sums of Welch bins: against closed forms, against the full matrix, against the formula it replaces."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from dsp.errors import ParameterError
from dsp.radiometer import covariance, spectrum, tail, traces


def hypoexponential_tail(means: np.ndarray, level: float) -> float:
    """P(sum of independent exponentials with distinct ``means`` > level), the textbook sum over its poles."""
    total = 0.0
    for i, mean in enumerate(means):
        others = np.delete(means, i)
        total += float(np.prod(mean / (mean - others))) * math.exp(-level / mean)
    return total


@pytest.mark.parametrize("n_averages", [2, 4, 6])
@pytest.mark.parametrize("level", [2.0, 3.0, 4.0])
def test_one_bin_with_half_overlap_follows_the_closed_form(n_averages: int, level: float) -> None:
    # neighbouring segments correlate by 1/6 in magnitude: a tridiagonal Toeplitz matrix, eigenvalues 1 + cos(pi i / (M + 1)) / 3
    i = np.arange(1, n_averages + 1)
    means = (1 + np.cos(np.pi * i / (n_averages + 1)) / 3) / n_averages
    exact = hypoexponential_tail(means, level)
    assert tail(level, spectrum(n_averages, 1, 0.5)) == pytest.approx(exact, rel=1e-3)


def test_one_bin_of_separate_segments_is_a_gamma_variable() -> None:
    for n_averages in (1, 3, 16, 200):
        level = 1.0 + 4.0 / math.sqrt(n_averages)
        exact = scipy.stats.gamma.sf(level, n_averages, scale=1 / n_averages)
        assert tail(level, spectrum(n_averages, 1, 0.0)) == pytest.approx(exact, rel=3e-3)


@pytest.mark.parametrize(("n_averages", "width"), [(9, 20), (12, 16), (3, 30), (20, 5)])
@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_extrapolated_traces_are_those_of_the_whole_matrix(n_averages: int, width: int, overlap: float) -> None:
    eigenvalues = np.linalg.eigvalsh(covariance(n_averages, width, overlap))
    whole = [np.sum(eigenvalues**n) for n in range(1, 7)]
    np.testing.assert_allclose(traces(n_averages, width, overlap), whole, rtol=1e-6)


def test_covariance_is_that_of_simulated_segments() -> None:
    rng = np.random.default_rng(4)
    n, hop, trials = 64, 32, 20_000
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    x = rng.standard_normal((trials, n + hop)) + 1j * rng.standard_normal((trials, n + hop))
    both = [np.fft.fft(x[:, s : s + n] * window)[:, 10:13] for s in (0, hop)]
    vectors = np.concatenate(both, axis=1) / math.sqrt(2 * float(window @ window))
    # entry (i, j) is E[X_i conj X_j]
    measured = vectors.T @ vectors.conj() / trials
    np.testing.assert_allclose(measured, covariance(2, 3, 0.5), atol=0.035)


def test_the_equivalent_degrees_of_freedom_are_wrong_where_this_is_right() -> None:
    # eight overlapped segments: matching mean and variance alone gives a quarter too many alarms at 1e-4
    eight = spectrum(8, 1, 0.5)
    dof = eight.mean**2 / eight.variance
    level = scipy.stats.gamma.isf(1e-4, dof, scale=1 / dof)
    exact = hypoexponential_tail((1 + np.cos(np.pi * np.arange(1, 9) / 9) / 3) / 8, level)
    assert exact == pytest.approx(1.24e-4, rel=0.01)
    assert tail(level, eight) == pytest.approx(exact, rel=1e-3)


def test_a_ratio_of_two_estimates_is_an_f_variable_where_segments_are_apart() -> None:
    # one bin of 10 segments against one bin of 40, no overlap: F with 20 and 80 degrees of freedom
    exact = scipy.stats.f.sf(3.0, 20, 80)
    assert tail(3.0, spectrum(10, 1, 0.0), spectrum(40, 1, 0.0)) == pytest.approx(exact, rel=3e-3)


def test_an_overlap_the_estimate_does_not_make_is_refused() -> None:
    with pytest.raises(ParameterError, match="overlap"):
        covariance(4, 2, 0.75)


def test_a_level_below_the_mean_is_refused() -> None:
    with pytest.raises(ParameterError, match="ratio"):
        tail(0.9, spectrum(8, 1, 0.5))
