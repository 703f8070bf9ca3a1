"""What the page shows of findings: reasons in both languages, marks where they opened, nothing from outside as markup."""

from __future__ import annotations

from typing import Any

from collector.checks.types import Finding
from collector.web.findings_panel import finding_row, mark_findings
from tests.scenes.bank import judged
from tests.scenes.more_scenes import SCENES


def finding(name: str) -> Finding:
    (one,) = judged(next(scene for scene in SCENES if scene.name == name))
    return one


def options(start_ns: int) -> dict[str, Any]:
    return {"series": [{"type": "custom", "data": [{"value": [0, start_ns / 1e6 + 7 * 3.6e6, start_ns / 1e6 + 8 * 3.6e6, 0.5, 1]}]}]}


def test_a_row_says_rule_grade_confidence_and_reasons_in_both_languages() -> None:
    jammer = finding("jammer")
    row = finding_row(jammer, now_ns=jammer.last_ns)
    assert row["mark"] == "▲"
    assert row["rule"] == "phá sóng / jammer"
    assert row["confidence"] == f"{jammer.confidence:.0%}"
    assert "mất cùng lúc 4/4 ô" in row["reasons"]
    assert "4 of 4 known cells lost together" in row["reasons"]


def test_a_finding_is_marked_where_it_opened_in_local_time() -> None:
    jammer = finding("jammer")
    chart = options(jammer.opened_ns)
    mark_findings(chart, [jammer])
    (line,) = chart["series"][1]["markLine"]["data"]
    assert line["xAxis"] == jammer.opened_ns / 1e6 + 7 * 3_600_000
    assert "phá sóng" in line["tip"]


def test_informations_and_empty_charts_are_not_marked() -> None:
    spill = finding("foreign cell as strong as its distance gives")
    chart = options(spill.opened_ns)
    mark_findings(chart, [spill])
    assert len(chart["series"]) == 1
    empty: dict[str, Any] = {"series": [{"type": "custom", "data": []}]}
    mark_findings(empty, [finding("jammer")])
    assert len(empty["series"]) == 1
