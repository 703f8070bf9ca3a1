"""The virtual dongle keeps a real dongle's time: what a retune takes, what waits in its FIFO, what a late reader loses."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

RATE_HZ = 2_400_000
FIFO = 2048
Dongle = Callable[..., "Opened"]


class Opened:
    """The driver's functions on an open device."""

    def __init__(self, library: Path) -> None:
        self.calls = ctypes.CDLL(str(library))
        self.device = ctypes.c_void_p()
        assert self.calls.rtlsdr_open(ctypes.byref(self.device), 0) == 0
        assert self.calls.rtlsdr_set_sample_rate(self.device, RATE_HZ) == 0
        self.calls.rtlsdr_set_tuner_gain_mode(self.device, 1)
        self.calls.rtlsdr_set_tuner_gain(self.device, 0)

    def tune(self, freq_hz: float, *, reset: bool = False) -> None:
        assert self.calls.rtlsdr_set_center_freq(self.device, ctypes.c_uint32(round(freq_hz))) == 0
        if reset:
            assert self.calls.rtlsdr_reset_buffer(self.device) == 0

    def read(self, n_samples: int) -> np.ndarray:
        buffer, got = (ctypes.c_uint8 * (2 * n_samples))(), ctypes.c_int()
        assert self.calls.rtlsdr_read_sync(self.device, buffer, 2 * n_samples, ctypes.byref(got)) == 0
        assert got.value == 2 * n_samples
        return (np.frombuffer(buffer, np.uint8).astype(np.float32) - 127.5).view(np.complex64)

    def counter(self, n_samples: int) -> np.ndarray:
        """The bytes of test mode, in which each is one more than the one before."""
        buffer, got = (ctypes.c_uint8 * (2 * n_samples))(), ctypes.c_int()
        assert self.calls.rtlsdr_read_sync(self.device, buffer, 2 * n_samples, ctypes.byref(got)) == 0
        return np.frombuffer(buffer, np.uint8).copy()


@pytest.fixture
def dongle(virtual_driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dongle:
    """Open the virtual dongle over a scene with one carrier at 935.1 MHz."""
    tone = tmp_path / "tone.cf32"
    np.exp(2j * np.pi * 0.1 * np.arange(100_000)).astype(np.complex64).tofile(tone)

    def opened(*lines: str) -> Opened:
        scene = tmp_path / "scene.txt"
        source = f"source file={tone} format=cf32_le rate=1000000 freq=935000000 level_db=-20"
        scene.write_text("\n".join(["noise_dbfs_hz -140", source, *lines]) + "\n")
        monkeypatch.setenv("CANHSONG_VIRTUAL_DONGLE", str(scene))
        library = tmp_path / "librtlsdr-own.so"  # a copy: the library reads its scene once
        shutil.copyfile(virtual_driver / "librtlsdr.so.0", library)
        return Opened(library)

    return opened


def level_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.abs(samples) ** 2) / 127.5**2))


def test_a_retune_takes_its_time_and_a_read_after_a_reset_waits_for_new_samples(dongle: Dongle) -> None:
    device = dongle("paced 1", "retune_s 0.03")
    device.tune(935e6)
    device.read(FIFO)
    time.sleep(0.05)
    began = time.monotonic()
    device.tune(935e6, reset=True)
    tuned = time.monotonic()
    device.read(240_000)
    assert tuned - began >= 0.03
    assert time.monotonic() - tuned >= 0.1 - 1e-3


def test_what_waited_in_the_chip_is_of_the_old_frequency_and_no_more_than_its_fifo_holds(dongle: Dongle) -> None:
    device = dongle("paced 1", "settle_s 0")
    device.tune(935e6, reset=True)
    assert level_db(device.read(8 * FIFO)[-FIFO:]) > -23.0
    time.sleep(0.01)
    device.tune(960e6)
    first = device.read(FIFO + 1024)
    assert level_db(first[: FIFO - 64]) > -23.0
    assert level_db(first[FIFO + 64 :]) < -45.0


