"""What the synthetic receiver does wrong, it does by the amount asked."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.synth.impairments import PERFECT, ClockError, Impairments, quantise

RATE_HZ = 2.4e6


def tone(freq_hz: float, n: int = 240_000, rate_hz: float = RATE_HZ) -> np.ndarray:
    return np.exp(2j * np.pi * freq_hz / rate_hz * np.arange(n)).astype(np.complex64)


def level_db(iq: np.ndarray, freq_hz: float) -> float:
    """Level of the tone at ``freq_hz``."""
    window = np.hanning(iq.size) * 2 / iq.size
    return 20 * math.log10(abs(np.sum(iq * window * np.exp(-2j * np.pi * freq_hz / RATE_HZ * np.arange(iq.size)))))


@pytest.mark.parametrize(("gain_db", "phase_deg"), [(0.4, 2.5), (0.0, 1.0), (0.1, 0.0), (-0.5, -3.0)])
def test_the_image_stands_where_and_as_high_as_it_says(gain_db, phase_deg):
    faults = Impairments(gain_imbalance_db=gain_db, phase_imbalance_deg=phase_deg)
    iq = faults.apply(tone(300e3))
    assert level_db(iq, -300e3) - level_db(iq, 300e3) == pytest.approx(faults.image_db, abs=0.05)


def test_imbalance_scales_and_turns_q_alone():
    faults = Impairments(gain_imbalance_db=6.0206, phase_imbalance_deg=30.0)
    x = np.array([1.0, 1j, 0.3 - 0.4j], np.complex64)
    y = faults.apply(x)
    np.testing.assert_allclose(y.real, x.real, atol=1e-6)
    np.testing.assert_allclose(y.imag, 2 * (x.imag * math.cos(math.pi / 6) - x.real * 0.5), atol=1e-4)


def test_dc_is_added_and_perfection_changes_nothing():
    iq = tone(1e5)
    assert np.mean(Impairments(dc=0.1 - 0.2j).apply(iq)) == pytest.approx(0.1 - 0.2j, abs=1e-4)
    np.testing.assert_array_equal(PERFECT.apply(iq), iq)


@pytest.mark.parametrize(("sample_format", "low", "high"), [("cu8", 0, 255), ("ci8", -128, 127), ("ci16_le", -32768, 32767)])
def test_quantisation_rounds_and_clips_at_the_end_stops(sample_format, low, high):
    raw = quantise(np.array([5.0 - 5.0j, 0.0], np.complex64), sample_format)
    assert list(raw[:2]) == [high, low]
    iq = 0.7 * tone(1.234e5)
    steps = {"cu8": 127.5, "ci8": 128.0, "ci16_le": 32768.0}[sample_format]
    offset = 127.5 if sample_format == "cu8" else 0.0
    back = ((quantise(iq, sample_format).astype(np.float64) - offset) / steps).view(np.complex128)
    assert np.abs((back - iq).real).max() <= 0.501 / steps
    assert np.mean(np.abs(back - iq) ** 2) == pytest.approx(2 / 12 / steps**2, rel=0.05)


@pytest.mark.parametrize("ppm", [-70.0, -1.0, 0.0, 38.0, 150.0])
def test_a_fast_clock_makes_carriers_low_and_the_symbols_slow(ppm):
    center_hz, offset_hz = 942e6, 300e3
    clock = ClockError(ppm, center_freq_hz=center_hz, sample_rate_hz=RATE_HZ)
    iq = clock.process(tone(offset_hz))
    expected_hz = (center_hz + offset_hz) / (1 + ppm * 1e-6) - center_hz
    turned = iq * np.exp(-2j * np.pi * expected_hz / RATE_HZ * np.arange(iq.size))
    drift = np.polyfit(np.arange(1000, iq.size - 1000), np.unwrap(np.angle(turned))[1000:-1000], 1)[0]
    assert drift * RATE_HZ / (2 * np.pi) == pytest.approx(0.0, abs=0.01)
    assert iq.size == pytest.approx(240_000 * (1 + ppm * 1e-6), abs=30)


@pytest.mark.parametrize("offset_hz", [-1.05e6, 10e3, 900e3])
def test_the_resampler_errs_by_less_than_minus_80_db(offset_hz):
    clock = ClockError(63.0, center_freq_hz=0.0, sample_rate_hz=RATE_HZ)
    iq = clock.process(tone(offset_hz, 30_000))
    exact = np.exp(2j * np.pi * offset_hz / RATE_HZ * np.arange(iq.size) / (1 + 63e-6))
    error = (iq - exact)[50:-50]
    assert 10 * math.log10(np.mean(np.abs(error) ** 2)) < -80


def test_the_clock_error_does_not_care_how_the_samples_are_cut():
    iq = tone(123e3, 20_000)
    whole = ClockError(55.0, center_freq_hz=942e6, sample_rate_hz=RATE_HZ).process(iq)
    clock = ClockError(55.0, center_freq_hz=942e6, sample_rate_hz=RATE_HZ)
    parts = [clock.process(part) for part in np.split(iq, [1, 17, 18, 5000, 5003, 19_990])]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


@pytest.mark.parametrize(("ppm", "rate_hz"), [(2000.0, 1e6), (math.nan, 1e6), (1.0, 0.0)])
def test_an_impossible_clock_is_refused(ppm, rate_hz):
    with pytest.raises(ParameterError):
        ClockError(ppm, center_freq_hz=9e8, sample_rate_hz=rate_hz)
