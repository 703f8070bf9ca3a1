"""Beneath a stronger cell: what is taken out, and how firm an identity has to be there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dsp.lte.cancellation import cancel_synchronisation
from dsp.lte.carrier import cells_on_carrier
from dsp.lte.search import find_cells
from dsp.lte.sss import pss_to_frame, sss_to_frame
from dsp.synth.lte import LteCellDescription, Path

CARRIER = 1_800e6


@pytest.mark.parametrize("duplex", ["fdd", "tdd"])
def test_pss_and_sss_are_taken_out_and_nothing_else(on_air: Any, duplex: Any) -> None:
    paths = (Path(), Path(delay_us=1.3, level_db=-4.0, phase_rad=0.7))
    x, downlink = on_air(LteCellDescription(pci=305, duplex=duplex), snr_db=25, paths=paths, carrier_hz=CARRIER, receiver_ppm=20.0)
    (cell,) = cells_on_carrier(x, [(downlink.cfo_hz - 1e3, downlink.cfo_hz + 1e3)])[:1]
    left = cancel_synchronisation(x, cell)
    changed = np.abs(left - x) > 0
    assert 0.01 < changed.mean() < 2 * 140 / 9600  # two symbols of every half frame
    for place in (pss_to_frame(duplex, "normal"), sss_to_frame(duplex, "normal")):
        start = round(float(cell.sync.base.at(np.array([2 * 9600.0 + place]))[0]))
        symbol = slice(start, start + 128)
        assert np.sum(np.abs(left[symbol]) ** 2) < 0.02 * np.sum(np.abs(x[symbol]) ** 2)


def test_an_identity_too_far_beneath_is_told_as_synchronised_with_the_reason(on_air: Any) -> None:
    strong, _ = on_air(LteCellDescription(pci=30, load=0.0), snr_db=20, carrier_hz=CARRIER, start_s=0.002)
    weak, _ = on_air(LteCellDescription(pci=32, load=0.0), snr_db=80, carrier_hz=CARRIER, start_s=0.0063, seed=2)
    cells = find_cells(strong + weak * np.float32(10 ** (-16 / 20)), sample_rate_hz=1.92e6, center_freq_hz=CARRIER, max_offset_hz=20e3)
    assert [(cell.pci, cell.status) for cell in cells] == [(30, "identified"), (32, "synchronised")]
    assert "16 dB beneath" in cells[1].reason
    assert cells[1].mib_count >= 2
    assert cells[1].n_rb is None


def test_an_identity_close_beneath_and_read_twice_is_identified(on_air: Any) -> None:
    strong, _ = on_air(LteCellDescription(pci=30, load=0.0), snr_db=20, carrier_hz=CARRIER, start_s=0.002)
    weak, _ = on_air(LteCellDescription(pci=32, n_ports=2, load=0.0), snr_db=80, carrier_hz=CARRIER, start_s=0.0063, seed=2)
    cells = find_cells(strong + weak * np.float32(10 ** (-8 / 20)), sample_rate_hz=1.92e6, center_freq_hz=CARRIER, max_offset_hz=20e3)
    assert [(cell.pci, cell.status, cell.ports) for cell in cells] == [(30, "identified", 1), (32, "identified", 2)]
