"""Every scene of the bank gives its findings and no other."""

from __future__ import annotations

import random

import pytest

from config.rules import load_rule_book
from tests.scenes.bank import Scene, judged
from tests.scenes.more_scenes import SCENES
from tests.scenes.simulation import run

ALERT = load_rule_book().alert.suspected


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_scene_gives_exactly_its_findings(scene: Scene) -> None:
    findings = judged(scene)
    assert tuple(sorted((f.rule, f.grade) for f in findings)) == scene.expected
    for finding in findings:
        assert (finding.confidence >= ALERT) == scene.violation, finding
        assert all(c.reason.vi and c.reason.en and c.reason.vi != c.reason.en for c in finding.evidence)
        assert finding.legal_basis


def test_there_are_enough_scenes_of_both_kinds_and_every_rule_has_its_violation_and_its_twin() -> None:
    assert len(SCENES) >= 24
    rules = {rule for scene in SCENES if scene.violation for rule, _ in scene.expected}
    assert rules == {"1-unlicensed", "2-technology", "3-foreign", "4-fake-station", "5-relay", "6-booster", "7-jammer"}
    assert sum(1 for scene in SCENES if not scene.violation) >= 10


def test_a_replayed_violation_is_marked_and_never_alerts() -> None:
    from dataclasses import replace as changed

    import msgspec

    scene = next(s for s in SCENES if s.name == "jammer")
    (live,) = judged(scene)
    (replayed,) = judged(changed(scene, make=lambda: [msgspec.structs.replace(r, origin="replay") for r in scene.make()]))
    assert live.alert
    assert not replayed.alert
    assert replayed.origin == "replay"
    assert replayed.confidence == live.confidence


@pytest.mark.parametrize(("runs", "hours"), [(1, 3.0), pytest.param(3, 24.0, marks=pytest.mark.slow)])
def test_a_network_finds_what_is_planted_and_little_else(runs: int, hours: float) -> None:
    for _ in range(runs):
        seed = random.SystemRandom().randrange(2**32)
        result = run(seed, hours)
        print(f"seed {seed}: {result.observations} observations, false: {[(f.rule, f.subject) for f in result.false]}")
        assert result.missed == ()
        assert len(result.found) == 12
        assert len(result.false) <= 2
        assert not any(f.grade == "confirmed" for f in result.false)
