"""Walking over a carrier that is wider than the receiver: which windows, in which order, until when, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from config.settings import IdentitySection, SweepSection
from dsp.lte.sib1_message import Sib1
from dsp.lte.types import LteCell
from dsp.synth.lte_sib1 import Sib1Transmission
from dsp.types import ComplexArray
from station.sib1_walk import CarrierWalk, Sib1Walks
from station.tuners import TUNERS
from tests.lte_sib1_air import air, cell, octets
from tests.lte_slices import RATE_HZ, heard

FREQ_HZ = 785.5e6
SIB1 = Sib1Transmission(octets=octets(), start=18, length=6)


def known(pci: int = 123, n_rb: int = 50, **changed: Any) -> LteCell:
    one = LteCell(
        status="identified", reason="", freq_hz=FREQ_HZ, offset_hz=0.0, raster_ambiguous=False, pci=pci, duplex="fdd", cp="normal",
        n_rb=n_rb, ports=2, phich_duration="normal", phich_resource="1", sfn=0, frame_sample=0, cfo_hz=0.0, ppm=0.0, ppm_sigma=0.1,
        snr_db=3.0, rsrp=1e-5, power=1e-5, taps=(), mib_count=2, sib1=Sib1(status="not_seen", reason="not in blocks 19 to 30 of 50"),
    )  # fmt: skip
    return replace(one, **changed)


def walks(tuner: str = "R820T", **sweep: float) -> Sib1Walks:
    return Sib1Walks(IdentitySection(), SweepSection(**sweep), sample_rate_hz=RATE_HZ, tuner=TUNERS[tuner])  # type: ignore[arg-type]


def noise(seed: int = 1) -> ComplexArray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((216_000, 2)) @ [1.0, 1.0j]).astype(np.complex64)


def hear(walk: CarrierWalk, samples: dict[float, ComplexArray] | None = None) -> None:
    """Do as the sweep engine does; what is not in ``samples`` is noise."""
    for window in walk.plan.windows:
        iq = (samples or {}).get(window.offset_hz, noise())
        walk.take(iq, window, sample_rate_hz=RATE_HZ, asked_hz=walk.freq_of(window))
        if walk.finished:
            return


@pytest.fixture(scope="module")
def on_air() -> tuple[ComplexArray, float]:
    """A cell of 10 MHz at its own rate, SIB1 in blocks 18 to 23."""
    iq, view = air(cell(n_rb=50, sib1=SIB1), snr_db=6.0, frames=6)
    return iq, view.sample_rate_hz


def slices(walk: CarrierWalk, on_air: tuple[ComplexArray, float]) -> dict[float, ComplexArray]:
    iq, rate_hz = on_air
    return {w.offset_hz: heard(iq, rate_hz=rate_hz, offset_hz=w.offset_hz) for w in walk.plan.windows[:3]}


def test_the_walk_begins_at_block_0_ends_when_it_is_decoded_and_begins_there_the_next_time(on_air: tuple[ComplexArray, float]) -> None:
    plan = walks()
    (walk,) = plan.wanted([known()], 0.0)
    assert walk.plan.windows[0].first == 0
    hear(walk, slices(walk, on_air))
    (found,) = plan.done(walk, 1.0)
    assert found.sib1 is not None
    assert (found.sib1.status, found.sib1.prb) == ("decoded", (18, 6))
    assert found.sib1.message is not None
    assert found.sib1.message.plmns[0].mcc == "456"
    # blocks 10 to 19 and 20 to 29 hold parts of it
    assert 2 <= len(walk.heard) <= 3
    (again,) = plan.wanted([known()], 60.0)
    assert again.plan.windows[0].first <= 18
    assert again.plan.windows[0].last >= 24
    hear(again, slices(again, on_air))
    assert len(again.heard) == 1
    (same,) = plan.done(again, 61.0)
    assert same.sib1 is not None
    assert same.sib1.message == found.sib1.message


@pytest.mark.parametrize(("n_rb", "count"), [(15, 2), (25, 3), (50, 5), (75, 8), (100, 10)])
def test_a_full_walk_takes_two_seconds_of_air_time_at_most(n_rb: int, count: int) -> None:
    (walk,) = walks().wanted([known(n_rb=n_rb)], 0.0)
    assert len(walk.plan.windows) == count
    assert walk.plan.left_out == ""
    assert len(walk.plan.windows) * walk.window_s <= 2.0
    assert {block for w in walk.plan.windows for block in range(w.first, w.last)} == set(range(n_rb))


def test_what_the_centre_shows_whole_or_has_decoded_is_not_walked_over() -> None:
    plan = walks()
    decoded = Sib1(status="decoded", reason="", prb=(20, 4))
    assert plan.wanted([known(n_rb=6), known(sib1=decoded), known(status="synchronised"), known(freq_hz=None)], 0.0) == []
    # and where the centre had it is where it is looked for when the centre has it no more
    (walk,) = plan.wanted([known()], 60.0)
    assert (walk.plan.windows[0].first, walk.plan.windows[0].last) == (17, 27)


def test_cells_of_one_carrier_share_a_walk_and_carriers_have_their_own() -> None:
    both = walks().wanted([known(), known(pci=7), known(freq_hz=FREQ_HZ + 10e6)], 0.0)
    assert [[one.pci for one in walk.cells] for walk in both] == [[123, 7], [123]]


def test_where_nothing_is_found_the_reason_is_said() -> None:
    reasons = []
    ways: tuple[tuple[dict[str, Any], list[LteCell]], ...] = (({}, []), ({"snr_db": -3.0}, []), ({}, [known(pci=9, rsrp=2e-5)]))
    for changed, neighbours in ways:
        plan = walks()
        (walk,) = plan.wanted([known(**changed), *neighbours], 0.0)[:1]
        hear(walk)
        sib1 = plan.done(walk, 1.0)[0].sib1
        assert sib1 is not None
        assert sib1.status == "not_seen"
        reasons.append(sib1.reason)
    assert all("SNR: no reference signals found in 5 of 5 windows, blocks 0-49 of 50" in reason for reason in reasons)


def test_a_cell_heard_in_every_window_without_its_sib1_says_what_it_may_be() -> None:
    iq, view = air(cell(n_rb=15, sib1=None), snr_db=10.0, frames=4)
    ways: tuple[tuple[dict[str, Any], list[LteCell], str], ...] = (
        ({}, [], "window never held the allocation, or not in neighbouring blocks: 2 of 2 windows, blocks 0-14 of 15"),
        ({"snr_db": -1.5}, [], "SNR: -1.5 dB"),
        (
            {},
            [known(pci=9, n_rb=15, rsrp=2e-5, sib1=Sib1(status="decoded", reason=""))],
            "interference: a cell 3.0 dB stronger",
        ),
    )
    for changed, extra, said in ways:
        plan = walks()
        (walk,) = plan.wanted([known(n_rb=15, **changed), *extra], 0.0)
        hear(walk, {w.offset_hz: heard(iq, rate_hz=view.sample_rate_hz, offset_hz=w.offset_hz) for w in walk.plan.windows})
        sib1 = plan.done(walk, 1.0)[0].sib1
        assert sib1 is not None
        assert sib1.status == "not_seen"
        assert sib1.reason.startswith(said)


def test_a_carrier_too_wide_for_the_plan_or_beyond_the_tuner_says_so() -> None:
    (none,) = walks(sib1_walk_s=0.0).wanted([known()], 0.0)
    sib1 = none.outcome()[0].sib1
    assert sib1 is not None
    assert (sib1.status, sib1.reason) == ("not_tried", "carrier too wide for the plan: sweep.sib1_walk_s = 0 ends there")
    (short,) = walks(sib1_walk_s=0.2).wanted([known()], 0.0)
    assert len(short.plan.windows) == 2
    (edge,) = walks("FC0012").wanted([known(freq_hz=948.0e6)], 0.0)
    assert "FC0012 does not hear the rest" in edge.plan.left_out
    assert all(edge.freq_of(window) <= 948.6e6 for window in edge.plan.windows)


def test_walks_in_vain_become_rarer_and_the_record_says_why_there_is_none() -> None:
    plan, now_s, walked = walks(), 0.0, []
    while now_s < 1800.0:
        for walk in plan.wanted([known()], now_s):
            walk.take(noise(), walk.plan.windows[0], sample_rate_hz=RATE_HZ, asked_hz=FREQ_HZ)
            plan.done(walk, now_s)
            walked.append(now_s)
        now_s += 60.0
    assert walked[:3] == [0.0, 60.0, 120.0]
    assert len(walked) <= 8
    (told,) = plan.waiting([known()], walked[-1] + 60.0)
    assert told.sib1 is not None
    assert told.sib1.status == "not_tried"
    assert "tried again later" in told.sib1.reason
