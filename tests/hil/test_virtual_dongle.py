"""The virtual dongle under unmodified programs that know nothing of it."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Scene = Callable[..., dict[str, str]]
pytestmark = [pytest.mark.services, pytest.mark.skipif(not shutil.which("rtl_test"), reason="rtl-sdr is absent: apt-get install rtl-sdr")]


def tone_file(folder: Path, rate_hz: float) -> Path:
    """One second of a carrier 100 kHz above the file's centre, full scale."""
    path = folder / "tone.cf32"
    np.exp(2j * np.pi * 100e3 / rate_hz * np.arange(int(rate_hz))).astype(np.complex64).tofile(path)
    return path


def exported(library: Path) -> set[str]:
    listing = subprocess.run(["nm", "-D", "--defined-only", str(library)], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in listing.splitlines()}


def test_it_exports_everything_that_debian_s_driver_does(virtual_driver: Path) -> None:
    found = subprocess.run(["ldd", shutil.which("rtl_test") or ""], capture_output=True, text=True, check=True).stdout
    debian = next(Path(line.split("=>")[1].split()[0]) for line in found.splitlines() if "librtlsdr" in line)
    assert exported(debian) - exported(virtual_driver / "librtlsdr.so.0") == set()


def run_rtl_test(env: dict[str, str], seconds: float, *, during: Callable[[], None] | None = None) -> str:
    child = subprocess.Popen(["rtl_test", "-s", "2400000"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(seconds / 2)
    if during:
        during()
    time.sleep(seconds / 2)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=20)
    return out


def command(folder: Path, text: str) -> None:
    (folder / "control").write_text(f"{text}\n")


def test_loading_it_takes_no_subnormal_numbers_from_the_program(virtual_driver: Path) -> None:
    program = "import ctypes, sys; ctypes.CDLL(sys.argv[1]); sys.exit(float('5e-324') * 1.0 == 0.0)"
    assert subprocess.run([sys.executable, "-c", program, str(virtual_driver / "librtlsdr.so.0")], check=False).returncode == 0


def test_rtl_test_reads_it_without_losing_a_sample(scene: Scene, tmp_path: Path) -> None:
    out = run_rtl_test(scene("paced 1"), 1.5)
    assert "Samples per million lost (minimum): 0" in out
    report = json.loads((tmp_path / "report.json").read_text())
    # paced: about a second and a half of samples, whatever the machine does
    assert 0.5 < report["served_samples"] / 2.4e6 < 3.0


def test_rtl_test_notices_the_samples_that_it_is_told_to_lose(scene: Scene, tmp_path: Path) -> None:
    env = scene("paced 1")
    out = run_rtl_test(env, 2.0, during=lambda: command(tmp_path, "lose 1001"))
    assert "lost at least" in out
    assert json.loads((tmp_path / "report.json").read_text())["lost_samples"] >= 1001


def test_rtl_power_sees_a_carrier_where_the_dongle_s_crystal_puts_it(scene: Scene, tmp_path: Path) -> None:
    tone = tone_file(tmp_path, 1e6)
    env = scene("ppm 20", "noise_dbfs_hz -130", f"source file={tone} format=cf32_le rate=1000000 freq=935000000 level_db=-50")
    out = tmp_path / "sweep.csv"
    subprocess.run(["rtl_power", "-f", "934M:936M:1k", "-g", "20", "-i", "1", "-1", str(out)], env=env, check=True, capture_output=True)
    peak_hz, peak = 0.0, -999.0
    for line in out.read_text().splitlines():
        _, _, low, _, step, _, *levels = line.split(",")
        values = [float(level) for level in levels]
        best = int(np.argmax(values))
        if values[best] > peak:
            peak_hz, peak = float(low) + best * float(step), values[best]
    # 935.1 MHz appears 20 ppm low
    assert peak_hz == pytest.approx(935.1e6 * (1 - 20e-6), abs=1500.0)


def test_rtl_tcp_serves_it_over_the_network(scene: Scene, tmp_path: Path) -> None:
    tone = tone_file(tmp_path, 1e6)
    env = scene("noise_dbfs_hz -140", f"source file={tone} format=cf32_le rate=1000000 freq=935000000 level_db=-6")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = subprocess.Popen(
        ["rtl_tcp", "-a", "127.0.0.1", "-p", str(port), "-f", "935000000", "-s", "1000000", "-g", "0"],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with connect(port) as client:
            magic, tuner, _ = struct.unpack(">4sII", read_exactly(client, 12))
            # gain mode 1 (by hand), gain 0, as the protocol's commands
            client.sendall(struct.pack(">BI", 3, 1) + struct.pack(">BI", 4, 0))
            raw = np.frombuffer(read_exactly(client, 2_000_000)[-262144:], np.uint8).astype(np.float32) - 127.5
    finally:
        child.kill()  # rtl_tcp waits for a thread of its own on SIGINT, with any driver
        child.wait(timeout=20)
    assert (magic, tuner) == (b"RTL0", 5)
    spectrum = np.abs(np.fft.fft(raw.view(np.complex64) * np.hanning(raw.size // 2)))
    assert np.fft.fftfreq(spectrum.size, 1e-6)[int(np.argmax(spectrum))] == pytest.approx(100e3, abs=20.0)


def connect(port: int) -> socket.socket:
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError("rtl_tcp does not listen")


def read_exactly(client: socket.socket, n: int) -> bytes:
    got = bytearray()
    while len(got) < n:
        piece = client.recv(n - len(got))
        assert piece, "rtl_tcp closed the connection"
        got += piece
    return bytes(got)
