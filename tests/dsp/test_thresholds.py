"""Thresholds: the set false-alarm probability is the measured one, with the floor estimated from the same dwell."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.noise_floor import estimate_floor
from dsp.thresholds import FLOOR_STEPS, MIN_CONTRAST, floor_steps, plan, threshold, upcrossings
from tests.dsp.dwells import noise, welch


def test_thresholds_fall_with_averages_with_width_and_with_a_laxer_pfa() -> None:
    base = threshold(8, n_averages=32, overlap=0.5, pfa=1e-6)
    assert threshold(8, n_averages=64, overlap=0.5, pfa=1e-6) < base
    assert threshold(16, n_averages=32, overlap=0.5, pfa=1e-6) < base
    assert threshold(8, n_averages=32, overlap=0.5, pfa=1e-3) < base


def test_an_estimated_floor_asks_for_more_than_a_known_one_gives_away() -> None:
    # a floor of few bins scatters; one of very many is as good as known
    known = threshold(64, n_averages=32, overlap=0.5, pfa=1e-4)
    assert threshold(64, n_averages=32, overlap=0.5, pfa=1e-4, averaged_bins=1e7) == pytest.approx(known, rel=1e-3)


def test_a_floor_that_is_hardly_wider_than_the_test_is_refused() -> None:
    with pytest.raises(ParameterError, match="averaged_bins"):
        threshold(64, n_averages=32, overlap=0.5, pfa=1e-4, averaged_bins=70)


@pytest.mark.parametrize("pfa", [0.0, 0.7, math.nan])
def test_a_pfa_that_is_no_probability_is_refused(pfa: float) -> None:
    with pytest.raises(ParameterError, match="pfa"):
        threshold(1, n_averages=32, overlap=0.5, pfa=pfa)


@pytest.mark.parametrize(("overlap", "n_averages"), [(0.5, 8), (0.5, 24), (0.0, 16)])
def test_measured_false_alarm_rates_are_the_set_ones(overlap: float, n_averages: int) -> None:
    n_fft, dwells = 256, 4000
    widths = {1: 1e-3, 2: 1e-3, 21: 1e-2, 149: 5e-2}
    hits = dict.fromkeys(widths, 0.0)
    rng = np.random.default_rng(n_averages)
    hop = round(n_fft * (1 - overlap))
    for _ in range(dwells):
        psd = welch(noise(rng, (n_averages - 1) * hop + n_fft), n_fft=n_fft, overlap=overlap)
        floor = estimate_floor(psd)
        total = np.concatenate([[0.0], np.cumsum(psd.mean / floor.density.astype(np.float64))])
        averaged = (floor_steps(floor.averaged_bins, n_fft) or 0) * n_fft / FLOOR_STEPS
        for width, pfa in widths.items():
            if averaged < MIN_CONTRAST * width:
                continue  # a dwell in a thousand gets a curved floor, which judges no wide window: no alarm
            limit = threshold(width, n_averages=n_averages, overlap=overlap, pfa=pfa, averaged_bins=averaged)
            hits[width] += float(np.mean(total[width:] - total[:-width] > limit * width))
    # 1000 alarms expected of single bins; the windows of 21 and 149 bins are 12 and about 2 independent looks a dwell
    for width, tolerance in ((1, 0.1), (2, 0.12), (21, 0.15), (149, 0.2)):
        assert hits[width] / dwells / widths[width] == pytest.approx(1.0, abs=tolerance), width


def test_the_tests_of_a_plan_share_the_stated_probability() -> None:
    tests = plan(4096, 2.4e6 / 4096, n_averages=291, overlap=0.5, pfa=1e-6, floor_steps=64)
    assert [t.width_bins for t in tests] == [1, 2, 43, 341, 2389]
    assert sum(t.pfa * t.positions for t in tests) == pytest.approx(1e-6, rel=1e-6)


def test_widths_wider_than_the_floor_allows_are_left_out() -> None:
    tests = plan(4096, 2.4e6 / 4096, n_averages=291, overlap=0.5, pfa=1e-6, floor_steps=8)
    assert max(t.width_bins for t in tests) == 341


def test_sliding_windows_are_fewer_looks_than_positions_and_never_more() -> None:
    assert upcrossings(4096, 1, 1e-9) == 4096
    assert 4096 / 341 < upcrossings(4096, 341, 1e-9) < 1500


def test_expected_upcrossings_bound_the_rate_of_dwells_with_an_alarm() -> None:
    # white sums of 64 bins: how often does any of 1024 positions pass
    rng = np.random.default_rng(2)
    limit = threshold(64, n_averages=16, overlap=0.0, pfa=1e-4)
    any_passes = 0
    for _ in range(2000):
        psd = welch(noise(rng, 16 * 1024), n_fft=1024, overlap=0.0)
        total = np.concatenate([[0.0], np.cumsum(psd.mean * psd.sample_rate_hz)])
        any_passes += bool((total[64:] - total[:-64] > 64 * limit).any())
    stated = 1e-4 * upcrossings(1024 - 63, 64, 1e-4)
    assert any_passes / 2000 < 1.3 * stated
    assert any_passes / 2000 > 0.2 * stated


def test_the_floors_extent_is_exact_where_the_span_is_free_and_never_overstated_elsewhere() -> None:
    assert floor_steps(4084.0, 4096) == 64
    assert floor_steps(math.inf, 4096) is None
    for averaged in np.geomspace(16, 3700, 50):
        steps = floor_steps(float(averaged), 4096)
        assert steps is not None
        assert steps == 1 or 0.7 * averaged < steps * 64 < averaged + 32
