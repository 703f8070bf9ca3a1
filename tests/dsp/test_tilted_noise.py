"""Alarms counted in tilted noise and weighted back are those of white noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.dsp.false_alarms import Case, alarms_in_noise, quick_noise
from tests.dsp.tilted_noise import _weight, alarms_in_tilted_noise


def test_the_weights_of_tilted_noise_make_its_mean_one() -> None:
    # of any event: here that the window holds more energy than so many standard deviations, known from the gamma distribution
    rng, bits, n, size = np.random.default_rng(1), np.random.SFC64(2), 4000, 1600
    starts, tilts = np.array([0, 800, 1600, 2400]), np.array([[0.08, 0.0533], [0.06, 0.04]])
    weights, passed = [], []
    for _ in range(4000):
        spectrum = quick_noise(bits, n)
        first, (up, down) = starts[rng.integers(4)], tilts[rng.integers(2)]
        spectrum *= np.float32(math.sqrt(1 - down))
        spectrum[first : first + size] *= np.float32(math.sqrt((1 + up) / (1 - down)))
        weights.append(_weight(spectrum, starts, size, tilts))
        passed.append([np.sum(np.abs(spectrum[s : s + size].astype(np.complex128)) ** 2) > size + 3.0 * math.sqrt(size) for s in starts])
    rate = float(np.mean(np.array(weights)[:, None] * np.array(passed)))
    # P(gamma(1600) > 1600 + 3 * 40), by scipy.stats.gamma.sf
    assert rate == pytest.approx(1.660e-3, rel=0.15)


def test_a_wide_window_alarms_as_often_as_a_straight_count_says() -> None:
    case = Case(n_fft=256, n_averages=64, overlap=0.5)
    (tilted,) = alarms_in_tilted_noise(case, 149, dwells=1200, seed=3, pfas=(1e-3,))
    straight = next(cell for cell in alarms_in_noise(case, dwells=6000, seed=4, pfas=(1e-3,)) if cell.width_bins == 149)
    assert tilted.error < 0.3
    assert abs(tilted.rate - straight.rate) < 1.3 * math.hypot(tilted.error, straight.error)
    assert tilted.clumps > 10 * straight.clumps * 1200 / 6000
