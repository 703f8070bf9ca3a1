"""The bank of channel filters, by reasoning about tones and noise."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.channelizer import plan_bank, split
from dsp.errors import ParameterError

OUT_HZ = 13e6 / 24
RATES_HZ = (300e3, 500e3, 1e6, 13e6 / 12, 2.048e6, 2.4e6, 2.56e6, 19.2e6, 30.72e6)


def tone(freq_hz: float, rate_hz: float, first: int, n: int) -> np.ndarray:
    return np.exp(2j * np.pi * ((freq_hz / rate_hz * np.arange(first, first + n)) % 1.0)).astype(np.complex64)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_tone_comes_out_at_its_distance_from_the_channels_centre_with_its_phase(rate_hz: float) -> None:
    plan = plan_bank(sample_rate_hz=rate_hz, out_rate_hz=OUT_HZ, pass_hz=150e3, stop_hz=250e3)
    assert plan.out_rate_hz == pytest.approx(OUT_HZ, rel=0.01)
    k = plan.nearest_bin(-13e3)
    x = tone(k * plan.bin_hz + 21e3, rate_hz, -plan.n_in // 8, 4 * plan.hop_in + plan.n_in // 4)
    y = split(x, plan=plan, bins=(k,))[0]
    edge = 6e-3 if rate_hz < 1e6 else 1e-5  # a narrow span cuts the channel's own skirts off sharply
    assert np.abs(y - tone(21e3, plan.out_rate_hz, 0, y.size)).max() < edge


def test_blocks_taken_in_two_calls_join_without_a_step() -> None:
    plan = plan_bank(sample_rate_hz=2.4e6, out_rate_hz=OUT_HZ, pass_hz=150e3, stop_hz=250e3)
    x = tone(413e3, 2.4e6, -plan.n_in // 8, 7 * plan.hop_in + plan.n_in // 4)
    k = (plan.nearest_bin(400e3), plan.nearest_bin(431e3))
    whole = split(x, plan=plan, bins=k)
    cut = 3 * plan.hop_in
    parts = [split(x[: cut + plan.n_in // 4], plan=plan, bins=k), split(x[cut:], plan=plan, bins=k, first_block=3)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-5)


def test_a_carrier_beyond_the_stop_edge_is_gone_and_none_wraps_round_the_span() -> None:
    plan = plan_bank(sample_rate_hz=1e6, out_rate_hz=OUT_HZ, pass_hz=150e3, stop_hz=250e3)
    beyond = tone(-100e3, 1e6, 0, 6 * plan.hop_in + plan.n_in // 4)
    assert np.abs(split(beyond, plan=plan, bins=(plan.nearest_bin(200e3),))[0, 1000:-1000]).max() < 1e-3
    other_edge = tone(-440e3, 1e6, 0, 6 * plan.hop_in + plan.n_in // 4)
    assert np.abs(split(other_edge, plan=plan, bins=(plan.nearest_bin(450e3),))[0, 1000:-1000]).max() < 5e-3


def test_white_noise_keeps_its_density() -> None:
    plan = plan_bank(sample_rate_hz=2.4e6, out_rate_hz=OUT_HZ, pass_hz=150e3, stop_hz=250e3)
    rng = np.random.default_rng(1)
    x = (rng.standard_normal((80 * plan.hop_in + plan.n_in // 4, 2)) @ [1.0, 1j]).astype(np.complex64)
    power = np.mean(np.abs(split(x, plan=plan, bins=(100,))) ** 2)
    width_hz = (plan.response**2).sum() * plan.bin_hz
    assert power / 2.0 == pytest.approx(width_hz / 2.4e6, rel=0.03)


def test_the_input_is_not_written_to() -> None:
    plan = plan_bank(sample_rate_hz=1e6, out_rate_hz=OUT_HZ, pass_hz=150e3, stop_hz=250e3)
    x = np.ones(2 * plan.hop_in + plan.n_in // 4, np.complex64)
    x.setflags(write=False)
    split(x, plan=plan, bins=(0,))


@pytest.mark.parametrize(("rate_hz", "stop_hz"), [(1e3, 250e3), (2.4e6, 300e3), (float("nan"), 250e3)])
def test_impossible_plans_are_refused(rate_hz: float, stop_hz: float) -> None:
    with pytest.raises(ParameterError):
        plan_bank(sample_rate_hz=rate_hz, out_rate_hz=OUT_HZ, pass_hz=150e3, stop_hz=stop_hz)
