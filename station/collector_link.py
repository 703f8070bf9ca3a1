"""How a station reaches its collector: address, keys and spool out of settings, flags and what `keys init` noted."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from config.keyfiles import KeyFileError, checked_key, read_keypair, replace_durably
from config.settings import StationSettings
from config.wire.base import StationName
from station.errors import MisuseError
from station.one_collector_spool import OneCollectorSpool
from station.uplink import Curve, Uplink

KEY_FILE: Final = "station.key"
ENROLMENT_FILE: Final = "enrolment.json"
_TCP: Final = re.compile(r"^tcp://(\[[^\]]+\]|[^:]+):\d+$")


class Enrolled(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `canhsong-station keys init` was told: the name and the collector that go with this station's key."""

    station: StationName
    collector: Annotated[str, Meta(pattern=r"^(tcp|ipc)://.+$", max_length=200)]
    collector_key: Annotated[str, Meta(min_length=40, max_length=40)]


def read_enrolled(folder: Path) -> Enrolled | None:
    """Return what is noted in the state folder; None: nothing is.

    Raises:
        KeyFileError: the file cannot be read.
    """
    path = folder / ENROLMENT_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Enrolled)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{path}: {error}; write it anew with `canhsong-station keys init --collector ...`") from error


def write_enrolled(folder: Path, *, station: str, collector: str, collector_key: str) -> None:
    """Note the name and the collector that go with this station's key.

    Raises:
        KeyFileError: one of them cannot be, or the folder cannot be written.
    """
    values = {"station": station, "collector": collector, "collector_key": checked_key(collector_key, what="--collector-key")}
    try:
        enrolled = msgspec.convert(values, Enrolled)
    except msgspec.ValidationError as error:
        raise KeyFileError(f"{error}: a name is letters, digits, '_', '.', '-'; a collector is tcp://HOST:PORT") from error
    replace_durably(folder / ENROLMENT_FILE, msgspec.json.encode(enrolled) + b"\n")


def with_enrolment(settings: StationSettings, folder: Path, *, name_given: bool) -> StationSettings:
    """Return ``settings`` with the collector, and the name unless one was given, that `keys init` noted."""
    if (enrolled := read_enrolled(folder)) is None:
        return settings
    if settings.uplink.collector is None:
        settings = msgspec.structs.replace(settings, uplink=msgspec.structs.replace(settings.uplink, collector=enrolled.collector))
    if settings.uplink.collector == enrolled.collector and not name_given:
        settings = msgspec.structs.replace(settings, station=msgspec.structs.replace(settings.station, name=enrolled.station))
    return settings


def open_uplink(
    settings: StationSettings, address: str, *, folder: Path, say: Callable[[str], None], spool: Path | None = None, collector: str = ""
) -> Uplink:
    """Begin to connect to ``address``: with keys where the collector's is known, from the spool in ``spool`` where one is named.

    Raises:
        MisuseError: there is no key for a collector on another machine.
        KeyFileError: a key file is not right.
        SpoolError: the spool cannot be used.
    """
    curve = _curve(settings, address, folder=folder, say=say)
    held = None
    if spool is not None:
        section = settings.uplink
        held = OneCollectorSpool(
            spool, collector=collector or address, max_bytes=section.spool_mib * 2**20, keep_s=section.spool_keep_days * 86_400.0
        )
    return Uplink(address, station=settings.station.name, spool=held, curve=curve)


def _curve(settings: StationSettings, address: str, *, folder: Path, say: Callable[[str], None]) -> Curve | None:
    section = settings.uplink
    enrolled = read_enrolled(folder)
    collector_key = section.collector_key
    if collector_key is None and enrolled is not None and enrolled.collector == address:
        collector_key = enrolled.collector_key
    if collector_key is not None and not section.plaintext:
        return Curve(
            pair=read_keypair(Path(section.key_file) if section.key_file else folder / KEY_FILE),
            collector_key=checked_key(collector_key, what="uplink.collector_key"),
        )
    if is_here(address):
        return None
    if not section.plaintext:
        raise MisuseError(
            f"no key of the collector at {address} is known, and without keys anyone on the way can read and send: "
            "`canhsong-station keys init --station NAME --collector ADDRESS --collector-key KEY`, or set uplink.plaintext"
        )
    say(f"uplink.plaintext: records go to {address} for anyone on the way to read and change")
    return None


def is_here(address: str) -> bool:
    """Return whether ``address`` stays on this machine."""
    match = _TCP.match(address)
    if match is None:
        return True  # ipc, inproc; what is no address at all is refused by the uplink
    if match[1] == "localhost":
        return True
    try:
        return ipaddress.ip_address(match[1].strip("[]")).is_loopback
    except ValueError:
        return False
