"""The judging follower over a real journal: restarts, late records, answers, other registries, commands."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from collector import judging as judging_module
from collector.cases import Cases
from collector.checks import world as judge_module
from collector.checks.types import Finding
from collector.cli import cli
from collector.followers import catch_up
from collector.journal import Journal, JournalReader
from collector.judging import JudgingEffect, cases_path, findings_path
from config.errors import DataFileError
from config.wire import AnyRecord, encode_record
from tests.collector.checks.journals import found
from tests.scenes.bank import registry
from tests.scenes.scenes import carriers, fake, foreign

COLUMNS = "licence_id,holder,technology,lower_mhz,upper_mhz,bandwidth_khz,mcc,mnc,ci"


def put(data: Path, records: list[AnyRecord], *, spool: str = "ab" * 16, first: int = 0) -> None:
    journal = Journal(data / "journal")
    for seq, record in enumerate(records, start=first):
        journal.append((record.station, spool), seq, encode_record(record))
    journal.close()


def write_registry(folder: Path, *extra: str) -> Path:
    folder.mkdir()
    (folder / "registry.toml").write_text(
        'name = "test"\nstarting_point = false\n[[covers]]\nlower_mhz = 925.0\nupper_mhz = 960.0\n', encoding="utf-8"
    )
    rows = [
        f"{li.licence_id},{li.holder},{li.technology},{li.lower_mhz:.1f},{li.upper_mhz:.1f},,{li.mcc or ''},{li.mnc or ''},{li.ci or ''}"
        for li in registry().licences
    ]
    (folder / "licences.csv").write_text("\n".join([COLUMNS, *rows, *extra]) + "\n", encoding="utf-8")
    return folder


def run(data: Path, *words: str) -> str:
    done = CliRunner().invoke(cli, ["--data", str(data), *words])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def follow_all(data: Path) -> list[Finding]:
    effect = JudgingEffect(data)
    with JournalReader(data / "journal") as reader:
        while catch_up(reader, effect):
            pass
    effect.close()
    return found(data)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    run(tmp_path, "registry", "import", str(write_registry(tmp_path / "given")))
    return tmp_path


def test_a_follower_that_is_started_again_and_again_finds_what_one_run_finds(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_module, "SNAPSHOT_EVERY", 50)
    records = [*fake(lac=(1, 2, 3, 4), t3212=1), *carriers(941.0, 240)]
    half = len(records) // 2
    put(data, records[:half])
    follow_all(data)
    put(data, records[half:], first=half)
    assert follow_all(data) == follow_all(data)
    pieces = found(data)
    assert {f.rule for f in pieces} == {"1-unlicensed", "4-fake-station"}
    findings_path(data).unlink()
    assert follow_all(data) == pieces


def test_records_too_late_to_be_fitted_in_lead_to_the_same_findings(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_module, "SNAPSHOT_EVERY", 20)
    monkeypatch.setattr(judging_module, "KEEP", 30)
    records = [*fake(lac=(1, 2, 3, 4), t3212=1), *carriers(941.0, 240)]
    put(data, records)
    straight = follow_all(data)
    late = data / "late"
    run(late, "registry", "import", str(data / "given"))
    shuffled = list(enumerate(records))
    random.Random(3).shuffle(shuffled)
    for at in range(0, len(shuffled), 40):
        journal = Journal(late / "journal")
        for seq, record in shuffled[at : at + 40]:  # as many spools would bring them: entry numbers in order of arrival
            journal.append((record.station, "ab" * 16), seq, encode_record(record))
        journal.close()
        follow_all(late)
    assert found(late) == straight


def test_a_new_registry_closes_exactly_the_findings_that_it_explains(data: Path) -> None:
    put(data, [*carriers(941.0, 240), *carriers(938.0, 240, track_id="00000000000000bb")])
    assert sorted(f.subject for f in follow_all(data)) == ["938.000 MHz", "941.000 MHz"]
    run(data, "registry", "import", str(write_registry(data / "second", "NEW,X,gsm,940.9,941.1,,,,")))
    assert [f.subject for f in follow_all(data)] == ["938.000 MHz"]
    assert run(data, "registry", "diff", "current", str(data / "given")) == "- NEW\n"


def test_a_calibration_that_came_while_nobody_judged_has_the_past_judged_again(data: Path) -> None:
    put(data, foreign(-25.0))
    assert not any(c.kind == "level" for f in follow_all(data) for c in f.evidence)
    table = data / "stations.csv"
    table.write_text("station,lat_deg,lon_deg,height_m,gain_dbi,dbm_minus_dbfs\nban-don,12.89,107.80,12,2,-30\n", encoding="utf-8")
    assert {c.reason.code for f in follow_all(data) for c in f.evidence if c.kind == "level"} == {"suspected_relay"}


def test_blocks_of_a_neighbour_are_taken_from_the_data_folder_and_weigh_by_how_well_they_are_known(data: Path) -> None:
    put(data, foreign(-60.0))
    sums = []
    for confidence in ("low", "high"):
        rows = f"mcc,mnc,lower_mhz,upper_mhz,source,confidence\n456,08,926.0,930.0,letter 12/2026,{confidence}\n"
        (data / "neighbour_blocks.csv").write_text(rows, encoding="utf-8")
        (finding,) = [f for f in follow_all(data) if f.rule == "3-foreign"]
        sums += [c.decibans for c in finding.evidence if c.kind == "outside_own_block"]
    assert sums == [2.0, 4.0]
    (data / "neighbour_blocks.csv").write_text(
        "mcc,mnc,lower_mhz,upper_mhz,source,confidence\n456,08,930.0,926.0,x,low\n", encoding="utf-8"
    )
    with pytest.raises(DataFileError, match="row 1"):
        follow_all(data)


def test_an_answer_is_kept_for_ever_and_changes_the_finding(data: Path) -> None:
    put(data, carriers(941.0, 240))
    (finding,) = follow_all(data)
    run(data, "findings", "answer", finding.finding_id, "licensed", "--inspector", "Y Bla", "--note", "giấy phép 12/GP")
    (answered,) = follow_all(data)
    assert (answered.answer, answered.state) == ("licensed", "closed")
    findings_path(data).unlink()
    run(data, "rejudge")
    assert found(data) == [answered]
    cases = Cases(cases_path(data))
    (kept,) = cases.answers()
    cases.close()
    assert (kept.inspector, kept.note, kept.subject) == ("Y Bla", "giấy phép 12/GP", "941.000 MHz")


def test_rejudging_goes_on_where_it_was_stopped(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging_module, "BATCH", 50)
    monkeypatch.setattr(judging_module, "SAVE_EVERY", 100)
    put(data, [*fake(lac=(1, 2, 3, 4), t3212=1), *carriers(941.0, 240)])
    straight = follow_all(data)
    effect = JudgingEffect(data)

    def stop(done: int, of: int) -> None:
        assert of == 130
        if done >= 110:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        effect.again(0, progress=stop)
    effect._store.close()  # as by a kill: nothing more is saved
    judged = []
    resumed = JudgingEffect(data)  # goes on by itself
    resumed.again(0, resume=True, progress=lambda done, of: judged.append(done))
    resumed.close()
    assert found(data) == straight


def test_the_api_answers_with_the_findings_of_the_origins_asked_for(data: Path) -> None:
    from collector.judging_store import read_findings
    from collector.store import Query

    put(data, carriers(941.0, 240, origin="replay"))
    assert read_findings(findings_path(data), Query(origins=("replay",))) == []
    (finding,) = follow_all(data)
    assert read_findings(findings_path(data), Query(origins=("replay",))) == [finding]
    assert read_findings(findings_path(data), Query(origins=("replay",), stations=("elsewhere",))) == []
    assert read_findings(findings_path(data), Query(origins=("live",))) == []


def test_findings_are_listed_shown_and_told_apart_by_origin(data: Path) -> None:
    put(data, carriers(941.0, 240, origin="replay"))
    (finding,) = follow_all(data)
    assert json.loads(run(data, "findings", "list", "--origin", "all", "--json"))["finding_id"] == finding.finding_id
    assert "941.000 MHz" not in run(data, "findings", "list")
    shown = run(data, "findings", "show", finding.finding_id[:6])
    assert "không có giấy phép nào" in shown
    assert "no licence for this frequency" in shown
