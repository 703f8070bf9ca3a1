"""The blind search for FCCH bursts."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from dsp.gsm.fcch import MULTIFRAME_S, find_candidates, threshold
from dsp.gsm.params import FRAME_SYMBOLS, SYMBOL_RATE_HZ

RATE_HZ = 2.4e6
CHUNK_S = MULTIFRAME_S + 1.5e-3


@pytest.mark.parametrize("offset_hz", [-812_345.0, -67_708.0, 0.0, 3_210.0, 600_000.0])
def test_a_carrier_anywhere_in_the_span_is_found_to_300_hz_and_a_quarter_millisecond(scenes: ModuleType, offset_hz: float) -> None:
    rng = np.random.default_rng(7)
    sent = scenes.signal(rng, offset_hz=offset_hz)
    x = scenes.heard(rng, sent, duration_s=CHUNK_S, snr_db=3.0, rate_hz=RATE_HZ)
    best = find_candidates(x, sample_rate_hz=RATE_HZ)[0]
    assert best.carrier_hz == pytest.approx(offset_hz, abs=300.0)
    into = (sent.start_fn * FRAME_SYMBOLS + sent.start_symbol) / SYMBOL_RATE_HZ + best.start_s
    assert abs((into + MULTIFRAME_S / 2) % MULTIFRAME_S - MULTIFRAME_S / 2) < 0.3e-3


def test_four_carriers_of_different_levels_are_all_found(scenes: ModuleType) -> None:
    levels = {-800e3: -20.0, -200e3: 0.0, 0.0: -10.0, 600e3: -30.0}
    x, _ = scenes.mixed(np.random.default_rng(3), levels, duration_s=CHUNK_S, rate_hz=RATE_HZ, snr_db=6.0)
    found = [c.carrier_hz for c in find_candidates(x, sample_rate_hz=RATE_HZ)]
    for offset_hz in levels:
        assert min(abs(f - offset_hz) for f in found) < 500.0


def test_one_tone_is_enough_in_a_recording_shorter_than_a_multiframe(scenes: ModuleType) -> None:
    rng = np.random.default_rng(5)
    x = scenes.heard(rng, scenes.signal(rng), duration_s=0.06, snr_db=12.0)
    found = find_candidates(x, sample_rate_hz=scenes.FOUR_PER_SYMBOL_HZ)
    assert min(abs(c.carrier_hz) for c in found) < 500.0  # its own data may stand out as well: the SCH decides


def test_noise_dc_and_steady_tones_give_no_candidate(scenes: ModuleType) -> None:
    rng = np.random.default_rng(11)
    n = round(CHUNK_S * RATE_HZ)
    seen = 0
    for k in range(12):
        x = scenes.noise(rng, n, 1.0)
        if k % 2:
            x = (x + 3.0 + 10.0 * np.exp(2j * np.pi * 0.1234 * np.arange(n))).astype(np.complex64)
        seen += len(find_candidates(x, sample_rate_hz=RATE_HZ))
    assert seen == 0  # once in a thousand chunks by the threshold


def test_the_threshold_is_the_gamma_laws() -> None:
    rng = np.random.default_rng(2)
    sums = rng.exponential(size=(200_000, 5)).sum(axis=1)
    # 1e-3 / n_tests per test: with 100 tests 1e-5, 2 of 200 000
    assert 0 <= int((sums > threshold(5, 100.0)).sum()) <= 10
    assert threshold(5, 1.0) < threshold(5, 1e6)


def test_too_few_samples_give_nothing() -> None:
    assert find_candidates(np.ones(500, np.complex64), sample_rate_hz=RATE_HZ) == ()
