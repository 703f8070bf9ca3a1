"""What of a batch goes into the journal: the same for one that was sent and for one that was carried here in a file."""

from __future__ import annotations

from collector.journal import Journal, SpoolKey
from config.errors import WireError
from config.wire import decode_record
from config.wire.frames import Batch, Rejected
from config.wire.version import WIRE_VERSION


def take_records(journal: Journal, key: SpoolKey, batch: Batch) -> list[Rejected]:
    """Append what is new, reject by number what cannot be taken; ``batch`` begins at most one above what is here."""
    committed = journal.committed_seq(key)
    rejected = []
    for seq, data in enumerate(batch.records, start=batch.first_seq):
        if seq <= committed:
            continue  # sent again: it is here already
        reason = refusal_of(data, key[0])
        if reason is None:
            journal.append(key, seq, data)
        else:
            journal.reject(key, seq, reason=reason, data=data)
            rejected.append(Rejected(seq=seq, reason=reason))
    return rejected


def refusal_of(data: bytes, station: str) -> str | None:
    """Return why the record ``data`` from ``station`` cannot be taken; None: it can. A newer wire version is taken as it is."""
    if data and data[0] > WIRE_VERSION:
        return None
    try:
        record = decode_record(data)
    except WireError as error:
        return str(error)[:400]
    if record.station != station:
        return f"the record names station {record.station}, the connection is {station}"
    return None
