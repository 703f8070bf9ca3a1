"""When an emission was on: bursts counted, timed and merged; bursts that only the rows show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsp.emissions import detect
from dsp.noise_floor import estimate_floor
from tests.dsp.dwells import N_DWELL, band, db, found, noise, on_and_off, only, tone, welch


def test_bursts_are_counted_and_timed() -> None:
    times = [(0.03, 0.05), (0.10, 0.11), (0.20, 0.24)]
    samples = noise(np.random.default_rng(8), N_DWELL) + tone(N_DWELL, 2e5, 0.2) * on_and_off(N_DWELL, times)
    emission = only(found(welch(samples, row_step_s=0.002)))
    assert emission.burst_count == 3
    np.testing.assert_allclose(emission.burst_times_s, times, atol=0.003)
    assert (emission.first_s, emission.last_s) == (emission.burst_times_s[0][0], emission.burst_times_s[-1][1])
    assert emission.duty == pytest.approx(0.28, abs=0.04)
    assert db(emission.power) == pytest.approx(db(0.2), abs=1.0)


def test_the_gap_that_bursts_merge_over_is_the_users() -> None:
    times = [(0.03, 0.05), (0.07, 0.09), (0.20, 0.24)]
    samples = noise(np.random.default_rng(9), N_DWELL) + tone(N_DWELL, 2e5, 0.2) * on_and_off(N_DWELL, times)
    psd = welch(samples, row_step_s=0.002)
    counts = [only(detect(psd, estimate_floor(psd), merge_gap_s=gap)).burst_count for gap in (0.002, 0.03, 0.3)]
    assert counts == [3, 2, 1]


def test_a_burst_that_the_mean_does_not_show_is_found_in_the_rows() -> None:
    samples = noise(np.random.default_rng(11), N_DWELL) + tone(N_DWELL, 4.1e5, 0.014) * on_and_off(N_DWELL, [(0.1, 0.1022)])
    psd = welch(samples, row_step_s=0.002)
    assert found(replace(psd, rows=psd.rows[:0])).emissions == ()
    emission = only(found(psd))
    assert emission.center_offset_hz == pytest.approx(4.1e5, abs=2e3)
    assert emission.first_s == pytest.approx(0.1, abs=0.003)
    assert emission.burst_count == 1
    assert emission.duty < 0.05


def test_a_steady_weak_carrier_is_not_called_pulsed() -> None:
    # about as strong as a row's own threshold: some rows pass it, some do not
    for power in (2e-3, 4e-3, 8e-3, 1.6e-2):
        samples = noise(np.random.default_rng(12), N_DWELL) + tone(N_DWELL, 3.3e5, power)
        emission = only(found(welch(samples, row_step_s=0.002)))
        assert (emission.burst_count, emission.duty) == (1, 1.0), power


def test_pulses_beside_a_spike_keep_their_times() -> None:
    times = [(0.03, 0.05), (0.20, 0.24)]
    rng = np.random.default_rng(15)
    pulsed = band(rng, N_DWELL, 2e3, 4e4, 60.0) * on_and_off(N_DWELL, times)
    detections = found(welch(noise(rng, N_DWELL) + pulsed + np.complex64(0.5), row_step_s=0.002))
    assert [a.kind for a in detections.artefacts] == ["dc_spike"]
    assert only(detections).burst_count == 2
