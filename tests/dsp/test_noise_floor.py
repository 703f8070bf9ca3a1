"""The floor: within 1 dB of the truth through nearly full spans, ripple and roll-off; never the signal; its source said."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.noise_floor import estimate_floor
from tests.dsp.dwells import RATE_HZ, band, noise, shaped, tone, welch

N = 4096
SAMPLES_64 = 65 * N // 2  # 64 averages at 50 % overlap


def error_db(density: np.ndarray, truth: np.ndarray | float) -> np.ndarray:
    return 10 * np.log10(density * RATE_HZ / truth)


def nearly_full(rng: np.random.Generator, *, run_bins: int, level_db: float) -> np.ndarray:
    """Density of a span of unit noise with 5 % free in runs of ``run_bins``, signals of about ``level_db`` everywhere else."""
    n_runs = round(0.05 * N / run_bins)
    slots = np.sort(rng.choice(N // run_bins - 2, n_runs, replace=False)) * run_bins + int(rng.integers(0, run_bins))
    density = np.empty(N)
    low = 0
    for start in [*slots, N]:
        density[low:start] = 1.0 + 10 ** ((level_db + rng.uniform(-3, 3)) / 10)
        density[start : start + run_bins] = 1.0
        low = start + run_bins
    return density


@pytest.mark.parametrize("run_bins", [16, 32, 204])
@pytest.mark.parametrize("level_db", [3.0, 10.0, 25.0])
def test_five_per_cent_free_give_the_floor_within_a_decibel(run_bins: int, level_db: float) -> None:
    rng = np.random.default_rng(run_bins + int(level_db))
    for _ in range(4):
        psd = welch(shaped(rng, nearly_full(rng, run_bins=run_bins, level_db=level_db), SAMPLES_64))
        assert psd.n_averages == 64
        floor = estimate_floor(psd)
        assert np.abs(error_db(floor.density, 1.0)).max() < 1.0
        assert floor.source == "free_bins"
        assert 0.005 < floor.free_fraction < 0.12


def test_an_empty_span_is_exact_and_says_that_it_is_assumed() -> None:
    floor = estimate_floor(welch(noise(np.random.default_rng(1), 600_000)))
    assert np.abs(error_db(floor.density, 1.0)).max() < 0.02
    assert np.ptp(floor.density) == 0.0
    assert floor.source == "assumed"
    assert floor.averaged_bins > 0.98 * N
    assert floor.uncertainty_db < 0.02


@pytest.mark.parametrize("seed", range(6))
def test_ripple_and_roll_off_of_the_receiver_are_followed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = np.arange(N)
    distance = np.minimum(k, N - 1 - k) / N
    shape_db = np.sin(2 * np.pi * 3 * k / N + seed) - 8 * np.clip(1 - distance / 0.08, 0, 1) ** 2
    truth = 10 ** (shape_db / 10)
    floor = estimate_floor(welch(shaped(rng, truth, 600_000)))
    assert np.abs(error_db(floor.density, truth)).max() < 1.0
    assert floor.source == "assumed"


def test_ripple_is_followed_beside_and_under_carriers() -> None:
    rng = np.random.default_rng(8)
    truth = 10 ** (0.8 * np.sin(2 * np.pi * 2 * np.arange(N) / N) / 10)
    density = truth.copy()
    density[800:1140] += 300.0
    density[2500:2840] += 20.0
    floor = estimate_floor(welch(shaped(rng, density, 600_000)))
    assert np.abs(error_db(floor.density, truth)).max() < 1.0
    assert floor.source == "free_bins"


@pytest.mark.parametrize("level_db", [6.0, 20.0, 40.0])
def test_a_carrier_as_wide_as_most_of_the_span_is_not_the_floor(level_db: float) -> None:
    rng = np.random.default_rng(3)
    samples = noise(rng, 600_000) + band(rng, 600_000, 0.0, 0.92 * RATE_HZ, 10 ** (level_db / 10))
    floor = estimate_floor(welch(samples))
    assert np.abs(error_db(floor.density, 1.0)).max() < 1.0
    assert floor.source == "free_bins"


def test_a_strong_spike_at_the_centre_leaves_the_floor_alone() -> None:
    floor = estimate_floor(welch(noise(np.random.default_rng(5), 300_000) + tone(300_000, 0.0, 100.0)))
    assert np.abs(error_db(floor.density, 1.0)).max() < 0.05


def test_a_signal_that_fills_the_span_is_found_out_by_the_reference() -> None:
    rng = np.random.default_rng(6)
    reference = np.full(N, 1.0 / RATE_HZ, np.float32)
    filled = welch(noise(rng, 300_000, 10.0))
    assert estimate_floor(filled).source == "assumed"
    floor = estimate_floor(filled, reference=reference)
    assert floor.source == "reference"
    assert np.abs(error_db(floor.density, 1.0)).max() < 0.01


def test_the_reference_gives_the_shape_and_the_span_the_level() -> None:
    rng = np.random.default_rng(7)
    truth = 10 ** (-6 * (np.arange(N) / N) / 10)
    floor = estimate_floor(welch(shaped(rng, truth, 300_000)), reference=(0.8 * truth / RATE_HZ).astype(np.float32))
    assert floor.source == "reference"
    assert np.abs(error_db(floor.density, truth)).max() < 0.1


@pytest.mark.parametrize("reference", [np.ones(17, np.float32), np.zeros(N, np.float32), np.full(N, np.nan, np.float32)])
def test_a_reference_that_cannot_be_one_is_refused(reference: np.ndarray) -> None:
    with pytest.raises(ParameterError, match="reference"):
        estimate_floor(welch(noise(np.random.default_rng(1), 100_000)), reference=reference)


def test_a_silent_converter_gives_a_positive_finite_floor() -> None:
    floor = estimate_floor(welch(np.zeros(100_000, np.complex64)))
    assert np.all(np.isfinite(floor.density))
    assert np.all(floor.density > 0)


@pytest.mark.parametrize("n_fft", [256, 1024, 16384])
def test_every_length_of_transform_gives_the_same_floor(n_fft: int) -> None:
    floor = estimate_floor(welch(noise(np.random.default_rng(9), 40 * n_fft), n_fft=n_fft))
    assert np.abs(error_db(floor.density, 1.0)).max() < 0.2


def test_the_floor_scales_with_the_input() -> None:
    samples = noise(np.random.default_rng(10), 200_000) + tone(200_000, 3e5, 0.1)
    one, other = estimate_floor(welch(samples)), estimate_floor(welch(samples * np.float32(0.01)))
    np.testing.assert_allclose(other.density, one.density * 1e-4, rtol=1e-3)
