"""The propagation model behind rule 3: never better than free space by much, ever weaker with distance, near other known figures."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import pytest

from collector.checks.propagation import AreaPath, area_loss_db, field_dbuv_m, path_loss_db


def loss(distance_km: float, *, height_m: float = 40.0, freq_mhz: float = 945.0) -> float:
    return path_loss_db(freq_mhz=freq_mhz, distance_km=distance_km, transmitter_m=height_m, receiver_m=10.0, terrain_dh_m=90.0)


def test_loss_grows_with_distance_and_is_never_less_than_free_space() -> None:
    distances = (1, 2, 5, 10, 20, 40, 80)
    losses = [loss(d) for d in distances]
    assert losses == sorted(losses)
    for d, found in zip(distances, losses, strict=True):
        assert found >= 32.45 + 20 * math.log10(945.0 * d) - 0.5


def test_beyond_the_horizon_it_falls_far_faster_than_free_space() -> None:
    assert loss(80) - loss(20) > 2 * 20 * math.log10(4)


def test_a_higher_mast_is_heard_farther() -> None:
    assert loss(30, height_m=100.0) < loss(30, height_m=20.0) - 3.0


def test_it_lies_near_hata_for_open_country_where_hata_holds() -> None:
    """Okumura-Hata, open area, 945 MHz, 40 m, 10 m (a(hm) of a small city), 20 km: the two models are known to differ by some dB."""
    f, h, m, d = math.log10(945), 40.0, 10.0, 20.0
    urban = (
        69.55 + 26.16 * f - 13.82 * math.log10(h) - ((1.1 * f - 0.7) * m - (1.56 * f - 0.8)) + (44.9 - 6.55 * math.log10(h)) * math.log10(d)
    )
    rural = urban - 4.78 * f**2 + 18.33 * f - 40.94
    assert loss(20) == pytest.approx(rural, abs=15.0)


def test_power_to_field_strength_by_hand() -> None:
    assert field_dbuv_m(power_dbm=-90.0, freq_mhz=1000.0, antenna_gain_dbi=2.0, losses_db=1.0) == pytest.approx(-90 + 60 + 77.2 - 2 + 1)


NTIA_AREA: Final = (
    # h_tx m, h_rx m, dh m, mdvar, d km, siting tx rx, eps, sigma, N_0, f MHz, pol, climate, time %, location %, situation %, loss dB
    (10, 1, 0, 0, 16, 0, 0, 15, 0.008, 301, 230, 0, 5, 87, 50, 50, 152.5),
    (3, 1.5, 10, 1, 10, 1, 0, 15, 0.008, 301, 450, 0, 5, 40, 28, 25, 133.0),
    (15, 3, 5, 2, 100, 2, 1, 15, 0.008, 301, 980, 1, 4, 92, 53, 97, 224.1),
    (3, 5, 20, 3, 75, 0, 1, 15, 0.008, 301, 3100, 1, 2, 50, 80, 43, 205.1),
    (1.5, 10, 45, 0, 25, 1, 2, 15, 0.008, 301, 8900, 1, 1, 70, 99, 26, 156.0),
)
"""NTIA's own test cases of its reference implementation, area mode, rounded by it to 0.1 dB (github.com/NTIA/itm, area.csv)."""


@pytest.mark.parametrize("row", NTIA_AREA)
def test_it_gives_the_losses_of_the_ntia_s_reference_implementation(row: tuple[float, ...]) -> None:
    h_tx, h_rx, dh, mdvar, d_km, s_tx, s_rx, eps, sigma, n_0, f_mhz, pol, climate, *quantiles, expected = row
    path = AreaPath(
        freq_mhz=f_mhz, distance_km=d_km, heights_m=(h_tx, h_rx), terrain_dh_m=dh, siting=(int(s_tx), int(s_rx)), ground=(eps, sigma),
        refractivity=n_0, vertical=bool(pol), climate=int(climate), variability=int(mdvar),
    )  # fmt: skip
    time, location, situation = (-NormalDist().inv_cdf(q / 100.0) for q in quantiles)
    assert area_loss_db(path, deviates=(time, location, situation)) == pytest.approx(expected, abs=0.1)
