"""Who may speak: station name <-> public key, in one file that the running ingest reads again whenever it changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from config.keyfiles import KeyFileError, checked_key, replace_durably
from config.wire.base import StationName

Role = Literal["station", "subscriber"]


class Enrolment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One station's key. A revoked one stays, so that its name and its key are never given to another unseen."""

    station: StationName
    public_key: Annotated[str, Meta(min_length=40, max_length=40)]
    enrolled_ns: int
    revoked_ns: int | None = None
    role: Role = "station"
    """A station sends records; a subscriber gets what was accepted."""


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    enrolments: list[Enrolment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """All enrolments, oldest first."""

    enrolments: tuple[Enrolment, ...] = ()

    @property
    def stations(self) -> Mapping[str, str]:
        """Public key -> station name of every key that may speak."""
        return {e.public_key: e.station for e in self.enrolments if e.revoked_ns is None and e.role == "station"}

    @property
    def subscribers(self) -> Mapping[str, str]:
        """Public key -> name of every key that may listen."""
        return {e.public_key: e.station for e in self.enrolments if e.revoked_ns is None and e.role == "subscriber"}

    @property
    def in_force(self) -> Mapping[str, str]:
        """Public key -> name of every key that is not revoked."""
        return {e.public_key: e.station for e in self.enrolments if e.revoked_ns is None}

    def enrol(self, station: str, public_key: str, *, now_ns: int, role: Role = "station") -> Register:
        """Return the register with ``station`` speaking by ``public_key``; the same pair again changes nothing.

        Raises:
            KeyFileError: the key or the name is in use, or either is malformed.
        """
        key = checked_key(public_key)
        owner = self.in_force.get(key)
        if owner == station and (self.stations if role == "station" else self.subscribers).get(key) == station:
            return self
        if owner is not None:
            raise KeyFileError(f"this key is already enrolled as {owner}: one key, one station")
        if station in self.in_force.values():
            raise KeyFileError(f"{station} has a key already: revoke it first (`keys revoke {station}`)")
        try:
            fresh = msgspec.convert({"station": station, "public_key": key, "enrolled_ns": now_ns, "role": role}, Enrolment)
        except msgspec.ValidationError as error:
            raise KeyFileError(f"station name {station!r}: letters, digits, '_', '.', '-', at most 63") from error
        return Register(enrolments=(*self.enrolments, fresh))

    def revoke(self, station: str, *, now_ns: int) -> Register:
        """Return the register in which no key speaks for ``station``.

        Raises:
            KeyFileError: no key does.
        """
        if station not in self.in_force.values():
            known = ", ".join(sorted(self.in_force.values())) or "none"
            raise KeyFileError(f"{station} is not enrolled; enrolled are: {known}")
        return Register(
            enrolments=tuple(
                msgspec.structs.replace(e, revoked_ns=now_ns) if e.station == station and e.revoked_ns is None else e
                for e in self.enrolments
            )
        )


def read_register(path: Path) -> Register:
    """Return the register in ``path``; an absent file is an empty one.

    Raises:
        KeyFileError: the file cannot be read or is not a register: nobody is let in on a guess.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Register()
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return Register(enrolments=tuple(msgspec.json.decode(content, type=_File).enrolments))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{path}: is no enrolment file: {error}; restore it from a backup or enrol the stations again") from error


def write_register(path: Path, register: Register) -> None:
    """Put ``register`` in place of ``path``, durably and at once."""
    replace_durably(path, msgspec.json.format(msgspec.json.encode(_File(enrolments=list(register.enrolments)))) + b"\n")


class LiveRegister:
    """The register as it is on disk now, read again when the file changed. A broken file keeps the last good answer."""

    def __init__(self, path: Path) -> None:
        """Watch ``path``; read at the first question."""
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._stations: Mapping[str, str] = {}
        self._subscribers: Mapping[str, str] = {}
        self.error: str | None = None
        """Why the file on disk is not the one in force; None while it is."""

    def stations(self) -> Mapping[str, str]:
        """Return public key -> station name of every key that may speak."""
        return self.both()[0]

    def subscribers(self) -> Mapping[str, str]:
        """Return public key -> name of every key that may listen."""
        return self.both()[1]

    def both(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return both, of one look at the file; the same objects as before where it has not changed."""
        self._look()
        return self._stations, self._subscribers

    def _look(self) -> None:
        try:
            status = os.stat(self._path)
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            stamp = (0, 0, 0)
        if stamp == self._stamp:
            return
        try:
            register = read_register(self._path)
            self._stations, self._subscribers, self.error = register.stations, register.subscribers, None
        except KeyFileError as error:
            self.error = str(error)
        self._stamp = stamp
