"""Which bands come next: wishes are kept where the time is enough, and nobody starves."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from station.rounds import BandLoad, Rounds, revisits, worst_gaps

B28 = BandLoad(name="B28", duration_s=1.5)
B5 = BandLoad(name="B5", duration_s=0.8)
B8 = BandLoad(name="B8", duration_s=1.1)


def wished(load: BandLoad, revisit_s: float, priority: int = 5) -> BandLoad:
    return BandLoad(name=load.name, duration_s=load.duration_s, revisit_s=revisit_s, priority=priority)


def test_without_wishes_every_round_is_all_bands_in_their_order() -> None:
    schedule = Rounds([B28, B5, B8])
    for k in range(3):
        assert schedule.next(3.4 * k) == ("B28", "B5", "B8")
        for name in ("B28", "B5", "B8"):
            schedule.swept(name, 3.4 * (k + 1))
    assert worst_gaps([B28, B5, B8]) == pytest.approx({"B28": 3.4, "B5": 3.4, "B8": 3.4})


def test_priorities_decide_who_goes_first() -> None:
    first = BandLoad(name="B8", duration_s=1.1, priority=1)
    assert Rounds([B28, B5, first]).next(0.0) == ("B8", "B28", "B5")


def test_a_band_that_is_wished_often_comes_often_and_the_others_in_between() -> None:
    loads = [B28, B5, wished(B8, 3.0)]
    gaps = worst_gaps(loads)
    assert gaps["B8"] <= 3.0
    # the others share what is left, a pass of theirs between two of B8
    assert max(gaps["B28"], gaps["B5"]) < 6.0


def test_where_the_time_is_not_enough_the_least_important_wish_is_stretched() -> None:
    loads = [wished(B28, 2.0, priority=7), wished(B8, 2.5, priority=1), B5]
    kept = revisits(loads)
    assert kept["B8"] == 2.5
    assert kept["B28"] > 4.0
    assert worst_gaps(loads)["B8"] <= 2.5 + 1.5  # one pass over another band may be under way


def test_a_wish_that_alone_takes_longer_than_there_is_is_stretched_and_still_the_rest_is_swept() -> None:
    gaps = worst_gaps([wished(B8, 0.5, priority=1), B28])
    assert 1.1 < gaps["B8"] < 4.0
    assert gaps["B28"] < 60.0


LOADS = st.lists(st.tuples(st.floats(0.05, 5.0), st.none() | st.floats(0.1, 60.0), st.integers(1, 9)), min_size=1, max_size=8).map(
    lambda all_of_them: [BandLoad(name=f"b{k}", duration_s=d, revisit_s=r, priority=p) for k, (d, r, p) in enumerate(all_of_them)]
)


@settings(deadline=None)
@given(LOADS)
def test_no_band_ever_starves(loads: list[BandLoad]) -> None:
    kept, gaps = revisits(loads), worst_gaps(loads)
    longest = max(load.duration_s for load in loads)
    assert set(gaps) == {load.name for load in loads}
    for load in loads:
        assert kept[load.name] >= (load.revisit_s or 0.0)
        # stretched wishes fit into the time, so each pass begins at most the passes that were due before it late
        assert gaps[load.name] <= max(kept.values()) + sum(one.duration_s for one in loads) + longest


@settings(deadline=None)
@given(LOADS)
def test_wishes_that_take_little_of_the_time_are_kept_to_within_one_pass_of_another_band(loads: list[BandLoad]) -> None:
    longest = max(load.duration_s for load in loads)
    need = sum(load.duration_s / load.revisit_s for load in loads if load.revisit_s is not None)
    assume(0.0 < need <= 0.5)
    assume(all(load.revisit_s is None or load.revisit_s >= 2 * longest + load.duration_s for load in loads))
    kept, gaps = revisits(loads), worst_gaps(loads)
    for load in loads:
        if load.revisit_s is not None:
            assert kept[load.name] == pytest.approx(load.revisit_s)
            assert gaps[load.name] <= load.revisit_s + sum(one.duration_s for one in loads if one.revisit_s is not None)
