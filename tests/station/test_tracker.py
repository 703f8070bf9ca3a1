from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from config.settings import TracksSection
from station.sighting import Sighting, joined
from station.tracker import Tracker, TrackEvent

DWELL_S = 0.25


def sighting(
    dwell: int,
    *,
    center_hz: float = 941e6,
    width_hz: float = 10e3,
    power: float = 1e-6,
    first_s: float = 0.0,
    last_s: float = DWELL_S,
    **more: Any,
) -> Sighting:
    """An emission of the ``dwell``-th dwell, on from ``first_s`` to ``last_s`` of it."""
    fields: dict[str, Any] = {
        "center_freq_hz": center_hz,
        "lower_freq_hz": center_hz - width_hz / 2,
        "upper_freq_hz": center_hz + width_hz / 2,
        "bandwidth_hz": 0.9 * width_hz,
        "bandwidth_26db_hz": None,
        "power": power,
        "peak_density": power / width_hz,
        "mean_density": power / width_hz,
        "floor_density": 1e-12,
        "snr_db": 20.0,
        "first_ns": round((dwell * DWELL_S + first_s) * 1e9),
        "last_ns": round((dwell * DWELL_S + last_s) * 1e9),
        "on_s": last_s - first_s,
        "burst_count": 1,
        "cut_low": False,
        "cut_high": False,
    }
    return Sighting(**{**fields, **more})


def ns(dwells: float) -> int:
    """Time after that many dwells."""
    return round(dwells * DWELL_S * 1e9)


def follow(dwells: list[list[Sighting]], *, held: bool = False, seed: str = "s", **settings: Any) -> list[TrackEvent]:
    """All events of a tracker that sees ``dwells``, finished after the last."""
    tracker = Tracker(TracksSection(**settings), seed=seed, merge_gap_s=0.01)
    events = []
    for index, seen in enumerate(dwells):
        events += tracker.dwell(seen, span_ns=(ns(index), ns(index + 1)), slack_hz=1e3, held=lambda low, high: held)
    return events + tracker.finish(round(len(dwells) * DWELL_S * 1e9))


def kinds(events: list[TrackEvent]) -> list[str]:
    return [event.event for event in events]


def test_a_steady_carrier_is_one_track_however_long_it_stays() -> None:
    events = follow([[sighting(n)] for n in range(1000)])
    assert len({event.track_id for event in events}) == 1
    assert kinds(events) == ["onset", "update", "update", "update", "update", "clear"]
    assert events[-1].burst_count == 1
    assert events[-1].duty == pytest.approx(1.0)
    assert (events[-1].last_ns - events[-1].first_ns) / 1e9 == pytest.approx(250.0)


def test_a_carrier_that_stops_is_cleared_after_the_set_time() -> None:
    events = follow([[sighting(n)] for n in range(4)] + [[] for _ in range(40)], clear_after_s=2.0)
    assert kinds(events) == ["onset", "clear"]
    assert events[1].last_ns == 1_000_000_000
    assert events[1].at_ns == 3_250_000_000


def test_a_gap_shorter_than_the_set_time_does_not_end_a_track() -> None:
    dwells = [[sighting(n)] if n % 8 < 2 else [] for n in range(64)]
    events = follow(dwells, clear_after_s=2.0)
    assert kinds(events)[0] == "onset"
    assert len({event.track_id for event in events}) == 1
    assert events[-1].burst_count == 8
    assert events[-1].duty == pytest.approx(0.25, abs=0.03)


def test_a_longer_gap_makes_another_track_with_another_name() -> None:
    dwells = [[sighting(n)] if n in (0, 1, 30, 31) else [] for n in range(40)]
    events = follow(dwells, clear_after_s=2.0)
    assert kinds(events) == ["onset", "clear", "onset", "clear"]
    assert events[0].track_id == events[1].track_id != events[2].track_id


def test_a_carrier_just_below_the_detector_is_held_by_its_level() -> None:
    dwells = [[sighting(n)] if n in (0, 39) else [] for n in range(40)]
    held = follow(dwells, held=True)
    assert kinds(held) == ["onset", "clear"]
    assert (held[-1].burst_count, held[-1].duty) == (1, pytest.approx(1.0))
    assert kinds(follow(dwells, held=False)) == ["onset", "clear", "onset", "clear"]


def test_a_step_in_level_is_told_and_flutter_is_not() -> None:
    steps = follow([[sighting(n, power=1e-6 if n < 20 else 1e-5)] for n in range(40)])
    assert kinds(steps) == ["onset", "update", "clear"]
    assert 5.0 <= steps[1].at_ns / 1e9 <= 6.0
    flutter = follow([[sighting(n, power=1e-6 * (1.4 if n % 2 else 1.0))] for n in range(40)])
    assert kinds(flutter) == ["onset", "clear"]


