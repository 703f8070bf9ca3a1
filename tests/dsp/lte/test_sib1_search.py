"""SIB1 of synthetic cells, found without being told where: every layout, versions together, parts unseen, and nothing where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsp.lte.crs import CarrierView, read_subframe
from dsp.lte.pdsch import allocation_soft_bits, data_elements, scrambling_signs, soft_elements
from dsp.lte.sib1 import search_sib1
from dsp.lte.sib1_message import Sib1
from dsp.lte.sib1_windows import DWELL_S, carrier_windows, window_sib1
from dsp.lte.types import LteCell
from dsp.lte.virtual_blocks import slot_blocks
from dsp.synth.lte_grid import DATA, roles
from dsp.synth.lte_sib1 import Sib1Transmission, sent_bits
from dsp.synth.noise import white_noise
from tests.lte_sib1_air import air, cell, octets

WHOLE = [
    {"n_rb": 6, "n_ports": 1, "control_symbols": 4, "length": 6, "start": 0, "size": 144},
    {"n_rb": 15, "n_ports": 2, "control_symbols": 1, "length": 4, "start": 11},
    {"n_rb": 25, "n_ports": 4, "control_symbols": 3, "length": 5, "start": 7},
    {"n_rb": 25, "n_ports": 2, "cp": "extended", "length": 6, "start": 10},
    {"n_rb": 25, "n_ports": 1, "duplex": "tdd", "length": 6, "start": 9},
    {"n_rb": 50, "n_ports": 2, "redundancy": "first", "length": 8, "start": 21, "size": 328},
    {"n_rb": 15, "n_ports": 4, "length": 4, "start": 1},
    {"n_rb": 15, "n_ports": 4, "length": 4, "start": 10},
    {"n_rb": 15, "n_ports": 4, "length": 8, "start": 3},
    {"n_rb": 25, "n_ports": 4, "length": 4, "start": 15},
    {"n_rb": 25, "n_ports": 4, "length": 6, "start": 5},
    {"n_rb": 25, "n_ports": 4, "length": 9, "start": 8, "duplex": "tdd"},
    {"n_rb": 75, "n_ports": 4, "length": 6, "start": 40},
    {"n_rb": 6, "n_ports": 2, "length": 6, "start": 0, "gap": 1, "size": 136},
    {"n_rb": 15, "n_ports": 4, "length": 5, "start": 4, "gap": 1, "size": 176},
    {"n_rb": 25, "n_ports": 1, "length": 4, "start": 6, "gap": 1, "size": 136},
    {"n_rb": 50, "n_ports": 2, "length": 8, "start": 4, "gap": 2, "size": 280, "redundancy": "first"},
]
"""The blocks that PSS and SSS halve are 4 and 10 of 15, 9 and 15 of 25, 34 and 40 of 75."""


def told(case: dict[str, object]) -> tuple[dict[str, object], Sib1Transmission]:
    sending = {name: case[name] for name in ("start", "length", "redundancy", "gap") if name in case}
    rest = {name: value for name, value in case.items() if name not in ("start", "length", "redundancy", "gap", "size")}
    return rest, Sib1Transmission(octets=octets(case.get("size", 176)), **sending)  # type: ignore[arg-type]


@pytest.mark.parametrize("case", WHOLE, ids=lambda c: "-".join(str(v) for v in c.values()))
def test_every_layout_is_found_wherever_it_lies_with_the_sfn_known_and_not(case: dict[str, object]) -> None:
    rest, sib1 = told(case)
    iq, view = air(cell(sib1=sib1, **rest), snr_db=8.0, first=2, receiver_ppm=25.0)  # type: ignore[arg-type]
    for sfn in (2, None):
        found = search_sib1(iq, view, sfn=sfn)
        assert found.status == "decoded"
        assert found.message is not None
        assert found.message.octets == sib1.octets
        assert found.gap == sib1.gap
        assert found.prb == ((sib1.start, sib1.length) if sib1.gap == 0 else None)


@pytest.mark.parametrize("case", WHOLE, ids=lambda c: "-".join(str(v) for v in c.values()))
def test_the_receivers_elements_are_the_senders(case: dict[str, object]) -> None:
    """``pdsch.data_elements`` from the clauses against ``lte_grid.roles``, which other stacks' recordings have judged."""
    described = cell(**told(case)[0])  # type: ignore[arg-type]
    rows = roles(described).shape[0] // 10
    theirs = roles(described)[5 * rows : 6 * rows] == DATA
    mine = data_elements(described.pci, described.n_rb, described.n_ports, described.cp, described.duplex)
    assert np.array_equal(mine[described.control_symbols :], theirs[described.control_symbols :])


