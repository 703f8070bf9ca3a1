"""``gsm_cell``: one C0 carrier and what its cell says of itself."""

from __future__ import annotations

from config.wire.base import Record


class GsmCellReport(Record, frozen=True, kw_only=True, tag="gsm_cell"):
    """One cell in one identity dwell."""