def test_a_drifting_carrier_stays_one_track_and_its_place_is_told() -> None:
    events = follow([[sighting(n, center_hz=941e6 + 500.0 * n)] for n in range(100)])
    assert len({event.track_id for event in events}) == 1
    places = [event.measured.center_freq_hz for event in events if event.event != "clear"]
    assert places == sorted(places)
    assert len(places) > 5
    assert places[-1] > 941e6 + 40e3


def test_neighbours_keep_apart() -> None:
    events = follow([[sighting(n, center_hz=941e6), sighting(n, center_hz=941.2e6)] for n in range(8)])
    assert Counter(kinds(events)) == {"onset": 2, "clear": 2}
    assert [event.measured.center_freq_hz for event in events if event.event == "clear"] == pytest.approx([941e6, 941.2e6])


def test_a_carrier_that_a_notch_splits_for_a_dwell_stays_one_track() -> None:
    whole = {"center_hz": 941e6, "width_hz": 1e6}
    halves = [sighting(3, center_hz=940.7e6, width_hz=0.3e6), sighting(3, center_hz=941.3e6, width_hz=0.3e6)]
    events = follow([[sighting(n, **whole)] if n != 3 else halves for n in range(6)])
    assert kinds(events) == ["onset", "clear"]
    assert events[-1].burst_count == 1


def test_bursts_are_counted_and_one_across_the_seam_of_two_dwells_counts_once() -> None:
    dwells = [
        [sighting(0, first_s=0.05, last_s=0.25, burst_count=3)],
        [sighting(1, first_s=0.0, last_s=0.10, burst_count=2)],
        [sighting(2, first_s=0.10, last_s=0.12, burst_count=1)],
    ]
    assert follow(dwells)[-1].burst_count == 5


def test_bursts_of_the_first_dwell_at_one_place_are_one_track() -> None:
    events = follow([[sighting(0, first_s=0.0, last_s=0.05), sighting(0, first_s=0.1, last_s=0.2, width_hz=8e3)]])
    assert kinds(events) == ["onset", "clear"]
    assert events[-1].burst_count == 2


def test_pieces_in_time_add_up_and_pieces_in_frequency_do_not() -> None:
    later = joined([sighting(0, first_s=0.15, last_s=0.2), sighting(0, first_s=0.0, last_s=0.1)])
    assert (later.burst_count, later.on_s) == (2, pytest.approx(0.15))
    beside = joined([sighting(0, center_hz=941e6, power=1e-6), sighting(0, center_hz=941.02e6, power=2e-6)])
    assert beside.burst_count == 1
    assert beside.power == pytest.approx(3e-6)
    assert (beside.lower_freq_hz, beside.upper_freq_hz) == (941e6 - 5e3, 941.025e6)


def test_track_ids_are_the_same_from_run_to_run_and_differ_between_stations() -> None:
    one, again, other = (follow([[sighting(0)]], seed=seed)[0].track_id for seed in ("a", "a", "b"))
    assert one == again != other
    assert re.fullmatch("[0-9a-f]{16}", one)


def test_a_clear_carries_the_means_of_the_whole_track() -> None:
    events = follow([[sighting(n, power=1e-6 if n < 4 else 3e-6)] for n in range(8)], level_step_db=20.0)
    assert events[0].measured.power == pytest.approx(1e-6)
    assert events[-1].measured.power == pytest.approx(2e-6)


def test_a_carrier_that_is_visited_now_and_then_is_on_all_the_time() -> None:
    tracker = Tracker(TracksSection(), seed="s", merge_gap_s=0.01)
    visits = [0, 4, 8, 12]
    for visit in visits:
        tracker.dwell([sighting(visit)], span_ns=(ns(visit), ns(visit + 1)), slack_hz=1e3, held=lambda low, high: False)
    (clear,) = tracker.finish(ns(13))
    assert clear.burst_count == 1
    assert clear.duty == pytest.approx(1.0)


def test_a_carrier_that_was_off_at_one_visit_has_two_bursts() -> None:
    tracker = Tracker(TracksSection(clear_after_s=60.0), seed="s", merge_gap_s=0.01)
    for visit, seen in ((0, True), (4, False), (8, True)):
        sightings = [sighting(visit)] if seen else []
        tracker.dwell(sightings, span_ns=(ns(visit), ns(visit + 1)), slack_hz=1e3, held=lambda low, high: False)
    (clear,) = tracker.finish(ns(9))
    assert clear.burst_count == 2
    assert clear.duty == pytest.approx(2 / 3)
