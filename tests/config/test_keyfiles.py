"""Key files: made once, readable by their owner alone, refused otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.keyfiles import KeyFileError, KeyPair, checked_key, read_keypair, replace_durably, write_keypair

PAIR = KeyPair(public="rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", secret="JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6")


def test_a_keypair_comes_back_as_written_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "station.key"
    write_keypair(path, PAIR)
    assert read_keypair(path) == PAIR
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "station.key"
    write_keypair(path, PAIR)
    with pytest.raises(KeyFileError, match="never overwritten"):
        write_keypair(path, KeyPair(public=PAIR.secret, secret=PAIR.public))
    assert read_keypair(path) == PAIR


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "station.key"
    write_keypair(path, PAIR)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o} .* chmod 600 {path}"):
        read_keypair(path)


def test_an_absent_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="keys init"):
        read_keypair(tmp_path / "none.key")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"public = 3", b"public = 'short'\nsecret = 'short'\n", b"[["])
def test_what_is_no_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "station.key"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(KeyFileError):
        read_keypair(path)


def test_the_secret_half_does_not_show_in_logs() -> None:
    assert PAIR.secret not in repr(PAIR)
    assert PAIR.public in repr(PAIR)


@pytest.mark.parametrize("text", ["", "x" * 39, "x" * 41, "x" * 39 + '"', "x" * 39 + "'", "x" * 20 + "\n" + "x" * 19])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyFileError, match="40 characters"):
        checked_key(text)


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "register.json"
    replace_durably(path, b"old")
    replace_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["register.json"]
