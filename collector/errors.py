"""Errors of the collector: one line each, with what, where and what to do; ``exit_code`` is what the command ends with."""

from __future__ import annotations

from typing import ClassVar


class CollectorError(Exception):
    """Base of every error that ``collector`` raises on purpose."""

    exit_code: ClassVar[int] = 1


class MisuseError(CollectorError):
    """The command was given something that cannot be meant."""

    exit_code: ClassVar[int] = 2


class StorageError(CollectorError):
    """A file of the collector cannot be read or written."""
