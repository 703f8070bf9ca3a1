"""The SSS decides identity, frame timing, duplex and prefix at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dsp.lte.pss import PssPeak
from dsp.lte.sss import match_sss, pss_to_frame
from dsp.synth.lte import LteCellDescription


@pytest.mark.parametrize(
    ("duplex", "cp", "start_s"),
    [("fdd", "normal", 0.0), ("fdd", "extended", 0.005), ("tdd", "normal", 0.0012), ("tdd", "extended", 0.0071)],
)
def test_identity_timing_duplex_and_prefix_come_out_together(on_air: Any, duplex: Any, cp: Any, start_s: float) -> None:
    for pci in (0, 167, 333, 503):
        x, downlink = on_air(LteCellDescription(pci=pci, duplex=duplex, cp=cp), snr_db=-3, ms=40.0, start_s=start_s, seed=pci)
        first = downlink.first_frame_sample(0) + pss_to_frame(duplex, cp)
        peak = PssPeak(n_id2=pci % 3, offset_hz=0.0, sample=first % 9600, drift=0.0, metric=0.0, n_rows=8)
        best = match_sss(x, peak, n_best=2)
        assert (best[0].pci, best[0].duplex, best[0].cp) == (pci, duplex, cp)
        assert (best[0].frame_sample - downlink.first_frame_sample(0) + 9600) % 19200 - 9600 == pytest.approx(0.0, abs=0.01)
        assert best[0].sigmas > 2 * best[1].sigmas


def test_an_offset_error_turns_the_phase_between_sss_and_pss_and_is_read_from_it(on_air: Any) -> None:
    x, downlink = on_air(LteCellDescription(pci=100, duplex="tdd"), snr_db=0, ms=40.0)
    sample = (downlink.first_frame_sample(0) + pss_to_frame("tdd", "normal")) % 9600
    for wrong in (-900.0, 900.0):
        peak = PssPeak(n_id2=1, offset_hz=wrong, sample=sample, drift=0.0, metric=0.0, n_rows=8)
        best = match_sss(x, peak, n_best=1)[0]
        assert best.pci == 100
        assert best.offset_error_hz == pytest.approx(-wrong, abs=100.0)


def test_noise_stays_below_the_gate_of_the_reference_signals(noise: Any) -> None:
    sigmas = []
    for seed in range(40):
        peak = PssPeak(n_id2=seed % 3, offset_hz=0.0, sample=1000.0, drift=0.0, metric=0.0, n_rows=16)
        sigmas.append(match_sss(noise(153_600, variance=1.0, seed=seed), peak, n_best=1)[0].sigmas)
    assert 2.5 < np.median(sigmas) < 4.5
    assert max(sigmas) < 7.0
