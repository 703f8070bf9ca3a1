"""The live station's way to its collectors as a sink."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import TYPE_CHECKING, Final

from config.wire import AnyRecord
from station.agent import UplinkState

if TYPE_CHECKING:
    from station.uplinks import Uplinks

DRAIN_S: Final = 5.0
SAY_AFTER_S: Final = 5.0
"""A link that is down for less than this is not worth a line."""


class SpooledUplink(UplinkState):
    """The way to the collectors: every reliable record is on the disk before it is sent."""

    def __init__(self, uplink: Uplinks) -> None:
        """``uplink``: the way to the collectors; closed with the sink."""
        self._uplink = uplink
        self._down: dict[str, float] = {}
        """What is wrong, without what changes from look to look, and since when (monotonic); infinity: it was said."""

    def news(self, now_s: float) -> list[str]:
        """Return a line for each collector that records have not got through to for a while, and for each that they do again."""
        found = {problem.partition(": ")[0]: problem for problem in self._uplink.problems()}
        over = [what for what, since_s in self._down.items() if what not in found and since_s == inf]
        self._down = {what: self._down.get(what, now_s) for what in found}
        due = [what for what, since_s in self._down.items() if since_s <= now_s - SAY_AFTER_S]
        self._down |= dict.fromkeys(due, inf)
        return [*(found[what] for what in due), *(f"no longer: {what}" for what in over)]

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
