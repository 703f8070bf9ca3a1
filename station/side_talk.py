"""What the uplink carries beside records: decided elsewhere, sent only when no record waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from config.wire.frames import AnyFrame


class SideTalk(Protocol):
    """Called by the uplink's thread alone."""

    @property
    def features(self) -> Sequence[str]:
        """What the hello says that this station can be sent."""
        ...

    def take(self, frame: AnyFrame, now_s: float) -> None:
        """Take in what the collector says; frames that are for others are let pass."""
        ...

    def lost(self) -> None:
        """Note that the connection is new: what was under way may not have come."""
        ...

    def next_frame(self, now_s: float) -> AnyFrame | None:
        """Return what is to be sent now, below every record; None: nothing."""
        ...

    def sent(self, frame: AnyFrame, now_s: float) -> None:
        """Note that ``frame`` is under way."""
        ...

    def wait_s(self, now_s: float) -> float:
        """Return how long there is nothing to send unless something comes in."""
        ...
