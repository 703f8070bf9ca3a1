"""In which time zone this process shows times: the ``time_zone`` of its data folder's ``store.toml``. What is stored is UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

TIME_ZONE: Final = "Asia/Ho_Chi_Minh"
"""Where nothing is set."""
FIRST_DATED_NS: Final = 365 * 86_400 * 1_000_000_000
"""Times below this count from the start of a recording without a date."""


@dataclass(slots=True)
class _Screens:
    folder: Path | None = None
    zone: ZoneInfo | None = None


_SCREENS: Final = _Screens()


def show_times_by(folder: Path | None) -> None:
    """Let the settings in ``folder`` say the time zone; None: the default. They are read once, when the first time is shown."""
    _SCREENS.folder, _SCREENS.zone = folder, None


def zone() -> ZoneInfo:
    """Return the time zone that screens and reports use.

    Raises:
        MisuseError: the settings name none that is known.
    """
    if _SCREENS.zone is None:
        from collector.store_settings import store_settings

        _SCREENS.zone = ZoneInfo(TIME_ZONE if _SCREENS.folder is None else store_settings(_SCREENS.folder).time_zone)
    return _SCREENS.zone


def local(time_ns: int) -> datetime:
    """Return the date and time on the clocks of that zone."""
    return datetime.fromtimestamp(time_ns / 1e9, tz=UTC).astimezone(zone())


def shift_ms(time_ns: float) -> float:
    """Return by how much clocks there are ahead of UTC at ``time_ns``, in ms; 0 where a recording has no date.

    Charts write UTC: what they are given is moved by this.
    """
    ahead = local(int(time_ns)).utcoffset() if time_ns >= FIRST_DATED_NS else None
    return 0.0 if ahead is None else ahead.total_seconds() * 1e3
