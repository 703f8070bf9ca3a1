"""Lost samples are counted against the clock, and a machine that is late itself is not taken for a dongle that loses some."""

from __future__ import annotations

import time

import pytest

from station.loss_watch import LATE_S, LossWatch, lost_samples

RATE_HZ = 2.4e6


def lost(late_s: float, *, starved_s: float = 0.0, stalls: list[tuple[float, float]] | None = None) -> int:
    """A dwell of 50 ms that began at 100 s."""
    ended_s = 100.05 + late_s
    return lost_samples(100.0, ended_s, n_samples=120_000, rate_hz=RATE_HZ, starved_s=starved_s, stalls=stalls or [])


def test_a_dwell_in_time_lost_nothing_and_one_that_is_late_lost_what_would_have_filled_the_time() -> None:
    assert lost(0.0) == lost(LATE_S * 0.99) == 0
    assert lost(0.012) == pytest.approx(28_800, abs=1)


def test_time_that_the_thread_ran_or_waited_for_a_processor_is_not_loss() -> None:
    assert lost(0.05, starved_s=0.045) == 0
    assert lost(0.05, starved_s=0.02) == pytest.approx(72_000, abs=1)


def test_time_in_which_timers_were_late_too_is_not_loss() -> None:
    assert lost(0.05, stalls=[(100.05, 100.095)]) == 0
    # a stall before the dwell was due explains nothing, one that went on after it only in part
    assert lost(0.05, stalls=[(100.0, 100.04)]) == pytest.approx(120_000, abs=1)
    assert lost(0.05, stalls=[(100.02, 100.08)]) == pytest.approx(48_000, abs=1)


def test_a_dwell_of_this_machine_s_own_clock_loses_nothing() -> None:
    watch = LossWatch(sample_rate_hz=RATE_HZ)
    watch.start()
    found = []
    for _ in range(20):
        watch.begin()
        time.sleep(0.02)
        found.append(watch.lost(48_000))
    assert sum(one > 0 for one in found) <= 1


def test_a_dwell_that_takes_longer_than_its_samples_is_noticed() -> None:
    watch = LossWatch(sample_rate_hz=RATE_HZ)
    watch.start()
    found = []
    for _ in range(5):
        watch.begin()
        time.sleep(0.05)
        found.append(watch.lost(48_000))
    assert max(found) > 60_000
