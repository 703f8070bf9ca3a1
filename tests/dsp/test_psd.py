"""The Welch estimate against what it must read for a tone, for noise, and against scipy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import ParameterError, TooFewSamplesError
from dsp.psd import WelchPsd
from dsp.types import Psd

RATE_HZ = 2.4e6
HANN_ENBW = 1.5
ENGINES = ["numba+pyfftw", "numpy+pyfftw", "numba+scipy", "numpy+scipy"]


def estimate(samples: np.ndarray, *, sample_format: str = "cf32_le", n_fft: int = 1024, **more) -> Psd:
    welch = WelchPsd(n_fft=n_fft, sample_rate_hz=RATE_HZ, sample_format=sample_format, **more)
    welch.add(samples)
    return welch.result()


def white(n: int, power: float, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, 2)) * math.sqrt(power / 2)).astype(np.float32).view(np.complex64).ravel()


def as_raw(iq: np.ndarray, sample_format: str) -> np.ndarray:
    values = np.ascontiguousarray(iq, dtype=np.complex64).view(np.float32)
    scale, offset, low, high, dtype = {
        "cu8": (127.5, 127.5, 0, 255, np.uint8),
        "ci8": (128.0, 0.0, -128, 127, np.int8),
        "ci16_le": (32768.0, 0.0, -32768, 32767, np.int16),
    }[sample_format]
    return np.clip(np.rint(values * scale + offset), low, high).astype(dtype)


def db(ratio: float) -> float:
    return 10 * math.log10(ratio)


@pytest.mark.parametrize("n_fft", [256, 4096, 65536])
@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_a_tone_at_a_bin_reads_its_power_over_the_windows_noise_bandwidth(n_fft, overlap):
    n = np.arange(4 * n_fft)
    psd = estimate((0.5 * np.exp(2j * np.pi * 37 / n_fft * n)).astype(np.complex64), n_fft=n_fft, overlap=overlap)
    expected = 0.25 / (HANN_ENBW * RATE_HZ / n_fft)
    assert int(psd.mean.argmax()) == n_fft // 2 + 37
    for held in (psd.mean, psd.max_hold, psd.min_hold):
        assert db(float(held.max()) / expected) == pytest.approx(0.0, abs=0.001)
    assert db(float(psd.mean.sum()) * psd.bin_hz / 0.25) == pytest.approx(0.0, abs=0.001)


@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_white_noise_of_power_p_reads_p_over_the_sample_rate(overlap):
    psd = estimate(white(2_000_000, 0.01), n_fft=512, overlap=overlap)
    expected = 0.01 / RATE_HZ
    assert db(float(psd.mean.mean()) / expected) == pytest.approx(0.0, abs=0.02)
    # 3906 independent segments: each bin is within 5 sigma of 1.6 % of the truth, or better where they overlap
    assert np.abs(psd.mean / expected - 1).max() < 5 / math.sqrt(3900)


def test_the_largest_and_smallest_of_many_segments_are_where_exponential_powers_put_them():
    psd = estimate(white(512 * 2000, 0.01), n_fft=512, overlap=0.0)
    expected = 0.01 / RATE_HZ
    assert float(psd.max_hold.mean()) / expected == pytest.approx(math.log(2000) + 0.5772, rel=0.02)
    assert float(psd.min_hold.mean()) / expected == pytest.approx(1 / 2000, rel=0.15)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("overlap", [0.0, 0.5])
@pytest.mark.parametrize("n_fft", [256, 2048])
def test_it_agrees_with_scipy(engine, overlap, n_fft):
    iq = white(50_000, 0.02) + 0.1 * np.exp(2j * np.pi * 0.123 * np.arange(50_000)) + (0.01 + 0.02j)
    raw = as_raw(iq, "cu8")
    seen = ((raw.astype(np.float64) - 127.5) / 127.5).view(np.complex128)
    _, expected = scipy.signal.welch(seen, RATE_HZ, "hann", n_fft, int(n_fft * overlap), detrend=False, return_onesided=False)
    psd = estimate(raw, sample_format="cu8", n_fft=n_fft, overlap=overlap, engine=engine)
    np.testing.assert_allclose(psd.mean, np.fft.fftshift(expected), rtol=2e-5)
    assert psd.n_averages == (50_000 - n_fft) // (n_fft - int(n_fft * overlap)) + 1


@pytest.mark.parametrize("engine", ENGINES[1:])
@pytest.mark.parametrize("sample_format", ["cu8", "ci8", "ci16_le", "cf32_le"])
def test_every_engine_gives_the_same(engine, sample_format):
    iq = white(40_000, 0.05)
    samples = iq if sample_format == "cf32_le" else as_raw(iq, sample_format)
    one = estimate(samples, sample_format=sample_format, row_step_s=1.3e-3, engine=ENGINES[0])
    other = estimate(samples, sample_format=sample_format, row_step_s=1.3e-3, engine=engine)
    floor = float(one.mean.mean())
    for name in ("mean", "max_hold", "min_hold", "rows"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=2e-5, atol=1e-6 * floor, err_msg=name)
    assert (one.peak, one.clipped_fraction, one.n_averages) == (other.peak, other.clipped_fraction, other.n_averages)


@pytest.mark.parametrize("sample_format", ["cu8", "ci8", "ci16_le"])
def test_raw_samples_read_as_the_same_samples_in_complex64(sample_format):
    raw = as_raw(white(30_000, 0.05), sample_format)
    scale, offset = {"cu8": (127.5, 127.5), "ci8": (128.0, 0.0), "ci16_le": (32768.0, 0.0)}[sample_format]
    complex_samples = ((raw.astype(np.float32) - np.float32(offset)) / np.float32(scale)).view(np.complex64)
    one = estimate(raw, sample_format=sample_format)
    other = estimate(complex_samples, sample_format=sample_format)
    np.testing.assert_allclose(other.mean, one.mean, rtol=2e-5)
    assert other.peak == pytest.approx(one.peak, rel=1e-6)
    assert other.clipped_fraction == one.clipped_fraction


def test_an_8_bit_converter_adds_its_own_noise_and_no_more():
    iq = white(400_000, 1e-2)
    fine, coarse = estimate(iq), estimate(as_raw(iq, "cu8"), sample_format="cu8")
    added = float(coarse.mean.mean() - fine.mean.mean()) * RATE_HZ
    assert added == pytest.approx(2 / 12 / 127.5**2, rel=0.1)


def test_full_scale_of_cf32_divides_out():
    iq = white(20_000, 0.04)
    np.testing.assert_allclose(estimate(2 * iq, full_scale=2.0).mean, estimate(iq).mean, rtol=1e-6)


def test_rows_are_the_mean_of_consecutive_segments():
    iq = white(1024 * 30, 0.1)
    psd = estimate(iq, overlap=0.0, row_step_s=4.99 * 1024 / RATE_HZ)
    assert (psd.row_averages, psd.row_step_s, psd.rows.shape) == (4, 4 * 1024 / RATE_HZ, (7, 1024))
    for number in (0, 6):
        part = estimate(iq[number * 4096 : (number + 1) * 4096], overlap=0.0)
        np.testing.assert_allclose(psd.rows[number], part.mean, rtol=1e-5)
    np.testing.assert_allclose((psd.rows.sum(axis=0) * 4 + estimate(iq[28 * 1024 :], overlap=0.0).mean * 2) / 30, psd.mean, rtol=1e-5)


def test_rows_of_64_us_at_2_ms_s_hold_one_segment_each_and_place_a_burst():
    iq = white(40_000, 1e-6)
    iq[20_000:20_240] += 0.3
    welch = WelchPsd(n_fft=256, sample_rate_hz=2e6, sample_format="cf32_le", row_step_s=64e-6)
    welch.add(iq)
    psd = welch.result()
    assert (psd.row_averages, psd.row_step_s) == (1, pytest.approx(64e-6))
    loud = np.flatnonzero(psd.rows.max(axis=1) > 1e-9)
    assert (loud.min(), loud.max()) == (155, 157)  # of 158 the window lets through nothing yet


def test_without_a_row_step_there_are_no_rows():
    psd = estimate(white(5000, 0.1))
    assert (psd.rows.shape, psd.row_averages, psd.row_step_s) == ((0, 1024), 0, 0.0)


def test_clipping_is_the_part_of_values_at_the_end_stops():
    raw = np.full(20_000, 130, np.uint8)
    raw[:300] = 255
    raw[300:500] = 0
    raw[500:600] = 254
    psd = estimate(raw, sample_format="cu8")
    assert psd.clipped_fraction == pytest.approx(500 / 20_000)
    assert psd.peak == 1.0
    assert estimate(np.full(20_000, -128, np.int8), sample_format="ci8").clipped_fraction == 1.0
    assert estimate(np.full(20_000, 127, np.int8), sample_format="ci8").peak == pytest.approx(127 / 128)


def test_clipping_of_cf32_is_not_judged_and_a_recording_above_full_scale_shows_in_the_peak():
    iq = np.full(5000, 0.5 - 3.0j, np.complex64)
    psd = estimate(iq)
    assert psd.clipped_fraction is None
    assert psd.peak == 3.0
    assert estimate(iq, full_scale=6.0).peak == 0.5


@settings(max_examples=25, deadline=None)
@given(shift=st.integers(-512, 511), seed=st.integers(0, 1000))
def test_shifting_the_frequency_by_whole_bins_shifts_the_spectrum(shift, seed):
    iq = white(8192, 0.1, seed)
    moved = (iq * np.exp(2j * np.pi * ((shift * np.arange(8192)) % 1024) / 1024)).astype(np.complex64)
    np.testing.assert_allclose(estimate(moved).mean, np.roll(estimate(iq).mean, shift), rtol=1e-4, atol=1e-7 * 0.1 / RATE_HZ)


@settings(max_examples=25, deadline=None)
@given(level_db=st.floats(-120.0, 60.0), turn=st.floats(0.0, 6.28))
def test_scaling_the_samples_scales_the_density_by_the_square_and_phase_does_not_matter(level_db, turn):
    iq = white(4096, 0.1)
    scaled = (iq * (10 ** (level_db / 20) * np.exp(1j * turn))).astype(np.complex64)
    np.testing.assert_allclose(estimate(scaled).mean / 10 ** (level_db / 10), estimate(iq).mean, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_fft", 128),
        ("n_fft", 131072),
        ("n_fft", 1000),
        ("n_fft", 1024.0),
        ("overlap", 0.25),
        ("overlap", math.nan),
        ("sample_rate_hz", 0.0),
        ("sample_rate_hz", -1.0),
        ("sample_rate_hz", math.nan),
        ("sample_rate_hz", math.inf),
        ("full_scale", 0.0),
        ("row_step_s", 0.0),
        ("row_step_s", math.inf),
        ("sample_format", "cu16"),
        ("engine", "cuda"),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(name, value):
    good = {"n_fft": 1024, "sample_rate_hz": RATE_HZ, "sample_format": "cf32_le"}
    with pytest.raises(ParameterError) as caught:
        WelchPsd(**{**good, name: value})
    assert caught.value.name == name
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("samples", "complaint"),
    [
        (np.zeros(3001, np.uint8), "even"),
        (np.zeros(3000, np.int8), "uint8 or complex64"),
        (np.zeros((1500, 2), np.uint8), "one dimension"),
        (np.full(3000, np.nan, np.complex64), "finite"),
        (np.full(3000, np.inf, np.complex64), "finite"),
    ],
)
def test_samples_it_cannot_read_are_refused(samples, complaint):
    with pytest.raises(ParameterError, match=complaint):
        estimate(samples, sample_format="cu8")


def test_the_type_may_not_change_within_a_dwell_but_may_between_dwells():
    welch = WelchPsd(n_fft=256, sample_rate_hz=RATE_HZ, sample_format="cu8")
    welch.add(np.full(2000, 128, np.uint8))
    with pytest.raises(ParameterError, match="as before"):
        welch.add(np.zeros(1000, np.complex64))
    welch.reset()
    welch.add(np.zeros(1000, np.complex64))
    assert welch.result().n_samples == 1000


@pytest.mark.parametrize("n", [0, 1, 1023])
def test_less_than_a_segment_is_too_few(n):
    with pytest.raises(TooFewSamplesError) as caught:
        estimate(np.zeros(n, np.complex64))
    assert (caught.value.n_samples, caught.value.needed) == (n, 1024)


def test_the_result_is_read_only():
    psd = estimate(white(5000, 0.1), row_step_s=1e-3)
    for values in (psd.mean, psd.max_hold, psd.min_hold, psd.rows):
        assert values.dtype == np.float32
        assert not values.flags.writeable
