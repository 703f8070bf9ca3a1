"""The clock error over all cells, kept from run to run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.calibration import Calibration, CalibrationFile, Witness, solve


def test_nobody_says_anything() -> None:
    assert solve([], time_ns=0) is None
    assert solve([Witness(ppm=float("nan"), sigma_ppm=0.1)], time_ns=0) is None


def test_the_mean_of_agreeing_cells_is_finer_than_each() -> None:
    found = solve([Witness(ppm=p, sigma_ppm=0.1) for p in (23.3, 23.4, 23.5, 23.4)], time_ns=5)
    assert found is not None
    assert found.ppm == pytest.approx(23.4)
    assert found.sigma_ppm == pytest.approx(0.05)
    assert (found.n_cells, found.time_ns) == (4, 5)


def test_one_cell_with_a_bad_clock_of_its_own_moves_nothing() -> None:
    found = solve([*(Witness(ppm=23.4, sigma_ppm=0.06) for _ in range(3)), Witness(ppm=31.0, sigma_ppm=0.06)], time_ns=0)
    assert found is not None
    assert found.ppm == pytest.approx(23.4)
    assert found.n_cells == 3


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=20), st.floats(-50, 50))
def test_a_shift_of_all_shifts_the_answer(values: list[float], shift: float) -> None:
    here = solve([Witness(ppm=v, sigma_ppm=1.0) for v in values], time_ns=0)
    there = solve([Witness(ppm=v + shift, sigma_ppm=1.0) for v in values], time_ns=0)
    assert here is not None
    assert there is not None
    if here.n_cells == there.n_cells:
        assert there.ppm - here.ppm == pytest.approx(shift, abs=1e-6)


def test_it_is_kept_by_serial_number(tmp_path: Path) -> None:
    file = CalibrationFile(tmp_path / "state")
    assert file.load("a") is None
    one, other = (Calibration(ppm=p, sigma_ppm=0.1, n_cells=2, time_ns=7, temperature_c=41.5) for p in (23.4, -2.0))
    file.save("a", one)
    file.save("b", other)
    assert (file.load("a"), file.load("b"), file.load("c")) == (one, other, None)
    (tmp_path / "state" / "calibration.json").write_text("{broken")
    assert file.load("a") is None
    file.save("a", one)
    assert file.load("a") == one


def test_it_is_checked_again_after_an_hour_and_after_a_clock_that_went_back() -> None:
    known = Calibration(ppm=1.0, sigma_ppm=0.1, n_cells=1, time_ns=10**18)
    assert not known.due(10**18 + 3_599 * 10**9)
    assert known.due(10**18 + 3_600 * 10**9)
    assert known.due(10**18 - 1)
