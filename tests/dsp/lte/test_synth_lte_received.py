"""Synthetic cells of the kinds that no recording has, received blind at a dongle's rate with one crystal off."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.lte.search import find_cells
from dsp.synth.lte import LteCellDescription, LteDownlink, Reception, noise_variance

SAMPLE_RATE_HZ = 2.4e6
CARRIER_HZ = 1_800e6

KINDS = [
    LteCellDescription(pci=212, n_ports=4, cp="extended", first_sfn=1022, phich_duration="extended", spare=0b1100110011),
    LteCellDescription(pci=41, n_rb=50, n_ports=4, duplex="tdd", first_sfn=7, phich_resource="2"),
    LteCellDescription(pci=498, n_ports=2, duplex="tdd", cp="extended", first_sfn=301, dwpts_symbols=9),
    LteCellDescription(pci=0, n_ports=1, cp="extended", load=0.0),
]


@pytest.mark.parametrize("cell", KINDS, ids=lambda c: f"{c.duplex}-{c.cp}-{c.n_ports}")
def test_a_kind_of_cell_without_a_recording_is_read_blind(cell: LteCellDescription) -> None:
    rng = np.random.default_rng(cell.pci)
    reception = Reception(re_power=1e-5, carrier_hz=CARRIER_HZ, receiver_ppm=-31.0, start_s=0.0047)
    downlink = LteDownlink(cell, reception, sample_rate_hz=SAMPLE_RATE_HZ, seed=cell.pci)
    count = round(0.08 * SAMPLE_RATE_HZ)
    deviation = np.sqrt(noise_variance(1e-5, snr_db=5.0, sample_rate_hz=SAMPLE_RATE_HZ) / 2)
    noise = (deviation * rng.standard_normal((count, 2), dtype=np.float32)).astype(np.float32).view(np.complex64)[:, 0]
    found = find_cells(downlink.samples(0, count=count) + noise, sample_rate_hz=SAMPLE_RATE_HZ, center_freq_hz=CARRIER_HZ)

    assert [(c.status, c.pci) for c in found] == [("identified", cell.pci)]
    one = found[0]
    assert (one.duplex, one.cp, one.n_rb, one.ports) == (cell.duplex, cell.cp, cell.n_rb, cell.n_ports)
    assert (one.phich_duration, one.phich_resource) == (cell.phich_duration, cell.phich_resource)
    assert one.freq_hz == CARRIER_HZ
    assert one.cfo_hz == pytest.approx(downlink.cfo_hz, abs=50.0)
    frames = (one.frame_sample - downlink.first_frame_sample(0)) / downlink.frame_samples
    assert frames == pytest.approx(round(frames), abs=1e-3)
    assert one.sfn == (cell.first_sfn + round(frames)) % 1024
    assert one.snr_db == pytest.approx(5.0, abs=1.0)
