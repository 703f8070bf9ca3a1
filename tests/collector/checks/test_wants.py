"""What evidence a finding wants: where, of whom, and when nothing."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from collector.checks.rules import new_judge
from collector.checks.types import Answer, Finding, answers_of
from tests.scenes.air import observations
from tests.scenes.bank import Scene, context_of, judged
from tests.scenes.more_scenes import SCENES


def scene(name: str) -> Scene:
    return next(s for s in SCENES if s.name == name)


@pytest.mark.parametrize("one", [s for s in SCENES if s.violation], ids=lambda s: s.name)
def test_every_violation_says_what_would_help_at_a_station_that_heard_it(one: Scene) -> None:
    found = judged(one)
    assert found
    for finding in found:
        assert finding.wants
        assert {w.station for w in finding.wants} <= set(finding.stations)
        assert all(700e6 < w.freq_hz < 1900e6 and w.duration_s > 0 for w in finding.wants)


def test_a_relay_wants_a_watch_of_the_cells_that_share_the_echo() -> None:
    (finding,) = judged(scene("repeater on two sites"))
    assert {(w.what, round(w.freq_hz / 1e6, 1)) for w in finding.wants} >= {("watch", 944.0), ("watch", 945.0)}


def test_what_is_only_information_wants_nothing() -> None:
    (finding,) = judged(scene("foreign cell as strong as its distance gives"))
    assert finding.grade == "information"
    assert finding.wants == ()


def test_a_recording_cannot_be_asked() -> None:
    one = scene("jammer")
    (finding,) = judged(replace(one, make=lambda: [msgspec.structs.replace(r, origin="replay") for r in one.make()]))
    assert finding.grade == "suspected"
    assert finding.wants == ()


@pytest.mark.parametrize("word", ["confirmed", "false", "licensed"])
def test_an_answered_finding_wants_nothing_more(word: str) -> None:
    one = scene("jammer")
    (open_,) = judged(one)
    answer = Answer(finding_id=open_.finding_id, rule=open_.rule, subject=open_.subject, answer=word, time_ns=1, inspector="A")  # type: ignore[arg-type]
    judge = new_judge(context_of(one), answers_of([answer]))
    judge.feed(observations(one.make()))
    answered: Finding = judge.findings()[0]
    assert answered.answer == word
    assert answered.wants == ()
