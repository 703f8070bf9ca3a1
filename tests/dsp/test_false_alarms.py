"""The set false-alarm probability is the measured one; and the simulation that says so would notice if it were not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from dsp.thresholds import threshold
from dsp.types import NoiseFloor, Psd
from tests.dsp.dwells import noise, welch
from tests.dsp.false_alarms import Case, Cell, alarms_in_noise, noise_dwells, quick_noise

SHORT_DWELL = Case(n_fft=256, n_averages=8, overlap=0.5)


def known_floor(floor: NoiseFloor, psd: Psd, width: int, pfa: float) -> float:
    """A wrong threshold: as if the floor were known, not estimated from the same dwell."""
    return threshold(width, n_averages=psd.n_averages, overlap=psd.overlap, pfa=pfa)


def degrees_of_freedom(floor: NoiseFloor, psd: Psd, width: int, pfa: float) -> float:
    """A wrong threshold: a gamma variable of as many segments as there are, and its bins, taken for independent."""
    return float(scipy.stats.gamma.isf(pfa, psd.n_averages * width, scale=1 / (psd.n_averages * width)))


def missed_widths(cells: list[Cell]) -> set[int]:
    return {cell.width_bins for cell in cells if cell.missed(strict=False) is not None}


@pytest.mark.parametrize("case", [SHORT_DWELL, Case(n_fft=256, n_averages=16, overlap=0.0)])
def test_a_thousandth_is_a_thousandth_at_every_width(case: Case) -> None:
    # the 1.4 MHz window alarms in somewhat more than a hundred of them
    cells = list(alarms_in_noise(case, dwells=5000, seed=7, pfas=(1e-3,)))
    assert [cell.width_bins for cell in cells] == [1, 2, 3, 21, 149]
    assert all(cell.expected > 500 for cell in cells)
    assert missed_widths(cells) == set()


def test_thresholds_for_a_known_floor_are_found_out_in_wide_windows() -> None:
    cells = list(alarms_in_noise(SHORT_DWELL, dwells=2000, seed=7, pfas=(1e-2,), limits=known_floor))
    assert 149 in missed_widths(cells)
    assert cells[-1].rate + cells[-1].error < 0.5


def test_thresholds_for_independent_segments_are_found_out() -> None:
    cells = list(alarms_in_noise(SHORT_DWELL, dwells=2000, seed=7, pfas=(1e-3,), limits=degrees_of_freedom))
    assert {2, 3} <= missed_widths(cells)
    assert cells[1].rate - cells[1].error > 1.5


@pytest.mark.slow
@pytest.mark.parametrize("case", [Case(n_fft=256, n_averages=64, overlap=0.5), Case(n_fft=1024, n_averages=16, overlap=0.5)])
def test_a_ten_thousandth_is_a_ten_thousandth_at_every_width(case: Case) -> None:
    cells = list(alarms_in_noise(case, dwells=60_000, seed=8))
    assert len(cells) == 10
    assert [cell for cell in cells if cell.missed(strict=False) is not None] == []


def test_a_cell_with_too_few_alarms_is_no_proof() -> None:
    cell = Cell(case=SHORT_DWELL, width_bins=1, pfa=1e-3, rate=1.0, error=0.01, expected=499.0, clumps=400)
    assert cell.missed(strict=True) is not None
    assert replace(cell, expected=501.0).missed(strict=True) is None
    assert replace(cell, expected=501.0, clumps=99).missed(strict=True) is not None
    assert replace(cell, expected=501.0, rate=1.21).missed(strict=True) is not None
    long_dwell = Case(n_fft=4096, n_averages=291, overlap=0.5)
    assert replace(cell, case=long_dwell, expected=501.0, rate=1.02).missed(strict=True) is not None
    assert replace(cell, case=long_dwell, expected=501.0, rate=1.009).missed(strict=True) is None


def test_the_quick_noise_is_white_and_normal() -> None:
    samples = quick_noise(np.random.SFC64(3), 1 << 20)
    parts = samples.view(np.float32).astype(np.float64)
    assert np.mean(parts**2) == pytest.approx(0.5, rel=0.005)
    assert np.mean(parts**4) / np.mean(parts**2) ** 2 == pytest.approx(3.0, rel=0.01)
    assert np.abs(parts).max() > 4.0 * math.sqrt(0.5)
    spectrum = np.fft.fft(samples.reshape(-1, 256), axis=1)
    assert np.abs(np.mean(np.abs(spectrum) ** 2, axis=0) / 256 - 1.0).max() < 5.0 / math.sqrt(4096)
    assert abs(np.vdot(samples[:-1], samples[1:])) / samples.size < 5.0 / math.sqrt(samples.size)


@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_rows_of_a_long_estimate_scatter_as_dwells_from_normal_samples_do(overlap: float) -> None:
    # the mean of 64 neighbouring bins, quick rows against the plain way
    case = Case(n_fft=256, n_averages=8, overlap=overlap)
    quick = np.array([psd.mean[:64].mean() for psd in noise_dwells(case, dwells=6000, seed=1)], np.float64) * 2.4e6
    rng = np.random.default_rng(2)
    n = (case.n_averages - 1) * case.hop + case.n_fft
    plain = np.array([welch(noise(rng, n), n_fft=256, overlap=overlap).mean[:64].mean() for _ in range(3000)], np.float64) * 2.4e6
    assert quick.mean() == pytest.approx(plain.mean(), abs=5 * float(plain.std()) / math.sqrt(2000))
    assert quick.var() == pytest.approx(plain.var(), rel=0.15)
    assert scipy.stats.ks_2samp(quick, plain).pvalue > 1e-3
