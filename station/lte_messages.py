"""LTE cells to wire records: linear to dB, tuples to lists, figures rounded to what they are worth."""

from __future__ import annotations

from typing import Any, Literal, get_args

from config.wire import Header, LteCellReport
from config.wire.lte_cell import BlocksReport, EarfcnReport, PhichReport, PlmnReport
from config.wire.tap import TapReport
from dsp.lte.earfcn import earfcns
from dsp.lte.sib1_message import Sib1
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
        **_sib1(cell.sib1),
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


def _sib1(sib1: Sib1 | None) -> dict[str, Any]:
    """Return the fields that come of SIB1."""
    if sib1 is None:
        return {"sib1_reason": "no MIB was read, or nobody asked"}
    said: dict[str, Any] = {"sib1_status": sib1.status, "sib1_reason": sib1.reason}
    if sib1.prb is not None:
        said["sib1_prb"] = BlocksReport(start=sib1.prb[0], length=sib1.prb[1])
    message = sib1.message
    if message is not None:
        plmns = [PlmnReport(mcc=plmn.mcc, mnc=plmn.mnc, reserved=plmn.reserved) for plmn in message.plmns]
        said |= {"plmns": plmns, "mcc": plmns[0].mcc, "mnc": plmns[0].mnc, "sib1_hex": message.octets.hex()}
        said |= {name: getattr(message, name) for name in ("tac", "ci", "enb", "barred", "band", "tdd_config")}
    return said
