"""The scan of spectrogram rows: compiled and plain agree; bursts between steady carriers are found."""

from __future__ import annotations

import numpy as np
import pytest

import dsp.bursts
from dsp.bursts import row_weights, short_regions
from dsp.emissions import detect
from dsp.noise_floor import estimate_floor
from dsp.types import Psd
from tests.dsp.dwells import RATE_HZ, band, noise, tone, welch

N = 600_000


def keyed(samples: np.ndarray, first_s: float, last_s: float) -> np.ndarray:
    t = np.arange(samples.size) / RATE_HZ
    return samples * ((t >= first_s) & (t < last_s)).astype(np.float32)


def scene() -> Psd:
    rng = np.random.default_rng(1)
    wide = keyed(band(rng, N, -6e5, 3e5, 1.5), 0.05, 0.06)
    return welch(noise(rng, N) + keyed(tone(N, 4.1e5, 0.05), 0.1, 0.103) + wide, row_step_s=0.002)


def test_rows_show_a_short_carrier_and_a_short_wide_signal() -> None:
    psd = scene()
    floor = estimate_floor(psd)
    found = short_regions(psd, floor, row_weights(floor, spike=False), pfa=1e-6, gap_bins=43)
    centres = [(0.5 * (low + high) - 2048) * RATE_HZ / 4096 for low, high in found]
    np.testing.assert_allclose(centres, [-6e5, 4.1e5], atol=3e4)


def test_the_scan_without_a_compiler_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    psd = scene()
    floor = estimate_floor(psd)
    compiled = short_regions(psd, floor, row_weights(floor, spike=False), pfa=1e-6, gap_bins=43)
    monkeypatch.setattr(dsp.bursts, "HAVE_NUMBA", False)
    assert short_regions(psd, floor, row_weights(floor, spike=False), pfa=1e-6, gap_bins=43) == compiled


def test_a_burst_right_beside_a_strong_steady_carrier_is_an_emission_of_its_own() -> None:
    rng = np.random.default_rng(2)
    samples = noise(rng, N) + band(rng, N, 0.0, 2e5, 100.0) + keyed(tone(N, 3e5, 0.3), 0.1, 0.104)
    psd = welch(samples, row_step_s=0.002)
    steady, short = detect(psd, estimate_floor(psd)).emissions
    assert (steady.duty, steady.burst_count) == (1.0, 1)
    assert short.center_offset_hz == pytest.approx(3e5, abs=3e3)
    assert short.burst_times_s[0] == pytest.approx((0.1, 0.104), abs=0.003)


def test_the_keying_of_a_strong_pulsed_carrier_is_not_an_emission_of_its_own() -> None:
    rng = np.random.default_rng(3)
    carrier = tone(N, -3e5, 100.0)
    samples = noise(rng, N) + keyed(carrier, 0.03, 0.06) + keyed(carrier, 0.12, 0.15)
    psd = welch(samples, row_step_s=0.002)
    (emission,) = detect(psd, estimate_floor(psd)).emissions
    assert emission.burst_count == 2
