"""Takes exported spools in, record by record as if they had been sent: by the running ingest out of its incoming folder, or without it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

from collector.acceptance import take_records
from collector.errors import CollectorError
from collector.journal import Journal
from config.errors import WireError
from config.keyfiles import KeyPair, replace_durably
from config.logs import Event
from config.sealed import read_sealed, writer_of
from config.wire.frames import Batch, Gap, Hello, decode_frame

SUFFIX: Final = ".spool"
CHUNKS_AT_ONCE: Final = 20

log = logging.getLogger("collector.importing")


class SpoolFileError(CollectorError):
    """An exported spool cannot be taken; the message says why."""


@dataclass(slots=True, kw_only=True)
class Imported:
    """What came of one file."""

    station: str
    spool_id: str
    new: int = 0
    known: int = 0
    rejected: int = 0
    gaps: int = 0


def import_spool(journal: Journal, file: IO[bytes], *, pair: KeyPair, stations: Mapping[str, str]) -> Iterator[Imported]:
    """Take ``file`` in, some chunks at a time; yield after each durable commit what came so far.

    ``stations``: public key -> name of those that may send.

    Raises:
        SpoolFileError: it was changed or cut short, is not for this collector, or its station is not enrolled. What was committed stays.
    """
    try:
        writer_key, random = writer_of(file)
        if (station := stations.get(writer_key)) is None:
            raise SpoolFileError(f"it was written with the key {writer_key}, which is not enrolled")
        frames = map(decode_frame, read_sealed(file, reader=pair, writer_key=writer_key, random=random))
        hello = next(frames, None)
        if not isinstance(hello, Hello) or hello.station != station:
            raise SpoolFileError(f"it does not say that it comes from {station}, whose key wrote it")
        done = Imported(station=station, spool_id=hello.spool_id)
        key = (station, hello.spool_id)
        for number, frame in enumerate(frames):
            if not isinstance(frame, Batch | Gap) or frame.spool_id != hello.spool_id:
                raise SpoolFileError(f"a {type(frame).__name__} has no place in it")
            _take(journal, key, frame, done, oldest=hello.first_seq)
            if number % CHUNKS_AT_ONCE == CHUNKS_AT_ONCE - 1:
                journal.commit()
                yield done
    except WireError as error:
        raise SpoolFileError(str(error)) from error
    finally:
        journal.commit()
    yield done


def _take(journal: Journal, key: tuple[str, str], frame: Batch | Gap, done: Imported, *, oldest: int) -> None:
    committed = journal.committed_seq(key)
    if frame.first_seq > committed + 1:
        if frame.first_seq != oldest:
            raise SpoolFileError(f"number {committed + 1} is missing in it: export again")
        journal.gap(key, oldest - 1, reason="the station does not hold these any more")
        done.gaps += oldest - 1 - committed
        committed = oldest - 1
    last_seq = frame.last_seq if isinstance(frame, Gap) else frame.first_seq + len(frame.records) - 1
    fresh = max(0, last_seq - committed)
    done.known += last_seq - frame.first_seq + 1 - fresh
    if isinstance(frame, Gap):
        if fresh:
            journal.gap(key, last_seq, reason=frame.reason, kinds=frame.kinds)
            done.gaps += fresh
        return
    rejected = take_records(journal, key, frame)
    done.rejected += len(rejected)
    done.new += fresh - len(rejected)


class Incoming:
    """The folder out of which the running ingest imports, a few chunks between two turns; each file is answered by one in JSON."""

    def __init__(self, folder: Path, journal: Journal, *, pair: KeyPair) -> None:
        """Files in ``folder`` that end in ``.spool`` are taken and removed."""
        self._folder, self._journal, self._pair = folder, journal, pair
        self._path: Path | None = None
        self._file: IO[bytes] | None = None
        self._steps: Iterator[Imported] | None = None
        self._last: Imported | None = None

    def step(self, stations: Mapping[str, str]) -> bool:
        """Do a little; return whether there is more to do at once."""
        if self._steps is None:
            self._path = min(self._folder.glob(f"*{SUFFIX}"), default=None)
            if self._path is None:
                return False
            self._file = self._path.open("rb")
            self._steps = import_spool(self._journal, self._file, pair=self._pair, stations=stations)
        try:
            self._last = next(self._steps)
        except StopIteration:
            self._finish(asdict(self._last) if self._last else {"error": "nothing in it"})
        except CollectorError as error:
            self._finish({"error": str(error)})
        return True

    def _finish(self, answer: Mapping[str, object]) -> None:
        if self._path is not None and self._file is not None:
            log.warning(Event("imported", file=self._path.name, answer=json.dumps(answer)))
            self._file.close()
            replace_durably(self._path.with_suffix(".json"), json.dumps(answer).encode())
            self._path.unlink(missing_ok=True)
        self._steps = self._last = self._path = self._file = None
