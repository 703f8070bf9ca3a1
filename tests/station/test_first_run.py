"""The first run says what it waits for; later ones say nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from station import first_run


def test_the_first_run_says_what_it_waits_for_and_the_second_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    marks = (tmp_path / "dsp" / "mark", tmp_path / "user" / "mark")
    monkeypatch.setattr(first_run, "_marks", lambda: marks)
    first_run.make_ready(said.append)
    first_run.make_ready(said.append)
    assert said == [first_run.WAITING]
    assert [mark.exists() for mark in marks] == [True, False]


def test_an_installation_that_cannot_be_written_is_marked_in_the_user_s_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    (tmp_path / "file").touch()
    marks = (tmp_path / "file" / "mark", tmp_path / "user" / "mark")
    monkeypatch.setattr(first_run, "_marks", lambda: marks)
    first_run.make_ready(said.append)
    first_run.make_ready(said.append)
    assert said == [first_run.WAITING]


def test_the_mark_names_the_versions_that_the_code_was_compiled_with() -> None:
    from importlib.metadata import version

    marks = first_run._marks()
    assert marks
    assert all(f"numba{version('numba')}" in mark.name and f"canhsong{version('canhsong')}" in mark.name for mark in marks)
