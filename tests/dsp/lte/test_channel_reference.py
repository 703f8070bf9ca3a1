"""Reference signals: values, proof, offset and drift, noise, and the channel they give at the PBCH."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dsp.lte.channel import fit_reference, refine_base
from dsp.lte.interpolation import channel_at_pbch, measure_statistics
from dsp.lte.ofdm import CENTRE_K, TimeBase
from dsp.lte.reference_signals import downlink_slots, frame_grid, pilots, reference_values
from dsp.lte.sequences import crs
from dsp.synth.lte import LteCellDescription, Path

EVEN = np.ones(5)


def true_base(downlink: Any, ppm: float = 0.0) -> TimeBase:
    frame = downlink.frame_samples
    return TimeBase(frame_sample=downlink.first_frame_sample(0) % frame, drift=9600e-6 * ppm, offset_hz=downlink.cfo_hz)


@pytest.mark.parametrize("cp", ["normal", "extended"])
def test_all_values_of_a_frame_at_once_are_those_of_the_sequence(cp: Any) -> None:
    values = reference_values(321, cp)
    for slot, symbol in ((0, 0), (7, 1), (13, values.shape[1] - 3), (19, 0)):
        assert np.allclose(values[slot, symbol], crs(321, slot=slot, symbol=symbol, cp=cp))


def test_a_cell_is_proved_and_another_identity_is_not(on_air: Any) -> None:
    x, downlink = on_air(LteCellDescription(pci=77), snr_db=-10, start_s=0.0021)
    grid = frame_grid(x, true_base(downlink), "normal")
    slots = downlink_slots("fdd")
    assert fit_reference(pilots(grid, pci=77, port=0, slots=slots), EVEN).proof > 50.0
    assert fit_reference(pilots(grid, pci=80, port=0, slots=slots), EVEN).proof < 12.0


def test_noise_does_not_prove_a_cell(noise: Any) -> None:
    base = TimeBase(frame_sample=500.0, drift=0.0, offset_hz=0.0)
    proofs = []
    for seed in range(30):
        grid = frame_grid(noise(153_600, variance=1.0, seed=seed), base, "normal")
        proofs.append(fit_reference(pilots(grid, pci=3 * seed, port=0, slots=downlink_slots("fdd")), EVEN).proof)
    assert max(proofs) < 12.0  # e^-12 x 85 offsets x 30 tries: once in 60 runs of this test at the bound, and the bound is not reached


@pytest.mark.parametrize(("ppm", "snr_db"), [(-40.0, 0.0), (0.0, 10.0), (65.0, -6.0)])
def test_offset_and_drift_are_refined_to_a_few_hertz_and_a_ppm(on_air: Any, ppm: float, snr_db: float) -> None:
    x, downlink = on_air(LteCellDescription(pci=150), snr_db=snr_db, receiver_ppm=ppm, carrier_hz=800e6, start_s=0.004)
    truth = true_base(downlink, ppm)
    base = replace(truth, offset_hz=truth.offset_hz + 60.0, drift=truth.drift + 0.05, frame_sample=truth.frame_sample - 0.9)
    for _ in range(2):
        base = refine_base(pilots(frame_grid(x, base, "normal"), pci=150, port=0, slots=downlink_slots("fdd")), base)
    assert base.offset_hz == pytest.approx(truth.offset_hz, abs=5.0)
    assert base.drift / 9600e-6 == pytest.approx(ppm, abs=2.0)
    assert base.at(np.array([76_800.0]))[0] == pytest.approx(truth.at(np.array([76_800.0]))[0], abs=0.2)


@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 12.0])
def test_the_snr_is_read_to_a_decibel(on_air: Any, snr_db: float) -> None:
    x, downlink = on_air(LteCellDescription(pci=9), snr_db=snr_db, start_s=0.001)
    grid = frame_grid(x, true_base(downlink), "normal")
    statistics = measure_statistics(pilots(grid, pci=9, port=0, slots=downlink_slots("fdd")))
    assert 10 * np.log10(statistics.signal / statistics.noise) == pytest.approx(snr_db, abs=1.0)
    assert 10 * np.log10(statistics.signal / 1e-5) == pytest.approx(0.0, abs=1.0)


def test_the_channel_at_the_pbch_is_that_of_the_paths(on_air: Any) -> None:
    paths = (Path(), Path(delay_us=2.1, level_db=-3.0, phase_rad=1.2))
    x, downlink = on_air(LteCellDescription(pci=30), snr_db=5, paths=paths)
    base = true_base(downlink)
    grid = frame_grid(x, base, "normal")
    port = pilots(grid, pci=30, port=0, slots=downlink_slots("fdd"))
    channel, error = channel_at_pbch(port, grid, measure_statistics(port))
    tones = np.exp(-2j * np.pi * 15e3 * np.outer(CENTRE_K, [p.delay_us * 1e-6 for p in paths]))
    truth = tones @ np.array([10 ** (p.level_db / 20) * np.exp(1j * p.phase_rad) for p in paths])
    seen = channel[3, 1]
    likeness = np.abs(np.vdot(truth, seen)) ** 2 / np.vdot(truth, truth).real / np.vdot(seen, seen).real
    assert likeness > 0.97
    assert np.all(error[2:5] < 0.1)
