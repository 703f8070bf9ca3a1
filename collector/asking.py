"""Questions from the shell and from a URL become a ``Query``."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from collector.errors import MisuseError
from collector.store import ENDLESS_NS, Query

ORIGINS: Final = ("live", "replay", "synthetic", "hil")
_AGO: Final = re.compile(r"^(\d{1,6})(s|m|h|d)$")
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_moment_ns(text: str, *, now_ns: int | None = None) -> int:
    """Return the moment meant by ``10m``, ``2h``, ``7d`` (ago) or by an ISO date and time (UTC unless it names a zone), in ns UTC.

    Raises:
        MisuseError: neither is meant.
    """
    if match := _AGO.match(text.strip()):
        now_ns = time.time_ns() if now_ns is None else now_ns
        return max(0, now_ns - int(match[1]) * _UNIT_S[match[2]] * 1_000_000_000)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise MisuseError(f"{text!r} is no moment: write 10m, 2h, 7d (ago) or 2026-11-24T10:00:00Z") from error
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    seconds = int(moment.timestamp())
    return min(max(0, seconds * 1_000_000_000 + moment.microsecond * 1000), ENDLESS_NS)


def query_of(
    *,
    since: str | None = None,
    until: str | None = None,
    stations: Sequence[str] = (),
    bands: Sequence[str] = (),
    origins: Sequence[str] = (),
    limit: int = 500,
) -> Query:
    """Return the ``Query`` that is meant; no origin given means live alone, ``all`` means every one.

    Raises:
        MisuseError: a moment or an origin is none.
    """
    for origin in origins:
        if origin not in (*ORIGINS, "all"):
            raise MisuseError(f"origin {origin!r}: known are {', '.join(ORIGINS)} and all")
    return Query(
        since_ns=parse_moment_ns(since) if since else 0,
        until_ns=parse_moment_ns(until) if until else ENDLESS_NS,
        stations=tuple(stations),
        bands=tuple(bands),
        origins=() if "all" in origins else tuple(origins) or ("live",),
        limit=limit,
    )
