"""find_cells on synthetic air: kinds of cell, clocks, rates, neighbours, edges, noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dsp.lte.search import find_cells
from dsp.synth.lte import LteCellDescription, Path, noise_variance
from dsp.types import PpmEstimate

RATE = 1.92e6
CARRIER = 1_800e6


def search(iq: Any, **how: Any) -> Any:
    return find_cells(iq, **{"sample_rate_hz": RATE, "center_freq_hz": CARRIER, "max_offset_hz": 250e3, **how})


@pytest.mark.parametrize("ppm", [-120.0, -37.5, 0.0, 63.0, 120.0])
def test_offset_clock_timing_and_raster_come_out_whatever_the_crystal(on_air: Any, ppm: float) -> None:
    iq, downlink = on_air(LteCellDescription(pci=261, first_sfn=5), snr_db=0, receiver_ppm=ppm, carrier_hz=CARRIER, start_s=0.0123)
    (cell,) = search(iq)
    assert (cell.status, cell.pci, cell.freq_hz, cell.raster_ambiguous) == ("identified", 261, CARRIER, False)
    assert cell.cfo_hz == pytest.approx(downlink.cfo_hz, abs=20.0)
    assert abs(cell.ppm - ppm) < 4 * cell.ppm_sigma
    assert cell.ppm_sigma < 2.0
    frames = (cell.frame_sample - downlink.first_frame_sample(0)) / downlink.frame_samples
    assert frames == pytest.approx(round(frames), abs=1e-4)
    assert cell.sfn == 5 + round(frames)
    assert cell.snr_db == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize("seed", range(5))
def test_at_minus_ten_decibels_every_cell_is_read_blind(on_air: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pci, ppm = int(rng.integers(504)), float(rng.uniform(-120, 120))
    iq, downlink = on_air(
        LteCellDescription(pci=pci), snr_db=-10, receiver_ppm=ppm, carrier_hz=CARRIER, start_s=0.04 * rng.random(), seed=seed
    )
    (cell,) = search(iq)
    assert (cell.status, cell.pci, cell.freq_hz) == ("identified", pci, CARRIER)
    assert cell.cfo_hz == pytest.approx(downlink.cfo_hz, abs=20.0)


def test_the_raster_point_is_ambiguous_where_the_dwell_is_too_short_and_sure_with_the_joint_clock(on_air: Any) -> None:
    iq, downlink = on_air(LteCellDescription(pci=4), snr_db=20, ms=10.5, receiver_ppm=-40.0, carrier_hz=CARRIER)
    (alone,) = search(iq)
    assert alone.raster_ambiguous
    assert alone.freq_hz + alone.cfo_hz == pytest.approx(CARRIER + downlink.cfo_hz, abs=50.0)
    (known,) = search(iq, ppm=PpmEstimate(ppm=-39.0, sigma_ppm=1.0))
    assert (known.freq_hz, known.raster_ambiguous) == (CARRIER, False)


def test_without_a_tuned_centre_no_frequency_is_claimed(on_air: Any) -> None:
    iq, _ = on_air(LteCellDescription(pci=4), snr_db=10, offset_hz=3e3, carrier_hz=CARRIER)
    (cell,) = search(iq, center_freq_hz=None)
    assert (cell.status, cell.freq_hz, cell.raster_ambiguous) == ("identified", None, True)
    assert cell.cfo_hz == pytest.approx(3e3, abs=20.0)


def test_two_crystals_leave_the_raster_ambiguous(on_air: Any) -> None:
    iq, _ = on_air(LteCellDescription(pci=12), snr_db=5, receiver_ppm=0.0, carrier_hz=CARRIER)
    turned = iq * np.exp(2j * np.pi * -45e3 / RATE * np.arange(iq.size)).astype(np.complex64)  # a block converter's own oscillator
    (cell,) = search(turned)
    assert cell.status == "identified"
    assert cell.raster_ambiguous
    assert cell.freq_hz + cell.cfo_hz == pytest.approx(CARRIER - 45e3, abs=20.0)


@pytest.mark.parametrize("weak_first", [False, True])
@pytest.mark.parametrize(("pcis", "shift_s"), [((30, 31), 1e-6), ((30, 32), 4.1e-3), ((30, 99), 1e-6)])
def test_a_cell_ten_decibels_beneath_is_found(on_air: Any, noise: Any, pcis: tuple[int, int], shift_s: float, weak_first: bool) -> None:
    del noise
    strong, weak = pcis[::-1] if weak_first else pcis
    first, _ = on_air(LteCellDescription(pci=strong), snr_db=10, receiver_ppm=25.0, carrier_hz=CARRIER, start_s=0.002)
    second, _ = on_air(LteCellDescription(pci=weak), snr_db=80, receiver_ppm=25.0, carrier_hz=CARRIER, start_s=0.002 + shift_s, seed=2)
    cells = search(first + second * np.float32(10 ** (-10 / 20)))
    assert [cell.pci for cell in cells] == [strong, weak]
    assert cells[0].rsrp / cells[1].rsrp == pytest.approx(10.0, rel=0.3)
    assert cells[1].cfo_hz == pytest.approx(cells[0].cfo_hz, abs=50.0)


def test_two_carriers_in_one_recording_are_both_reported(on_air: Any) -> None:
    rate = 7.68e6
    left, _ = on_air(LteCellDescription(pci=100, n_rb=15), snr_db=12, rate_hz=rate, offset_hz=-2.0e6, receiver_ppm=11.0, carrier_hz=CARRIER)
    right, _ = on_air(
        LteCellDescription(pci=200, n_rb=15), snr_db=40, rate_hz=rate, offset_hz=1.7e6, receiver_ppm=11.0, carrier_hz=CARRIER + 3.7e6
    )
    emissions = [(-3.37e6, -0.64e6), (0.33e6, 3.07e6)]
    cells = find_cells(left + right, sample_rate_hz=rate, center_freq_hz=CARRIER + 2.0e6, carriers=emissions)
    assert {(cell.pci, cell.freq_hz, cell.n_rb, cell.status) for cell in cells} == {
        (100, CARRIER, 15, "identified"),
        (200, CARRIER + 3.7e6, 15, "identified"),
    }


def test_a_carrier_cut_by_the_edge_or_wrapped_round_it_is_no_cell(on_air: Any) -> None:
    wide, _ = on_air(LteCellDescription(pci=100), snr_db=25, rate_hz=7.68e6, ms=40, offset_hz=1.0e6, carrier_hz=CARRIER)
    wrapped = wide[::4]  # 1.0 MHz lies beyond half of 1.92 MS/s and comes back at -0.92 MHz
    assert find_cells(wrapped, sample_rate_hz=1.92e6, center_freq_hz=CARRIER) == ()
    assert find_cells(wrapped, sample_rate_hz=1.92e6, center_freq_hz=CARRIER, carriers=[(-0.96e6, -0.2e6)]) == ()


@pytest.mark.parametrize("rate", [2.048e6, 2.4e6, 3.2e6, 10e6])
def test_any_rate_will_do(on_air: Any, rate: float) -> None:
    iq, downlink = on_air(LteCellDescription(pci=77), snr_db=3, rate_hz=rate, ms=42.3, receiver_ppm=-20.0, carrier_hz=CARRIER)
    (cell,) = find_cells(iq, sample_rate_hz=rate, center_freq_hz=CARRIER, carriers=[(-0.6e6, 0.6e6)])
    assert (cell.status, cell.pci) == ("identified", 77)
    assert cell.cfo_hz == pytest.approx(downlink.cfo_hz, abs=20.0)
    frames = (cell.frame_sample - downlink.first_frame_sample(0)) / downlink.frame_samples
    assert frames == pytest.approx(round(frames), abs=1e-4)


def test_clipping_of_half_the_samples_is_no_hindrance(on_air: Any) -> None:
    iq, _ = on_air(LteCellDescription(pci=77, n_ports=2), snr_db=10, carrier_hz=CARRIER)
    level = np.quantile(np.abs(iq.view(np.float32)), 0.53)
    clipped = np.clip(iq.view(np.float32), -level, level).view(np.complex64)
    (cell,) = search(clipped)
    assert (cell.status, cell.pci, cell.ports) == ("identified", 77, 2)


def test_a_level_of_one_or_two_steps_of_a_converter_is_enough(on_air: Any) -> None:
    iq, _ = on_air(LteCellDescription(pci=77, n_ports=2), snr_db=5, carrier_hz=CARRIER)
    scaled = iq * np.float32(0.012 / np.sqrt(np.mean(np.abs(iq) ** 2)))
    quantised = ((np.floor(scaled.view(np.float32) * 127.5) + 0.5) / 127.5).astype(np.float32).view(np.complex64)
    (cell,) = search(quantised + np.complex64(0.03 - 0.01j))  # and a DC spike above it
    assert (cell.status, cell.pci, cell.ports) == ("identified", 77, 2)


def test_an_echo_shows_as_a_tap_at_its_delay(on_air: Any) -> None:
    paths = (Path(), Path(delay_us=4.0, level_db=-5.0, phase_rad=2.0))
    iq, _ = on_air(LteCellDescription(pci=8), snr_db=15, paths=paths, carrier_hz=CARRIER)
    (cell,) = search(iq)
    assert (cell.taps[0].delay_us, cell.taps[0].level_db) == (0.0, 0.0)
    assert cell.taps[1].delay_us == pytest.approx(4.0, abs=0.2)
    assert cell.taps[1].level_db == pytest.approx(-5.0, abs=1.5)


@pytest.mark.parametrize("seed", range(3))
def test_noise_holds_no_cell(noise: Any, seed: int) -> None:
    variance = noise_variance(1e-5, snr_db=0, sample_rate_hz=RATE)
    assert search(noise(307_200, variance=variance, seed=seed)) == ()


@pytest.mark.slow
def test_twenty_seconds_of_noise_hold_no_cell(noise: Any) -> None:
    for seed in range(125):
        assert search(noise(307_200, variance=1.0, seed=1000 + seed)) == ()


def test_too_low_a_rate_or_too_short_a_dwell_gives_nothing() -> None:
    assert find_cells(np.zeros(100_000, np.complex64), sample_rate_hz=1.0e6, center_freq_hz=None) == ()
    assert find_cells(np.zeros(1_000, np.complex64), sample_rate_hz=1.92e6, center_freq_hz=None) == ()


def test_silence_gives_nothing() -> None:
    assert search(np.zeros(153_600, np.complex64)) == ()
