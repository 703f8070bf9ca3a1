"""The live station's way to its collectors as a sink."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from config.wire import AnyRecord
from station.agent import UplinkState

if TYPE_CHECKING:
    from station.uplinks import Uplinks

DRAIN_S: Final = 5.0


class SpooledUplink(UplinkState):
    """The way to the collectors: every reliable record is on the disk before it is sent."""

    def __init__(self, uplink: Uplinks) -> None:
        """``uplink``: the way to the collectors; closed with the sink."""
        self._uplink = uplink

    def waiting(self) -> tuple[int, int]:
        """Return how many records wait, and how many live ones were dropped."""
        return self._uplink.waiting, self._uplink.live_dropped

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Hand ``records`` on."""
        self._uplink.put(records)

    def end_of_source(self) -> None:
        """Nothing to do."""

    def close(self, drain_timeout_s: float = DRAIN_S) -> str | None:
        """Wait a little for the collector; what is not acknowledged stays in the spool for the next run."""
        self._uplink.drain(drain_timeout_s)
        waiting = self._uplink.waiting
        self._uplink.close()
        return f"{waiting} bản tin chờ trong hàng đợi / records wait in the spool for the next run" if waiting else None
