"""Which carriers are looked at for cells, and when: new ones at once, known ones in time, one that is no cell ever more rarely."""

from __future__ import annotations

import itertools

import pytest

from config.settings import IdentitySection, SweepSection
from station.identity_board import IdentityBoard, IdentityDwell
from station.scan_plan import Hop
from station.sighting import Sighting

RATE_HZ = 2.4e6
GSM_DWELL_S = 1.9


def seen(center_hz: float, width_hz: float, power: float = 1e-4) -> Sighting:
    return Sighting(
        center_freq_hz=center_hz, lower_freq_hz=center_hz - width_hz / 2, upper_freq_hz=center_hz + width_hz / 2, bandwidth_hz=width_hz,
        bandwidth_26db_hz=None, power=power, peak_density=1e-9, mean_density=power / width_hz, floor_density=1e-10, snr_db=20.0, first_ns=0,
        last_ns=1, on_s=0.05, burst_count=1, cut_low=False, cut_high=False,
    )  # fmt: skip


def hops(lower_hz: float, count: int) -> list[Hop]:
    width = 1.9e6
    return [
        Hop(name="B8", center_freq_hz=lower_hz + (k + 0.5) * width, lower_hz=lower_hz + k * width, upper_hz=lower_hz + (k + 1) * width,
            dwell_s=0.05, notch_hz=1e4)
        for k in range(count)
    ]  # fmt: skip


def board() -> IdentityBoard:
    return IdentityBoard(IdentitySection(), SweepSection(), sample_rate_hz=RATE_HZ)


def test_six_cells_are_read_again_within_a_minute_each_and_not_all_at_once() -> None:
    plan, schedule = hops(925e6, 18), board()
    cells = [seen(plan[3 * k].center_freq_hz + 200e3, 200e3) for k in range(6)]
    round_s, now_s = 3.1, 0.0
    times: dict[tuple[int, ...], list[float]] = {}
    a_round: list[int] = []
    while now_s < 300.0:
        now_s += round_s
        looks = schedule.due(cells, plan, now_s, round_s=round_s)
        a_round.append(len(looks))
        for look in looks:
            now_s += look.duration_s
            schedule.looked(look, found_hz=[look.center_freq_hz], now_s=now_s)
            times.setdefault(look.keys, []).append(now_s)
    assert len(times) == 6
    assert a_round[0] == 6
    assert max(a_round[1:]) <= 2
    for found in times.values():
        assert max(b - a for a, b in itertools.pairwise(found)) <= 60.0
        # and no more often than that asks for, but for the first time, when all were read at once
        assert len(found) <= 8


def test_a_carrier_that_is_new_or_has_changed_is_looked_at_at_once() -> None:
    plan, schedule = hops(925e6, 3), board()
    known = seen(925.4e6, 200e3)
    (look,) = schedule.due([known], plan, 0.0, round_s=1.0)
    schedule.looked(look, found_hz=[925.4e6], now_s=2.0)
    assert schedule.due([known], plan, 10.0, round_s=1.0) == []
    (new,) = schedule.due([known, seen(928.2e6, 200e3)], plan, 11.0, round_s=1.0)
    assert new.keys == (4641,)
    schedule.looked(new, found_hz=[928.2e6], now_s=13.0)
    (louder,) = schedule.due([seen(925.4e6, 200e3, power=1e-3), seen(928.2e6, 200e3)], plan, 20.0, round_s=1.0)
    assert louder.keys == (4627,)


def test_the_middle_of_a_wide_emission_is_looked_at_then_all_of_it_then_where_cells_were_found() -> None:
    schedule, wide = board(), seen(768e6, 20e6)
    (middle,) = schedule.due([wide], [], 0.0)
    assert (middle.center_freq_hz, middle.whole_span) == (768e6, False)
    schedule.looked(middle, found_hz=[], now_s=0.1)
    everywhere = schedule.due([wide], [], 0.1, again=True)
    assert all(look.whole_span for look in everywhere)
    # a centre anywhere from 0.54 MHz inside the edges lies within half a megahertz of a look's middle
    for offset_hz in range(-9_460_000, 9_460_001, 100_000):
        assert min(abs(look.center_freq_hz - 768e6 - offset_hz) for look in everywhere) <= 0.5e6 + 1.0
    for look in everywhere:
        found = [one for one in (763e6, 773e6) if abs(one - look.center_freq_hz) <= 0.5e6]
        schedule.looked(look, found_hz=found, now_s=2.0)
    assert schedule.due([wide], [], 3.0) == []
    assert [look.center_freq_hz for look in schedule.due([wide], [], 62.5)] == [763e6, 773e6]


def test_what_is_no_cell_is_looked_at_ever_more_rarely() -> None:
    plan, schedule, times = hops(925e6, 1), board(), []
    now_s = 0.0
    while now_s < 3600.0:
        looks: list[IdentityDwell] = schedule.due([seen(925.4e6, 200e3)], plan, now_s, round_s=1.0)
        for look in looks:
            assert look.duration_s == pytest.approx(GSM_DWELL_S)
            schedule.looked(look, found_hz=[], now_s=now_s)
            times.append(now_s)
        now_s += 10.0
    assert times[:3] == [0.0, 10.0, 20.0]
    assert len(times) < 12
