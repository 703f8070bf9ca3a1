"""Where the good samples begin is found in them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from station.settling import SEGMENT, SettleLog, last_change

RATE_HZ = 2.4e6


def cu8(*parts: npt.NDArray[np.complex64], seed: int = 0) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    whole = np.concatenate(parts)
    noise = 0.02 * (rng.standard_normal(len(whole)) + 1j * rng.standard_normal(len(whole)))
    flat = (whole + noise).astype(np.complex64).view(np.float32)
    return np.clip(np.round(flat * 127.5 + 127.5), 0, 255).astype(np.uint8)


def tone(n: int, offset_hz: float, level: float = 0.1) -> npt.NDArray[np.complex64]:
    return (level * np.exp(2j * np.pi * offset_hz / RATE_HZ * np.arange(n))).astype(np.complex64)


@pytest.mark.parametrize("stale", [3000, 12_000, 20_000])
def test_the_old_frequency_s_samples_end_where_the_spectrum_changes(stale: int) -> None:
    found = last_change(cu8(tone(stale, 400e3), tone(60_000 - stale, -700e3)))
    assert found is not None
    assert stale <= found <= stale + 2 * SEGMENT


def test_of_several_changes_the_last_counts() -> None:
    found = last_change(cu8(tone(16_384, 400e3), tone(12_000, 900e3, 0.3), tone(40_000, -700e3)))
    assert found is not None
    assert 28_384 <= found <= 28_384 + 2 * SEGMENT


@pytest.mark.parametrize("seed", range(20))
def test_where_nothing_changes_nothing_is_seen_to(seed: int) -> None:
    assert last_change(cu8(tone(48_000, 100e3), seed=seed)) is None


def test_an_empty_place_takes_what_other_retunes_took() -> None:
    log = SettleLog(assumed_s=0.01, sample_rate_hz=RATE_HZ)
    empty = cu8(np.zeros(60_000, np.complex64))
    assert log.settled(empty).source == "assumed"
    assert log.settled(empty).n_samples == 24_000
    for seed in range(5):
        assert log.settled(cu8(tone(12_000, 400e3), tone(48_000, -700e3), seed=seed)).source == "seen"
    settled = log.settled(empty)
    assert settled.source == "measured"
    assert 12_000 <= settled.n_samples <= 12_000 + 3 * SEGMENT
    assert log.measured_s == pytest.approx(0.005, abs=0.0004)
