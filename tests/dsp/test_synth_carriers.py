"""The waveforms: power, width and shape, and that stretches join."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import ParameterError
from dsp.psd import WelchPsd
from dsp.synth.carriers import BandNoise, Gmsk, Tone
from dsp.synth.loops import fit, loop_length, stretch
from dsp.synth.noise import white_noise
from dsp.synth.ofdm import Ofdm
from dsp.types import Psd

RATE_HZ = 2.4e6
WAVES = [Tone(), Gmsk(seed=1), BandNoise(bandwidth_hz=200e3, seed=2), Ofdm(n_subcarriers=72, seed=3)]


def spectrum(iq: np.ndarray, rate_hz: float = RATE_HZ, n_fft: int = 4096) -> Psd:
    welch = WelchPsd(n_fft=n_fft, sample_rate_hz=rate_hz, sample_format="cf32_le")
    welch.add(iq)
    return welch.result()


def width_holding(psd: Psd, part: float) -> float:
    """The width that leaves out (1 - part) / 2 of the power on each side."""
    gathered = np.cumsum(psd.mean.astype(np.float64))
    low, high = np.searchsorted(gathered, [gathered[-1] * (1 - part) / 2, gathered[-1] * (1 + part) / 2])
    return float(high - low) * psd.bin_hz


@pytest.mark.parametrize("wave", WAVES, ids=lambda wave: type(wave).__name__)
@pytest.mark.parametrize("rate_hz", [2.4e6, 1.92e6, 2.4e6 * (1 + 40e-6), 10e6])
def test_every_waveform_has_mean_power_1_at_any_rate_that_holds_it(wave, rate_hz):
    iq = wave.samples(12_345, round(0.1 * rate_hz), rate_hz)
    assert iq.dtype == np.complex64
    assert 10 * math.log10(np.mean(np.abs(iq) ** 2)) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("wave", WAVES, ids=lambda wave: type(wave).__name__)
@settings(max_examples=20, deadline=None)
@given(start=st.integers(-(10**9), 10**9), cut=st.integers(0, 3000))
def test_stretches_join_wherever_they_are_cut(wave, start, cut):
    whole = wave.samples(start, 3000, RATE_HZ)
    np.testing.assert_array_equal(
        np.concatenate([wave.samples(start, cut, RATE_HZ), wave.samples(start + cut, 3000 - cut, RATE_HZ)]), whole
    )


@pytest.mark.parametrize("wave", WAVES[1:], ids=lambda wave: type(wave).__name__)
def test_the_loop_has_no_seam(wave):
    length = loop_length(RATE_HZ)
    around = wave.samples(length - 2048, 4096, RATE_HZ)
    elsewhere = wave.samples(length // 3, 4096, RATE_HZ)
    # a jump at the seam would spread over the whole span: the quietest quarter of it stays as quiet as anywhere
    quiet = [np.sort(np.abs(np.fft.fft(part * np.hanning(4096))) ** 2)[:1024].mean() for part in (around, elsewhere)]
    assert 10 * math.log10(quiet[0] / quiet[1]) < 6.0


def test_gmsk_keeps_its_envelope_and_has_the_width_of_a_gsm_carrier():
    iq = Gmsk().samples(0, 240_000, RATE_HZ)
    assert np.abs(np.abs(iq) - 1).max() < 2e-3
    assert width_holding(spectrum(iq), 0.99) == pytest.approx(247e3, rel=0.03)


def test_the_width_of_gmsk_follows_its_symbol_rate():
    wide, narrow = (width_holding(spectrum(Gmsk(symbol_rate_hz=rate).samples(0, 240_000, RATE_HZ)), 0.99) for rate in (200e3, 50e3))
    assert wide / narrow == pytest.approx(4.0, rel=0.05)


def test_gmsk_turns_a_quarter_per_symbol_and_is_data_not_a_tone():
    wave = Gmsk(bt=5.0)  # hardly filtered: MSK
    iq = wave.samples(0, 240_000, RATE_HZ)
    rate_hz = np.diff(np.unwrap(np.angle(iq))) * RATE_HZ / (2 * np.pi)
    assert np.median(np.abs(rate_hz)) == pytest.approx(wave.symbol_rate_hz / 4, rel=0.02)
    assert np.mean(rate_hz > 0) == pytest.approx(0.5, abs=0.03)


def test_band_noise_is_flat_and_ends_at_its_edges():
    psd = spectrum(BandNoise(bandwidth_hz=600e3).samples(0, 240_000, RATE_HZ), n_fft=256)
    offset = (np.arange(256) - 128) * psd.bin_hz
    inside, outside = np.abs(offset) < 270e3, np.abs(offset) > 330e3
    assert 10 * math.log10(float(psd.mean[inside].mean()) * 600e3) == pytest.approx(0.0, abs=0.1)
    assert float(psd.mean[outside].max()) < 1e-5 * float(psd.mean[inside].mean())


def test_an_ofdm_carrier_is_flat_over_its_subcarriers_with_a_gap_at_the_centre_and_steep_edges():
    wave = Ofdm(n_subcarriers=72)
    psd = spectrum(wave.samples(0, 240_000, RATE_HZ))
    offset = (np.arange(4096) - 2048) * psd.bin_hz
    inside = (np.abs(offset) < 530e3) & (np.abs(offset) > 15e3)
    assert wave.bandwidth_hz == 73 * 15e3
    assert width_holding(psd, 0.99) == pytest.approx(1.08e6, rel=0.02)
    assert 10 * math.log10(float(psd.mean[2048]) / float(psd.mean[inside].mean())) < -8
    assert float(psd.mean[np.abs(offset) > 600e3].max()) < 1e-6 * float(psd.mean[inside].mean())


def test_seeds_make_different_data_and_the_same_seed_the_same():
    one, other, again = (Gmsk(seed=seed).samples(0, 50_000, RATE_HZ) for seed in (1, 2, 1))
    assert abs(np.vdot(one, other)) / 50_000 < 0.1
    np.testing.assert_array_equal(one, again)


def test_white_noise_has_its_power_and_continues_where_it_left_off():
    rng = np.random.default_rng(5)
    whole = white_noise(100_001, power=0.04, rng=np.random.default_rng(5))
    parts = np.concatenate([white_noise(n, power=0.04, rng=rng) for n in (1, 50_000, 3, 49_997)])
    np.testing.assert_array_equal(parts, whole)
    assert np.mean(np.abs(whole) ** 2) == pytest.approx(0.04, rel=5 / math.sqrt(100_001))
    assert abs(np.mean(whole**2)) < 0.04 * 5 / math.sqrt(100_001)  # circular: I and Q alike and unrelated


@pytest.mark.parametrize("n", [900, 1000, 1600])
def test_resampling_a_loop_keeps_what_fits(n):
    m = np.arange(1000)
    native = np.exp(2j * np.pi * 37 * m / 1000) + 0.5 * np.exp(-2j * np.pi * 460 * m / 1000)
    k = np.arange(n)
    expected = np.exp(2j * np.pi * 37 * k / n) + (0.5 * np.exp(-2j * np.pi * 460 * k / n) if n > 920 else 0)
    np.testing.assert_allclose(fit(native, n), expected, atol=1e-6)


def test_a_stretch_longer_than_the_loop_repeats_it():
    loop = np.arange(5).astype(np.complex64)
    np.testing.assert_array_equal(stretch(loop, -2, 12).real, [3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Gmsk(symbol_rate_hz=0.0),
        lambda: Gmsk(bt=-1.0),
        lambda: BandNoise(bandwidth_hz=0.0),
        lambda: Ofdm(n_subcarriers=7),
        lambda: Ofdm(n_subcarriers=0),
        lambda: Ofdm(spacing_hz=0.0),
    ],
)
def test_impossible_waveforms_are_refused(make):
    with pytest.raises(ParameterError):
        make()
