"""How a station reaches its collectors: addresses, keys and spool out of settings, flags and what `keys init` noted."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from config.keyfiles import KeyFileError, checked_key, read_keypair, replace_durably
from config.settings import OtherCollector, StationSettings
from config.wire.base import StationName
from station.errors import MisuseError
from station.one_collector_spool import OneCollectorSpool
from station.side_talk import SideTalk
from station.uplink import Curve, Uplink
from station.uplinks import Uplinks

KEY_FILE: Final = "station.key"
ENROLMENT_FILE: Final = "enrolment.json"
_TCP: Final = re.compile(r"^tcp://(\[[^\]]+\]|[^:]+):\d+$")


class EnrolledAlso(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further collector that this station's key is enrolled at."""

    collector: Annotated[str, Meta(pattern=r"^(tcp|ipc)://.+$", max_length=200)]
    collector_key: Annotated[str, Meta(min_length=40, max_length=40)]


class Enrolled(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `canhsong-station keys init` was told: the name and the collector that go with this station's key."""

    station: StationName
    collector: Annotated[str, Meta(pattern=r"^(tcp|ipc)://.+$", max_length=200)]
    collector_key: Annotated[str, Meta(min_length=40, max_length=40)]
    also: tuple[EnrolledAlso, ...] = ()

    def key_of(self, address: str) -> str | None:
        """Return the key that is noted for the collector at ``address``; None: none is."""
        return dict(self.collectors()).get(address)

    def collectors(self) -> list[tuple[str, str]]:
        """Return the address and the key of each collector."""
        return [(self.collector, self.collector_key), *((one.collector, one.collector_key) for one in self.also)]


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


def write_enrolled(folder: Path, *, station: str, collector: str, collector_key: str, also: bool = False) -> None:
    """Note the name and the collector that go with this station's key. ``also``: beside the one that is noted, not in its place.

    Raises:
        KeyFileError: one of them cannot be, or the folder cannot be written.
    """
    values = {"collector": collector, "collector_key": checked_key(collector_key, what="--collector-key")}
    try:
        if also and (before := read_enrolled(folder)) is not None:
            others = {one.collector: one for one in before.also} | {collector: msgspec.convert(values, EnrolledAlso)}
            others.pop(before.collector, None)
            enrolled = msgspec.structs.replace(before, also=tuple(others.values()))
        else:
            enrolled = msgspec.convert({"station": station, **values}, Enrolled)
    except msgspec.ValidationError as error:
        raise KeyFileError(f"{error}: a name is letters, digits, '_', '.', '-'; a collector is tcp://HOST:PORT") from error
    replace_durably(folder / ENROLMENT_FILE, msgspec.json.encode(enrolled) + b"\n")


def with_enrolment(settings: StationSettings, folder: Path, *, name_given: bool) -> StationSettings:
    """Return ``settings`` with the collectors, and the name unless one was given, that `keys init` noted."""
    if (enrolled := read_enrolled(folder)) is None:
        return settings
    section = settings.uplink
    if section.collector is None:
        also = section.also or tuple(OtherCollector(collector=one.collector, collector_key=one.collector_key) for one in enrolled.also)
        section = msgspec.structs.replace(section, collector=enrolled.collector, also=also)
        settings = msgspec.structs.replace(settings, uplink=section)
    addresses = [section.collector, *(one.collector for one in section.also)]
    if not name_given and any(address is not None and enrolled.key_of(address) is not None for address in addresses):
        settings = msgspec.structs.replace(settings, station=msgspec.structs.replace(settings.station, name=enrolled.station))
    return settings


def with_collectors(settings: StationSettings, addresses: Sequence[str]) -> StationSettings:
    """Return ``settings`` with the collectors at ``addresses`` in the place of those that are set; keys set for them stay."""
    if not addresses:
        return settings
    section = settings.uplink
    keys = {one.collector: one.collector_key for one in section.also}
    if section.collector is not None:
        keys[section.collector] = section.collector_key
    first, *others = dict.fromkeys(addresses)
    also = tuple(OtherCollector(collector=address, collector_key=keys.get(address)) for address in others)
    key = keys.get(first, section.collector_key if section.collector is None and not others else None)
    section = msgspec.structs.replace(section, collector=first, collector_key=key, also=also)
    return msgspec.structs.replace(settings, uplink=section)


def open_uplinks(
    settings: StationSettings,
    address: str,
    *,
    folder: Path,
    say: Callable[[str], None],
    spool: Path,
    collector: str = "",
    side: Callable[[str], SideTalk] | None = None,
) -> Uplinks:
    """Begin to connect to ``address`` and to every collector of ``uplink.also``, out of one spool; otherwise as ``open_uplink``.

    ``side``: gives what else is said to a collector, by its name.
    """
    section = settings.uplink
    wanted = [(collector or address, address, section.collector_key)]
    wanted += [(one.collector, one.collector, one.collector_key) for one in section.also if one.collector != address]
    curves = [_curve(settings, where, key, folder=folder, say=say) for _, where, key in wanted]
    first = _open_spool(settings, spool, wanted[0][0])
    views = [first, *(first.beside(name) for name, _, _ in wanted[1:])]
    links: list[Uplink] = []
    try:
        for (name, where, _), view, curve in zip(wanted, views, curves, strict=True):
            talk = side(name) if side is not None else None
            links.append(Uplink(where, station=settings.station.name, spool=view, curve=curve, max_bytes_s=section.max_bytes_s, side=talk))
    except MisuseError:
        for link in links:
            link.close()
        for view in views:
            view.close()
        raise
    return Uplinks(links)


def open_uplink(
    settings: StationSettings, address: str, *, folder: Path, say: Callable[[str], None], spool: Path | None = None, collector: str = ""
) -> Uplink:
    """Begin to connect to ``address``: with keys where the collector's is known, from the spool in ``spool`` where one is named.

    Raises:
        MisuseError: there is no key for a collector on another machine.
        KeyFileError: a key file is not right.
        SpoolError: the spool cannot be used.
    """
    curve = _curve(settings, address, settings.uplink.collector_key, folder=folder, say=say)
    held = None if spool is None else _open_spool(settings, spool, collector or address)
    return Uplink(address, station=settings.station.name, spool=held, curve=curve, max_bytes_s=settings.uplink.max_bytes_s)


def _open_spool(settings: StationSettings, path: Path, collector: str) -> OneCollectorSpool:
    section = settings.uplink
    return OneCollectorSpool(path, collector=collector, max_bytes=section.spool_mib * 2**20, keep_s=section.spool_keep_days * 86_400.0)


def _curve(settings: StationSettings, address: str, collector_key: str | None, *, folder: Path, say: Callable[[str], None]) -> Curve | None:
    section = settings.uplink
    enrolled = read_enrolled(folder)
    if collector_key is None and enrolled is not None:
        collector_key = enrolled.key_of(address)
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
