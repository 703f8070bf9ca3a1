"""The scan plan: every audible Hz is covered, nothing is skipped silently."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.errors import MisuseError
from station.scan_plan import Hop, ReceiverFacts, Sweep, WantedRange, plan_sweep
from station.tuners import TUNERS

B8 = WantedRange(name="B8", lower_hz=925e6, upper_hz=960e6, dwell_s=0.01)
B3 = WantedRange(name="B3", lower_hz=1805e6, upper_hz=1880e6, dwell_s=0.01)
FACTS = ReceiverFacts(tuner=TUNERS["R820T"], sample_rate_hz=2.4e6, retune_s=0.005)


def test_a_band_that_the_tuner_cannot_hear_is_named_and_not_swept() -> None:
    sweep = plan_sweep([B8, B3], FACTS)
    assert [(u.name, u.lower_hz, u.upper_hz) for u in sweep.unheard] == [("B3", 1805e6, 1880e6)]
    assert "R820T hears 24-1766 MHz" in sweep.unheard[0].reason
    assert {hop.name for hop in sweep.hops} == {"B8"}
    assert "B3" not in sweep.revisit_s


def test_the_part_of_a_band_beyond_the_tuner_s_edge_is_named() -> None:
    uplink = WantedRange(name="B3-UL", lower_hz=1710e6, upper_hz=1785e6, dwell_s=0.01)
    sweep = plan_sweep([uplink], FACTS)
    assert [(u.lower_hz, u.upper_hz) for u in sweep.unheard] == [(1766e6, 1785e6)]
    assert sweep.hops[-1].upper_hz == 1766e6


def test_an_e4000_hears_both_sides_of_its_gap() -> None:
    facts = ReceiverFacts(tuner=TUNERS["E4000"], sample_rate_hz=2.4e6, retune_s=0.005)
    sweep = plan_sweep([WantedRange(name="x", lower_hz=1000e6, upper_hz=1300e6, dwell_s=0.01)], facts)
    assert [(u.lower_hz, u.upper_hz) for u in sweep.unheard] == [(1100e6, 1250e6)]
    assert min(hop.lower_hz for hop in sweep.hops) == 1000e6
    assert max(hop.upper_hz for hop in sweep.hops) == 1300e6


def test_a_sweep_takes_its_dwells_and_its_retunes() -> None:
    sweep = plan_sweep([B8], FACTS)
    assert len(sweep.hops) == 19  # 35 MHz in steps of at most 1.92 MHz
    assert sweep.duration_s == pytest.approx(19 * 0.015)
    assert sweep.revisit_s == {"B8": pytest.approx(19 * 0.015)}


@given(st.floats(30e6, 1500e6), st.floats(0.2e6, 200e6), st.sampled_from([0.96e6, 1.92e6, 2.4e6]), st.floats(0.1, 0.4), st.booleans())
def test_the_hops_cover_the_range_without_gap_and_each_within_its_usable_span(
    lower_hz: float, width_hz: float, rate_hz: float, crop: float, shifted: bool
) -> None:
    facts = ReceiverFacts(tuner=TUNERS["R820T"], sample_rate_hz=rate_hz, retune_s=0.005, crop=crop)
    wanted = WantedRange(name="x", lower_hz=lower_hz, upper_hz=lower_hz + width_hz, dwell_s=0.1)
    hops = plan_sweep([wanted], facts, shifted=shifted).hops
    assert hops[0].lower_hz == pytest.approx(lower_hz)
    assert hops[-1].upper_hz == pytest.approx(min(lower_hz + width_hz, 1766e6))
    for one, two in itertools.pairwise(hops):
        assert one.upper_hz == two.lower_hz
    for hop in hops:
        assert reach(hop) <= facts.usable_hz / 2 + 1.0


def reach(hop: Hop) -> float:
    return max(hop.upper_hz - hop.center_freq_hz, hop.center_freq_hz - hop.lower_hz)


def unseen_after(sweeps: list[Sweep]) -> tuple[tuple[float, float], ...]:
    """What all of ``sweeps`` together are still blind for, by frequency."""
    left = list(sweeps[0].unseen) if sweeps else []
    for sweep in sweeps[1:]:
        left = [(max(a, c), min(b, d)) for a, b in left for c, d in sweep.unseen if max(a, c) < min(b, d)]
    return tuple(sorted(left))


def test_one_sweep_marks_its_notches_and_two_see_everything() -> None:
    plain, shifted = plan_sweep([B8], FACTS), plan_sweep([B8], FACTS, shifted=True)
    assert len(plain.unseen) == len(plain.hops)
    assert plain.unseen[0][1] - plain.unseen[0][0] == FACTS.notch_hz
    assert unseen_after([plain]) == plain.unseen
    assert unseen_after([plain, shifted]) == ()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(24e6, 1700e6), st.floats(2e3, 60e6)), min_size=1, max_size=4),
    st.sampled_from([0.96e6, 1.92e6, 2.4e6, 2.56e6]),
    st.floats(0.1, 0.4),
    st.sampled_from(sorted(TUNERS)),
)
def test_two_sweeps_hear_every_audible_frequency_of_every_band(
    bands: list[tuple[float, float]], rate_hz: float, crop: float, tuner: str
) -> None:
    facts = ReceiverFacts(tuner=TUNERS[tuner], sample_rate_hz=rate_hz, retune_s=0.005, crop=crop)
    wanted = [WantedRange(name=f"b{k}", lower_hz=low, upper_hz=low + width, dwell_s=0.1) for k, (low, width) in enumerate(bands)]
    sweeps = [plan_sweep(wanted, facts, shifted=shifted) for shifted in (False, True)]
    for part in wanted:
        for low, high in facts.tuner.audible(part.lower_hz, part.upper_hz):
            # everywhere, at the seams of either grid and in the notches of either
            edges = [edge for sweep in sweeps for hop in sweep.hops for edge in (hop.lower_hz, hop.upper_hz, hop.center_freq_hz)]
            places = [low, high, *(low + (high - low) * k / 37 for k in range(37)), *(edge for edge in edges if low <= edge <= high)]
            for freq_hz in places:
                assert any(heard(hop, freq_hz, facts) for sweep in sweeps for hop in sweep.hops), freq_hz
    # what one sweep says that it is blind for is all that it is blind for
    for sweep in sweeps:
        for hop in sweep.hops:
            assert hop.upper_hz - hop.center_freq_hz <= rate_hz * (0.5 - crop) + 1.0
            assert hop.center_freq_hz - hop.lower_hz <= rate_hz * (0.5 - crop) + 1.0


def heard(hop: Hop, freq_hz: float, facts: ReceiverFacts) -> bool:
    """Whether a hop counts at ``freq_hz`` and its spike does not stand there."""
    spike = abs(freq_hz - hop.center_freq_hz) < facts.notch_hz / 2
    return hop.lower_hz <= freq_hz <= hop.upper_hz and not spike


def test_a_range_narrower_than_half_a_span_is_heard_beside_the_spike() -> None:
    sweep = plan_sweep([WantedRange(name="x", lower_hz=935e6, upper_hz=935.2e6, dwell_s=0.1)], FACTS)
    assert len(sweep.hops) == 1
    assert sweep.unseen == ()
    assert sweep.hops[0].center_freq_hz < 935e6


def test_the_plan_says_how_often_each_band_comes() -> None:
    wished = WantedRange(name="B8", lower_hz=925e6, upper_hz=960e6, dwell_s=0.05, revisit_s=3.0, priority=1)
    others = [
        WantedRange(name=name, lower_hz=low, upper_hz=high, dwell_s=0.05)
        for name, low, high in (("B28", 758e6, 803e6), ("B5", 869e6, 894e6))
    ]
    found = plan_sweep([*others, wished], FACTS).revisit_s
    assert found["B8"] <= 3.0
    assert found["B28"] > found["B8"]


def test_a_narrow_range_that_one_hop_covers_is_seen_whole_by_two_sweeps() -> None:
    wanted = [WantedRange(name="x", lower_hz=935e6, upper_hz=935.4e6, dwell_s=0.1)]
    assert unseen_after([plan_sweep(wanted, FACTS), plan_sweep(wanted, FACTS, shifted=True)]) == ()


@pytest.mark.parametrize("crop", [0.0, 0.05, 0.5])
def test_a_crop_that_leaves_too_much_or_nothing_is_refused(crop: float) -> None:
    with pytest.raises(MisuseError, match="crop"):
        ReceiverFacts(tuner=TUNERS["R820T"], sample_rate_hz=2.4e6, retune_s=0.005, crop=crop)


def test_a_plan_of_nothing_or_of_nonsense_is_refused() -> None:
    with pytest.raises(MisuseError, match="no band"):
        plan_sweep([], FACTS)
    with pytest.raises(MisuseError, match="must rise"):
        plan_sweep([WantedRange(name="x", lower_hz=2e6, upper_hz=1e6, dwell_s=1)], FACTS)
