"""The way to several collectors at once, out of one spool: the laptop beside the dongle and the centre. None waits for another."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from config.wire import AnyRecord
from station.uplink import Uplink


class Uplinks:
    """One or more uplinks that send from one spool, each with its collector's own cursor."""

    def __init__(self, uplinks: Sequence[Uplink]) -> None:
        """``uplinks``: at least one, over views of one spool; closed with this."""
        self._uplinks = list(uplinks)
        self.first = self._uplinks[0]
        """The way to the collector that is named first."""

    @property
    def waiting(self) -> int:
        """How many reliable records are not acknowledged yet by the collector that lacks most."""
        return max(uplink.waiting for uplink in self._uplinks)

    @property
    def live_dropped(self) -> int:
        """Live records that were dropped so far, on the way to whichever collector."""
        return sum(uplink.live_dropped for uplink in self._uplinks)

    def problems(self) -> list[str]:
        """Return one line for each collector that records do not get through to."""
        return [problem for uplink in self._uplinks if (problem := uplink.problem()) is not None]

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Keep the reliable ones in one commit, to be sent to every collector, and send the live ones to all.

        Raises:
            SpoolFullError: too much waits already.
            WireFormatError: one is outside the contract's bounds; the others were taken.
        """
        kept = list(records)
        try:
            self._uplinks[0].put(kept)
        finally:
            for uplink in self._uplinks[1:]:
                uplink.put_beside(kept)

    def drain(self, timeout_s: float) -> bool:
        """Wait until every collector has everything reliable; return whether it was within ``timeout_s``."""
        until_s = time.monotonic() + timeout_s
        drained = [uplink.drain(max(0.0, until_s - time.monotonic())) for uplink in self._uplinks]
        return all(drained)

    def close(self) -> None:
        """Stop sending; what is not acknowledged stays in the spool."""
        for uplink in self._uplinks:
            uplink.close()
