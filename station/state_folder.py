"""Where a station keeps what must last: calibration, spool, keys, captures."""

from __future__ import annotations

from pathlib import Path

from config.settings import StationSettings


def state_folder(settings: StationSettings) -> Path:
    """Return the folder that holds what must last."""
    if settings.health.state_folder is not None:
        return Path(settings.health.state_folder)
    import platformdirs

    return Path(platformdirs.user_state_dir("canhsong"))
