"""The propagation model behind rule 3: never better than free space by much, ever weaker with distance, near other known figures."""

from __future__ import annotations

import math

import pytest

from collector.checks.propagation import field_dbuv_m, path_loss_db


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
