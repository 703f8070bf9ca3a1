"""Front end and equaliser."""

from __future__ import annotations

import itertools
from types import ModuleType

import numpy as np
import pytest

from dsp.gsm.burst import front_end, soft_bits, symbols, training_matrix

RATE_HZ = 13e6 / 24


def brute_force(y: np.ndarray, taps: np.ndarray, noise: float, prior: np.ndarray) -> np.ndarray:
    """Log P(0)/P(1) by summing over every word, those before the first included."""
    n, memory = y.size, taps.size - 1
    zero, one = np.zeros(n), np.zeros(n)
    for word in itertools.product((0, 1), repeat=n + memory):
        signs = 1.0 - 2.0 * np.array(word)
        mean = np.convolve(signs, taps)[memory : memory + n]
        weight = np.exp(-np.sum(np.abs(y - mean) ** 2) / noise - np.sum(np.log1p(np.exp(-prior * signs[memory:]))))
        bits = np.array(word[memory:])
        zero += weight * (bits == 0)
        one += weight * (bits == 1)
    return np.log(zero / one)


@pytest.mark.parametrize("n_taps", [1, 2, 3, 4])
def test_the_equaliser_gives_the_exact_posterior(scenes: ModuleType, n_taps: int) -> None:
    rng = np.random.default_rng(n_taps)
    taps = scenes.white((n_taps,), rng)
    bits = rng.integers(0, 2, 7 + n_taps - 1)
    y = np.convolve(1.0 - 2.0 * bits, taps)[n_taps - 1 : n_taps - 1 + 7] + 0.7 * scenes.white((7,), rng)
    prior = np.zeros(7)
    prior[2] = 3.0
    np.testing.assert_allclose(soft_bits(y, taps=taps, noise=0.5, prior=prior), brute_force(y, taps, 0.5, prior), rtol=1e-9)


def test_known_bits_stay_known_and_a_long_echo_is_undone(scenes: ModuleType) -> None:
    rng = np.random.default_rng(4)
    taps = np.array([0.3, 0.9, 0.3j, 0, 0, 0, 0.5, 1.1, 0.2j])  # the later path is the stronger
    bits = rng.integers(0, 2, 148)
    y = np.convolve(1.0 - 2.0 * bits, taps)[:148] + 0.1 * scenes.white((148,), rng)
    prior = np.zeros(148)
    prior[:3] = 40.0 * (1.0 - 2.0 * bits[:3])
    llr = soft_bits(y, taps=taps, noise=0.01, prior=prior)
    assert np.array_equal((llr < 0)[8:140], bits[8:140].astype(bool))
    assert np.array_equal((llr < 0)[:3], bits[:3].astype(bool))


def test_an_equaliser_fed_with_absurd_samples_gives_finite_numbers() -> None:
    y = np.full(148, 1e12 + 1e12j)
    assert np.isfinite(soft_bits(y, taps=np.array([0.3, 1.0, 0.3], complex), noise=1e-30, prior=np.zeros(148))).all()
    assert np.isfinite(soft_bits(y * 0, taps=np.zeros(3, complex), noise=1e-30, prior=np.zeros(148))).all()


def test_white_noise_stays_white_with_its_power(scenes: ModuleType) -> None:
    rng = np.random.default_rng(9)
    x = scenes.noise(rng, 60_000, 2.0)
    end = front_end(rate_hz=RATE_HZ, offset_hz=4e3)
    y = symbols(x, end, start=100.3, step=2.0003, n=29_000)
    assert np.mean(np.abs(y) ** 2) == pytest.approx(2.0, rel=0.03)
    for lag in (1, 2, 3):
        assert abs(np.mean(y[lag:] * y[:-lag].conj())) < 0.05


def test_a_tone_at_the_fcchs_place_comes_out_still_after_derotation() -> None:
    end = front_end(rate_hz=RATE_HZ, offset_hz=-1.5e3)
    freq_hz = 1625e3 / 24 - 1.5e3
    x = np.exp(2j * np.pi * freq_hz / RATE_HZ * np.arange(600)).astype(np.complex64)
    y = symbols(x, end, start=100.0, step=2.0, n=148)
    assert np.abs(y / y[0] - 1.0).max() < 0.01
    assert abs(y[0]) ** 2 == pytest.approx(end.power_gain, rel=0.02)


def test_samples_beyond_the_stream_count_as_zero() -> None:
    end = front_end(rate_hz=RATE_HZ, offset_hz=0.0)
    y = symbols(np.ones(50, np.complex64), end, start=-400.0, step=2.0, n=100)
    assert np.isfinite(y).all()
    assert np.abs(y[:100]).max() < 1e-6


def test_the_training_matrix_is_the_convolution() -> None:
    bits = np.array([0, 1, 1, 0, 1])
    taps = np.array([2.0, 3.0, 5.0])
    np.testing.assert_allclose(training_matrix(bits, 3) @ taps, np.convolve(1.0 - 2.0 * bits, taps)[2:5])


def test_after_warming_up_a_dwell_compiles_nothing_more(scenes: ModuleType) -> None:
    from dsp.gsm import kernels as loops
    from dsp.gsm.warm import compile_kernels

    compile_kernels()
    names = ("derotated", "posterior", "training_energies", "fold_training", "whitened", "fold_tones")
    kernels = [getattr(loops, name) for name in names]
    before = [len(k.signatures) for k in kernels]
    assert all(before)
    rng = np.random.default_rng(1)
    scenes.cells(scenes.heard(rng, scenes.signal(rng), duration_s=0.6, snr_db=10.0))
    assert [len(k.signatures) for k in kernels] == before


def test_a_second_look_repairs_a_channel_that_the_dwell_had_wrong(scenes: ModuleType) -> None:
    from dsp.gsm.channel import ChannelStatistics
    from dsp.gsm.detector import detector
    from dsp.gsm.params import NORMAL_TRAINING, TRAINING

    rng = np.random.default_rng(3)
    believed, true = np.array([0.3j, 1.0, -0.3j]), np.array([0.3j, 0.6, 0.5])
    statistics = ChannelStatistics(
        first=-1,
        covariance=np.outer(believed, believed.conj()) + 0.01 * np.eye(3),
        noise=0.3,
        wide=np.eye(15, dtype=complex),
        wide_noise=0.0,
        n_bursts=40,
        correlation=np.zeros(5, complex),
    )
    look = detector(statistics, TRAINING[3], NORMAL_TRAINING)
    wrong = np.zeros(2)
    for _ in range(40):
        bits = rng.integers(0, 2, 148)
        bits[NORMAL_TRAINING] = TRAINING[3]
        bits[:3] = bits[-3:] = 0
        turn = np.exp(2j * np.pi * rng.random())
        y = turn * np.convolve(1.0 - 2.0 * bits, true)[:148] + np.sqrt(0.3) * scenes.white((148,), rng)
        first = look.soft_bits(y)
        for k, llr in enumerate((first, look.soft_bits_again(y, first))):
            wrong[k] += np.count_nonzero((llr < 0) != bits.astype(bool))
    assert wrong[1] < 0.7 * wrong[0]
