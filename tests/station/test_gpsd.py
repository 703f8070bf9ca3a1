"""gpsd as source of position and time: a small server that speaks its documented JSON, and gpsd itself where it is installed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.wire import Position
from station.gpsd import GpsdReader, GpsTime, fix_in, message_in, pulse_in, time_in
from station.live_clock import LiveClock

HOUR_NS = 3_600 * 10**9


class SmallGpsd:
    """Serves one client after the other: VERSION, then after WATCH what ``say`` gives, line by line."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(20)
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.watches: list[dict[str, Any]] = []
        self._client: socket.socket | None = None
        self._there = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        connection, _ = self._server.accept()
        connection.sendall(b'{"class":"VERSION","release":"3.25","rev":"3.25","proto_major":3,"proto_minor":15}\r\n')
        asked = connection.recv(1000)
        self.watches.append(json.loads(asked.removeprefix(b"?WATCH=").rstrip(b";\n")))
        self._client = connection
        self._there.set()

    def say(self, **message: Any) -> None:
        """Send one message."""
        assert self._there.wait(20)
        assert self._client is not None
        self._client.sendall(json.dumps(message).encode() + b"\r\n")

    def close(self) -> None:
        """Hang up."""
        for one in (self._client, self._server):
            if one is not None:
                one.close()


@pytest.fixture
def gpsd() -> Iterator[SmallGpsd]:
    made = SmallGpsd()
    yield made
    made.close()


