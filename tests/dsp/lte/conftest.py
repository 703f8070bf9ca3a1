"""Cells as a receiver hears them, for the tests of the LTE receiver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dsp.synth.lte import LteCellDescription, LteDownlink, Reception, noise_variance

IQ = npt.NDArray[np.complex64]
RE_POWER = 1e-5


def white_noise(count: int, *, variance: float, seed: int) -> IQ:
    rng = np.random.default_rng((seed, 0xA1))
    flat = rng.standard_normal((count, 2), dtype=np.float32) * np.float32(np.sqrt(variance / 2))
    return flat.view(np.complex64)[:, 0]


def hear(cell: LteCellDescription, *, snr_db: float, ms: float = 80.0, rate_hz: float = 1.92e6, seed: int = 1, **reception: Any) -> Any:
    """Return (samples, read-only, of ``cell`` in white noise; the downlink that made them)."""
    downlink = LteDownlink(cell, Reception(re_power=RE_POWER, **reception), sample_rate_hz=rate_hz, seed=seed)
    count = round(ms * 1e-3 * rate_hz)
    variance = noise_variance(RE_POWER, snr_db=snr_db, sample_rate_hz=rate_hz)
    iq = downlink.samples(0, count=count) + white_noise(count, variance=variance, seed=seed)
    iq.setflags(write=False)
    return iq, downlink


@pytest.fixture(scope="session")
def on_air() -> Callable[..., tuple[IQ, LteDownlink]]:
    return hear


@pytest.fixture(scope="session")
def noise() -> Callable[..., IQ]:
    return white_noise
