"""Where a station's settings come from: a file, the environment, flags."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from config.loading import Loaded, load_settings
from config.settings import StationSettings

FILE_VARIABLE: Final = "CANHSONG_SETTINGS"
FILE_NAME: Final = "station.toml"


def load_station_settings(file: Path | None, flags: Mapping[str, tuple[str, Any]]) -> Loaded[StationSettings]:
    """Return the settings from ``file`` (else $CANHSONG_SETTINGS, else station.toml in the user's folder where it is), environment, flags.

    Raises:
        SettingsError: anything that is wrong, by place and key.
    """
    return load_settings(StationSettings, file=settings_file(file), environment=os.environ, flags=flags)


def settings_file(file: Path | None) -> Path | None:
    """Return the file that settings are read from; None: there is none."""
    if file is not None:
        return file
    if named := os.environ.get(FILE_VARIABLE):
        return Path(named)
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    usual = Path(folder) / "canhsong" / FILE_NAME
    return usual if os.path.isfile(usual) else None  # a folder that may not be read holds no settings for us
