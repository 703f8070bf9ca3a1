"""LTE cells to wire records: linear to dB, tuples to lists, figures rounded to what they are worth."""

from __future__ import annotations

from typing import Literal, get_args

from config.wire import Header, LteCellReport
from config.wire.lte_cell import EarfcnReport, PhichReport
from config.wire.tap import TapReport
from dsp.lte.earfcn import earfcns
from dsp.lte.types import LteCell
from station.messages import freq, header_fields, level

Blocks = Literal[6, 15, 25, 50, 75, 100]
Ports = Literal[1, 2, 4]


def lte_cell_report(cell: LteCell, *, header: Header, start_time_ns: int) -> LteCellReport:
    """Return the record of one cell of a dwell that began at ``start_time_ns``."""
    return LteCellReport(
        **header_fields(header),
        start_time_ns=start_time_ns,
        status=cell.status,
        reason=cell.reason,
        freq_hz=None if cell.freq_hz is None else freq(cell.freq_hz),
        offset_hz=freq(cell.offset_hz),
        earfcns=_numbers(cell.freq_hz),
        raster_ambiguous=cell.raster_ambiguous,
        pci=cell.pci,
        duplex=cell.duplex,
        cp=cell.cp,
        n_rb=_blocks(cell.n_rb),
        ports=_ports(cell.ports),
        phich=_phich(cell),
        sfn=cell.sfn,
        frame_sample=cell.frame_sample,
        cfo_hz=freq(cell.cfo_hz),
        ppm=None if cell.ppm is None else round(cell.ppm, 3),
        ppm_sigma=None if cell.ppm_sigma is None else round(cell.ppm_sigma, 3),
        snr_db=round(cell.snr_db, 2),
        power_dbfs=level(cell.power),
        rsrp_dbfs=level(cell.rsrp),
        taps=[TapReport(delay_us=round(tap.delay_us, 3), level_db=round(tap.level_db, 2)) for tap in cell.taps],
        mib_count=cell.mib_count,
    )


def _numbers(freq_hz: float | None) -> list[EarfcnReport]:
    if freq_hz is None:
        return []
    return [EarfcnReport(band=band, earfcn=earfcn) for band, earfcn in earfcns(freq_hz)]


def _blocks(n_rb: int | None) -> Blocks | None:
    return next((width for width in get_args(Blocks) if width == n_rb), None)


def _ports(ports: int | None) -> Ports | None:
    return next((number for number in get_args(Ports) if number == ports), None)


def _phich(cell: LteCell) -> PhichReport | None:
    if cell.phich_duration is None or cell.phich_resource is None:
        return None
    return PhichReport(duration=cell.phich_duration, resource=cell.phich_resource)
