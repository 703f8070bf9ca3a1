"""The rule book: refuses what it does not know, switches rules and signs off, dates its rows."""

from __future__ import annotations

from datetime import date
from importlib import resources
from pathlib import Path

import msgspec
import pytest

from config.errors import DataFileError
from config.rules import HEURISTICS, load_neighbour_blocks, load_rule_book

TEXT = (resources.files("config") / "data" / "rules_vn.toml").read_text(encoding="utf-8")


def written(folder: Path, old: str, new: str) -> Path:
    assert old in TEXT
    path = folder / "rules.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("[fake.cro_high]", "[fake.cro_hihg]", "heuristics are exactly"),
        ("suspected = 0.7", "suspected = 0.3", "open_confidence < to_verify < suspected < confirmed"),
        ("disabled = []", "disabled = []\ncolour = 1", "colour"),
        ("last_day = 2026-09-15", 'last_day = "soon"', "last_day"),
        ("pfa = 0.01", "pfa = 0.0", "pfa"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, where: str) -> None:
    with pytest.raises(DataFileError) as refused:
        load_rule_book(written(tmp_path, old, new))
    assert where in str(refused.value)


def test_a_technology_has_ended_the_day_after_its_last_one_and_only_while_the_row_is_in_force() -> None:
    book = load_rule_book()
    assert book.technology_ended("gsm", date(2026, 9, 15)) is None
    assert book.technology_ended("gsm", date(2026, 9, 16)) is not None
    assert book.technology_ended("lte", date(2026, 9, 16)) is None
    (row,) = book.technology_end
    early = msgspec.structs.replace(row, valid_from=date(2027, 1, 1))
    assert msgspec.structs.replace(book, technology_end=(early,)).technology_ended("gsm", date(2026, 12, 1)) is None


def test_the_version_changes_with_any_number(tmp_path: Path) -> None:
    assert load_rule_book(written(tmp_path, "pfa = 0.01", "pfa = 0.02")).version != load_rule_book().version


def test_every_sign_has_its_weight_and_the_neighbours_table_is_empty_but_readable(tmp_path: Path) -> None:
    assert set(load_rule_book().fake) == set(HEURISTICS)
    assert load_neighbour_blocks() == ()
    path = tmp_path / "blocks.csv"
    path.write_text("# c\nmcc,mnc,lower_mhz,upper_mhz,source\n456,08,950,955,x\n", encoding="utf-8")
    (block,) = load_neighbour_blocks(path)
    assert (block.mcc, block.mnc, block.upper_mhz) == ("456", "08", 955.0)
    path.write_text("mcc,mnc,lower_mhz,upper_mhz,source\nabc,08,950,955,x\n", encoding="utf-8")
    with pytest.raises(DataFileError, match="row 1"):
        load_neighbour_blocks(path)
