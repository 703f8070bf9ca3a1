"""Repeater evidence: its power and its stated rate of false alarms, on simulated channel estimates."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.relay import Echo, common_delay, estimate_echo

RANGE = {"min_delay_us": 1.0, "max_delay_us": 12.0}
SPREAD_US = 0.4
"""Of one look at 20 dB: a weak path's apparent delay moves with its phase against the strong one's."""
LOOKS = 30
"""In ten minutes, a look every 20 s."""


def looks(rng: np.random.Generator, delay_us: float | None, *, level_db: float = -8.0) -> list[list[tuple[float, float]]]:
    """Return ten minutes of taps: an echo that fades (10 % of looks below sight), and a spurious tap in one look of four."""
    found = []
    for _ in range(LOOKS):
        taps = [(0.0, 0.0)]
        if delay_us is not None and rng.random() < 0.9:
            taps.append((delay_us + rng.normal(0.0, SPREAD_US), level_db + rng.normal(0.0, 3.0)))
        if rng.random() < 0.25:
            taps.append((rng.uniform(1.0, 12.0), rng.uniform(-20.0, -10.0)))
        found.append(taps)
    return found


def test_an_echo_is_found_within_half_a_microsecond_and_its_uncertainty_is_honest() -> None:
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(200):
        delay = rng.uniform(3.0, 8.0)
        echo = estimate_echo(looks(rng, delay), **RANGE)
        assert echo is not None
        assert abs(echo.delay_us - delay) < 0.5
        errors.append((echo.delay_us - delay) / echo.sigma_us)
    assert 0.5 < np.std(errors) < 1.5


def test_without_an_echo_none_is_found() -> None:
    rng = np.random.default_rng(2)
    assert sum(estimate_echo(looks(rng, None), **RANGE) is not None for _ in range(300)) <= 1


def test_an_echo_stronger_than_the_direct_path_counts_by_its_distance() -> None:
    echo = estimate_echo([[(0.0, 0.0), (-5.0, -3.0)]] * 10, **RANGE)
    assert echo is not None
    assert echo.delay_us == pytest.approx(5.0)


@pytest.mark.parametrize("level_db", [-3.0, -12.0])
def test_a_repeater_on_cells_of_two_sites_is_found_nine_times_in_ten(level_db: float) -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(200):
        delay = rng.uniform(3.0, 8.0)
        cells = [(site, estimate_echo(looks(rng, delay, level_db=level_db), **RANGE)) for site in ("A", "A", "B", "B")]
        found = common_delay(cells, **RANGE)
        hits += found is not None and found.p_chance <= 0.01
    assert hits >= 180


@pytest.mark.parametrize("sites", [2, 4, 8])
def test_hills_of_their_own_are_taken_for_a_repeater_at_most_as_often_as_stated(sites: int) -> None:
    rng = np.random.default_rng(sites)
    trials, alarms = 3000, 0
    for _ in range(trials):
        cells: list[tuple[str, Echo | None]] = []
        for site in range(sites):
            has = rng.random() < 0.25
            delay = rng.uniform(1.0, 12.0)
            sigma = 0.09
            echo = Echo(delay_us=delay, sigma_us=sigma, level_db=-8.0, presence=0.9, looks=30) if has else None
            cells.append((str(site), echo))
        found = common_delay(cells, **RANGE)
        alarms += found is not None and found.p_chance <= 0.01
    assert alarms <= 0.01 * trials + 3 * (0.01 * trials) ** 0.5


def test_one_site_is_never_a_common_path() -> None:
    echo = Echo(delay_us=5.0, sigma_us=0.05, level_db=-6.0, presence=1.0, looks=30)
    assert common_delay([("A", echo), ("A", echo), ("A", echo), ("B", None)], **RANGE) is None
