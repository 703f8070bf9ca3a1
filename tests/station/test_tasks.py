"""What a station makes of the tasks that come: refused with a reason, done once however often they come, gone on with after a restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from config.wire import CaptureAnnouncement, Task, TaskResult
from station.capture import CaptureError
from station.errors import ReceiverError, StationError
from tests.end_to_end.running import T0_NS
from tests.station.tasked_station import Station, task


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path)
    yield made
    made.desk.close()


def test_a_capture_is_announced_sent_and_said_to_be_done(station: Station) -> None:
    station.come(task())
    assert station.results() == [("accepted", ""), ("done", "")]
    kinds = [type(one) for one in station.said]
    assert kinds == [TaskResult, CaptureAnnouncement, TaskResult]
    assert station.sender.waiting == 1
    last = station.said[-1]
    assert isinstance(last, TaskResult)
    assert (last.capture_id, last.issued_by, last.duration_s) == (f"c-{1:016x}", "finding:00aa", 2.0)


def test_a_capture_that_is_to_stay_is_not_sent(station: Station) -> None:
    station.come(task(send=False))
    assert station.results()[-1] == ("done", "")
    assert station.sender.waiting == 0


def test_a_task_that_comes_again_is_not_done_again_even_after_a_restart(tmp_path: Path) -> None:
    station = Station(tmp_path)
    station.come(task(), task())
    station.come(task())
    station.desk.close()
    again = Station(tmp_path)
    again.come(task())
    assert station.receiver.done == [("capture", f"{1:016x}")]
    assert (again.receiver.done, again.said) == ([], [])
    assert again.sender.waiting == 1  # what was not sent whole goes on
    again.desk.close()


def test_what_was_taken_on_is_done_after_a_restart(tmp_path: Path) -> None:
    station = Station(tmp_path)
    station.receiver.free = False
    station.come(task())
    assert station.results() == [("accepted", "")]
    station.desk.close()
    again = Station(tmp_path)
    again.desk.step()
    assert again.results() == [("done", "")]
    again.desk.close()


def unknown(station: Station) -> Task:
    return task(action="jam")


def for_another(station: Station) -> Task:
    return task(station="b")


def too_long(station: Station) -> Task:
    return task(duration_s=31.0)


def out_of_reach(station: Station) -> Task:
    station.receiver.no = "2400 MHz: R820T hears 24-1766 MHz"
    return task()


def not_there(station: Station) -> Task:
    return task(action="fetch", freq_hz=None, capture_id="20261124T100000.000Z_944.0000MHz")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (unknown, "jam: this version knows capture, dwell, watch, fetch"),
        (for_another, "this is a"),
        (too_long, "tasks.max_capture_s"),
        (out_of_reach, "R820T hears"),
        (not_there, "not here"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(station: Station, make: Callable[[Station], Task], reason: str) -> None:
    station.come(make(station))
    ((state, said),) = station.results()
    assert state == "refused"
    assert reason in said
    assert station.receiver.done == []


def test_too_many_are_refused_and_the_refused_do_not_count(tmp_path: Path) -> None:
    station = Station(tmp_path, per_hour=3)
    station.come(*(task(n, action="jam") for n in range(100, 110)), *(task(n) for n in range(5)))
    states = [state for state, _ in station.results()]
    assert (states.count("done"), states.count("refused")) == (3, 12)
    refused = [reason for state, reason in station.results() if "per_hour" in reason]
    assert len(refused) == 2
    station.desk.close()


def test_a_station_may_take_no_tasks_at_all(tmp_path: Path) -> None:
    station = Station(tmp_path, accept=False)
    station.come(task())
    assert station.results() == [("refused", "this station takes no tasks (tasks.accept)")]
    station.desk.close()


def test_what_could_not_be_done_in_time_expires_by_what_was_left_of_it(station: Station) -> None:
    station.receiver.free = False
    # the collector's clock is a year off; what counts is that 50 ms are left
    station.come(task(expires_ns=T0_NS + 365 * 86_400 * 10**9 + 50_000_000), now_ns=T0_NS + 365 * 86_400 * 10**9)
    time.sleep(0.1)
    station.desk.step()
    assert [state for state, _ in station.results()] == ["accepted", "expired"]


def test_a_dwell_listens_as_long_as_was_asked(station: Station) -> None:
    station.come(task(action="dwell", duration_s=0.1))
    last = station.said[-1]
    assert isinstance(last, TaskResult)
    assert (last.state, last.duration_s >= 0.1, last.records >= 3) == ("done", True, True)
    assert station.receiver.done[-1] == ("leave", f"{1:016x}")


def test_a_watch_comes_back_at_its_interval_takes_its_share_and_ends(tmp_path: Path) -> None:
    station = Station(tmp_path, watch_interval_s=0.05, watch_share=0.25)
    station.come(task(action="watch", duration_s=0.5))
    until_s = time.monotonic() + 0.8
    while time.monotonic() < until_s:
        station.desk.step()
        time.sleep(0.002)
    visits = sum(what == "visit" for what, _ in station.receiver.done)
    assert 3 <= visits <= 7  # each takes 20 ms, a quarter of the time is 80 ms each
    assert [state for state, _ in station.results()] == ["accepted", "done"]
    station.desk.close()


def test_a_cancelled_watch_stops_and_one_that_never_came_is_cancelled_too(station: Station) -> None:
    station.come(task(action="watch", duration_s=500.0))
    station.come(task(action="watch", duration_s=500.0, cancelled=True), task(2, cancelled=True))
    station.desk.step()
    assert [state for state, _ in station.results()] == ["accepted", "cancelled", "cancelled"]
    assert sum(what == "visit" for what, _ in station.receiver.done) == 1
    station.come(task(2))  # an old copy that comes late
    assert len(station.results()) == 3


def test_a_receiver_that_fails_is_recovered_and_a_task_that_always_fails_is_given_up(station: Station) -> None:
    station.receiver.fault = ReceiverError("a read hangs")
    station.come(task())
    assert [state for state, _ in station.results()] == ["accepted"]
    station.receiver.fault = None
    station.desk.step()
    assert station.results()[-1] == ("done", "")
    station.receiver.fault = ReceiverError("a read hangs")
    station.come(task(2))
    for _ in range(5):
        station.desk.step()
    assert station.results()[-1] == ("failed", "a read hangs")
    assert len(station.recovered) == 4


def test_a_capture_that_cannot_be_written_fails_with_the_reason(station: Station) -> None:
    station.receiver.fault = CaptureError("the disk has 3 MiB left, a twentieth is kept free")
    station.come(task())
    assert station.results()[-1] == ("failed", "the disk has 3 MiB left, a twentieth is kept free")


def test_the_inspector_s_key_waits_for_the_receiver_and_stays_for_what_comes_after(station: Station) -> None:
    station.receiver.free = False
    station.desk.press(931e6, "the inspector's key")
    station.desk.step()
    assert station.keys == []
    station.receiver.free = True
    station.desk.step()
    assert station.keys == [(931e6, "the inspector's key")]
    assert station.receiver.done == [("stay", "931000000 1.5")]


def test_a_capture_of_long_ago_is_fetched_with_its_hashes(station: Station, tmp_path: Path) -> None:
    (tmp_path / "old.sigmf-data").write_bytes(b"abcd")
    (tmp_path / "old.sigmf-meta").write_bytes(b"{}")
    station.come(task(action="fetch", freq_hz=None, capture_id="old"))
    assert station.results() == [("done", "")]
    assert station.sender.waiting == 1
    frame = station.sender.next_frame(time.monotonic())
    assert frame is not None
    assert msgspec.structs.asdict(frame)["task_id"] == f"{1:016x}"


def test_a_capture_that_is_cut_short_by_the_end_of_the_program_is_made_after_the_next_start(tmp_path: Path) -> None:
    station = Station(tmp_path)

    def stopped(task: Task) -> CaptureAnnouncement:
        station.stopping = True
        raise StationError("the station was stopped in the middle of it")

    station.receiver.capture = stopped  # type: ignore[method-assign]
    station.come(task())
    assert station.results() == [("accepted", "")]
    station.desk.close()
    again = Station(tmp_path)
    again.desk.step()
    assert again.results() == [("done", "")]
    again.desk.close()


def test_when_stopping_nothing_is_begun(station: Station) -> None:
    station.stopping = True
    station.come(task())
    assert station.results() == [("accepted", "")]
    assert station.receiver.done == []
