"""Repeater evidence: its power and its stated rate of false alarms, on simulated channel estimates."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.relay import Echo, common_delay, common_shift, estimate_echo, joint_step

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


def switched(
    rng: np.random.Generator, *, rise_db: float, delay_us: float | None, fading_db: float = 3.0
) -> list[tuple[float, float, list[tuple[float, float]]]]:
    """Return 30 looks at one cell, one every 20 s; at the fifteenth its level rises and, where told, an echo begins."""
    found = []
    for k in range(LOOKS):
        on = k >= 15
        taps = looks(rng, delay_us if on else None)[0]
        found.append((20.0 * k, -60.0 + rng.normal(0.0, fading_db) + (rise_db if on else 0.0), taps))
    return found


def test_a_step_of_level_and_delay_at_once_is_found_with_its_moment() -> None:
    rng = np.random.default_rng(4)
    steps = [joint_step(switched(rng, rise_db=9.0, delay_us=5.0), **RANGE) for _ in range(100)]
    found = [step for step in steps if step is not None]
    assert len(found) >= 90
    assert np.median([abs(step.time_s - 300.0) for step in found]) <= 20.0
    assert all(step.echo.delay_us == pytest.approx(5.0, abs=0.6) for step in found)
    assert np.mean([step.rise_db for step in found]) == pytest.approx(9.0, abs=0.5)


@pytest.mark.parametrize(("rise_db", "delay_us"), [(0.0, 5.0), (9.0, None), (0.0, None)])
def test_a_step_of_one_alone_or_of_none_is_no_joint_step(rise_db: float, delay_us: float | None) -> None:
    rng = np.random.default_rng(5)
    assert sum(joint_step(switched(rng, rise_db=rise_db, delay_us=delay_us), **RANGE) is not None for _ in range(200)) <= 2


def test_an_echo_that_was_there_before_is_no_new_one() -> None:
    rng = np.random.default_rng(6)
    both = [(t, level, look) for (t, level, _), look in zip(switched(rng, rise_db=9.0, delay_us=None), looks(rng, 5.0), strict=True)]
    assert joint_step(both, **RANGE) is None


def offsets(rng: np.random.Generator, shifts_hz: dict[str, float]) -> list[tuple[str, float, float, float]]:
    """Return eight cells of eight sites as one receiver measures them; base stations hold 0.02 ppm rms."""
    found = []
    for k in range(8):
        freq = 935e6 + 3e6 * k
        found.append((f"site{k}", rng.normal(0.0, 0.02) + shifts_hz.get(f"site{k}", 0.0) / freq * 1e6, 0.01, freq))
    return found


def test_carriers_of_several_sites_off_by_the_same_hertz_are_found_and_those_off_by_their_own_are_not() -> None:
    rng = np.random.default_rng(7)
    same = [common_shift(offsets(rng, {"site1": 400.0, "site5": 400.0, "site6": 400.0})) for _ in range(200)]
    assert sum(one is not None and one.sites == ("site1", "site5", "site6") for one in same) >= 150
    assert np.median([one.shift_hz for one in same if one is not None]) == pytest.approx(400.0, abs=10.0)
    assert all(common_shift(offsets(rng, {"site1": 400.0, "site5": -400.0})) is None for _ in range(200))
    assert sum(common_shift(offsets(rng, {})) is not None for _ in range(2000)) == 0


def test_a_drifting_receiver_is_no_shift_for_then_the_others_do_not_agree() -> None:
    rng = np.random.default_rng(8)
    drifting = [[(s, ppm + 0.1 * k, u, f) for k, (s, ppm, u, f) in enumerate(offsets(rng, {}))] for _ in range(200)]
    assert all(common_shift(one) is None for one in drifting)
