"""The noise floor's own past, kept from run to run: a receiver that suddenly hears less than it used to has lost its antenna."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

FILE_NAME: Final = "floors.json"
KEEP_EVERY_S: Final = 600.0
KEPT: Final = 144
"""A day of ten minutes each: a change that is meant (another antenna, a filter) is the new normal after half of that."""
RECENT: Final = 60
NEEDED: Final = 3
MAX_KEYS: Final = 64
_Levels = Annotated[list[float], Meta(max_length=10_000)]


class FloorHistory:
    """Floors of one receiver at one gain over the same bands, in dBFS/Hz."""

    def __init__(self, folder: Path, key: str) -> None:
        """``key``: what has to be the same for two floors to be compared."""
        self._path, self._key = folder / FILE_NAME, key
        self._kept = deque(_load(self._path).get(key, []), maxlen=KEPT)
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._since_kept: list[float] = []
        self._kept_s = time.monotonic()

    def change_db(self, level: float) -> float | None:
        """Return ``level`` against the median of the past; None: too little is known. It is part of the past from now on."""
        past = [*self._kept, *self._recent]
        change = level - statistics.median(past) if len(past) >= NEEDED else None
        self._recent.append(level)
        self._since_kept.append(level)
        if time.monotonic() - self._kept_s >= KEEP_EVERY_S:
            with contextlib.suppress(OSError):  # a full disk is told by the check for that
                self.keep()
        return change

    def keep(self) -> None:
        """Put what was heard since the last time on disk; the file is whole at any time.

        Raises:
            OSError: it cannot be written.
        """
        if not self._since_kept:
            return
        # a run of a few minutes counts as much as ten minutes of a long one, or short runs would never be remembered
        needed = max(1, NEEDED - len(self._kept))
        self._kept.extend([round(statistics.median(self._since_kept), 2)] * needed)
        self._since_kept, self._kept_s = [], time.monotonic()
        self._recent.clear()
        known = _load(self._path)
        known.pop(self._key, None)
        known = dict(list(known.items())[-(MAX_KEYS - 1) :]) | {self._key: list(self._kept)}
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=self._path.parent, prefix=".floors-", delete=False) as file:
            json.dump(known, file)
        os.replace(file.name, self._path)


def _load(path: Path) -> dict[str, list[float]]:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(path.read_bytes(), type=dict[str, _Levels])
    return {}
