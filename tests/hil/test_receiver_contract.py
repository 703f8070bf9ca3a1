"""Playback, a dongle and rtl_tcp keep the same contract."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Band = Callable[..., Any]
GSM_HZ = 944.0e6


def run(root: Path, env: dict[str, str], address: str) -> None:
    program = root / "tests" / "hil" / "receiver_contract.py"
    done = subprocess.run([sys.executable, str(program), address], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_dongle_keeps_the_receivers_contract(root: Path, band: Band) -> None:
    run(root, band("paced 0").env, "rtlsdr:00000001")


def test_playback_keeps_the_receivers_contract(root: Path, band: Band, tmp_path: Path) -> None:
    np.random.default_rng(1).integers(0, 255, 2 * 240_000).astype(np.uint8).tofile(tmp_path / "noise_931.3M_1M.cu8")
    run(root, band().env, str(tmp_path / "noise_931.3M_1M.cu8"))


@pytest.fixture
def rtl_tcp(band: Band) -> Iterator[tuple[Any, str]]:
    """A station, and the address of Debian's rtl_tcp over the band scene."""
    if not shutil.which("rtl_tcp"):
        pytest.skip("rtl-sdr is absent: apt-get install rtl-sdr")
    station = band("paced 1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["rtl_tcp", "-a", "127.0.0.1", "-p", str(port), "-s", "2400000", "-f", "931300000"]
    child = subprocess.Popen(command, env=station.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while not listens(port):
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    yield station, f"rtltcp://127.0.0.1:{port}"
    child.kill()
    child.wait(20)


def listens(port: int) -> bool:
    """Whether something listens at ``port``, without connecting: rtl_tcp serves one client at a time."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


@pytest.mark.services
def test_rtl_tcp_keeps_the_receivers_contract(root: Path, rtl_tcp: tuple[Any, str]) -> None:
    station, address = rtl_tcp
    run(root, station.env, address)


@pytest.mark.services
def test_a_scan_over_rtl_tcp_finds_the_same(rtl_tcp: tuple[Any, str]) -> None:
    station, address = rtl_tcp
    env = {"CANHSONG_VIRTUAL_DONGLE": ""}  # only the server has one
    done = station.run("scan", "--band", "B8", "--once", "--json", "--device", address, env=env)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    cells = [one for one in records if one["kind"] in ("gsm_cell", "lte_cell") and one["status"] == "identified"]
    assert {(one["kind"], one["freq_hz"]) for one in cells} == {("gsm_cell", GSM_HZ), ("lte_cell", 953.0e6)}
    known = json.loads(next(station.folder.rglob("calibration.json")).read_text())
    assert next(iter(known.values()))["ppm"] == pytest.approx(23.4, abs=0.2)
    onsets = [one["center_freq_hz"] for one in records if one["kind"] == "emission" and one["event"] == "onset"]
    assert min(abs(freq - 931.3125e6) for freq in onsets) < 1e3


@pytest.mark.services
def test_the_other_commands_work_over_rtl_tcp(rtl_tcp: tuple[Any, str]) -> None:
    station, address = rtl_tcp
    env = {"CANHSONG_VIRTUAL_DONGLE": "", "CANHSONG_IDENTITY_GSM": "false", "CANHSONG_IDENTITY_LTE": "false"}
    watched = station.run("watch", "931.3125", "--for", "1", "--json", "--ppm", "23.4", "--device", address, env=env)
    assert watched.returncode == 0, watched.stderr
    levels = [json.loads(line) for line in watched.stdout.splitlines()]
    assert len(levels) == 10
    assert all(one["level_dbfs"] > one["floor_dbfs"] + 15 for one in levels)
    ran = station.run("run", "--band", "930.5-932", "--json", "--sweeps", "2", "--ppm", "23.4", "--device", address, env=env)
    assert ran.returncode == 0, ran.stderr
    onsets = [one["center_freq_hz"] for one in map(json.loads, ran.stdout.splitlines()) if one["kind"] == "emission"]
    assert min(abs(freq - 931.3125e6) for freq in onsets) < 1e3
    kept = station.run("capture", "931.3125", "--for", "0.5", "--out", str(station.folder / "kept"), "--device", address, env=env)
    assert kept.returncode == 0, kept.stderr
    found = station.run("doctor", "--band", "B8", "--json", "--device", address, env=env)
    verdicts = {one["name"]: one["verdict"] for one in map(json.loads, found.stdout.splitlines())}
    assert verdicts["receiver"] == verdicts["bands"] == verdicts["samples"] == "ok"


def test_nothing_at_the_address_is_one_line(band: Band) -> None:
    done = band().run("scan", "--once", "--device", "rtltcp://127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert "no rtl_tcp answers" in done.stderr


def test_something_else_at_the_address_is_one_line(band: Band) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        port = server.getsockname()[1]
        import threading

        def greet() -> None:
            connection, _ = server.accept()  # the server's time-out ends a wait in vain
            with connection, contextlib.suppress(ConnectionError):
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")
                connection.recv(1)

        greeter = threading.Thread(target=greet)
        greeter.start()
        done = band().run("scan", "--once", "--device", f"rtltcp://127.0.0.1:{port}")
        greeter.join(20)
    assert "answers, but is no rtl_tcp: check host and port" in done.stderr
