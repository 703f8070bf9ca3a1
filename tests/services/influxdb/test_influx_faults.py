"""InfluxDB that is stopped, killed, refuses, dawdles, or whose follower is killed: in the end every point is there, once."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.influx_file import InfluxFile
from collector.influx_writer import FollowerStoppedError
from collector.journal import Journal
from config.wire import encode_record
from tests.end_to_end.running import emission, end_with_parent, eventually
from tests.services.influxdb.filling import SPOOL, OnInflux, settings_for
from tests.services.influxdb.influxd import ORG, TOKEN, Influxd, influxd_program
from tests.services.influxdb.proxy import Proxy

pytestmark = pytest.mark.services


@pytest.fixture
def bucket() -> str:
    return f"b{uuid.uuid4().hex[:12]}"


@pytest.fixture
def proxy(influxd: Influxd) -> Iterator[Proxy]:
    made = Proxy(influxd.port)
    yield made
    made.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Influxd]:
    """A server that a test may stop."""
    program = influxd_program()
    if program is None:
        pytest.skip("influxd is absent: put it on PATH or name it in CANHSONG_INFLUXD (tests/services/influxdb/build.sh builds it)")
    (tmp_path / "influxd").mkdir()
    server = Influxd(program, tmp_path / "influxd")
    yield server
    server.stop()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., OnInflux]]:
    made: list[OnInflux] = []

    def build(url: str, bucket: str, *, timeout_ms: int = 5000) -> OnInflux:
        made.append(OnInflux(settings_for(url, bucket, tmp_path), tmp_path, timeout_ms=timeout_ms))
        return made[-1]

    yield build
    for one in made:
        one.close()


class Later:
    """Does something while the test waits in InfluxDB's follower."""

    def __init__(self, after_s: float, do: Callable[[], object]) -> None:
        self._timer = threading.Timer(after_s, do)
        self._timer.start()

    def __enter__(self) -> Later:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.join()


def ids(store: OnInflux) -> list[str]:
    """Track of every raw emission point, in order."""
    return sorted(row["track_id"] for row in store.raw("emission"))


def expected(count: int) -> list[str]:
    return [f"{number:016x}" for number in range(count)]


def test_influxdb_that_was_away_gets_everything_when_it_is_back(own: Influxd, bucket: str, opened: Callable[..., OnInflux]) -> None:
    store = opened(own.url, bucket)
    store.put(emission(0))
    own.stop()
    with Later(1.5, own.start):
        store.put(*(emission(n) for n in range(1, 30)))
    assert store.effect.cursor() == 30
    assert ids(store) == expected(30)


def test_influxdb_that_is_killed_while_it_is_written_has_every_point_once(
    own: Influxd, bucket: str, opened: Callable[..., OnInflux]
) -> None:
    store = opened(own.url, bucket)
    for round_ in range(3):
        begin = round_ * 600

        def break_it() -> None:
            own.kill()
            own.start()

        with Later(0.05 + 0.1 * round_, break_it):
            for first in range(begin, begin + 600, 100):
                store.put(*(emission(n) for n in range(first, first + 100)))
    assert ids(store) == expected(1800)
    assert store.store.stations() == store.sqlite.store.stations()
    assert store.file.aside() == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_an_answer_that_may_pass_is_waited_out(proxy: Proxy, bucket: str, opened: Callable[..., OnInflux], status: int) -> None:
    store = opened(proxy.url, bucket)
    proxy.answer = status
    with Later(1.0, lambda: setattr(proxy, "answer", None)):
        store.put(*(emission(n) for n in range(10)))
    assert proxy.refused >= 2
    assert ids(store) == expected(10)
    assert store.file.aside() == []


def test_an_answer_that_does_not_come_in_time_is_asked_for_again(proxy: Proxy, bucket: str, opened: Callable[..., OnInflux]) -> None:
    store = opened(proxy.url, bucket, timeout_ms=600)
    proxy.wait_s = 1.5
    with Later(2.0, lambda: setattr(proxy, "wait_s", 0.0)):
        store.put(*(emission(n) for n in range(10)))
    assert ids(store) == expected(10)


def test_a_write_whose_answer_is_cut_off_is_written_again_and_there_once(
    proxy: Proxy, bucket: str, opened: Callable[..., OnInflux]
) -> None:
    store = opened(proxy.url, bucket)
    proxy.cut = True
    with Later(1.0, lambda: setattr(proxy, "cut", False)):
        store.put(*(emission(n) for n in range(10)))
    assert proxy.refused >= 2
    assert ids(store) == expected(10)


