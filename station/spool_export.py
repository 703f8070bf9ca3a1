"""A spool in a file that a collector imports: the way home from a place without a network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from config.keyfiles import read_keypair
from config.sealed import write_sealed
from config.wire.frames import Batch, Gap, Hello, encode_frame
from station.collector_link import KEY_FILE, read_enrolled
from station.errors import MisuseError, StationError
from station.sqlite_spool import SqliteSpool

_RECORDS: Final = 500
_BYTES: Final = 256 * 1024


def export_spool(spool: SqliteSpool, file: Path, *, folder: Path) -> int:
    """Write everything that ``spool`` holds into the new ``file``, sealed for the collector that ``keys init`` noted; return the numbers.

    Raises:
        MisuseError: no collector is noted.
        StationError: the file cannot be written.
    """
    if (enrolled := read_enrolled(folder)) is None:
        raise MisuseError("a spool is sealed for one collector, and none is known here: `canhsong-station keys init --collector ...`")
    pair = read_keypair(folder / KEY_FILE)
    first_seq, next_seq = spool.first_seq, spool.next_seq
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            frames = _frames(spool, enrolled.station, first_seq, next_seq)
            write_sealed(out, frames, writer=pair, reader_key=enrolled.collector_key)
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
