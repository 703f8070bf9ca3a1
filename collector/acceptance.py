"""What of a batch goes into the journal: the same for one that was sent and for one that was carried here in a file."""

from __future__ import annotations

from typing import Final

from collector.journal import Journal, SpoolKey
from collector.tally import NEWER
from config.errors import WireError
from config.wire import decode_record
from config.wire.frames import Batch, Rejected
from config.wire.version import WIRE_VERSION

TAKEN: Final = ""
"""In the place of a reason: the record can be taken."""


def take_records(journal: Journal, key: SpoolKey, batch: Batch) -> list[Rejected]:
    """Append what is new, reject by number what cannot be taken; ``batch`` begins at most one above what is here."""
    committed = journal.committed_seq(key)
    rejected = []
    for seq, data in enumerate(batch.records, start=batch.first_seq):
        if seq <= committed:
            continue  # sent again: it is here already
        kind, refusal = looked_at(data, key[0])
        if refusal == TAKEN:
            journal.append(key, seq, data, kind=kind)
        else:
            journal.reject(key, seq, reason=refusal, data=data)
            rejected.append(Rejected(seq=seq, reason=refusal))
    return rejected


def looked_at(data: bytes, station: str) -> tuple[str, str]:
    """Return the kind of the record ``data`` from ``station``, and why it cannot be taken or ``TAKEN``.

    A newer wire version is taken as it is.
    """
    if data and data[0] > WIRE_VERSION:
        return NEWER, TAKEN
    try:
        record = decode_record(data)
    except WireError as error:
        return "", str(error)[:400] or "unreadable"
    if record.station != station:
        return "", f"the record names station {record.station}, the connection is {station}"
    return str(record.__struct_config__.tag), TAKEN
