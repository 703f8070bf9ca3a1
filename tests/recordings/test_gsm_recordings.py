"""Every annotated GSM cell comes out of its recording exactly, straight through the search; nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsp.gsm.params import FRAME_S, HYPERFRAME_FRAMES
from dsp.gsm.search import GsmSearch
from dsp.gsm.types import GsmCell
from dsp.units import to_complex64

DTYPES = {"cu8": np.uint8, "ci8": np.int8, "ci16_le": np.int16, "cf32_le": np.float32}
GSM = (
    "gsm_3cells_941.2M_2.4M",
    "gsm_bts_metfone_arfcn90",
    "gsm_bts_two_cells_944.4M",
    "gsm_bts_viettel_arfcn45",
    "gsm_ota_953.6M_1M",
    "gsm_ota_953.6M_500k",
)
CFO_TOLERANCE_HZ = 150.0


def cells_of(meta: Path) -> tuple[tuple[GsmCell, ...], list[dict[str, Any]], float]:
    """(cells, GSM annotations, frames in the recording)."""
    described = json.loads(meta.read_text())
    head = described["global"]
    kind, rate_hz = head["core:datatype"], head["core:sample_rate"]
    iq = to_complex64(np.fromfile(meta.with_suffix(".sigmf-data"), DTYPES[kind]), kind, 32768.0)
    search = GsmSearch(sample_rate_hz=rate_hz, center_freq_hz=described["captures"][0].get("core:frequency"))
    for start in range(0, iq.size, 262_144):
        search.add(iq[start : start + 262_144])
    truths = [a for a in described["annotations"] if a.get("truth:rat") == "gsm"]
    return search.cells(), truths, iq.size / rate_hz / FRAME_S


def fn_is_in(truth: dict[str, Any], fn: int, frames: float) -> bool:
    """Whether a frame number lies in the recording's window."""
    if "truth:fn_seen" in truth:
        return any((fn - seen) % HYPERFRAME_FRAMES == 0 for seen in truth["truth:fn_seen"])
    first = truth["truth:fn_first"]
    last = truth.get("truth:fn_last", first + int(frames))
    return (fn - first) % HYPERFRAME_FRAMES <= (last - first) % HYPERFRAME_FRAMES


def check(cell: GsmCell, truth: dict[str, Any], frames: float) -> None:
    """Every field the annotation has, exactly."""
    info = cell.information
    said = {"bsic": cell.bsic, "arfcn": cell.arfcn, "freq_hz": cell.freq_hz}
    for name in ("mcc", "mnc", "lac", "ci", "t3212", "cro_db"):
        said[name] = getattr(info, name)
    for name, value in said.items():
        if f"truth:{name}" in truth:
            assert value == truth[f"truth:{name}"], name
    if "truth:lac" in truth:
        assert (cell.status, cell.reason) == ("identified", "")
    if "truth:cfo_hz" in truth:
        assert cell.cfo_hz == pytest.approx(truth["truth:cfo_hz"], abs=CFO_TOLERANCE_HZ)
    if "truth:si_hex" in truth:
        assert {name: info.si_hex.get(name) for name in truth["truth:si_hex"]} == truth["truth:si_hex"]
    if "truth:neighbours_on_air" in truth:
        assert list(info.neighbours or ()) == truth["truth:neighbours_on_air"]
    if "truth:sch_count" in truth:
        assert cell.blocks["SCH"].good == truth["truth:sch_count"]
        assert cell.blocks["BCCH"].good == truth["truth:bcch_blocks"]
    if "truth:fn_first" in truth or "truth:fn_seen" in truth:
        assert cell.fn is not None
        assert fn_is_in(truth, cell.fn, frames)


@pytest.mark.parametrize("name", GSM)
def test_every_annotated_cell_comes_out_exactly_and_nothing_else_does(recordings: Path, name: str) -> None:
    cells, truths, frames = cells_of(recordings / f"{name}.sigmf-meta")
    left = {c.arfcn: c for c in cells if c.status != "carrier"}
    for truth in truths:
        cell = left.pop(truth["truth:arfcn"], None)
        if cell is None:
            assert truth.get("truth:optional"), f"ARFCN {truth['truth:arfcn']} was not found"
            continue
        check(cell, truth, frames)
    assert left == {}


def test_no_lte_ism_or_adsb_recording_holds_a_gsm_cell(recordings: Path) -> None:
    others = [m for m in sorted(recordings.glob("*.sigmf-meta")) if m.stem.partition("_")[0] in ("lte", "ism", "adsb")]
    assert len(others) > 10
    for meta in others:
        cells, _, _ = cells_of(meta)
        assert [c for c in cells if c.status != "carrier"] == [], meta.stem