def until(what: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("did not come")


def iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def test_a_fix_becomes_a_position_and_no_fix_none() -> None:
    fix = b'{"class":"TPV","mode":3,"lat":12.6667,"lon":108.05,"epx":3.0,"epy":4.5}'
    assert fix_in(message_in(fix)) == Position(lat_deg=12.6667, lon_deg=108.05, accuracy_m=4.5)
    better = b'{"class":"TPV","mode":3,"lat":12.6667,"lon":108.05,"epx":3.0,"epy":4.5,"eph":19.0}'
    assert fix_in(message_in(better)) == Position(lat_deg=12.6667, lon_deg=108.05, accuracy_m=19.0)
    for line in (b'{"class":"TPV","mode":1,"lat":1.0,"lon":2.0}', b'{"class":"SKY"}', b"[]", b"\xff", b'{"class":"TPV","mode":3}'):
        assert fix_in(message_in(line)) is None


def test_the_time_of_a_fix_is_utc_and_without_a_fix_there_is_none() -> None:
    said = {"class": "TPV", "mode": 2, "time": "2026-11-24T03:00:05.000Z"}
    assert time_in(said) == 1_795_489_205 * 10**9
    for changed in ({"mode": 1}, {"time": "yesterday"}, {"time": "2026-11-24T03:00:05"}, {"class": "SKY"}, {"time": None}):
        assert time_in(said | changed) is None


def test_a_pulse_says_how_far_the_system_s_clock_is_out_to_its_precision() -> None:
    said = {"class": "PPS", "real_sec": 100, "real_nsec": 0, "clock_sec": 98, "clock_nsec": 999_000_000, "precision": -20}
    ahead_ns, error_ms = pulse_in(said) or (0, 0.0)
    assert ahead_ns == 1_001_000_000
    assert error_ms == pytest.approx(1e3 / 2**20)
    assert pulse_in(said | {"clock_sec": None}) is None
    assert pulse_in({"class": "TPV"}) is None


def test_position_and_time_come_over_tcp(gpsd: SmallGpsd) -> None:
    reader = GpsdReader(gpsd.address)
    try:
        true_ns = time.time_ns() - 5 * HOUR_NS  # the system's clock is five hours ahead of the satellites
        gpsd.say(**{"class": "TPV", "mode": 3, "lat": 12.0, "lon": 108.0, "eph": 8.0, "time": iso(true_ns), "ept": 0.005})
        place = until(reader.position)
        assert (place.lat_deg, place.lon_deg, place.accuracy_m) == (12.0, 108.0, 8.0)
        assert 0 <= place.age_s < 10
        found = until(reader.time)
        assert isinstance(found, GpsTime)
        assert not found.pps
        assert 1000 <= found.error_ms < 1002
        assert abs(found.offset_ns - (true_ns - time.monotonic_ns())) < 2e9
        assert gpsd.watches == [{"enable": True, "json": True, "pps": True}]
    finally:
        reader.close()


def test_a_pulse_is_finer_than_sentences_and_a_sentence_does_not_take_its_place(gpsd: SmallGpsd) -> None:
    reader = GpsdReader(gpsd.address)
    try:
        second = int(time.time())
        gpsd.say(**{"class": "PPS", "real_sec": second - 7, "real_nsec": 0, "clock_sec": second, "clock_nsec": 0, "precision": -20})
        gpsd.say(**{"class": "TPV", "mode": 3, "lat": 1.0, "lon": 1.0, "time": iso(time.time_ns())})
        until(reader.position)
        found = reader.time()
        assert found is not None
        assert found.pps
        assert found.error_ms < 2
        assert abs(found.offset_ns + time.monotonic_ns() - (time.time_ns() - 7 * 10**9)) < 5e7
    finally:
        reader.close()


def test_the_live_clock_takes_the_gps_where_nothing_keeps_the_system_s_clock(gpsd: SmallGpsd) -> None:
    reader = GpsdReader(gpsd.address)
    try:
        in_step = [False]
        clock = LiveClock(gps=reader.time, synchronised=lambda: (in_step[0], 3.0))
        assert clock.check().source == "rtc"
        gpsd.say(**{"class": "TPV", "mode": 3, "lat": 1.0, "lon": 1.0, "time": iso(time.time_ns() - 5 * HOUR_NS)})
        until(reader.time)
        state = clock.check()
        assert (state.source, state.reference) == ("gps", "gpsd")
        assert 1000 <= state.error_ms < 1002
        assert state.step_s == pytest.approx(5 * 3600, abs=2)
        assert abs(clock.time_ns(time.monotonic_ns()) - (time.time_ns() - 5 * HOUR_NS)) < 2e9
        in_step[0] = True
        state = clock.check()
        assert state.source == "ntp"
        assert abs(clock.time_ns(time.monotonic_ns()) - time.time_ns()) < 1e8
    finally:
        reader.close()


def test_times_do_not_jump_to_and_fro_with_sentences_that_are_late_by_different_amounts() -> None:
    said = [GpsTime(offset_ns=7 * HOUR_NS, error_ms=1000.0, pps=False)]
    clock = LiveClock(gps=lambda: said[0], synchronised=lambda: (False, 3.0))
    clock.check()
    first = clock.time_ns(0)
    assert first == 7 * HOUR_NS
    said[0] = GpsTime(offset_ns=7 * HOUR_NS + 400_000_000, error_ms=1000.0, pps=False)
    clock.check()
    assert clock.time_ns(0) == first
    said[0] = GpsTime(offset_ns=8 * HOUR_NS, error_ms=1000.0, pps=False)
    clock.check()
    assert clock.time_ns(0) == 8 * HOUR_NS


@pytest.mark.services
def test_gpsd_itself_fed_with_a_receiver_s_sentences_gives_position_and_time(tmp_path: Path) -> None:
    if not (shutil.which("gpsfake") and shutil.which("gpsd")):
        pytest.skip("gpsd is absent: apt-get install gpsd gpsd-clients")
    log = tmp_path / "walk.nmea"
    log.write_text("".join(_sentences(second) for second in range(60)), newline="")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fake = subprocess.Popen(["gpsfake", "-c", "0.1", "-P", str(port), str(log)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    reader = GpsdReader(f"127.0.0.1:{port}")
    try:
        place = until(reader.position, 30.0)
        assert place.lat_deg == pytest.approx(12.6667, abs=1e-4)
        assert place.lon_deg == pytest.approx(108.05, abs=1e-4)
        found = until(reader.time, 30.0)
        assert iso(found.offset_ns + time.monotonic_ns()).startswith("2026-11-24T03:0")
    finally:
        reader.close()
        fake.terminate()
        fake.wait(20)


def _sentences(second: int) -> str:
    at = f"0300{second:02d}.00"
    place = "1240.0020,N,10803.0000,E"
    bodies = (f"GPRMC,{at},A,{place},0.0,0.0,241126,,,A", f"GPGGA,{at},{place},1,08,1.0,550.0,M,0.0,M,,")
    return "".join(_checked(body) for body in (*bodies, "GPGSA,A,3,01,02,03,04,05,06,07,08,,,,,1.8,1.0,1.5"))


def _checked(body: str) -> str:
    total = 0
    for letter in body:
        total ^= ord(letter)
    return f"${body}*{total:02X}\r\n"
