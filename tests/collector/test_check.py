"""``check`` on real recordings equals the committed tables; the tables say what the issue asks for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from collector.check_command import check
from collector.checking import ExpectedVerdict, essence, judge_path, judge_records
from collector.checks.context import default_context
from config.wire import to_json
from tests.scenes.air import BEFORE_SWITCH_OFF_NS, START_NS, gsm

TABLES = Path(__file__).parent / "checks"
STARTS = {"undated": None, "dated_2026": "2026-11-20T03:00Z", "dated_2023": "2023-06-01T00:00Z"}
SHORT = ("gsm_bts_viettel_arfcn45", "ism_homematic")


def table(name: str) -> dict[str, ExpectedVerdict]:
    import msgspec

    return msgspec.json.decode((TABLES / f"expected_{name}.json").read_bytes(), type=dict[str, ExpectedVerdict])


@pytest.mark.parametrize("source", SHORT)
def test_a_recording_is_judged_as_committed(recordings: Path, source: str) -> None:
    verdict = judge_path(recordings / f"{source}.sigmf-meta", default_context(), start_time=STARTS["dated_2026"])
    found = json.loads(essence([verdict]))
    want = json.loads((TABLES / "expected_dated_2026.json").read_bytes())
    assert found[f"{source}.sigmf-meta"] == want[f"{source}.sigmf-meta"]


@pytest.mark.slow
@pytest.mark.parametrize("name", STARTS)
def test_every_recording_is_judged_as_committed(recordings: Path, name: str) -> None:
    paths = sorted(map(str, recordings.glob("*.sigmf-meta")))
    when = STARTS[name]
    options = ["--expect", str(TABLES / f"expected_{name}.json"), *(["--start-time", when] if when else [])]
    done = CliRunner().invoke(check, [*paths, *options])
    assert done.exit_code == 0, done.output


def test_the_tables_cover_every_recording_and_leave_none_without_an_answer(recordings: Path) -> None:
    names = {path.name for path in recordings.glob("*.sigmf-meta")}
    for name in STARTS:
        assert set(table(name)) == names
        assert all(verdict.findings or verdict.cannot_judge for verdict in table(name).values())


def test_gsm_of_viettel_after_the_switch_off_is_rule_2_and_before_it_is_not_and_without_a_date_it_cannot_be_said() -> None:
    source = "gsm_bts_viettel_arfcn45.sigmf-meta"
    assert [(f.rule, f.reasons) for f in table("dated_2026")[source].findings] == [("2-technology", ("after_switch_off",))]
    assert table("dated_2023")[source].findings == ()
    assert table("undated")[source].findings == ()
    assert any(line.startswith("2-technology") and line.endswith("no_date") for line in table("undated")[source].cannot_judge)
    assert not any(line.endswith("no_date") for line in table("dated_2023")[source].cannot_judge)


def test_metfone_is_rule_3_with_its_level_not_judged() -> None:
    verdict = table("dated_2026")["gsm_bts_metfone_arfcn90.sigmf-meta"]
    assert [(f.rule, f.grade) for f in verdict.findings] == [("3-foreign", "to_verify")]
    assert any("456-08" in line and line.endswith("no_calibration") for line in verdict.cannot_judge)


def test_networks_of_far_countries_are_said_to_be_neither_home_nor_neighbour() -> None:
    found = table("dated_2026")
    named = [f for verdict in found.values() for f in verdict.findings if "neither_home_nor_neighbour" in f.reasons]
    assert {f.subject.split()[5].split("-")[0] for f in named} >= {"208", "310", "901", "272", "206"}
    assert all(f.grade == "to_verify" for f in named)


def test_recordings_without_a_frequency_say_what_could_not_be_judged() -> None:
    found = table("dated_2026")
    without = [n for n in found if n.startswith(("ism_", "lte_enb", "lte_none_noise", "lte_ota_50rb", "lte_ota_6rb"))]
    assert len(without) == 9
    for name in without:
        assert any(line.endswith("no_frequency") for line in found[name].cannot_judge), name


def test_the_command_prints_reasons_in_both_languages_and_a_difference_ends_with_3(tmp_path: Path) -> None:
    records = tmp_path / "one.jsonl"
    records.write_text(to_json(gsm("s1", START_NS)) + "\n", encoding="utf-8")
    shown = CliRunner().invoke(check, [str(records)])
    assert shown.exit_code == 0
    assert "sau ngày cuối 15/09/2026" in shown.output
    assert "after its last day 2026-09-15" in shown.output
    expected = tmp_path / "expected.json"
    assert CliRunner().invoke(check, [str(records), "--write-expect", str(expected)]).exit_code == 0
    assert CliRunner().invoke(check, [str(records), "--expect", str(expected)]).exit_code == 0
    records.write_text(to_json(gsm("s1", BEFORE_SWITCH_OFF_NS)) + "\n", encoding="utf-8")
    other = CliRunner().invoke(check, [str(records), "--expect", str(expected)])
    assert other.exit_code == 3
    assert '-   "rule": "2-technology"' in other.output.replace("-    ", "-   ")


def test_json_has_one_object_a_line_and_nothing_else(tmp_path: Path) -> None:
    records = tmp_path / "one.jsonl"
    records.write_text(to_json(gsm("s1", START_NS)) + "\n", encoding="utf-8")
    lines = CliRunner().invoke(check, ["--json", str(records)]).output.splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds == ["finding"]
    assert json.loads(lines[0])["evidence"][0]["reason"]["numbers"]["last_day"] == "2026-09-15"


def test_a_file_that_is_no_recording_is_one_line_and_not_a_traceback(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n", encoding="utf-8")
    done = CliRunner().invoke(check, [str(bad)])
    assert done.exit_code == 1
    assert "bad.jsonl, line 1" in done.output


def test_the_same_records_give_the_same_bytes() -> None:
    import msgspec

    records = [gsm("s1", START_NS + i) for i in range(3)]
    once, again = (msgspec.json.encode(judge_records(records, default_context(), source="x")) for _ in range(2))
    assert once == again