def test_soft_bits_without_noise_have_the_signs_of_the_bits_sent() -> None:
    sib1 = Sib1Transmission(octets=octets(), start=3, length=4)
    described = cell(sib1=sib1)
    iq, view = air(described, snr_db=60.0)
    soft = soft_elements(read_subframe(iq, view, 0), view)
    bits = allocation_soft_bits(soft, view, blocks=slot_blocks(25, start=3, length=4), data_start=2)
    plain = sent_bits(sib1, sfn=0, pci=123, n_bits=bits.size)
    sent = 1.0 - 2.0 * plain.astype(float)
    assert np.array_equal(np.sign(bits), sent * scrambling_signs(123, bits.size))


def test_four_weak_occurrences_are_read_together_where_one_is_not_enough() -> None:
    sib1 = Sib1Transmission(octets=octets(), length=4)
    described = cell(sib1=sib1)
    iq, view = air(described, snr_db=-8.0, frames=8, seed=4)
    one = iq[: iq.size // 4]
    assert search_sib1(one, view, sfn=0).status == "not_seen"
    both = [search_sib1(iq, view, sfn=sfn) for sfn in (0, None)]
    assert [found.message.octets if found.message else None for found in both] == [sib1.octets] * 2


def test_an_allocation_that_moves_is_followed() -> None:
    sib1 = Sib1Transmission(octets=octets(), starts=(0, 18), length=7)
    iq, view = air(cell(sib1=sib1), snr_db=0.0, frames=4)
    half = iq.size // 2
    first = search_sib1(iq[:half], view, sfn=0)
    second = search_sib1(
        iq[half:], replace(view, frame_sample=view.frame_sample + 2 * view.sample_rate_hz * view.stretch / 100 - half), sfn=2
    )
    assert [first.prb, second.prb] == [(0, 7), (18, 7)]
    assert first.message == second.message


def test_a_cell_without_sib1_under_full_load_has_none() -> None:
    for seed in range(3):
        iq, view = air(cell(n_rb=25, n_ports=2), snr_db=20.0, frames=2, seed=seed)
        found = search_sib1(iq, view, sfn=None)
        assert (found.status, found.message) == ("not_seen", None)
        assert found.reason


def test_noise_has_no_sib1() -> None:
    _, view = air(cell(n_rb=25), snr_db=0.0)
    iq = white_noise(8 * 76_800, power=1e-3, rng=np.random.default_rng(7))
    assert search_sib1(iq, view, sfn=None) == Sib1(status="not_seen", reason="too weak, disturbed, or in more than ten blocks")


def test_another_cells_sib1_is_not_read_as_this_ones() -> None:
    sib1 = Sib1Transmission(octets=octets(), length=4)
    iq, view = air(cell(sib1=sib1, pci=129), snr_db=20.0)
    assert search_sib1(iq, replace(view, pci=123), sfn=0).status == "not_seen"


@pytest.mark.parametrize("quarter", range(4))
def test_twenty_seconds_of_noise_have_no_sib1_where_a_dongle_would_look_for_one(quarter: int) -> None:
    """As the station does it: frames by the reference signals of the cell it knows, then the search. In quarters, to run side by side."""
    described = cell(n_rb=100)
    known = LteCell(
        status="identified", reason="", freq_hz=800e6, offset_hz=0.0, raster_ambiguous=False, pci=described.pci, duplex="fdd",
        cp="normal", n_rb=100, ports=2, phich_duration="normal", phich_resource="1", sfn=0, frame_sample=0, cfo_hz=100.0,
        ppm=None, ppm_sigma=None, snr_db=3.0, rsrp=1e-5, power=1e-5, taps=(), mib_count=2,
    )  # fmt: skip
    window = carrier_windows(100, sample_rate_hz=2.4e6)[0]
    for dwell in range(quarter, round(20.0 / DWELL_S), 4):
        iq = white_noise(round(DWELL_S * 2.4e6), power=1e-2, rng=np.random.default_rng((dwell, 12)))
        asked = replace(known, pci=dwell % 504, ports=(1, 2, 4)[dwell % 3])
        assert window_sib1(iq, asked, window, sample_rate_hz=2.4e6).status == "not_seen"


@pytest.mark.slow
def test_twenty_seconds_of_noise_have_no_sib1() -> None:
    view = CarrierView(
        sample_rate_hz=2.4e6, frame_sample=0.0, stretch=1.0, offset_hz=8.1e6, pci=7, n_rb=100, ports=2, cp="normal", duplex="fdd"
    )
    for dwell in range(250):
        iq = white_noise(192_000, power=1e-2, rng=np.random.default_rng((dwell, 11)))
        assert search_sib1(iq, replace(view, pci=dwell % 504, ports=(1, 2, 4)[dwell % 3]), sfn=None).status == "not_seen"
