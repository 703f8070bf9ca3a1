"""Log lines for machines: one line an event, ``key=value`` or JSON (``CANHSONG_LOG=json``). Text from outside is always quoted.

    log.warning(Event("gap", station=station, first=5, last=9))
    time=2026-11-24T06:00:00.123Z level=warning program=canhsong-collector part=ingest event=gap station=nui-vong-phu first=5 last=9

Nothing that is secret is ever handed to it: tokens and secret keys are in no event, and of a public key its first characters alone.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

VARIABLE: Final = "CANHSONG_LOG"
SHOWN_KEY_CHARS: Final = 8
_BARE: Final = re.compile(r"[A-Za-z0-9_.:/+@-]+")

Plain = str | int | float | bool | None


class Event:
    """What a log line says: a name, and fields by name."""

    __slots__ = ("fields", "name")

    def __init__(self, name: str, **fields: Plain) -> None:
        """``name``: one or two words with underscores."""
        self.name, self.fields = name, fields

    def __str__(self) -> str:
        """As ``key=value``."""
        return key_values({"event": self.name, **self.fields})


class LineFormatter(logging.Formatter):
    """One record, one line, whatever is in it."""

    def __init__(self, program: str, part: str | None, *, as_json: bool) -> None:
        """``part``: which process of ``program``."""
        super().__init__()
        self._who: dict[str, Plain] = {"program": program, **({"part": part} if part else {})}
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told: dict[str, Plain] = {"time": moment, "level": record.levelname.lower(), **self._who}
        if isinstance(record.msg, Event):
            told |= {"event": record.msg.name, **record.msg.fields}
        else:  # another library's words
            told |= {"event": "log", "logger": record.name, "text": record.getMessage()}
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told) if self._as_json else key_values(told)


def key_values(fields: Mapping[str, Plain]) -> str:
    """Return ``fields`` as ``key=value``; what is more than one plain word is quoted as JSON quotes it, so a line stays one."""
    return " ".join(f"{name}={_value(value)}" for name, value in fields.items())


def shown_key(public_key: str) -> str:
    """Return as much of a public key as tells it from others in a log."""
    return public_key[:SHOWN_KEY_CHARS] + "..." if public_key else ""


def log_to_stderr(program: str, part: str | None = None, *, level: int = logging.WARNING) -> None:
    """Send everything that is logged in this process to stderr, a line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(program, part, as_json=os.environ.get(VARIABLE, "") == "json"))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _value(value: Plain) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return str(value)
    return value if _BARE.fullmatch(value) else json.dumps(value)
