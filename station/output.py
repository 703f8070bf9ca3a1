"""Where records go: JSON lines on stdout, tables for people, or a collector."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Final, Protocol

from config.wire import AnyRecord, SpectrumReport, to_json

if TYPE_CHECKING:
    from station.uplink import Uplink

SAY_AFTER_S: Final = 3.0
"""A collector that has not answered for this long is told of, while it is tried on."""


class Sink(Protocol):
    """Takes records."""

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Take ``records``, in order."""
        ...

    def end_of_source(self) -> None:
        """Note that one source (a recording) is at its end."""
        ...

    def close(self) -> str | None:
        """Finish; return what did not arrive and why, None where everything did."""
        ...


class JsonSink:
    """One JSON object a line on ``stream``."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        """``stream``: stdout unless given."""
        self._stream = stream or sys.stdout

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Write ``records``, each flushed: whoever reads sees it while the next is still being worked on."""
        for record in records:
            self._stream.write(to_json(record) + "\n")
            self._stream.flush()

    def end_of_source(self) -> None:
        """Nothing to do."""

    def close(self) -> str | None:
        """Nothing is left behind."""
        return None


class TableSink:
    """Tables on stdout, one set for each source, Vietnamese first."""

    def __init__(self) -> None:
        """Nothing taken yet."""
        self._records: list[AnyRecord] = []

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Keep what the tables need: spectra are left out."""
        self._records += [record for record in records if not isinstance(record, SpectrumReport)]

    def end_of_source(self) -> None:
        """Print the tables of what came since the last time."""
        from station.tables import print_tables

        print_tables(self._records)
        self._records = []

    def close(self) -> str | None:
        """Nothing is left behind."""
        return None


class UplinkSink:
    """A collector, through the spool: spectra may be dropped on the way, everything else arrives."""

    def __init__(self, uplink: Uplink, *, drain_timeout_s: float, say: Callable[[str], None] | None = None) -> None:
        """``uplink``: the way to the collector; closed with the sink. ``say``: hears after a while what ``close`` waits for."""
        self._uplink = uplink
        self._drain_timeout_s = drain_timeout_s
        self._say = say

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Hand ``records`` on."""
        self._uplink.put(records)

    def end_of_source(self) -> None:
        """Nothing to do."""

    def close(self) -> str | None:
        """Wait for the collector's acknowledgements; return what is wrong where not all came in time."""
        arrived = self._uplink.drain(min(SAY_AFTER_S, self._drain_timeout_s))
        if not arrived and self._drain_timeout_s > SAY_AFTER_S:
            if self._say is not None and (why := self._uplink.problem()) is not None:
                self._say(f"{why}; trying on, {self._drain_timeout_s:g} s in all")
            arrived = self._uplink.drain(self._drain_timeout_s - SAY_AFTER_S)
        waiting, problem = self._uplink.waiting, self._uplink.problem()
        self._uplink.close()
        if arrived:
            return None
        return (
            problem or f"{waiting} records were not acknowledged within {self._drain_timeout_s:g} s: see the collector's log and try again"
        )
