"""Occupancy of channels and bands: known duty in, the same duty out."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.noise_floor import estimate_floor
from dsp.occupancy import Channel, Tally, cell_states, channel_states
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
    assert channel_states(psd, floor, CHANNELS).shape == (psd.rows.shape[0], 5)
    tally = Tally(CHANNELS, BAND)
    tally.add(psd, floor)
    result = tally.take()
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


def test_looks_of_several_dwells_add_up_and_are_taken_once() -> None:
    quiet = welch(noise(np.random.default_rng(5), 300_000))
    busy = welch(noise(np.random.default_rng(6), 300_000) + tone(300_000, 2e5, 0.1))
    tally = Tally(CHANNELS, BAND)
    for psd in (quiet, busy, quiet, quiet):
        tally.add(psd, estimate_floor(psd))
    result = tally.take()
    assert result.fco == (0.0, 0.0, 0.0, 0.25, 0.0)
    assert (result.sro, result.n_looks) == (0.05, 4)
    tally.add(busy, estimate_floor(busy))
    assert tally.take().fco[3] == 1.0


def test_no_look_is_refused() -> None:
    with pytest.raises(ParameterError, match="at least one look"):
        Tally(CHANNELS, BAND).take()
