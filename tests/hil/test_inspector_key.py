"""The live view on a real terminal (a pty): the inspector presses a key and what is heard there is kept, with the reason."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Band = Callable[..., Any]
UNLICENSED_HZ = 931.3125e6


class Terminal:
    """A program on a terminal of 150 columns."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 150, 0, 0))
        self.before = termios.tcgetattr(there)
        self.child = subprocess.Popen(command, env=env | {"TERM": "xterm"}, stdin=there, stdout=there, stderr=there)
        self.there, self.shown = there, ""

    def wait(self, done: Callable[[], Any], *, timeout_s: float) -> Any:
        until_s = time.monotonic() + timeout_s
        while not (found := done()):
            assert time.monotonic() < until_s, self.shown[-3000:]
            assert self.child.poll() is None, self.shown[-3000:]
            if select.select([self.here], [], [], 0.2)[0]:
                self.shown = (self.shown + os.read(self.here, 65536).decode("utf-8", "replace"))[-200_000:]
        return found

    def press(self, keys: str) -> None:
        os.write(self.here, keys.encode())

    def end(self) -> None:
        self.child.send_signal(signal.SIGINT)
        until_s = time.monotonic() + 30.0
        while self.child.poll() is None and time.monotonic() < until_s:
            with contextlib.suppress(OSError):
                if select.select([self.here], [], [], 0.2)[0]:
                    os.read(self.here, 65536)
        self.child.kill()
        self.child.wait()


def kept(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in folder.rglob("canhsong/captures/*.sigmf-meta")]


def test_the_inspector_s_key_keeps_what_is_heard_with_its_reason(band: Band) -> None:
    station = band("paced 1")
    env = station.env | {"CANHSONG_IDENTITY_GSM": "false", "CANHSONG_IDENTITY_LTE": "false", "CANHSONG_CAPTURE_AFTER_S": "1"}
    terminal = Terminal([sys.executable, "-m", "station.cli", "run", "--band", "930-934", "--ppm", "23.4"], env)
    try:
        terminal.wait(lambda: re.search(r"▶[^\n]{0,40}931\.31", terminal.shown), timeout_s=120.0)
        terminal.press("j")
        terminal.press("\x1b[A")
        terminal.press("c")
        meta = terminal.wait(lambda: kept(station.folder), timeout_s=60.0)[0]
        terminal.wait(lambda: "captured: " in terminal.shown, timeout_s=30.0)
        assert termios.tcgetattr(terminal.there)[3] & termios.ICANON == 0
        terminal.end()
        assert termios.tcgetattr(terminal.there)[3] == terminal.before[3]
    finally:
        terminal.end()
    assert meta["global"]["core:description"].startswith("the inspector's key: 931.31")
    assert "canhsong:task_id" not in meta["global"]
    heard = [one for one in meta["captures"] if abs(one["core:frequency"] - UNLICENSED_HZ) < 1.2e6]
    assert heard == meta["captures"]
    (data,) = station.folder.rglob("canhsong/captures/*.sigmf-data")
    assert data.stat().st_size / 2 / 2.4e6 >= 1.0
