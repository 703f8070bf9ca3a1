"""The synthetic downlink by reasoning: what goes in comes out again, powers, clocks, echoes and fading are what they are said to be."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.lte import bch
from dsp.lte.resource_grid import pbch_elements
from dsp.synth.lte import (
    FFT_SIZES,
    LteCellDescription,
    LteDownlink,
    LteSignal,
    Path,
    Reception,
    demodulate_frame,
    fading_paths,
    frame_mib,
    modulate_frame,
    noise_variance,
)
from dsp.synth.lte_channel import FadingName, port_gains
from dsp.synth.lte_grid import CONTROL, DATA, PBCH, REFERENCE, SILENT, SYNC, TDD_SUBFRAMES, centre_subcarrier, frame_grid, roles
from dsp.types import ComplexArray

EVERY_KIND = [
    LteCellDescription(pci=100, n_rb=n_rb, n_ports=n_ports, duplex=duplex, cp=cp, dwpts_symbols=9)  # type: ignore[arg-type]
    for duplex, cp, n_ports, n_rb in product(("fdd", "tdd"), ("normal", "extended"), (1, 2, 4), (6, 25))
]


def native(cell: LteCellDescription, reception: Reception, *, seed: int = 1) -> LteDownlink:
    return LteDownlink(cell, reception, sample_rate_hz=FFT_SIZES[cell.n_rb] * 15e3, seed=seed)


def received(downlink: LteDownlink, frame: int) -> ComplexArray:
    """The grid of one frame, taken where it begins."""
    cell = downlink.cell
    n_fft = FFT_SIZES[cell.n_rb]
    samples = downlink.samples(round(downlink.first_frame_sample(frame)), count=n_fft * 150)
    return demodulate_frame(samples, cp=cell.cp, n_rb=cell.n_rb, n_fft=n_fft)


@pytest.mark.parametrize("cell", EVERY_KIND, ids=lambda c: f"{c.duplex}-{c.cp}-{c.n_ports}-{c.n_rb}")
def test_what_was_put_on_the_grid_comes_off_it(cell: LteCellDescription) -> None:
    downlink = native(cell, Reception(re_power=1.0))
    phases = np.exp(1j * np.array(downlink.reception.port_phases_rad[: cell.n_ports]))
    expected = np.tensordot(phases, frame_grid(cell, 3, rng=np.random.default_rng((1, 3))), 1)
    assert np.abs(received(downlink, 3) - expected).max() < 1e-4


@pytest.mark.parametrize("cell", EVERY_KIND, ids=lambda c: f"{c.duplex}-{c.cp}-{c.n_ports}-{c.n_rb}")
def test_every_kind_of_element_has_the_power_it_should(cell: LteCellDescription) -> None:
    grid, role = frame_grid(cell, 0, rng=np.random.default_rng(2)), roles(cell)
    power = np.sum(np.abs(grid) ** 2, axis=0)
    for kind in (SYNC, REFERENCE):
        assert np.allclose(power[role == kind], 1.0, atol=1e-5)
    for kind in (PBCH, DATA):
        assert power[role == kind].mean() == pytest.approx(1.0, abs=1e-3)
    assert 0.3 < power[role == CONTROL].mean() < 0.7
    assert not power[role == SILENT].any()


def test_an_unloaded_cell_sends_synchronisation_references_and_pbch_only() -> None:
    cell = LteCellDescription(pci=5, n_rb=15, n_ports=2, load=0.0)
    power = np.abs(frame_grid(cell, 0, rng=np.random.default_rng(0))).sum(axis=0)
    assert set(np.unique(roles(cell)[power > 0])) == {SYNC, PBCH, REFERENCE}


def test_a_half_loaded_cell_uses_half_its_data_elements() -> None:
    cell = LteCellDescription(pci=5, n_rb=50, load=0.5)
    grid = frame_grid(cell, 0, rng=np.random.default_rng(0))[0]
    assert np.mean(np.abs(grid[roles(cell) == DATA]) > 0) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("config", range(7))
def test_a_tdd_cell_is_silent_in_uplink_subframes_and_after_dwpts(config: int) -> None:
    cell = LteCellDescription(pci=253, duplex="tdd", tdd_config=config, dwpts_symbols=9)
    samples = native(cell, Reception(re_power=1.0)).samples(0, count=19_200).reshape(10, 1920)
    power = np.mean(np.abs(samples) ** 2, axis=1)
    for subframe, kind in enumerate(TDD_SUBFRAMES[config]):
        assert (power[subframe] < 1e-3) == (kind == "U"), (subframe, kind)
        if kind == "S":
            assert np.mean(np.abs(samples[subframe, 1300:1850]) ** 2) < 1e-3
            assert np.mean(np.abs(samples[subframe, 100:1200]) ** 2) > 10


@pytest.mark.parametrize("cell", [c for c in EVERY_KIND if c.n_rb == 6], ids=lambda c: f"{c.duplex}-{c.cp}-{c.n_ports}")
def test_the_mib_comes_back_from_the_samples_and_the_sfn_advances(cell: LteCellDescription) -> None:
    told = replace(cell, first_sfn=1022, phich_resource="1/2", spare=0b1010101010, load=0.3)
    downlink = native(told, Reception(re_power=1.0))
    gains = np.exp(1j * np.array(downlink.reception.port_phases_rad))
    symbols, subcarriers = pbch_elements(told.pci, told.cp)
    per_slot = 7 if told.cp == "normal" else 6
    for frame, sfn, quarter in ((0, 1020, 2), (2, 0, 0), (7, 4, 1)):
        heard = received(downlink, frame)[per_slot + symbols, centre_subcarrier(6) + subcarriers]
        soft = undo_diversity(heard, gains, told.n_ports).view(np.float32)[np.newaxis]
        found = bch.decode(soft, pci=told.pci, cp=told.cp, quarter=quarter)
        assert found is not None
        assert (found.mib, found.n_ports) == (frame_mib(told, frame), told.n_ports)
        assert (found.mib.sfn, found.mib.spare) == (sfn, told.spare)


def undo_diversity(heard: ComplexArray, gains: ComplexArray, n_ports: int) -> ComplexArray:
    """Each pair of elements (r, s) over ports (g, h): a = g* r + h s*, b = g* s - h r*."""
    out = np.empty_like(heard)
    for pair in range(max(1, n_ports // 2)):
        first, second = slice(2 * pair, None, max(2, n_ports)), slice(2 * pair + 1, None, max(2, n_ports))
        g, h = {1: (gains[0], 0.0), 2: (gains[0], gains[1]), 4: (gains[pair], gains[pair + 2])}[n_ports]
        out[first] = np.conj(g) * heard[first] + h * np.conj(heard[second])
        out[second] = np.conj(g) * heard[second] - h * np.conj(heard[first])
    return out


def test_pieces_of_any_size_join_to_the_same_samples() -> None:
    cell = LteCellDescription(pci=7, n_rb=15, n_ports=2)
    reception = Reception(fading="ETU70", cell_ppm=3.0, receiver_ppm=-50.0, offset_hz=1e5, start_s=-0.0123)
    downlink = LteDownlink(cell, reception, sample_rate_hz=2.4e6, seed=9)
    whole = downlink.samples(-1000, count=60_000)
    pieces = [downlink.samples(first, count=count) for first, count in ((-1000, 17), (-983, 40_000), (39_017, 19_983))]
    assert np.abs(np.concatenate(pieces) - whole).max() < 1e-5 * np.abs(whole).max()
    again = LteDownlink(cell, reception, sample_rate_hz=2.4e6, seed=9).samples(30_000, count=100)
    assert np.allclose(again, whole[31_000:31_100], atol=1e-7)
    other = LteDownlink(cell, reception, sample_rate_hz=2.4e6, seed=10).samples(30_000, count=100)
    assert not np.allclose(other, again, atol=1e-4)


@pytest.mark.parametrize(("sample_rate_hz", "n_rb"), [(2.4e6, 6), (1.92e6, 50), (2.4e6, 100), (30.72e6, 6)])
def test_at_any_sample_rate_the_centre_elements_are_as_strong(sample_rate_hz: float, n_rb: int) -> None:
    """Reference signals looked at by projection on their own tones over the useful part of symbol 0."""
    cell = LteCellDescription(pci=0, n_rb=n_rb)
    downlink = LteDownlink(cell, Reception(re_power=1.0), sample_rate_hz=sample_rate_hz, seed=1)
    samples = downlink.samples(0, count=int(1e-3 * sample_rate_hz))
    at = np.arange(samples.size) / sample_rate_hz - 10 / 1.92e6
    useful = (at >= 0) & (at < 1 / 15e3 - 1e-12)
    grid = frame_grid(cell, 0, rng=np.random.default_rng((1, 0)))[0, 0]
    for k in (-30, -12, 12, 30):
        sent = grid[6 * n_rb + (k if k < 0 else k - 1)]
        heard = np.mean(samples[useful] * np.exp(-2j * np.pi * 15e3 * k * at[useful]))
        assert abs(heard - sent) < 0.06


@pytest.mark.parametrize(("cell_ppm", "receiver_ppm"), [(0.0, 100.0), (0.0, -40.0), (25.0, 0.0), (10.0, 10.0)])
def test_both_clocks_move_the_carrier_and_stretch_the_frames(cell_ppm: float, receiver_ppm: float) -> None:
    cell = LteCellDescription(pci=30)
    reception = Reception(re_power=1.0, carrier_hz=1.8e9, cell_ppm=cell_ppm, receiver_ppm=receiver_ppm, start_s=0.004)
    downlink = native(cell, reception)
    assert downlink.cfo_hz == pytest.approx((cell_ppm - receiver_ppm) * 1800, rel=2e-4, abs=0.2)
    quiet = frame_grid(replace(cell, load=0.0), 0, rng=np.random.default_rng(0))[0]
    slot = modulate_frame(quiet, cp=cell.cp, n_fft=128)[:960]  # what every frame begins with
    starts = [frame_start(downlink, frame, slot) for frame in (2, 42)]
    assert (starts[1] - starts[0]) / 40 - 19_200 == pytest.approx((receiver_ppm - cell_ppm) * 1e-6 * 19_200, abs=0.02)
    assert starts[0] == pytest.approx(downlink.first_frame_sample(2), abs=0.3)


def frame_start(downlink: LteDownlink, frame: int, slot: ComplexArray) -> float:
    """Where correlation with the first slot finds ``frame``, by a parabola through the highest three."""
    near = round(downlink.first_frame_sample(frame)) - 60
    heard = downlink.samples(near, count=1200) * np.exp(-2j * np.pi * downlink.cfo_hz / 1.92e6 * np.arange(1200))
    correlation = np.abs(np.correlate(heard, slot, mode="valid"))
    peak = int(correlation.argmax())
    left, middle, right = correlation[peak - 1 : peak + 2]
    return float(near + peak + (left - right) / (2 * (left - 2 * middle + right)))


def test_an_echo_comes_late_and_weak_by_what_was_asked() -> None:
    cell = LteCellDescription(pci=3, n_rb=50)
    paths = (Path(), Path(delay_us=3.3, level_db=-6.0, phase_rad=1.0))
    with_echo, without = (received(native(cell, Reception(re_power=1.0, paths=p)), 1) for p in (paths, paths[:1]))
    k = np.concatenate([np.arange(-300, 0), np.arange(1, 301)])
    expected = 1 + 10 ** (-6 / 20) * np.exp(1j * (1.0 - 2 * np.pi * 15e3 * k * 3.3e-6))
    known = roles(cell) == REFERENCE
    response = np.where(known, with_echo, 0) / np.where(known, without, 1)
    assert np.abs(response - expected)[known].max() < 0.01


def test_noise_variance_makes_the_snr_of_one_element() -> None:
    rng = np.random.default_rng(4)
    variance = noise_variance(1e-4, snr_db=-3.0, sample_rate_hz=7.68e6)
    noise = (rng.normal(size=76_800) + 1j * rng.normal(size=76_800)) * np.sqrt(variance / 2)
    grid = demodulate_frame(noise.astype(np.complex64), cp="normal", n_rb=25, n_fft=512)
    assert np.mean(np.abs(grid) ** 2) == pytest.approx(1e-4 * 10**0.3, rel=0.02)


@pytest.mark.parametrize("name", ["EPA5", "ETU70"])
def test_fading_paths_are_rayleigh_with_the_doppler_of_their_name(name: FadingName) -> None:
    """Power 1 in all; correlation over time is the Bessel function J0(2 pi f t), first zero at 0.383 / f."""
    doppler_hz = float(name[3:])
    times = np.array([0.0, 0.3827 / doppler_hz])
    reception = Reception(fading=name)
    draws = np.array([[port_gains(reception, port=p, seed=s, times_s=times) for p in (0, 1)] for s in range(400)])
    power = np.mean(np.abs(draws) ** 2, axis=(0, 1, 3))
    assert power.sum() == pytest.approx(1.0, abs=0.05)
    levels = np.array([10 ** (path.level_db / 10) for path in fading_paths(name)])
    assert levels.sum() == pytest.approx(1.0)
    assert np.allclose(power, levels, rtol=0.2)
    first, later = draws[..., 0], draws[..., 1]
    assert abs(np.mean(first * np.conj(later)) / np.mean(np.abs(first) ** 2)) < 0.08
    strongest = np.abs(first[:, :, int(levels.argmax())]) ** 2
    assert np.mean(strongest > strongest.mean()) == pytest.approx(np.exp(-1), abs=0.06)
    assert abs(np.mean(draws[:, 0] * np.conj(draws[:, 1]))) < 0.02


@pytest.mark.parametrize(("name", "spread_ns"), [("EPA5", 43), ("ETU70", 991)])
def test_fading_profiles_have_the_delay_spread_of_ts_36_101_table_b_2_1_1(name: FadingName, spread_ns: float) -> None:
    delay_ns = np.array([1e3 * path.delay_us for path in fading_paths(name)])
    weight = np.array([10 ** (path.level_db / 10) for path in fading_paths(name)])
    assert np.sqrt(weight @ delay_ns**2 - (weight @ delay_ns) ** 2) == pytest.approx(spread_ns, abs=1.0)


def test_a_signal_of_a_scene_is_the_same_downlink_at_the_scenes_rate() -> None:
    item = LteSignal(cell=LteCellDescription(pci=9), reception=Reception(receiver_ppm=10.0), seed=3)
    downlink = LteDownlink(item.cell, item.reception, sample_rate_hz=2.4e6, seed=3)
    assert np.array_equal(item.samples(500, 1000, 2.4e6), downlink.samples(500, count=1000))


@pytest.mark.parametrize("wrong", [{"pci": 504}, {"n_rb": 20}, {"n_ports": 3}, {"load": 1.5}, {"tdd_config": 7}, {"dwpts_symbols": 2}])
def test_a_cell_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ParameterError):
        replace(LteCellDescription(pci=1), **wrong)  # type: ignore[arg-type]