def test_a_token_that_is_no_more_is_waited_for_and_read_anew_and_never_logged(
    influxd: Influxd, bucket: str, opened: Callable[..., OnInflux], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(influxd.url, bucket)
    wrong = "revoked-and-still-secret"
    settings_for(influxd.url, bucket, tmp_path, token=wrong)
    store.door.renew()
    with caplog.at_level(logging.DEBUG), Later(1.0, lambda: settings_for(influxd.url, bucket, tmp_path)):
        store.put(*(emission(n) for n in range(10)))
    assert ids(store) == expected(10)
    assert "401" in caplog.text
    assert wrong not in caplog.text
    assert TOKEN not in caplog.text


def test_single_points_that_influxdb_refuses_are_set_aside_with_their_error(
    influxd: Influxd, bucket: str, opened: Callable[..., OnInflux]
) -> None:
    store = opened(influxd.url, bucket)
    first = emission(0)
    store.door.write(bucket, [f"emission,station=other label=1.0 {first.start_time_ns}"])  # a label is a number here from now on
    store.put(*(emission(n, label="a word" if n in (7, 31) else None) for n in range(50)))
    assert [row["track_id"] for row in store.raw("emission") if row["station"] != "other"] == [
        f"{n:016x}" for n in range(50) if n not in (7, 31)
    ]
    aside = store.file.aside()
    assert len(aside) == 2
    for (where, line, error), number in zip(aside, (7, 31), strict=True):
        assert where == bucket
        assert f"{number:016x}" in line
        assert "field type conflict" in error
    assert store.effect.cursor() == 50


def test_a_bucket_that_was_deleted_is_made_again(influxd: Influxd, bucket: str, opened: Callable[..., OnInflux]) -> None:
    store = opened(influxd.url, bucket)
    number = influxd.call(f"/api/v2/buckets?name={bucket}")["buckets"][0]["id"]
    influxd.call(f"/api/v2/buckets/{number}", method="DELETE")
    store.put(emission(0))
    assert ids(store) == expected(1)


def test_a_follower_that_is_told_to_end_does_not_wait_for_influxdb(proxy: Proxy, bucket: str, tmp_path: Path) -> None:
    told = threading.Event()
    store = OnInflux(settings_for(proxy.url, bucket, tmp_path), tmp_path, told.is_set)
    try:
        proxy.answer = 503
        began_s = time.monotonic()
        with Later(0.7, told.set), pytest.raises(FollowerStoppedError):
            store.put(emission(0))
        assert time.monotonic() - began_s < 5
        assert store.effect.cursor() == 0
    finally:
        store.close()


def test_a_follower_that_is_killed_at_any_moment_leaves_every_point_once(influxd: Influxd, bucket: str, tmp_path: Path) -> None:
    count = 3000
    folder = tmp_path / "data"
    journal = Journal(folder / "journal")
    for number in range(count):
        journal.append(("nui-vong-phu", SPOOL), number, encode_record(emission(number)))
    journal.close()
    settings = settings_for(influxd.url, bucket, tmp_path)
    (folder / "influxdb.toml").write_text(
        f'[influxdb]\nurl = "{influxd.url}"\norg = "{ORG}"\nbucket = "{bucket}"\ntoken_file = "{settings.token_file}"\nraw_days = 0\n'
        "hourly_days = 0\n"
    )
    draw = random.Random(3)
    with _part(folder, "store") as parts:
        for _ in range(4):
            with _part(folder, "influx") as follower:
                time.sleep(draw.uniform(1.0, 2.5))
                follower.kill()
        with _part(folder, "influx"):
            file = InfluxFile(folder / "influx.db")
            eventually(lambda: file.cursor() == count, timeout_s=60)
            file.close()
        assert parts.poll() is None
    check = OnInflux(settings, tmp_path / "reader")
    try:
        assert ids(check) == expected(count)
        assert len(check.store.tracks(_all())) == 2000
        assert [row.records for row in check.store.stations()] == [count]
    finally:
        check.close()


def _all() -> object:
    from collector.store import Query

    return Query(origins=(), limit=2000)


class _part:  # noqa: N801  # reads as the command that it is
    """One process of ``serve``, ended at the end."""

    def __init__(self, folder: Path, name: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "collector.cli", "--data", str(folder), "part", name, "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ},
            preexec_fn=end_with_parent,
        )

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._process

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(20)
        self._process.stdin.close()
