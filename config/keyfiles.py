"""CURVE key files: one keypair a file, mode 0600, refused otherwise.

A key is 32 bytes, written as 40 characters of Z85 (ZeroMQ RFC 32).
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from config.errors import ConfigError
from config.z85 import z85_encode

_Z85: Final = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")


class KeyFileError(ConfigError):
    """A key or a key file is wrong: the message names the file and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A CURVE keypair in Z85; the secret half never shows in ``repr``."""

    public: str
    secret: str = field(repr=False)


def checked_key(text: str, *, what: str = "public key") -> str:
    """Return ``text`` without surrounding blanks.

    Raises:
        KeyFileError: it is not 40 characters of Z85.
    """
    key = text.strip()
    if not _Z85.fullmatch(key):
        raise KeyFileError(f"{what}: {len(key)} characters given; a key is 40 characters of Z85, as `keys show` prints it")
    return key


def write_keypair(path: Path, pair: KeyPair) -> None:
    """Write ``pair`` to the new file ``path``, mode 0600, durable before this returns.

    Raises:
        KeyFileError: there is a file already (a key is never overwritten), or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(f"{path}: there is a key already; it is never overwritten. Move it away first if it is to be replaced") from None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"# CURVE keypair: keep it secret, mode 0600\npublic = '{pair.public}'\nsecret = '{pair.secret}'\n")
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)


def read_keypair(path: Path) -> KeyPair:
    """Return the keypair in ``path``.

    Raises:
        KeyFileError: it is absent, open to others than its owner, or no key file.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(4096)
    except FileNotFoundError:
        raise KeyFileError(f"{path}: no key there; make one with `keys init`") from None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise KeyFileError(f"{path}: mode {mode:04o} lets others read a secret key: chmod 600 {path}")
    try:
        values = tomllib.loads(content.decode("ascii"))
        public, secret = values["public"], values["secret"]
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise KeyFileError(f"{path}: is no key file ({type(error).__name__}); make one with `keys init`") from error
    return KeyPair(public=checked_key(str(public), what=f"{path}: public"), secret=checked_key(str(secret), what=f"{path}: secret"))


def replace_durably(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Put ``content`` in place of ``path`` at once and durably: a reader sees the old file or the new one, whatever happens.

    Raises:
        KeyFileError: the folder cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be written: {error.strerror}") from error
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fresh_keypair() -> KeyPair:
    """Return a new CURVE keypair (Curve25519, libsodium); its public half never begins with ``-``, which commands take for a flag."""
    from nacl.bindings import crypto_box_keypair

    while True:
        public, secret = (z85_encode(half) for half in crypto_box_keypair())
        if not public.startswith("-"):
            return KeyPair(public=public, secret=secret)
