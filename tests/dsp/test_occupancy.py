"""Occupancy of channels and bands: known duty in, the same duty out."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.noise_floor import estimate_floor
from dsp.occupancy import Channel, cell_states, channel_states, looks_needed, occupancy
from tests.dsp.dwells import RATE_HZ, noise, tone, welch

CHANNELS = tuple(Channel(lower_offset_hz=f - 1e5, upper_offset_hz=f + 1e5) for f in (-4e5, -2e5, 0.0, 2e5, 4e5))
BAND = Channel(lower_offset_hz=-5e5, upper_offset_hz=5e5)


def test_each_channels_occupancy_is_its_duty() -> None:
    rng, n = np.random.default_rng(1), 600_000
    gate = np.zeros(n, np.float32)
    gate[: round(0.3 * n)] = 1.0
    samples = noise(rng, n) + tone(n, -4e5, 0.5) + tone(n, 2.1e5, 0.5) * gate
    psd = welch(samples, row_step_s=0.002)
    floor = estimate_floor(psd)
    states = channel_states(psd, floor, CHANNELS)
    assert states.shape == (psd.rows.shape[0], 5)
    result = occupancy(states, cell_states(psd, floor, BAND))
    np.testing.assert_allclose(result.fco, [1.0, 0.0, 0.0, 0.3, 0.0], atol=0.03)
    assert result.sro == pytest.approx(np.mean(result.fco))
    assert result.n_looks == psd.rows.shape[0]
    # two narrow carriers hold few of the band's bins
    assert 0.001 < result.fbo < 0.02


def test_noise_occupies_no_more_looks_than_stated() -> None:
    psd = welch(noise(np.random.default_rng(2), 2_400_000), row_step_s=0.001)
    floor = estimate_floor(psd)
    assert channel_states(psd, floor, CHANNELS, pfa=0.02).mean() == pytest.approx(0.02, abs=0.01)
    assert cell_states(psd, floor, BAND, pfa=0.01).mean() == pytest.approx(0.01, rel=0.05)


def test_without_rows_the_dwell_is_one_look() -> None:
    psd = welch(noise(np.random.default_rng(3), 300_000) + tone(300_000, 2e5, 0.1))
    states = channel_states(psd, estimate_floor(psd), CHANNELS)
    assert states.tolist() == [[False, False, False, True, False]]


def test_a_channel_outside_the_span_is_refused() -> None:
    psd = welch(noise(np.random.default_rng(4), 100_000))
    with pytest.raises(ParameterError, match="inside"):
        channel_states(psd, estimate_floor(psd), (Channel(lower_offset_hz=RATE_HZ, upper_offset_hz=RATE_HZ + 2e5),))


def test_no_look_is_refused() -> None:
    with pytest.raises(ParameterError, match="at least one look"):
        occupancy(np.zeros((0, 5), np.bool_), np.zeros((0, 9), np.bool_))


def test_looks_needed_are_those_of_sm_2256() -> None:
    # 384 (1 - p) / p for 10 % at 95 %
    assert looks_needed(0.1) == pytest.approx(384 * 9, rel=0.001)
    assert looks_needed(1.0) == 0
    with pytest.raises(ParameterError, match="occupied_part"):
        looks_needed(0.0)
