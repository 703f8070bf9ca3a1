from __future__ import annotations

from config.settings import IdentitySection
from station.look_schedule import MIN_CHANGE_INTERVAL_S, LookSchedule

STEP_S = 0.25


def looks(
    until_s: float, *, found: bool, promising: bool, changes_s: tuple[float, ...] = (), settings: IdentitySection | None = None
) -> list[float]:
    """When looks begin in ``until_s`` of signal with the same outcome each time; a look takes one dwell."""
    schedule = LookSchedule(settings or IdentitySection(tries=3, retry_interval_s=60.0, retry_interval_max_s=240.0))
    began = []
    for dwell in range(round(until_s / STEP_S)):
        now_s = dwell * STEP_S
        if any(now_s - STEP_S < change <= now_s for change in changes_s):
            schedule.changed(now_s)
        if schedule.due(now_s):
            began.append(now_s)
            schedule.looked(now_s + STEP_S, found=found, promising=promising)
    return began


def test_a_cell_is_looked_at_again_every_interval() -> None:
    assert looks(200.0, found=True, promising=True) == [0.0, 60.25, 120.5, 180.75]


def test_a_promising_span_gets_its_tries_in_a_row_and_then_ever_longer_waits() -> None:
    assert looks(600.0, found=False, promising=True) == [0.0, 0.25, 0.5, 60.75, 181.0, 421.25]


def test_a_quiet_span_is_looked_at_once_and_then_rarely() -> None:
    assert looks(3600.0, found=False, promising=False)[:4] == [0.0, 240.25, 480.5, 720.75]
    assert len(looks(3600.0, found=False, promising=False)) == 15


def test_a_change_brings_the_tries_back() -> None:
    assert looks(59.0, found=False, promising=True, changes_s=(30.0,)) == [0.0, 0.25, 0.5, 30.0, 30.25, 30.5]


def test_a_span_that_changes_all_the_time_is_not_looked_at_all_the_time() -> None:
    flicker = tuple(STEP_S * n for n in range(240))
    began = looks(60.0, found=False, promising=False, changes_s=flicker)
    assert len(began) <= 60.0 / MIN_CHANGE_INTERVAL_S