def test_a_reset_leaves_nothing_of_the_old_frequency(dongle: Dongle) -> None:
    device = dongle("paced 1", "settle_s 0")
    device.tune(935e6, reset=True)
    device.read(8 * FIFO)
    time.sleep(0.01)
    device.tune(960e6, reset=True)
    assert level_db(device.read(FIFO)) < -45.0


def test_until_the_loop_has_settled_nothing_of_use_is_heard(dongle: Dongle) -> None:
    device = dongle("paced 1", "settle_s 0.005")
    device.tune(935e6, reset=True)
    heard = device.read(20_000)
    assert level_db(heard[:10_000]) < -45.0
    assert level_db(heard[13_000:]) > -23.0


def test_a_late_reader_loses_what_came_in_after_the_fifo_was_full(dongle: Dongle) -> None:
    device = dongle("paced 1")
    device.calls.rtlsdr_set_testmode(device.device, 1)
    device.tune(935e6, reset=True)
    before = device.counter(FIFO)
    time.sleep(0.02)
    after = device.counter(2 * FIFO)
    steps = np.diff(np.concatenate([before, after]))
    # whole in front of the loss and behind it, and the loss where the FIFO ended
    broken = np.flatnonzero(steps != 1)
    assert broken.tolist() in ([], [len(before) + 2 * FIFO - 1])  # a loss of a multiple of 128 samples does not show


def test_unpaced_it_is_as_fast_as_it_is_read_and_a_retune_is_counted_in_samples(dongle: Dongle) -> None:
    device = dongle("paced 0", "retune_s 0.01", "settle_s 0")
    device.tune(960e6)
    device.read(30_000)
    began = time.monotonic()
    device.tune(935e6)
    heard = device.read(FIFO + 24_000 + FIFO)
    assert time.monotonic() - began < 5.0
    assert level_db(heard[: FIFO + 23_900]) < -45.0
    assert level_db(heard[FIFO + 24_100 :]) > -23.0


@pytest.mark.services
def test_rtl_power_sweeps_at_a_real_dongle_s_pace_and_each_hop_is_heard_where_it_is(virtual_driver: Path, tmp_path: Path) -> None:
    if not shutil.which("rtl_power"):
        pytest.skip("rtl-sdr is absent: apt-get install rtl-sdr")
    tone = tmp_path / "tone.cf32"
    np.exp(2j * np.pi * 0.1 * np.arange(100_000)).astype(np.complex64).tofile(tone)
    scene, out = tmp_path / "scene.txt", tmp_path / "power.csv"
    source = f"source file={tone} format=cf32_le rate=1000000 freq=945000000 level_db=-40"
    scene.write_text(f"paced 1\nnoise_dbfs_hz -130\n{source}\n")
    env = {"LD_LIBRARY_PATH": str(virtual_driver), "CANHSONG_VIRTUAL_DONGLE": str(scene)}
    command = ["rtl_power", "-f", "925M:960M:20k", "-c", "0.2", "-g", "30", "-i", "4", "-1", str(out)]
    began = time.monotonic()
    subprocess.run(command, env=env, check=True, capture_output=True)
    took_s = time.monotonic() - began
    rows = [[float(word) for word in line.split(",")[2:]] for line in out.read_text().splitlines()]
    assert len(rows) == 16
    # a hop is a retune of 5 ms, its own pause of 5 ms and 16 KiB at 2.73 MS/s: 13 ms and more
    sweeps = rows[0][3] / (8192 / 256)
    assert took_s / sweeps / len(rows) > 0.0129
    peaks = [max(row[4:]) for row in rows]
    hop = rows[int(np.argmax(peaks))]
    assert hop[0] < 945.1e6 < hop[1]
    assert max(peaks) > sorted(peaks)[-2] + 15.0
