from __future__ import annotations

import pytest

from config.band_plan import load_band_plan
from station.occupancy import OccupancyLog
from station.sighting import Sighting


def emission(lower_hz: float, upper_hz: float, on_s: float) -> Sighting:
    return Sighting(
        center_freq_hz=(lower_hz + upper_hz) / 2, lower_freq_hz=lower_hz, upper_freq_hz=upper_hz, bandwidth_hz=upper_hz - lower_hz,
        bandwidth_26db_hz=None, power=1e-6, peak_density=1e-10, mean_density=1e-10, floor_density=1e-12, snr_db=20.0,
        first_ns=0, last_ns=250_000_000, on_s=on_s, burst_count=1, cut_low=False, cut_high=False,
    )  # fmt: skip


def test_a_channel_is_occupied_for_the_part_of_the_time_that_something_is_in_it() -> None:
    log = OccupancyLog(load_band_plan(), lower_freq_hz=940e6, upper_freq_hz=942.4e6, relative=False)
    for dwell in range(10):
        log.add([emission(940.95e6, 941.05e6, 0.25)] + ([emission(941.62e6, 941.78e6, 0.05)] if dwell < 5 else []), 0.25)
    (band,) = log.take()
    fco = {round(center / 1e3): part for center, part in band.channels}
    assert band.band == "B8"
    assert (band.lower_freq_hz, band.upper_freq_hz, len(band.channels)) == (940e6, 942.4e6, 12)
    assert fco[940_900] == fco[941_100] == pytest.approx(1.0)
    assert fco[941_700] == pytest.approx(0.1)
    assert sum(fco.values()) == pytest.approx(2.1)
    assert band.sro == pytest.approx(2.1 / 12)
    assert band.fbo == pytest.approx((100e3 * 2.5 + 160e3 * 0.25) / (2.4e6 * 2.5))
    assert (band.observed_s, band.looks) == (2.5, 10)


def test_the_skirt_of_a_neighbour_does_not_occupy_a_channel() -> None:
    log = OccupancyLog(load_band_plan(), lower_freq_hz=940e6, upper_freq_hz=942.4e6, relative=False)
    log.add([emission(940.79e6, 941.01e6, 0.25)], 0.25)
    (band,) = log.take()
    assert [round(center / 1e3) for center, part in band.channels if part > 0] == [940_900]


def test_a_span_over_two_bands_gives_two_reports() -> None:
    log = OccupancyLog(load_band_plan(), lower_freq_hz=878e6, upper_freq_hz=884e6, relative=False)
    log.add([], 0.25)
    assert [band.band for band in log.take()] == ["B5", "B8-UL"]


@pytest.mark.parametrize(("lower", "relative"), [(433e6, False), (-0.5e6, True)])
def test_a_span_outside_every_band_is_counted_in_plain_channels(lower: float, relative: bool) -> None:
    log = OccupancyLog(load_band_plan(), lower_freq_hz=lower, upper_freq_hz=lower + 1e6, relative=relative)
    log.add([emission(lower + 0.4e6, lower + 0.6e6, 0.25)], 0.25)
    (band,) = log.take()
    assert band.band is None
    assert [part for _, part in band.channels] == [0.0, 0.0, 1.0, 0.0, 0.0]


def test_what_was_taken_is_not_counted_again() -> None:
    log = OccupancyLog(load_band_plan(), lower_freq_hz=940e6, upper_freq_hz=942e6, relative=False)
    assert log.take() == []
    log.add([emission(940.9e6, 941.1e6, 0.25)], 0.25)
    log.take()
    log.add([], 0.25)
    (band,) = log.take()
    assert band.sro == band.fbo == 0.0
