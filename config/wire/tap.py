"""One path of a radio channel, as cell reports carry it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from config.wire.base import LevelDb


class TapReport(Struct, frozen=True, kw_only=True):
    """Delay against the strongest path (negative: it came before), level against it."""

    delay_us: Annotated[float, Meta(ge=-1e4, le=1e4, description="us")]
    level_db: LevelDb
