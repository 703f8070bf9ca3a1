"""Distances on the ground: between places, and to the border line of ``config/data/border_khm.csv``.

WGS-84 geodesics by GeographicLib. The line is Natural Earth's at 1:10 million with straight stretches of up to 29 km, so a distance
to it is good to 2 km or worse: ``BORDER_UNCERTAINTY_KM`` says so, and what is judged by distance must allow for it.
"""

from __future__ import annotations

import csv
import functools
import itertools
import math
from importlib import resources
from typing import Final

BORDER_UNCERTAINTY_KM: Final = 2.0
_EARTH_RADIUS_KM: Final = 6371.0
_WGS84_E2: Final = 0.00669437999014
"""First eccentricity, squared."""


def distance_km(lat1_deg: float, lon1_deg: float, lat2_deg: float, lon2_deg: float) -> float:
    """Return the length of the WGS-84 geodesic between two places in km."""
    from geographiclib.geodesic import Geodesic

    return float(Geodesic.WGS84.Inverse(lat1_deg, lon1_deg, lat2_deg, lon2_deg, Geodesic.DISTANCE)["s12"]) / 1e3


def is_within_km(a: tuple[float, float], b: tuple[float, float], reach_km: float) -> bool:
    """Whether two places (latitude, longitude in degrees) are at most ``reach_km`` apart on the ellipsoid.

    A sphere decides all but the near cases: up to 500 km its distance is the geodesic to 0.7 %, and a geodesic costs a hundred times more.
    """
    if abs(a[0] - b[0]) * 110.5 > reach_km:  # a degree of latitude is 110.57 km at least
        return False
    if reach_km <= 500.0:
        middle = math.radians((a[0] + b[0]) / 2)
        guess = math.radians(math.hypot(a[0] - b[0], ((b[1] - a[1] + 180.0) % 360.0 - 180.0) * math.cos(middle))) * _EARTH_RADIUS_KM
        if abs(guess - reach_km) > 0.01 * max(guess, reach_km):
            return guess < reach_km
    return distance_km(*a, *b) <= reach_km


@functools.lru_cache(maxsize=4096)
def border_distance_km(lat_deg: float, lon_deg: float) -> float:
    """Return the distance in km from a place to the nearest point of the border line, known to ``BORDER_UNCERTAINTY_KM``.

    The nearest points are found on a plane around the place, the distances to them on the ellipsoid.
    """
    sin2 = math.sin(math.radians(lat_deg)) ** 2
    scale = math.cos(math.radians(lat_deg)) * (1 - _WGS84_E2 * sin2) / (1 - _WGS84_E2)  # a degree of longitude in degrees of latitude
    points = [((lon - lon_deg) * scale, lat - lat_deg) for lat, lon in border_line()]
    nearest = sorted((_nearest_on(a, b) for a, b in itertools.pairwise(points)), key=lambda p: math.hypot(*p))
    return min(distance_km(lat_deg, lon_deg, lat_deg + y, lon_deg + x / scale) for x, y in nearest[:3])


@functools.cache
def border_line() -> tuple[tuple[float, float], ...]:
    """Return the border line as (latitude, longitude) in degrees, north to south."""
    text = (resources.files("config") / "data" / "border_khm.csv").read_text(encoding="ascii")
    return tuple((float(row["lat_deg"]), float(row["lon_deg"])) for row in csv.DictReader(text.splitlines()))


def _nearest_on(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """Return the point of the segment a-b that is nearest to the origin."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    along = max(0.0, min(1.0, -(a[0] * dx + a[1] * dy) / (dx * dx + dy * dy)))
    return a[0] + along * dx, a[1] + along * dy
