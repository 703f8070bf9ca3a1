"""A GSM cell on its way to the wire."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import msgspec
import pytest

from config.errors import WireFormatError
from config.wire import GsmCellReport, Header, decode_record, encode_record, from_json, to_json
from dsp.gsm.system_information import read
from dsp.gsm.types import BlockCount, GsmCell, SystemInformation
from dsp.synth.gsm_messages import CellDescription, Selection
from dsp.types import Tap
from station.gsm_messages import gsm_cell_report

HEADER = Header(station="dak-lak-1", origin="replay", time_source="recording")
DESCRIBED = CellDescription(
    bsic=5, mcc="456", mnc="08", lac=801, ci=30211, cell_channels=(90,), neighbours=(45, 88), neighbours_2ter=(700,),
    lte_neighbours=(3500,), t3212=20, selection=Selection(cro_db=10, temporary_offset_db=10, penalty_time_s=40), gprs=True,
    access_classes_barred=(3, 15),
)  # fmt: skip
CELL = GsmCell(
    status="identified", reason="", freq_hz=953e6, offset_hz=-6_588.04, arfcn=90, band="P-GSM900", bsic=5, cfo_hz=-6_588.04,
    ppm=6.91234, ppm_sigma=0.0123, snr_db=17.129, power=1e-4, fn=27331, fn_sample=-12,
    blocks={"SCH": BlockCount(good=63, tried=64), "BCCH": BlockCount(good=13, tried=13)}, information=read(DESCRIBED.blocks()),
    taps=(Tap(delay_us=0.0, level_db=0.0), Tap(delay_us=-3.6923, level_db=-7.004)), delay_spread_us=1.23456,
)  # fmt: skip
CARRIER = replace(
    CELL, status="carrier", reason="no SCH passed", freq_hz=None, arfcn=None, band=None, bsic=None, cfo_hz=None, ppm=None, ppm_sigma=None,
    fn=None, fn_sample=None, blocks={}, information=SystemInformation(), taps=(), delay_spread_us=None, power=0.0,
)  # fmt: skip


def test_an_identified_cell_carries_every_field_flat_and_in_its_unit() -> None:
    said = json.loads(to_json(gsm_cell_report(CELL, header=HEADER, start_time_ns=5)))
    assert said == {
        "kind": "gsm_cell", "station": "dak-lak-1", "origin": "replay", "start_time_ns": 5, "time_source": "recording",
        "time_error_ms": None, "status": "identified", "reason": "", "freq_hz": 953e6, "offset_hz": -6588.0, "arfcn": 90,
        "band": "P-GSM900", "bsic": 5, "cfo_hz": -6588.0, "ppm": 6.912, "ppm_sigma": 0.012, "snr_db": 17.13, "power_dbfs": -40.0,
        "fn": 27331, "fn_sample": -12, "blocks_good": {"sch": 63, "bcch": 13}, "blocks_tried": {"sch": 64, "bcch": 13},
        "taps": [{"delay_us": 0.0, "level_db": 0.0}, {"delay_us": -3.692, "level_db": -7.0}], "delay_spread_us": 1.235,
        "mcc": "456", "mnc": "08", "lac": 801, "ci": 30211, "t3212": 20, "cro_db": 10, "temporary_offset_db": 10,
        "penalty_time_s": 40, "barred": False, "reestablishment_allowed": False, "access_classes_barred": [3, 15],
        "emergency_calls_allowed": True, "ncc_permitted": [0, 1, 2, 3, 4, 5, 6, 7], "ccch_combined": False, "ccch_count": 1,
        "attach_detach_allowed": True, "bs_pa_mfrms": 5, "ms_txpwr_max_cch": 5, "rxlev_access_min_dbm": -105,
        "cell_reselect_hysteresis_db": 4, "gprs": True, "cell_channels": [90], "neighbours": [45, 88, 700],
        "neighbours_continued": False, "ba_ind": 0, "band_1900": False, "lte_neighbours": [3500],
        "si_hex": {name: octets.hex() for name, octets in DESCRIBED.blocks().items()}, "conflicts": [],
    }  # fmt: skip


@pytest.mark.parametrize("cell", [CELL, CARRIER], ids=["identified", "carrier"])
def test_a_cell_survives_the_wire_and_json(cell: GsmCell) -> None:
    report = gsm_cell_report(cell, header=HEADER, start_time_ns=5)
    assert decode_record(encode_record(report)) == report
    assert from_json(to_json(report)) == report


def test_what_was_not_read_is_null() -> None:
    report = msgspec.to_builtins(gsm_cell_report(CARRIER, header=HEADER, start_time_ns=0))
    given = {name for name, value in report.items() if value not in (None, [], {}, "")}
    assert {"mcc", "mnc", "lac", "ci", "freq_hz", "bsic", "fn", "neighbours"}.isdisjoint(given)
    assert (report["blocks_good"], report["power_dbfs"], report["reason"]) == ({"sch": 0, "bcch": 0}, -300.0, "no SCH passed")


def test_the_record_has_a_field_for_everything_the_cell_says() -> None:
    record = {one.name for one in msgspec.structs.fields(GsmCellReport)}
    assert {one.name for one in fields(SystemInformation)} <= record


@pytest.mark.parametrize(
    ("name", "value"), [("mnc", "1"), ("mcc", "4520"), ("lac", 65536), ("arfcn", 1024), ("snr_db", float("nan")), ("fn", 2715648)]
)
def test_a_value_no_cell_can_have_is_refused_on_the_wire(name: str, value: object) -> None:
    report = gsm_cell_report(CELL, header=HEADER, start_time_ns=5)
    with pytest.raises(WireFormatError):
        encode_record(msgspec.structs.replace(report, **{name: value}))
