"""The licence registry: read whole or not at all, every wrong cell named by line and column."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest

from config.errors import DataFileError
from config.licences import COLUMNS, LicenceFileError, difference, load_registry, parse_licences

HEADER = "licence_id,holder,technology,lower_mhz,upper_mhz,bandwidth_khz,site,lat_deg,lon_deg,valid_from,valid_to,mcc,mnc,ci"
GOOD = "GP-1,Viettel,lte,943.4,951.6,5000,Buôn Đôn,12.89,107.80,2024-01-01,2034-12-31,452,04,12345"

BROKEN = {
    "a frequency that is no number": ("GP-2,Viettel,lte,abc,951.6,,,,,,,,,", "line 3, column lower_mhz: 'abc'"),
    "NaN as a frequency": ("GP-2,Viettel,lte,nan,951.6,,,,,,,,,", "line 3, column lower_mhz: 'nan'"),
    "edges in the wrong order": ("GP-2,Viettel,lte,951.6,943.4,,,,,,,,,", "line 3, column upper_mhz: 943.4 must be above"),
    "an unknown technology": ("GP-2,Viettel,wimax,943.4,951.6,,,,,,,,,", "line 3, column technology: 'wimax'"),
    "half a position": ("GP-2,Viettel,lte,943.4,951.6,,,12.9,,,,,,", "line 3, column lon_deg"),
    "a day that does not exist": ("GP-2,Viettel,lte,943.4,951.6,,,,,2026-02-30,,,,", "line 3, column valid_from: '2026-02-30'"),
    "an end before its beginning": ("GP-2,Viettel,lte,943.4,951.6,,,,,2026-02-01,2025-01-01,,,", "line 3, column valid_to"),
    "a bandwidth that does not fit": ("GP-2,Viettel,lte,943.4,951.6,20000,,,,,,,,", "line 3, column bandwidth_khz"),
    "an mnc without its mcc": ("GP-2,Viettel,lte,943.4,951.6,,,,,,,,04,", "line 3, column mnc"),
    "a cell identity out of range": ("GP-2,Viettel,lte,943.4,951.6,,,,,,,452,04,999999999", "line 3, column ci: '999999999'"),
    "no holder": ("GP-2,,lte,943.4,951.6,,,,,,,,,", "line 3, column holder: is empty"),
    "a cell too few": ("GP-2,Viettel,lte,943.4,951.6,,,,,,,,", "line 3, has not the header's 14 cells"),
    "the same licence twice": (GOOD, "line 3, column licence_id: GP-1 was given in line 2"),
    "an open quotation mark": ('GP-2,"Viettel,lte,943.4,951.6,,,,,,,,,', "is not CSV"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_row_is_named_by_line_and_column(case: str) -> None:
    row, message = BROKEN[case]
    with pytest.raises(LicenceFileError) as caught:
        parse_licences(f"{HEADER}\n{GOOD}\n{row}\n", source="licences.csv")
    assert message in str(caught.value)
    assert "licences.csv" in str(caught.value)
    assert "Nothing was imported" in str(caught.value)


def test_every_wrong_row_is_told_at_once() -> None:
    rows = [row for row, message in BROKEN.values() if "CSV" not in message]
    with pytest.raises(LicenceFileError) as caught:
        parse_licences("\n".join([HEADER, GOOD, *rows]), source="licences.csv")
    assert [error.line for error in caught.value.rows] == list(range(3, 3 + len(rows)))


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "empty file"), ("licence_id,holder\n", "column technology is missing"), (f"{HEADER},colour\n", "unknown column 'colour'")],
)
def test_a_wrong_header_says_what_is_known(text: str, message: str) -> None:
    with pytest.raises(LicenceFileError, match=message):
        parse_licences(text, source="licences.csv")


def test_a_good_row_keeps_its_values_and_the_digits_of_its_mnc() -> None:
    (licence,) = parse_licences(f"\ufeff{HEADER}\r\n{GOOD}\r\n", source="licences.csv")
    assert (licence.holder, licence.site, licence.mcc, licence.mnc, licence.ci) == ("Viettel", "Buôn Đôn", "452", "04", 12345)
    assert licence.valid_on(date(2024, 1, 1))
    assert licence.valid_on(date(2034, 12, 31))
    assert not licence.valid_on(date(2023, 12, 31))
    assert not licence.valid_on(date(2035, 1, 1))


def write(folder: Path, rows: list[str]) -> Path:
    folder.mkdir()
    (folder / "registry.toml").write_text('name = "test"\nstarting_point = false\ncovers = [{lower_mhz = 925.0, upper_mhz = 960.0}]\n')
    (folder / "licences.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return folder


def test_the_version_depends_on_the_content_and_not_on_the_order_of_rows(tmp_path: Path) -> None:
    rows = [GOOD.replace("GP-1", f"GP-{k}") for k in range(20)]
    one = load_registry(write(tmp_path / "a", rows))
    shuffled = rows.copy()
    random.Random(5).shuffle(shuffled)
    assert load_registry(write(tmp_path / "b", shuffled)).version == one.version
    assert load_registry(write(tmp_path / "c", [*rows[1:], rows[0].replace("5000", "4000")])).version != one.version
    assert one.covers(935e6, 936e6)
    assert not one.covers(924e6, 936e6)


def test_a_difference_names_what_was_added_removed_and_changed(tmp_path: Path) -> None:
    rows = [GOOD.replace("GP-1", f"GP-{k}") for k in (1, 2, 3)]
    old = load_registry(write(tmp_path / "old", rows))
    new = load_registry(write(tmp_path / "new", [rows[0], rows[1].replace("12345", "7").replace("5000", ""), GOOD.replace("GP-1", "GP-9")]))
    found = difference(old, new)
    assert (found.added, found.removed, found.changed) == (("GP-9",), ("GP-3",), (("GP-2", ("bandwidth_khz", "ci")),))


def test_a_folder_that_is_no_registry_says_what_one_is(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"registry\.toml"):
        load_registry(tmp_path)
    (tmp_path / "registry.toml").write_text('name = "x"\nstarting_point = true\n')
    with pytest.raises(DataFileError, match=r"a registry is a folder with registry\.toml and licences\.csv"):
        load_registry(tmp_path)


def test_the_columns_are_what_the_documentation_may_rely_on() -> None:
    assert COLUMNS[:5] == ("licence_id", "holder", "technology", "lower_mhz", "upper_mhz")
