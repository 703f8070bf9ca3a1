"""SIB1 of recordings: off the air as annotated, from slices a dongle would have had, and none where none is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsp.lte.crs import CarrierView
from dsp.lte.crs_timing import locate_frames
from dsp.lte.search import find_cells
from dsp.lte.sib1 import cell_view, find_sib1, search_sib1
from dsp.lte.sib1_message import Sib1
from dsp.lte.types import LteCell
from dsp.types import ComplexArray
from dsp.units import to_complex64
from tests.lte_slices import RATE_HZ, heard

WIDE = ("lte_ota_796M_19.2M_hackrf", "lte_ota_1815.3M_19.2M_hackrf")
WITHOUT = ("lte_enb_pci77_6rb", "lte_enb_pci411_25rb", "lte_enb_pci305_75rb")
SLICES = [(WIDE[0], 0, 0), (WIDE[0], 43, 39), (WIDE[1], 0, 0)]
"""Recording, a block SIB1 begins at, the first block of the slice."""

Load = Callable[[str], tuple[ComplexArray, float, dict[str, Any], LteCell]]


@pytest.fixture(scope="module")
def load(recordings: Path) -> Load:
    """Returns what gives samples, their rate, the truth and the annotated cell, each recording searched once."""
    kept: dict[str, tuple[ComplexArray, float, dict[str, Any], LteCell]] = {}

    def one(name: str) -> tuple[ComplexArray, float, dict[str, Any], LteCell]:
        if name not in kept:
            meta = json.loads((recordings / f"{name}.sigmf-meta").read_text())
            kind, rate = meta["global"]["core:datatype"], meta["global"]["core:sample_rate"]
            raw = np.fromfile(recordings / f"{name}.sigmf-data", dtype={"cu8": "u1", "ci8": "i1", "cf32_le": "<c8"}[kind])
            iq = to_complex64(raw, kind)
            truth = meta["annotations"][0]
            cells = find_cells(iq, sample_rate_hz=rate, center_freq_hz=meta["captures"][0].get("core:frequency"))
            kept[name] = iq, rate, truth, next(cell for cell in cells if cell.pci == truth["truth:pci"])
        return kept[name]

    return one


def check(found: Sib1, truth: dict[str, Any]) -> None:
    message = found.message
    assert message is not None, found.reason
    assert message.octets.hex() == truth["truth:sib1_hex"]
    assert (message.plmns[0].mcc, message.plmns[0].mnc) == (truth["truth:mcc"], truth["truth:mnc"])
    assert (message.tac, message.ci, message.band) == (truth["truth:tac"], truth["truth:ci"], truth["truth:band"])


@pytest.mark.parametrize("name", WIDE)
def test_a_wide_recording_gives_its_sib1_as_annotated(load: Load, name: str) -> None:
    iq, rate, truth, cell = load(name)
    check(find_sib1(iq, cell, sample_rate_hz=rate), truth)


def slice_view(cell: LteCell, rate: float, first_block: int) -> tuple[CarrierView, float]:
    """What a dongle knows after the centre dwell when tuned to m x 15 kHz from the carrier, block ``first_block`` at the slice's edge."""
    whole = cell_view(cell, sample_rate_hz=rate)
    assert whole is not None
    steps = round(12 * (first_block + 5.5 - whole.n_rb / 2))
    return replace(whole, sample_rate_hz=RATE_HZ, frame_sample=0.0, offset_hz=whole.offset_hz - steps * 15e3), steps * 15e3


@pytest.mark.parametrize("snr_loss_db", [None, 3.0, -4.0])
@pytest.mark.parametrize(("name", "start", "first_block"), SLICES)
def test_a_dongles_slice_at_the_allocation_gives_it_too(
    load: Load, name: str, start: int, first_block: int, snr_loss_db: float | None
) -> None:
    """2.4 MS/s, eight bits, DC spike, roll-off, noise; frames found by reference signals, SFN not known."""
    iq, rate, truth, cell = load(name)
    blind, offset_hz = slice_view(cell, rate, first_block)
    samples = heard(iq, rate_hz=rate, offset_hz=offset_hz, snr_loss_db=snr_loss_db)  # type: ignore[arg-type]
    samples = samples - samples.mean()
    view = locate_frames(samples, blind)
    assert view is not None
    expected = cell.frame_sample * RATE_HZ / rate
    assert abs((view.frame_sample - expected + 12_000) % 24_000 - 12_000) < 2.5  # a microsecond
    found = search_sib1(samples, view, sfn=None)
    check(found, truth)
    assert found.prb is not None
    assert found.prb[0] == start


def test_a_slice_without_the_allocation_gives_none_and_says_what_it_held(load: Load) -> None:
    iq, rate, _, cell = load(WIDE[1])
    blind, offset_hz = slice_view(cell, rate, 30)
    samples = heard(iq, rate_hz=rate, offset_hz=offset_hz)
    view = locate_frames(samples - samples.mean(), blind)
    assert view is not None
    found = search_sib1(samples - samples.mean(), view, sfn=None)
    assert (found.status, found.message) == ("not_seen", None)
    assert found.reason == "not in blocks 30 to 40 of 100, or too weak"


@pytest.mark.parametrize("name", WITHOUT)
def test_a_base_station_that_sends_no_sib1_has_none(load: Load, name: str) -> None:
    iq, rate, _, cell = load(name)
    found = find_sib1(iq, cell, sample_rate_hz=rate)
    assert (found.status, found.message) == ("not_seen", None)


def test_the_test_network_of_another_stack_is_read_from_its_narrow_carrier(load: Load) -> None:
    """An example signal of srsRAN: 001-01 is the PLMN of test equipment."""
    iq, rate, _, cell = load("lte_ota_6rb_1.92M_srs")
    found = find_sib1(iq, cell, sample_rate_hz=rate)
    assert found.message is not None
    assert (found.message.plmns[0].mcc, found.message.plmns[0].mnc) == ("001", "01")
    assert found.prb == (0, 6)
