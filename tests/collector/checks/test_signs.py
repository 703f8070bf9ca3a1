"""Single signs: a floor's shape, who else would have heard a cell, where a rule does not hold, whose calibration counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from collector.checks.floors import pass_band
from collector.checks.rules import new_judge
from collector.checks.types import Finding
from config.rules import load_rule_book
from config.wire import AnyRecord
from tests.scenes.air import every, gsm, observations
from tests.scenes.bank import Scene, context_of, judged
from tests.scenes.more_scenes import SCENES, TRUONG_SA
from tests.scenes.scenes import fake, foreign

NEARBY = (12.90, 107.82)
"""About 2.4 km from the scenes' station."""


def scene(name: str) -> Scene:
    return next(s for s in SCENES if s.name == name)


@pytest.mark.parametrize(
    ("rises", "band"),
    [
        ([0.0] * 10 + [12.0] * 10 + [0.0] * 12, (10, 20)),
        ([12.0] * 12 + [6.5] + [0.0] * 19, (0, 13)),
        ([12.0] * 32, None),
        ([0.0] * 32, None),
        ([0.0] * 8 + [12.0] * 6 + [0.0] * 6 + [12.0] * 6 + [0.0] * 6, None),
        ([0.4 * k for k in range(32)], None),
        ([0.0] * 15 + [12.0] + [0.0] * 16, None),
        ([12.0] * 4, None),
    ],
    ids=["in the middle", "edge in a step", "all over", "nowhere", "two bands", "a slope", "one line", "too few steps"],
)
def test_a_filter_s_shape_is_one_flat_run_with_an_edge_in_sight(rises: list[float], band: tuple[int, int] | None) -> None:
    assert pass_band(rises) == band


def with_neighbour(*, hears_it: bool, place: tuple[float, float] | None = NEARBY) -> list[AnyRecord]:
    """Return a strong odd cell at one station, and what another one nearby hears, both with positions in their records alone."""
    odd: dict[str, Any] = {"ppm": 1.5, "neighbours": [], "t3212": 1, "snr_db": 35.0}
    found = fake(**odd)
    for i, t in enumerate(every(30, 24, start_ns=found[0].start_time_ns)):
        found += [gsm("ea-sup", t + 1000 + k, arfcn=45 + 5 * k, ci=101 + k, place=place) for k in range(2)]
        if hears_it:
            found.append(gsm("ea-sup", t + 2000 + i, arfcn=58, bsic=7, ci=999, place=place, snr_db=12.0, ppm=1.5, neighbours=[]))
    return found


def kinds(records: list[AnyRecord]) -> set[str]:
    one = replace(scene("fake station that changes its LAC"), facts={})
    judge = new_judge(context_of(one))
    judge.feed(observations(records))
    return {c.kind for f in judge.findings() if f.rule == "4-fake-station" for c in f.evidence if c.decibans > 0.0}


def test_a_strong_cell_that_a_neighbouring_station_does_not_hear_is_a_sign_by_the_positions_in_records_alone() -> None:
    assert "one_station_only" in kinds(with_neighbour(hears_it=False))
    assert "one_station_only" not in kinds(with_neighbour(hears_it=True))
    assert "one_station_only" not in kinds(with_neighbour(hears_it=False, place=(13.4, 108.2)))
    assert "one_station_only" not in kinds(with_neighbour(hears_it=False, place=None))


def test_where_a_technology_goes_on_its_end_is_not_judged() -> None:
    (end,) = load_rule_book().technology_end
    assert end.exempts(TRUONG_SA) is not None
    for coast in ((11.92, 109.20), (16.07, 108.25), (8.70, 106.61), (10.35, 107.08), (13.08, 109.32), (12.67, 108.04)):
        assert end.exempts(coast) is None
    assert end.exempts(None) is None


def level_of(findings: tuple[Finding, ...]) -> str:
    (code,) = {c.reason.code for f in findings for c in f.evidence if c.kind == "level"}
    return code


def test_a_station_s_own_calibration_goes_before_what_the_centre_knows() -> None:
    one = scene("foreign cell far too strong")
    assert level_of(judged(one)) == "suspected_relay"
    own = replace(one, make=lambda: foreign(-25.0, dbm_minus_dbfs=-65.0))
    assert level_of(judged(own)) == "expected_spill"
    assert level_of(judged(replace(one, facts={}, make=lambda: foreign(-25.0, dbm_minus_dbfs=-30.0)))) == "suspected_relay"


def test_levels_without_any_calibration_are_not_judged() -> None:
    one = replace(scene("foreign cell far too strong"), facts={})
    judge = new_judge(context_of(one))
    judge.feed(observations(foreign(-25.0)))
    assert "no_calibration" in {r.reason.code for r in judge.remarks()}
