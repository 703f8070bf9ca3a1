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

    The nearest point is found on a plane around the place (an error below 0.1 % within 100 km), the distance to it on the ellipsoid.
    """
    scale = math.cos(math.radians(lat_deg))
    points = [((lon - lon_deg) * scale, lat - lat_deg) for lat, lon in border_line()]
    nearest = min((_nearest_on(a, b) for a, b in itertools.pairwise(points)), key=lambda p: math.hypot(*p))
    return distance_km(lat_deg, lon_deg, lat_deg + nearest[1], lon_deg + nearest[0] / scale)


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
