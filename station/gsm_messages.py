"""GSM cells to wire records: linear to dB, tuples to lists, figures rounded to what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from config.wire import GsmCellReport, Header
from config.wire.gsm_cell import BlockCounts
from config.wire.tap import TapReport
from dsp.gsm.types import GsmCell, SystemInformation
from station.messages import freq, header_fields, level


def gsm_cell_report(cell: GsmCell, *, header: Header, start_time_ns: int) -> GsmCellReport:
    """Return the record of one cell of a dwell that began at ``start_time_ns``."""
    return GsmCellReport(
        **header_fields(header),
        start_time_ns=start_time_ns,
        status=cell.status,
        reason=cell.reason,
        freq_hz=None if cell.freq_hz is None else freq(cell.freq_hz),
        offset_hz=freq(cell.offset_hz),
        arfcn=cell.arfcn,
        band=cell.band,
        bsic=cell.bsic,
        cfo_hz=None if cell.cfo_hz is None else freq(cell.cfo_hz),
        ppm=None if cell.ppm is None else round(cell.ppm, 3),
        ppm_sigma=None if cell.ppm_sigma is None else round(cell.ppm_sigma, 3),
        snr_db=round(cell.snr_db, 2),
        power_dbfs=level(cell.power),
        fn=cell.fn,
        fn_sample=cell.fn_sample,
        blocks_good=_counts({kind: count.good for kind, count in cell.blocks.items()}),
        blocks_tried=_counts({kind: count.tried for kind, count in cell.blocks.items()}),
        taps=[TapReport(delay_us=round(tap.delay_us, 3), level_db=round(tap.level_db, 2)) for tap in cell.taps],
        delay_spread_us=None if cell.delay_spread_us is None else round(cell.delay_spread_us, 3),
        **_said(cell.information),
    )


def _counts(numbers: Mapping[str, int]) -> BlockCounts:
    return BlockCounts(sch=numbers.get("SCH", 0), bcch=numbers.get("BCCH", 0))


def _said(information: SystemInformation) -> dict[str, Any]:
    """Return the fields of the BCCH: the record has them under the same names, lists for tuples."""
    said = {one.name: getattr(information, one.name) for one in fields(information)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()} | {
        "si_hex": dict(sorted(information.si_hex.items()))
    }
