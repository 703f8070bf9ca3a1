"""When to look for cells: at once, again while there is reason to, then ever more rarely until something changes."""

from __future__ import annotations

from typing import Final

from config.settings import IdentitySection

MIN_CHANGE_INTERVAL_S: Final = 5.0
"""A span that flickers does not have the station look for cells all the time."""

UNPROMISING_FACTOR: Final = 4.0
"""Where nothing like a cell is seen and the floor stays where it is, the next look can wait longer."""


class LookSchedule:
    """The looks for one kind of cell in one tuning. Times in seconds of signal since the tuning began."""

    def __init__(self, settings: IdentitySection) -> None:
        """Due at once."""
        self._settings = settings
        self._next_s = 0.0
        self._failed = 0
        self._wait_s = settings.retry_interval_s
        self._looked_s = -MIN_CHANGE_INTERVAL_S

    @property
    def next_s(self) -> float:
        """When the next look is due."""
        return self._next_s

    def due(self, now_s: float) -> bool:
        """Return whether it is time to look."""
        return now_s >= self._next_s

    def looked(self, now_s: float, *, found: bool, promising: bool) -> None:
        """Note a look that ended at ``now_s``. ``promising``: the span holds something that could be such a cell."""
        self._looked_s = now_s
        if found:
            self._failed, self._wait_s = 0, self._settings.retry_interval_s
            self._next_s = now_s + self._wait_s
            return
        self._failed += 1
        if promising and self._failed < self._settings.tries:
            self._next_s = now_s
            return
        wait_s = self._wait_s if promising else UNPROMISING_FACTOR * self._wait_s
        self._next_s = now_s + min(wait_s, self._settings.retry_interval_max_s)
        self._wait_s = min(2 * self._wait_s, self._settings.retry_interval_max_s)

    def changed(self, now_s: float) -> None:
        """Note that what is on the air is no longer the same: look again soon, as often as at first."""
        self._failed, self._wait_s = 0, self._settings.retry_interval_s
        self._next_s = min(self._next_s, max(now_s, self._looked_s + MIN_CHANGE_INTERVAL_S))
