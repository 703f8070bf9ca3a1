"""A spool in a file that a collector imports: the way home from a place without a network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.keyfiles import checked_key, read_keypair
from config.sealed import write_sealed
from config.settings import StationSettings
from config.wire.frames import Batch, Gap, Hello, encode_frame
from station.collector_link import read_enrolled
from station.errors import MisuseError, StationError
from station.sqlite_spool import SqliteSpool

_RECORDS: Final = 500
_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A collector that a spool can be sealed for, and the name that this station has there."""

    address: str
    key: str
    station: str


def known_readers(settings: StationSettings, folder: Path) -> list[Reader]:
    """Return the collectors whose key is known here, in the order in which `run` has them: of ``settings``, then noted by `keys init`.

    Raises:
        KeyFileError: what is noted cannot be read, or a key is none.
    """
    section, enrolled = settings.uplink, read_enrolled(folder)
    given = [(section.collector, section.collector_key), *((one.collector, one.collector_key) for one in section.also)]
    noted = dict(enrolled.collectors()) if enrolled else {}
    wanted = {address: key or noted.get(address) for address, key in given if address} | noted
    names = dict.fromkeys(noted, enrolled.station if enrolled else "")
    return [
        Reader(address=address, key=checked_key(key, what=f"the key of {address}"), station=names.get(address, settings.station.name))
        for address, key in wanted.items()
        if key
    ]


def chosen_reader(readers: Sequence[Reader], wanted: str | None) -> Reader:
    """Return the one of ``readers`` that ``wanted`` names by its address, or by what of it is unlike the others'; None: the first.

    Raises:
        MisuseError: there is none, or more than one.
    """
    if not readers:
        raise MisuseError("a spool is sealed for one collector, and none is known here: `canhsong-station keys init --collector ...`")
    if wanted is None:
        return readers[0]
    names = {one.address: {one.address, *_short(one.address)} for one in readers}
    found = [one for one in readers if wanted in names[one.address]]
    if len(found) == 1:
        return found[0]
    known = ", ".join(one.address for one in readers)
    raise MisuseError(f"--for {wanted}: {'names several' if found else 'no key of it is known here'}; known: {known}")


def _short(address: str) -> tuple[str, str]:
    """Return HOST:PORT and HOST."""
    place = address.partition("://")[2]
    return place, place.rpartition(":")[0]


def export_spool(spool: SqliteSpool, file: Path, *, key_file: Path, reader: Reader) -> int:
    """Write everything that ``spool`` holds into the new ``file``, sealed for ``reader``; return the numbers.

    Raises:
        KeyFileError: this station's key cannot be used.
        StationError: the file cannot be written.
    """
    pair = read_keypair(key_file)
    first_seq, next_seq = spool.first_seq, spool.next_seq
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            write_sealed(out, _frames(spool, reader.station, first_seq, next_seq), writer=pair, reader_key=reader.key)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise StationError(f"{file}: cannot be written: {error.strerror}") from error
    return next_seq - first_seq


def _frames(spool: SqliteSpool, station: str, first_seq: int, next_seq: int) -> Iterator[bytes]:
    yield encode_frame(
        Hello(station=station, program="canhsong-station spool export", spool_id=spool.spool_id, first_seq=first_seq, next_seq=next_seq)
    )
    seq = first_seq
    while seq < next_seq:
        records = spool.read(seq, max_records=min(_RECORDS, next_seq - seq), max_bytes=_BYTES)
        if records:
            yield encode_frame(Batch(spool_id=spool.spool_id, first_seq=seq, records=records))
            seq += len(records)
        elif (gap := spool.gap_at(seq)) is not None:
            last_seq = min(gap.last_seq, next_seq - 1)
            yield encode_frame(Gap(spool_id=spool.spool_id, first_seq=seq, last_seq=last_seq, kinds=gap.kinds, reason=gap.reason))
            seq = last_seq + 1
        else:  # dropped while this was written: what follows cannot be taken in order
            return
