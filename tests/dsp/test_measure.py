"""Bandwidths from known spectra."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.figures import occupied, x_db_bandwidth


def test_the_beta_edges_of_a_flat_spectrum_leave_half_a_per_cent_on_each_side() -> None:
    net = np.zeros(1000)
    net[300:700] = 1.0
    low, high = occupied(net)
    assert low == pytest.approx(299.5 + 2.0)
    assert high == pytest.approx(699.5 - 2.0)


def test_the_beta_edges_of_a_normal_spectrum_are_its_quantiles() -> None:
    x = np.arange(2001) - 1000.0
    low, high = occupied(np.exp(-0.5 * (x / 100.0) ** 2))
    assert high - low == pytest.approx(2 * 2.5758 * 100.0, rel=1e-3)


def test_noise_about_zero_beside_a_carrier_moves_the_edges_little() -> None:
    rng = np.random.default_rng(1)
    net = 0.02 * rng.standard_normal(1000)
    net[400:600] += 1.0
    low, high = occupied(net)
    assert high - low == pytest.approx(198.0, rel=0.05)


def test_a_spectrum_without_power_gives_all_of_it() -> None:
    assert occupied(-np.ones(10)) == (-0.5, 9.5)


def test_the_26_db_points_are_the_outermost() -> None:
    density = np.full(101, 1.0)
    density[20:80] = 10**2.0
    density[50] = 10**3.5
    assert x_db_bandwidth(density, np.ones(101), bin_hz=10.0) == 600.0


def test_no_26_db_bandwidth_where_the_peak_stands_less_than_30_db_over_the_floor() -> None:
    density = np.ones(11)
    density[5] = 10**2.99
    assert x_db_bandwidth(density, np.ones(11), bin_hz=1.0) is None
    density[5] = 10**3.01
    assert x_db_bandwidth(density, np.ones(11), bin_hz=1.0) == 1.0
