"""Where records go: JSON lines on stdout, tables for people, or a collector."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Protocol

from config.wire import AnyRecord, SpectrumReport, to_json

if TYPE_CHECKING:
    from station.uplink import Uplink


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

    def __init__(self, uplink: Uplink, *, drain_timeout_s: float) -> None:
        """``uplink``: the way to the collector; closed with the sink."""
        self._uplink = uplink
        self._drain_timeout_s = drain_timeout_s

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Hand ``records`` on."""
        self._uplink.put(records)

    def end_of_source(self) -> None:
        """Nothing to do."""

    def close(self) -> str | None:
        """Wait for the collector's acknowledgements; return what is wrong where not all came in time."""
        arrived = self._uplink.drain(self._drain_timeout_s)
        waiting, problem = self._uplink.waiting, self._uplink.problem()
        self._uplink.close()
        if arrived:
            return None
        return (
            problem or f"{waiting} records were not acknowledged within {self._drain_timeout_s:g} s: see the collector's log and try again"
        )
