"""Where InfluxDB is, if the collector is to fill one: ``influxdb.toml`` in the data folder, or the environment, which goes first."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from collector.errors import MisuseError

FILE_NAME: Final = "influxdb.toml"
_ENVIRONMENT: Final = {"url": "CANHSONG_INFLUX_URL", "org": "CANHSONG_INFLUX_ORG", "bucket": "CANHSONG_INFLUX_BUCKET"}
TOKEN_VARIABLE: Final = "CANHSONG_INFLUX_TOKEN"  # noqa: S105  # a variable's name
TOKEN_FILE_VARIABLE: Final = "CANHSONG_INFLUX_TOKEN_FILE"  # noqa: S105  # a variable's name


class InfluxSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One InfluxDB 2. The token itself is never part of the settings: it is read when it is needed."""

    url: str
    org: str = "canhsong"
    bucket: str = "canhsong"
    """Raw points; ``_1h``, ``_1d`` and ``_state`` behind it name the other three."""
    token_file: str | None = None
    """Path of a file of mode 0600 that holds the token; None: the environment has it."""
    raw_days: int = 90
    hourly_days: int = 730
    daily_days: int = 0
    """Retention; 0: for ever."""
    bands: tuple[str, ...] = ()
    """Band names that may be tags besides those of the band plan; every other one is tagged ``other``."""

    @property
    def buckets(self) -> dict[str, int]:
        """Bucket name -> days that points stay in it (0: for ever)."""
        return {
            self.bucket: self.raw_days,
            f"{self.bucket}_1h": self.hourly_days,
            f"{self.bucket}_1d": self.daily_days,
            f"{self.bucket}_state": 0,
        }

    def token(self) -> str:
        """Return the token, read anew: a token that was replaced works without a restart.

        Raises:
            MisuseError: there is none, or its file can be read by others.
        """
        if self.token_file is None:
            if not (token := os.environ.get(TOKEN_VARIABLE, "").strip()):
                raise MisuseError(f"InfluxDB: no token: name its file as token_file in {FILE_NAME}, or set {TOKEN_VARIABLE}")
            return token
        path = Path(self.token_file).expanduser()
        try:
            if path.stat().st_mode & 0o077:
                raise MisuseError(f"{path}: others can read this token: chmod 600 {path}")
            token = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise MisuseError(f"{path}: the token of InfluxDB cannot be read: {error}") from error
        if not token:
            raise MisuseError(f"{path}: the file is empty; put InfluxDB's token into it")
        return token


def influx_settings(folder: Path, environment: Mapping[str, str] = os.environ) -> InfluxSettings | None:
    """Return what ``folder`` and ``environment`` say of InfluxDB; None: nothing, so there is none.

    Raises:
        MisuseError: what they say cannot be meant.
    """
    path = folder / FILE_NAME
    given: dict[str, Any] = {}
    try:
        if path.is_file():
            given = dict(tomllib.loads(path.read_text(encoding="utf-8"))["influxdb"])
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise MisuseError(f"{path}: not a TOML file with a table [influxdb]: {error}") from error
    given |= {name: environment[variable] for name, variable in _ENVIRONMENT.items() if environment.get(variable)}
    if environment.get(TOKEN_FILE_VARIABLE):
        given["token_file"] = environment[TOKEN_FILE_VARIABLE]
    if not given:
        return None
    try:
        settings = msgspec.convert(given, InfluxSettings)
    except msgspec.ValidationError as error:
        raise MisuseError(f"{path}: {error}") from error
    if not settings.url.startswith(("http://", "https://")):
        raise MisuseError(f"InfluxDB: {settings.url}: give its address as http://HOST:8086")
    return settings
