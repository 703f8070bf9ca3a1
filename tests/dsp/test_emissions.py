"""Detection of one dwell: what is there is found and measured, noise gives nothing, what cannot be is refused."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsp.detection import dwell_pfa
from dsp.emissions import detect
from dsp.errors import ParameterError
from dsp.noise_floor import estimate_floor
from dsp.types import Psd
from tests.dsp.dwells import BIN_HZ, N_DWELL, RATE_HZ, band, db, found, noise, on_and_off, only, tone, welch


def test_white_noise_gives_no_emission_and_states_its_probability() -> None:
    for seed in range(20):
        detections = found(welch(noise(np.random.default_rng(seed), N_DWELL), row_step_s=0.002))
        assert detections.emissions == ()
        assert detections.artefacts == ()
    assert detections.false_alarm_probability == pytest.approx(0.5 * 0.25 / 86400, rel=1e-6)


def test_the_default_keeps_to_half_a_false_emission_a_day_at_any_dwell() -> None:
    for dwell_s in (0.05, 0.25, 1.0):
        assert 86400 / dwell_s * dwell_pfa(dwell_s) == pytest.approx(0.5)


@pytest.mark.slow
def test_dwells_with_a_false_emission_are_no_more_than_stated() -> None:
    rng, hits, dwells = np.random.default_rng(1), 0, 2000
    for _ in range(dwells):
        psd = welch(noise(rng, 60_000), n_fft=2048, row_step_s=0.002)
        hits += bool(detect(psd, estimate_floor(psd), pfa=0.05).emissions)
    # the bound is loose by less than a factor of three
    assert 0.05 / 3 < hits / dwells < 0.05


@pytest.mark.parametrize("offset_bins", [0.0, 0.25, 0.5])
def test_a_carrier_is_found_with_its_frequency_and_power(offset_bins: float) -> None:
    freq_hz = (500 + offset_bins) * BIN_HZ
    samples = noise(np.random.default_rng(2), N_DWELL) + tone(N_DWELL, freq_hz, 0.05)
    emission = only(found(welch(samples, row_step_s=0.002)))
    assert emission.center_offset_hz == pytest.approx(freq_hz, abs=BIN_HZ)
    assert db(emission.power) == pytest.approx(db(0.05), abs=0.2)
    assert emission.bandwidth_hz < 4 * BIN_HZ
    assert (emission.duty, emission.burst_count) == (1.0, 1)
    assert emission.floor_density == pytest.approx(1 / RATE_HZ, rel=0.01)


@pytest.mark.parametrize(("width_hz", "level_db"), [(25e3, 0.0), (200e3, -6.0), (1.0e6, -10.0)])
def test_a_wide_signal_far_under_the_noise_is_found_in_its_width(width_hz: float, level_db: float) -> None:
    rng = np.random.default_rng(3)
    samples = noise(rng, N_DWELL) + band(rng, N_DWELL, -4e5, width_hz, 10 ** (level_db / 10))
    emission = only(found(welch(samples, row_step_s=0.002)))
    assert emission.center_offset_hz == pytest.approx(-4e5, abs=0.15 * width_hz)
    assert emission.bandwidth_hz == pytest.approx(width_hz, rel=0.3)
    assert db(emission.power) == pytest.approx(level_db + db(width_hz / RATE_HZ), abs=0.7)
    assert emission.bandwidth_26db_hz is None


def test_99_per_cent_and_26_db_bandwidth_of_a_flat_signal_are_its_width() -> None:
    rng = np.random.default_rng(4)
    samples = noise(rng, N_DWELL) + band(rng, N_DWELL, 3e5, 4e5, 1e4)
    emission = only(found(welch(samples, row_step_s=0.002)))
    assert emission.bandwidth_hz == pytest.approx(0.99 * 4e5, rel=0.01)
    assert emission.bandwidth_26db_hz == pytest.approx(4e5, rel=0.02)
    assert emission.snr_db == pytest.approx(40, abs=0.3)
    assert emission.peak_density > emission.mean_density > emission.floor_density


def test_carriers_600_khz_apart_at_0_12_and_25_db_are_three() -> None:
    rng = np.random.default_rng(5)
    samples = noise(rng, N_DWELL)
    for center_hz, level_db in ((-6e5, 40), (0.0, 28), (6e5, 15)):
        samples = samples + band(rng, N_DWELL, center_hz + 1e4, 2e5, 10 ** (level_db / 10))
    emissions = found(welch(samples, row_step_s=0.002)).emissions
    assert [round(e.center_offset_hz / 1e4) for e in emissions] == [-59, 1, 61]
    assert [round(db(e.power / emissions[0].power)) for e in emissions] == [0, -12, -25]


def test_a_fading_notch_does_not_split_a_carrier() -> None:
    rng = np.random.default_rng(6)
    wide = band(rng, N_DWELL, 0.0, 1.6e6, 30.0)
    # two paths of equal strength 1 us apart: a null every megahertz
    delayed = np.roll(wide, round(1e-6 * RATE_HZ))
    emission = only(found(welch(noise(rng, N_DWELL) + 0.7 * wide + 0.69 * delayed, row_step_s=0.002)))
    assert emission.upper_offset_hz - emission.lower_offset_hz == pytest.approx(1.6e6, rel=0.05)


@pytest.mark.parametrize(("rate_hz", "width_hz", "level_db"), [(19.2e6, 9e6, -10), (19.2e6, 4.5e6, -12), (2.4e6, 1.6e6, -6)])
def test_a_weak_wide_carrier_is_one_emission_and_not_its_stronger_pieces(rate_hz: float, width_hz: float, level_db: float) -> None:
    rng, n = np.random.default_rng(23), 600_000 if rate_hz < 5e6 else 1_200_000
    samples = noise(rng, n) + band(rng, n, -0.05 * rate_hz, width_hz, 10 ** (level_db / 10), rate_hz)
    emission = only(found(welch(samples, rate_hz=rate_hz, row_step_s=0.002)))
    assert emission.bandwidth_hz == pytest.approx(width_hz, rel=0.25)


def test_a_carrier_that_the_edge_cuts_says_so() -> None:
    rng = np.random.default_rng(7)
    low = only(found(welch(noise(rng, N_DWELL) + band(rng, N_DWELL, -1.2e6, 4e5, 10.0), row_step_s=0.002)))
    high = only(found(welch(noise(rng, N_DWELL) + band(rng, N_DWELL, 1.2e6, 4e5, 10.0), row_step_s=0.002)))
    assert (low.cut_low, low.cut_high) == (True, False)
    assert (high.cut_low, high.cut_high) == (False, True)


def test_the_gap_that_frequencies_merge_over_is_the_users() -> None:
    samples = noise(np.random.default_rng(10), N_DWELL) + tone(N_DWELL, 2e5, 0.1) + tone(N_DWELL, 2.2e5, 0.1)
    psd = welch(samples)
    counts = [len(detect(psd, estimate_floor(psd), merge_gap_hz=gap).emissions) for gap in (5e3, 25e3)]
    assert counts == [2, 1]


def test_sensitivities_are_powers_seen_half_of_the_time() -> None:
    psd = welch(noise(np.random.default_rng(19), N_DWELL))
    detections = found(psd)
    widths = [s.width_hz for s in detections.sensitivities]
    assert widths == [1.5 * BIN_HZ, 25e3, 200e3, 1.4e6]
    assert all(a.power < b.power for a, b in zip(detections.sensitivities, detections.sensitivities[1:], strict=False))
    weakest = detections.sensitivities[0].power
    hits = 0
    for seed in range(60):
        samples = noise(np.random.default_rng(100 + seed), N_DWELL) + tone(N_DWELL, 600 * BIN_HZ, weakest)
        hits += bool(found(welch(samples)).emissions)
    assert 15 <= hits <= 50


def test_results_do_not_depend_on_scale() -> None:
    rng = np.random.default_rng(20)
    samples = noise(rng, 200_000) + band(rng, 200_000, 3e5, 2e5, 10.0) + tone(200_000, -5e5, 0.1)
    one, other = found(welch(samples)), found(welch(samples * np.float32(1e-3)))
    assert len(one.emissions) == len(other.emissions) == 2
    for a, b in zip(one.emissions, other.emissions, strict=True):
        assert a.center_offset_hz == pytest.approx(b.center_offset_hz, abs=1.0)
        assert a.power * 1e-6 == pytest.approx(b.power, rel=1e-3)


def test_a_mirrored_span_gives_mirrored_emissions() -> None:
    rng = np.random.default_rng(21)
    samples = noise(rng, 200_000) + band(rng, 200_000, 3e5, 2e5, 10.0) + tone(200_000, -5e5, 0.1)
    one, other = found(welch(samples)), found(welch(np.conj(samples)))
    centres = [e.center_offset_hz for e in one.emissions]
    np.testing.assert_allclose([-e.center_offset_hz for e in reversed(other.emissions)], centres, atol=2 * BIN_HZ)


@pytest.mark.parametrize("spoil", [lambda p: replace(p, mean=np.zeros(8, np.float32), n_fft=8)])
def test_a_floor_of_another_length_is_refused(spoil: Callable[[Psd], Psd]) -> None:
    psd = welch(noise(np.random.default_rng(1), 100_000))
    with pytest.raises(ParameterError, match="floor"):
        detect(spoil(psd), estimate_floor(psd))


@pytest.mark.parametrize("pfa", [0.0, 1.0, math.nan])
def test_a_pfa_that_is_no_probability_is_refused(pfa: float) -> None:
    psd = welch(noise(np.random.default_rng(1), 100_000))
    with pytest.raises(ParameterError, match="pfa"):
        detect(psd, estimate_floor(psd), pfa=pfa)


def test_silence_gives_nothing_and_no_warning() -> None:
    assert found(welch(np.zeros(100_000, np.complex64), row_step_s=0.002)).emissions == ()


def test_without_a_compiler_the_results_are_the_same(root: Path) -> None:
    script = (
        "import sys; sys.modules['numba'] = None\n"
        "from tests.dsp.test_emissions import summary; print(summary())\n"
        "import dsp.jit; assert not dsp.jit.HAVE_NUMBA"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == summary()


def summary() -> str:
    """What a small scene gives, rounded below what the order of sums changes."""
    rng = np.random.default_rng(22)
    pulsed = tone(120_000, -3e5, 0.5) * on_and_off(120_000, [(0.01, 0.02)])
    psd = welch(noise(rng, 120_000) + band(rng, 120_000, 4e5, 2e5, 3.0) + pulsed, row_step_s=0.002)
    floor = estimate_floor(psd)
    found_here = [(round(e.center_offset_hz), round(db(e.power), 2), e.burst_count) for e in detect(psd, floor).emissions]
    return f"{floor.source} {floor.density[0]:.4g} {found_here}"
