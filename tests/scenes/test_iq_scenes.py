"""Scenes as samples give their findings end to end: synthesiser, recording, the station's replay, the collector's ``check``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from collector.check_command import check
from tests.scenes.iq import IQ_SCENES, IqScene, write


@pytest.mark.parametrize("scene", [pytest.param(s, marks=pytest.mark.slow if s.slow else (), id=s.name) for s in IQ_SCENES])
def test_a_recording_of_a_scene_gives_exactly_its_findings(scene: IqScene, tmp_path: Path) -> None:
    path, registry = write(scene, tmp_path)
    done = CliRunner().invoke(check, [str(path), "--json", *(["--registry", str(registry)] if registry else [])])
    assert done.exit_code == 0, done.output
    found = [line for line in map(json.loads, done.stdout.splitlines()) if line["kind"] == "finding"]
    told = [f for f in found if f["rule"] != "8-changes"]
    assert sorted((f["rule"], f["grade"]) for f in told) == [(rule, grade) for rule, grade, _ in scene.expected], told
    for rule, _, code in scene.expected:
        (reasons,) = [{c["reason"]["code"] for c in f["evidence"]} for f in told if f["rule"] == rule]
        assert code in reasons
    assert all(f["origin"] == "replay" and not f["alert"] for f in found)


def test_there_are_violations_of_every_kind_that_a_recording_can_show_and_innocent_twins() -> None:
    assert {rule for s in IQ_SCENES for rule, _, _ in s.expected} == {
        "1-unlicensed", "2-technology", "3-foreign", "4-fake-station", "6-booster", "7-jammer"
    }  # fmt: skip
    assert sum(not s.violation for s in IQ_SCENES) >= 3
