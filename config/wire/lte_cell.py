"""``lte_cell``: one LTE cell."""

from __future__ import annotations

from config.wire.base import Record


class LteCellReport(Record, frozen=True, kw_only=True, tag="lte_cell"):
    """One cell in one identity dwell."""
