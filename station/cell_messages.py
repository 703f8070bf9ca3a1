"""Cells to wire records: each kind has its own bridge, imported when there is something to carry over it."""

from __future__ import annotations

from config.wire import AnyRecord, Header
from dsp.gsm.types import GsmCell
from station.identity import Heard
from station.sample_clock import SampleClock


def cell_report(heard: Heard, *, header: Header, clock: SampleClock) -> AnyRecord:
    """Return the record of one cell of one look."""
    start_time_ns = clock.time_ns(heard.first_sample)
    if isinstance(heard.cell, GsmCell):
        from station.gsm_messages import gsm_cell_report

        return gsm_cell_report(heard.cell, header=header, start_time_ns=start_time_ns)
    from station.lte_messages import lte_cell_report

    return lte_cell_report(heard.cell, header=header, start_time_ns=start_time_ns)
