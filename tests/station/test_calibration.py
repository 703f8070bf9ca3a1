"""The clock error over all cells, kept from run to run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import IdentitySection, SweepSection
from dsp.gsm.types import GsmCell, SystemInformation
from station.calibration import Calibration, CalibrationFile, Witness, WitnessLog, solve
from station.identity_board import IdentityBoard
from station.scan_plan import Hop
from station.sighting import Sighting


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


def sighting(center_hz: float) -> Sighting:
    low, high = center_hz - 1e5, center_hz + 1e5
    return Sighting(
        center_freq_hz=center_hz, lower_freq_hz=low, upper_freq_hz=high, bandwidth_hz=2e5, bandwidth_26db_hz=None, power=1e-3,
        peak_density=1e-8, mean_density=5e-9, floor_density=1e-10, snr_db=17.0, first_ns=0, last_ns=1, on_s=0.05, burst_count=1,
        cut_low=False, cut_high=False,
    )  # fmt: skip


@pytest.mark.parametrize(("interval_s", "expected_s"), [(60.0, 60.0), (7200.0, 3600.0), (86_400.0, 3600.0)])
def test_known_cells_are_read_again_at_least_every_hour_whatever_the_settings_say(interval_s: float, expected_s: float) -> None:
    board = IdentityBoard(IdentitySection(), SweepSection(identity_interval_s=interval_s), sample_rate_hz=2.4e6)
    hop = Hop(name="B8", center_freq_hz=944.25e6, lower_hz=943.3e6, upper_hz=945.2e6, dwell_s=0.05, notch_hz=1e4)
    looked_s = []
    for now_s in range(0, 8000, 20):
        for look in board.due([sighting(944e6)], [hop], float(now_s)):
            board.looked(look, found_hz=(944e6,), now_s=float(now_s))
            looked_s.append(now_s)
    assert looked_s[0] == 0
    assert looked_s[1] == pytest.approx(expected_s, abs=20.0)


def test_what_a_cell_said_of_the_clock_counts_for_an_hour() -> None:
    log = WitnessLog()
    hour_ns = 3_600 * 10**9
    assert log.add([gsm_cell(944e6, 23.4)], time_ns=0)
    assert log.add([gsm_cell(950e6, 25.0)], time_ns=hour_ns // 2)
    assert [one.ppm for one in log.witnesses()] == [23.4, 25.0]
    log.add([gsm_cell(950e6, 25.2)], time_ns=hour_ns + 1)
    assert [one.ppm for one in log.witnesses()] == [25.2]


def gsm_cell(freq_hz: float, ppm: float) -> GsmCell:
    return GsmCell(
        status="identified", reason="", freq_hz=freq_hz, offset_hz=0.0, arfcn=45, band="P-GSM900", bsic=29, cfo_hz=0.0, ppm=ppm,
        ppm_sigma=0.05, snr_db=25.0, power=1e-3, fn=0, fn_sample=0, blocks={}, information=SystemInformation(), taps=(),
        delay_spread_us=None,
    )  # fmt: skip
