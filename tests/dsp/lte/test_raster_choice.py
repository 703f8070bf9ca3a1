"""Which raster point: by the timing's clock, by the joint clock, or said to be ambiguous."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dsp.lte.raster import choose_raster_point
from dsp.lte.windows import Window, first_windows, other_windows, raster_ranges, usable_limit_hz
from dsp.types import PpmEstimate


def clock(ppm: float, sigma: float = 0.3) -> PpmEstimate:
    return PpmEstimate(ppm=ppm, sigma_ppm=sigma)


@pytest.mark.parametrize("freq", [763e6, 1_815.3e6, 2_685.1e6])
@pytest.mark.parametrize("ppm", [-118.0, -31.0, 0.2, 55.0, 120.0])
def test_the_timing_decides_over_the_whole_range(freq: float, ppm: float) -> None:
    cfo = -ppm * 1e-6 * freq
    point = choose_raster_point(offset_hz=2e5 + cfo, center_freq_hz=freq - 2e5, timing=clock(ppm + 0.5), joint=None)
    assert (point.freq_hz, point.ambiguous) == (pytest.approx(freq), False)
    assert point.cfo_hz == pytest.approx(cfo)


def test_a_timing_that_fits_no_point_gives_way_to_the_joint_clock_and_that_to_the_nearest_point() -> None:
    far = clock(-15.0)
    by_joint = choose_raster_point(offset_hz=-60e3, center_freq_hz=1_800e6, timing=far, joint=clock(33.3))
    assert (by_joint.freq_hz, by_joint.cfo_hz, by_joint.ambiguous) == (1_800e6, -60e3, False)
    nearest = choose_raster_point(offset_hz=-60e3, center_freq_hz=1_800e6, timing=far, joint=None)
    assert (nearest.freq_hz, nearest.cfo_hz, nearest.ambiguous) == (1_799.9e6, 40e3, True)


def test_a_clock_too_unsure_to_tell_two_points_apart_decides_nothing() -> None:
    assert choose_raster_point(offset_hz=-60e3, center_freq_hz=2_600e6, timing=clock(23.0, sigma=12.0), joint=None).ambiguous


def test_without_a_centre_the_offset_is_told_against_the_nearest_step() -> None:
    point = choose_raster_point(offset_hz=-130e3, center_freq_hz=None, timing=clock(10.0), joint=None)
    assert (point.freq_hz, point.cfo_hz, point.ambiguous) == (None, -30e3, True)


def test_windows_stay_where_a_carrier_is_seen_whole() -> None:
    limit = usable_limit_hz(2.4e6)
    assert limit == pytest.approx(0.54e6)
    ((window, _),) = first_windows([(-1.2e6, 1.1e6)], sample_rate_hz=2.4e6, reach_hz=324e3)
    assert -limit <= window.lower_hz < window.upper_hz <= limit
    assert first_windows([(0.5e6, 1.2e6)], sample_rate_hz=1.92e6, reach_hz=100e3) == []


def test_a_wide_span_is_covered_once_and_whole() -> None:
    ((window, span),) = first_windows(None, sample_rate_hz=7.68e6, reach_hz=150e3)
    pieces = [window, *other_windows(span, sample_rate_hz=7.68e6, reach_hz=150e3, done=window)]
    ordered = sorted((p.lower_hz, p.upper_hz) for p in pieces)
    assert ordered[0][0] == pytest.approx(-usable_limit_hz(7.68e6))
    assert ordered[-1][1] == pytest.approx(usable_limit_hz(7.68e6))
    assert all(after[0] == pytest.approx(before[1], abs=2.0) for before, after in pairwise(ordered))
    assert all(high - low <= 648e3 + 1 for low, high in ordered)


def test_two_carriers_side_by_side_in_one_emission_are_each_looked_for() -> None:
    span = (-4.6e6, 4.5e6)  # 4.5 MHz and 4.5 MHz
    ((window, _),) = first_windows([span], sample_rate_hz=15.36e6, reach_hz=120e3)
    pieces = list(other_windows(span, sample_rate_hz=15.36e6, reach_hz=120e3, done=window))
    assert any(p.lower_hz <= -2.35e6 <= p.upper_hz for p in pieces)
    assert any(p.lower_hz <= 2.25e6 <= p.upper_hz for p in pieces)


def test_a_known_clock_leaves_little_to_search() -> None:
    window = Window(lower_hz=-324e3, upper_hz=324e3)
    ranges = raster_ranges(window, center_freq_hz=2_600e6, ppm=clock(20.0, sigma=0.1))
    assert sum(high - low for low, high in ranges) < 0.1 * 648e3
    assert any(low <= -52e3 <= high for low, high in ranges)
    assert raster_ranges(window, center_freq_hz=2_600e6, ppm=clock(20.0, sigma=9.0)) == [(-324e3, 324e3)]
