"""How many records each station may have under way: fewer while ingest is behind, none while the journal's disk has no room.

Ingest takes what waits at its socket turn by turn. A turn that ends with more waiting than it could take says that the stations together
send faster than the journal takes: the credit is cut by a third, turn by turn, so that acknowledgements keep coming soon.
Turns that take all there is give it back in small steps. Nothing is lost by it: what may not be sent yet waits in the stations' spools. The
followers' lag does not count: they read the journal at their own pace, and what it costs is disk.
"""

from __future__ import annotations

from typing import Final

MOST: Final = 2000
LEAST: Final = 20
"""One batch at a time, small: 1,000 stations have 20,000 records under way, what ingest takes in about a second."""
_CUT: Final = 2 / 3
_BACK: Final = 50


class Credit:
    """The credit that the next acknowledgements state."""

    def __init__(self) -> None:
        """Begin with all of it."""
        self._records = MOST
        self.disk_full = False
        """Whether the disk has no room for more than what is under way."""

    @property
    def records(self) -> int:
        """How many records one station may have under way."""
        return 0 if self.disk_full else self._records

    def turned(self, *, behind: bool) -> None:
        """Note the end of a turn. ``behind``: it left something waiting."""
        self._records = max(LEAST, int(self._records * _CUT)) if behind else min(MOST, self._records + _BACK)
