"""Errors of the station: one line each, with what, where and what to do; ``exit_code`` is what the command ends with."""

from __future__ import annotations

from typing import ClassVar


class StationError(Exception):
    """Base of every error that ``station`` raises on purpose."""

    exit_code: ClassVar[int] = 1


class MisuseError(StationError):
    """The command was given something that cannot be meant."""

    exit_code: ClassVar[int] = 2


class RecordingError(StationError):
    """A recording cannot be used, or not to its end."""


class ReceiverError(StationError):
    """A receiver cannot be used, or went away."""
