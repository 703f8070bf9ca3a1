"""An LTE cell on its way to the wire."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from config.wire import Header, decode_record, encode_record, from_json, to_json
from dsp.lte.sib1_message import Plmn, Sib1, Sib1Message
from dsp.lte.types import LteCell
from dsp.types import Tap
from station.lte_messages import lte_cell_report

HEADER = Header(station="dak-lak-1", origin="replay", time_source="recording")
CELL = LteCell(
    status="identified", reason="", freq_hz=796e6, offset_hz=-49_100.04, raster_ambiguous=False, pci=360, duplex="fdd", cp="normal",
    n_rb=50, ports=2, phich_duration="normal", phich_resource="1/6", sfn=1023, frame_sample=17, cfo_hz=-49_100.04,
    ppm=61.68123, ppm_sigma=0.05,
    snr_db=7.123, rsrp=1e-6, power=1e-4, taps=(Tap(delay_us=0.0, level_db=0.0), Tap(delay_us=3.25, level_db=-12.0)), mib_count=2,
)  # fmt: skip
SYNCHRONISED = replace(
    CELL, status="synchronised", reason="no MIB", freq_hz=None, n_rb=None, ports=None, phich_duration=None, phich_resource=None,
    sfn=None, ppm=None, ppm_sigma=None, taps=(), mib_count=0, power=0.0,
)  # fmt: skip


def test_an_identified_cell_carries_every_field_flat_and_in_its_unit() -> None:
    said = json.loads(to_json(lte_cell_report(CELL, header=HEADER, start_time_ns=5)))
    assert said == {
        "kind": "lte_cell", "station": "dak-lak-1", "origin": "replay", "start_time_ns": 5,
        "time_source": "recording", "time_error_ms": None,
        "status": "identified", "reason": "", "freq_hz": 796e6, "offset_hz": -49_100.0,
        "earfcns": [{"band": 20, "earfcn": 6200}, {"band": 28, "earfcn": 9590}], "raster_ambiguous": False,
        "pci": 360, "duplex": "fdd", "cp": "normal", "n_rb": 50, "ports": 2, "phich": {"duration": "normal", "resource": "1/6"},
        "sfn": 1023, "frame_sample": 17, "cfo_hz": -49_100.0, "ppm": 61.681, "ppm_sigma": 0.05, "snr_db": 7.12,
        "power_dbfs": -40.0, "rsrp_dbfs": -60.0, "mib_count": 2,
        "taps": [{"delay_us": 0.0, "level_db": 0.0}, {"delay_us": 3.25, "level_db": -12.0}],
        "sib1_status": "not_tried", "sib1_reason": "no MIB was read, or nobody asked", "sib1_hex": None, "sib1_prb": None,
        "plmns": None, "mcc": None, "mnc": None, "tac": None, "ci": None, "enb": None, "barred": None, "band": None, "tdd_config": None,
    }  # fmt: skip


OPERATED = replace(
    CELL,
    sib1=Sib1(
        status="decoded", reason="", prb=(43, 7), count=2, margin=800.0,
        message=Sib1Message(
            plmns=(Plmn(mcc="456", mnc="08", reserved=False), Plmn(mcc="456", mnc="004", reserved=True)), tac=501, ci=1340487,
            barred=True, band=20, tdd_config=None, octets=bytes.fromhex("6048184101f501474479146a98c81840c22621929000"),
        ),
    ),
)  # fmt: skip


def test_a_sib1_is_told_flat_with_its_networks_and_its_octets() -> None:
    report = lte_cell_report(OPERATED, header=HEADER, start_time_ns=5)
    assert (report.sib1_status, report.sib1_reason, report.sib1_hex) == ("decoded", "", "6048184101f501474479146a98c81840c22621929000")
    assert (report.mcc, report.mnc, report.tac, report.ci, report.enb, report.barred) == ("456", "08", 501, 1340487, 5236, True)
    assert report.plmns is not None
    assert [(p.mcc, p.mnc, p.reserved) for p in report.plmns] == [("456", "08", False), ("456", "004", True)]
    assert report.sib1_prb is not None
    assert (report.sib1_prb.start, report.sib1_prb.length, report.band, report.tdd_config) == (43, 7, 20, None)


@pytest.mark.parametrize("cell", [CELL, SYNCHRONISED, OPERATED], ids=["identified", "synchronised", "operated"])
def test_a_cell_survives_the_wire_and_json(cell: LteCell) -> None:
    report = lte_cell_report(cell, header=HEADER, start_time_ns=5)
    assert decode_record(encode_record(report)) == report
    assert from_json(to_json(report)) == report


def test_what_was_not_read_is_null_and_a_carrier_unknown_has_no_number() -> None:
    report = lte_cell_report(SYNCHRONISED, header=HEADER, start_time_ns=0)
    assert (report.freq_hz, report.n_rb, report.ports, report.phich, report.sfn, report.earfcns) == (None, None, None, None, None, [])
