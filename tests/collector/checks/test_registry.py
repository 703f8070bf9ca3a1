"""Importing registries: ten broken ones, each with a message that says where, nothing changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from collector.cli import cli
from collector.registry_folder import current_folder, import_registry, judging_context, load_stations
from config.errors import DataFileError
from config.licences import load_registry

HEAD = 'name = "x"\nstarting_point = false\n'
ROWS = "licence_id,holder,technology,lower_mhz,upper_mhz,valid_from,valid_to,lat_deg,lon_deg\nA,H,gsm,935.0,935.2,,,,\n"
BROKEN = {
    "a word for a number": (HEAD, ROWS + "B,H,gsm,abc,936.0,,,,\n", "line 3, column lower_mhz"),
    "a range that runs backwards": (HEAD, ROWS + "B,H,gsm,937.0,936.0,,,,\n", "line 3, column upper_mhz"),
    "an unknown technology": (HEAD, ROWS + "B,H,5g,935.0,936.0,,,,\n", "line 3, column technology"),
    "dates that run backwards": (HEAD, ROWS + "B,H,gsm,935.0,936.0,2026-01-02,2026-01-01,,\n", "line 3, column valid_to"),
    "a date that is none": (HEAD, ROWS + "B,H,gsm,935.0,936.0,2026-13-01,,,\n", "line 3, column valid_from"),
    "half a position": (HEAD, ROWS + "B,H,gsm,935.0,936.0,,,12.0,\n", "line 3, column lon_deg"),
    "one identity twice": (HEAD, ROWS + "A,H,gsm,935.0,936.0,,,,\n", "line 3, column licence_id"),
    "a row too short": (HEAD, ROWS + "B,H\n", "line 3"),
    "an unknown column": (HEAD, "licence_id,holder,technology,lower_mhz,upper_mhz,colour\n", "unknown column 'colour'"),
    "a head without a name": ("starting_point = false\n", ROWS, "registry.toml"),
    "no licences file": (HEAD, None, "licences.csv"),
}


def write(folder: Path, head: str, rows: str | None) -> Path:
    folder.mkdir(parents=True)
    (folder / "registry.toml").write_text(head, encoding="utf-8")
    if rows is not None:
        (folder / "licences.csv").write_text(rows, encoding="utf-8")
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_registry_changes_nothing_and_says_where(tmp_path: Path, what: str) -> None:
    data = tmp_path / "data"
    import_registry(data, write(tmp_path / "good", HEAD, ROWS))
    before = snapshot(data)
    head, rows, where = BROKEN[what]
    with pytest.raises(DataFileError) as refused:
        import_registry(data, write(tmp_path / "bad", head, rows))
    assert where in str(refused.value)
    assert snapshot(data) == before


def test_every_imported_version_is_kept_and_the_last_one_is_judged_by(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = import_registry(data, write(tmp_path / "one", HEAD, ROWS))
    second = import_registry(data, write(tmp_path / "two", HEAD, ROWS + "B,H,gsm,936.0,936.2,,,,\n"))
    assert current_folder(data).name == second.version
    assert judging_context(data).licences.registry.version == second.version
    assert load_registry(data / "registry" / first.version) == first


def test_the_registry_that_comes_along_is_a_starting_point_and_covers_nothing(tmp_path: Path) -> None:
    registry = judging_context(tmp_path).licences.registry
    assert registry.head.starting_point
    assert not registry.covers(935e6, 936e6)
    shown = CliRunner().invoke(cli, ["--data", str(tmp_path), "registry", "show"]).output
    assert "a starting point, no substitute" in shown


def test_a_wrong_station_row_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "stations.csv"
    path.write_text("station,lat_deg,lon_deg,dbm_minus_dbfs\na,12.9,107.8,-30\nb,120,107.8,\n", encoding="utf-8")
    with pytest.raises(DataFileError, match="line 3"):
        load_stations(path)
