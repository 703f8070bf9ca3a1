"""Enrolment: one key, one station; a revoked key is out at the next question."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.enrolment import LiveRegister, Register, read_register, write_register
from config.keyfiles import KeyFileError

KEY_A = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
KEY_B = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"


def test_an_enrolled_station_speaks_until_it_is_revoked(tmp_path: Path) -> None:
    path = tmp_path / "stations.json"
    live = LiveRegister(path)
    assert live.stations() == {}
    write_register(path, read_register(path).enrol("ea-sup", KEY_A, now_ns=1).enrol("ban-don", KEY_B, now_ns=2))
    assert live.stations() == {KEY_A: "ea-sup", KEY_B: "ban-don"}
    write_register(path, read_register(path).revoke("ea-sup", now_ns=3))
    assert live.stations() == {KEY_B: "ban-don"}
    assert [(e.station, e.revoked_ns) for e in read_register(path).enrolments] == [("ea-sup", 3), ("ban-don", None)]


def test_enrolling_the_same_pair_again_changes_nothing() -> None:
    once = Register().enrol("ea-sup", KEY_A, now_ns=1)
    assert once.enrol("ea-sup", KEY_A, now_ns=9) == once


def test_a_key_that_was_revoked_can_be_enrolled_again() -> None:
    register = Register().enrol("ea-sup", KEY_A, now_ns=1).revoke("ea-sup", now_ns=2).enrol("ea-sup", KEY_A, now_ns=3)
    assert register.stations == {KEY_A: "ea-sup"}


def test_one_key_never_speaks_for_two_stations_nor_one_station_by_two_keys() -> None:
    register = Register().enrol("ea-sup", KEY_A, now_ns=1)
    with pytest.raises(KeyFileError, match="already enrolled as ea-sup"):
        register.enrol("ban-don", KEY_A, now_ns=2)
    with pytest.raises(KeyFileError, match="keys revoke ea-sup"):
        register.enrol("ea-sup", KEY_B, now_ns=2)


@pytest.mark.parametrize("name", ["", "a b", "<script>", "../x", "é", "x" * 64])
def test_a_name_that_could_be_more_than_a_name_is_refused(name: str) -> None:
    with pytest.raises(KeyFileError, match="station name"):
        Register().enrol(name, KEY_A, now_ns=1)


def test_revoking_a_stranger_names_who_is_enrolled() -> None:
    with pytest.raises(KeyFileError, match="enrolled are: ea-sup"):
        Register().enrol("ea-sup", KEY_A, now_ns=1).revoke("ea-xup", now_ns=2)


def test_a_broken_file_keeps_the_last_good_answer_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "stations.json"
    live = LiveRegister(path)
    write_register(path, Register().enrol("ea-sup", KEY_A, now_ns=1))
    assert live.stations() == {KEY_A: "ea-sup"}
    path.write_text('{"enrolments": [')
    assert live.stations() == {KEY_A: "ea-sup"}
    assert live.error is not None
    assert str(path) in live.error
    with pytest.raises(KeyFileError, match="no enrolment file"):
        read_register(path)


def test_a_deleted_register_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "stations.json"
    write_register(path, Register().enrol("ea-sup", KEY_A, now_ns=1))
    live = LiveRegister(path)
    assert live.stations()
    path.unlink()
    assert live.stations() == {}
