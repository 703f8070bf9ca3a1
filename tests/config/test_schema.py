from __future__ import annotations

from pathlib import Path

import pytest

from config.make_schema import FOLDER, SCHEMAS, main, schema_text


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_committed_schema_is_what_the_code_says(name: str) -> None:
    committed = (FOLDER / name).read_text(encoding="utf-8")
    assert committed == schema_text(SCHEMAS[name]), f"{name} is out of date: run `make schema` and look at what changed"


def test_no_schema_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(SCHEMAS)


def test_the_script_writes_every_schema(tmp_path: Path) -> None:
    main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(SCHEMAS)
