"""When findings ask stations for evidence, and what of the answers is kept: ``tasks.toml`` in the data folder, all of it optional."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct, field

from collector.checks.types import Grade, Severity
from collector.errors import MisuseError
from config.wire.base import Origin

FILE_NAME: Final = "tasks.toml"
Mib = Annotated[int, Meta(ge=1, le=10_000_000)]


class AskSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a finding asks by itself, and how often anybody may."""

    automatic: bool = True
    origins: tuple[Origin, ...] = ("live",)
    """Findings of these origins may ask; add ``hil`` for a trial on the virtual dongle."""
    min_grade: Grade = "to_verify"
    min_severity: Severity = "medium"
    rules: tuple[str, ...] = ()
    """Names of the rules that may ask; empty: all."""
    per_finding_day: Annotated[int, Meta(ge=0, le=1000)] = 6
    again_after_s: Annotated[float, Meta(ge=60.0, le=1e7)] = 6 * 3600.0
    """A finding asks for the same thing again after this at the earliest."""
    per_station_hour: Annotated[int, Meta(ge=0, le=1000)] = 8
    """Tasks that findings may give one station in an hour; people may give four times as many."""
    expires_s: Annotated[float, Meta(ge=10.0, le=30 * 86_400.0)] = 6 * 3600.0
    """How long a station that is away may come back for its tasks."""
    max_capture_s: Annotated[float, Meta(gt=0.0, le=600.0)] = 5.0
    """A finding never asks for more samples than this."""


class CaptureSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of the captures that are sent is taken, and how long it stays."""

    accept: Literal["asked", "any"] = "asked"
    """``asked``: samples come because a task asked for them; ``any``: whatever an enrolled station sends."""
    max_mib: Mib = 20_480
    """All captures together never take more."""
    max_capture_mib: Mib = 512
    max_station_mib: Mib = 4_096
    keep_days: Annotated[float, Meta(gt=0.0, le=3650.0)] = 30.0
    partial_days: Annotated[float, Meta(gt=0.0, le=3650.0)] = 7.0
    """What stopped coming in the middle is let go after this."""
    free_part: Annotated[float, Meta(ge=0.0, le=0.9)] = 0.05
    """Part of the disk that stays free."""


class TaskSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Both."""

    ask: AskSection = field(default_factory=AskSection)
    captures: CaptureSection = field(default_factory=CaptureSection)


def task_settings(folder: Path) -> TaskSettings:
    """Return what ``folder`` says, and the defaults for the rest.

    Raises:
        MisuseError: the file is no such TOML; the message names the key.
    """
    path = folder / FILE_NAME
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return TaskSettings()
    except (OSError, ValueError) as error:
        raise MisuseError(f"{path}: cannot be read: {error}") from error
    try:
        return msgspec.convert(given, TaskSettings)
    except msgspec.ValidationError as error:
        raise MisuseError(f"{path}: {error}") from error
