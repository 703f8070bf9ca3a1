"""The PSS search: where it peaks, what a wrong clock costs it, and how often noise passes its threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dsp.lte.pss import gamma_threshold, refine_peak, replica, search_pss
from dsp.synth.lte import LteCellDescription

PPM = 9600e-6  # samples per half frame for each ppm
ALL_CLOCKS = (-120 * PPM, 120 * PPM)


@pytest.mark.parametrize("pci", [0, 1, 2])
def test_the_replica_has_unit_energy_and_is_constant_amplitude_in_frequency(pci: int) -> None:
    assert np.sum(np.abs(replica(pci)) ** 2) == pytest.approx(1.0, abs=1e-5)
    spectrum = np.abs(np.fft.fft(replica(pci)))
    assert np.count_nonzero(spectrum > 0.5 * spectrum.max()) == 62


@pytest.mark.parametrize(("ppm", "pci"), [(-118.0, 3), (0.0, 4), (87.0, 5)])
def test_a_weak_cell_is_found_at_its_offset_and_sample_whatever_the_clock(on_air: Any, ppm: float, pci: int) -> None:
    x, downlink = on_air(LteCellDescription(pci=pci), snr_db=-9, receiver_ppm=ppm, carrier_hz=800e6, start_s=0.0033)
    peak = refine_peak(x, search_pss(x, ranges_hz=[(-100e3, 100e3)], drifts=ALL_CLOCKS, n_false=0.1)[0])
    assert peak.n_id2 == pci % 3
    assert peak.offset_hz == pytest.approx(downlink.cfo_hz, abs=1500.0)
    assert peak.drift == pytest.approx(ppm * PPM, abs=0.15)
    middle = peak.starts()[8]
    half = downlink.frame_samples / 2
    expected = downlink.first_frame_sample(0) + 832
    assert (middle - expected + half / 2) % half - half / 2 == pytest.approx(0.0, abs=1.0)


def test_a_clock_off_by_100_ppm_hides_a_cell_from_a_search_without_drift(on_air: Any) -> None:
    x, downlink = on_air(LteCellDescription(pci=4), snr_db=-10, receiver_ppm=100.0, carrier_hz=800e6)
    near = [(downlink.cfo_hz, downlink.cfo_hz)]
    along = search_pss(x, ranges_hz=near, drifts=ALL_CLOCKS, n_false=0.1)
    across = search_pss(x, ranges_hz=near, drifts=(0.0, 0.0), n_false=0.1)
    assert along[0].n_id2 == 1
    assert not across or across[0].metric < 0.6 * along[0].metric


@pytest.mark.parametrize("drifts", [ALL_CLOCKS, (0.0, 0.0), (-0.02, 0.02)])
def test_noise_passes_the_threshold_about_as_often_as_stated(noise: Any, drifts: tuple[float, float]) -> None:
    stated, dwells = 3.0, 12
    dwell = [noise(153_600, variance=1.0, seed=seed) for seed in range(dwells)]
    found = sum(len(search_pss(x, ranges_hz=[(-40e3, 40e3)], drifts=drifts, n_false=stated)) for x in dwell)
    assert 0.2 * stated * dwells < found < 1.6 * stated * dwells


def test_the_threshold_is_the_gamma_quantile() -> None:
    rng = np.random.default_rng(3)
    drawn = rng.gamma(16.0, size=200_000)
    assert np.mean(drawn > gamma_threshold(16, 0.01)) == pytest.approx(0.01, abs=0.001)


def test_a_loud_burst_counts_no_more_than_a_quiet_stretch(on_air: Any) -> None:
    x, downlink = on_air(LteCellDescription(pci=7), snr_db=0, carrier_hz=800e6)
    loud = x.copy()
    loud[40_000:41_000] *= 300.0
    near = [(downlink.cfo_hz, downlink.cfo_hz)]
    plain, burst = (search_pss(y, ranges_hz=near, drifts=(0.0, 0.0), n_false=0.01)[0] for y in (x, loud))
    assert (burst.n_id2, round(burst.sample)) == (plain.n_id2, round(plain.sample))
    assert burst.metric == pytest.approx(plain.metric, rel=0.1)


@pytest.mark.parametrize("size", [9_601, 12_000, 307_200])
def test_dwells_of_any_length_are_searched(on_air: Any, size: int) -> None:
    x, _ = on_air(LteCellDescription(pci=8), snr_db=10, ms=size / 1920, start_s=0.0, carrier_hz=800e6)
    peak = search_pss(x, ranges_hz=[(-5e3, 5e3)], drifts=ALL_CLOCKS, n_false=0.01)[0]
    assert peak.n_id2 == 2
    assert peak.sample % 9600 == pytest.approx(832, abs=1.5)
