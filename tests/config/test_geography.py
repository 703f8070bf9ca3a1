"""Distances on the ground, against published figures."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.geography import border_distance_km, border_line, distance_km, is_within_km


@pytest.mark.parametrize(
    ("place", "lat_deg", "lon_deg", "expected_km"),
    [("Buôn Ma Thuột", 12.6675, 108.0378, 52.0), ("Ea Súp", 13.0662, 107.8855, 41.0), ("Bản Đôn", 12.89, 107.80, 30.0)],
)
def test_the_province_s_places_are_as_far_from_the_border_as_published(
    place: str, lat_deg: float, lon_deg: float, expected_km: float
) -> None:
    # the published figures are of another line with shorter stretches: 5 km is what both lines' coarseness allows
    assert border_distance_km(lat_deg, lon_deg) == pytest.approx(expected_km, abs=5.0), place


def test_the_line_is_as_long_as_published() -> None:
    line = border_line()
    length = sum(distance_km(*a, *b) for a, b in itertools.pairwise(line))
    assert length == pytest.approx(73.0, abs=1.0)


def test_a_meridian_degree_has_its_wgs84_length() -> None:
    # length of a degree of latitude about 12.5 north by the meridian arc's series: 111132.954 - 559.822 cos 2p + 1.175 cos 4p (m)
    length_m = 111132.954 - 559.822 * math.cos(math.radians(25.0)) + 1.175 * math.cos(math.radians(50.0))
    assert distance_km(12.0, 108.0, 13.0, 108.0) == pytest.approx(length_m / 1e3, abs=0.01)


@given(st.floats(12.0, 14.0), st.floats(107.0, 109.0))
def test_no_corner_of_the_line_is_nearer_than_the_line(lat_deg: float, lon_deg: float) -> None:
    corners = min(distance_km(lat_deg, lon_deg, *corner) for corner in border_line())
    assert border_distance_km(lat_deg, lon_deg) <= corners * 1.001 + 1e-6


@given(st.floats(8.0, 23.0), st.floats(102.0, 110.0), st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.floats(0.5, 200.0))
def test_whether_a_place_is_within_reach_is_what_the_geodesic_says(
    lat_deg: float, lon_deg: float, north_deg: float, east_deg: float, reach_km: float
) -> None:
    a, b = (lat_deg, lon_deg), (lat_deg + north_deg, lon_deg + east_deg)
    assert is_within_km(a, b, reach_km) == (distance_km(*a, *b) <= reach_km)
