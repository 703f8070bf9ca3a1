"""What is kept in the embedded store and who answers: ``store.toml`` in the data folder, all of it optional."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from collector.errors import MisuseError
from collector.local_time import TIME_ZONE

FILE_NAME: Final = "store.toml"
Days = Annotated[float, Meta(ge=0.0, le=36_500.0)]


class StoreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The embedded store's retention counts for live records alone: recordings are as old as they are."""

    time_zone: str = TIME_ZONE
    """Whose times screens and reports show, and whose days the daily roll-ups are. After a change: `canhsong-collector store rebuild`."""
    answers: Literal["sqlite", "influxdb"] = "sqlite"
    """Who answers the page and the API. Spectra come from the embedded store in any case."""
    raw_days: Days = 0.0
    """Tracks that ended and occupancies older than this are let go; 0: never."""
    hourly_days: Days = 0.0
    daily_days: Days = 0.0

    def __post_init__(self) -> None:
        """Refuse a time zone that is none."""
        try:
            ZoneInfo(self.time_zone)
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f"time_zone = {self.time_zone!r}: not known: write it like {TIME_ZONE}") from error


def store_settings(folder: Path) -> StoreSettings:
    """Return what ``folder`` says, and the defaults for the rest.

    Raises:
        MisuseError: the file is no such TOML; the message names the key.
    """
    path = folder / FILE_NAME
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), StoreSettings)
    except FileNotFoundError:
        return StoreSettings()
    except (OSError, ValueError) as error:  # msgspec's and tomllib's are ValueErrors
        raise MisuseError(f"{path}: {error}") from error
