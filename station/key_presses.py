"""Keys at the live view: choose a transmitter, keep what is heard there. Read in a thread; the terminal is put back as it was."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from typing import Any, Final

HELP: Final = "↑ ↓: chọn / choose · c: ghi IQ / capture · Ctrl-C: dừng / stop"
_UP: Final = ("k", "\x1b[A", "\x1bOA")
_DOWN: Final = ("j", "\x1b[B", "\x1bOB")
CAPTURE: Final = "c"
POLL_S: Final = 0.2


class Keyboard:
    """The terminal ``fd``, key by key, while inside."""

    def __init__(self, fd: int, on_key: Callable[[str], None]) -> None:
        """``on_key`` is called with a character or with an arrow's sequence."""
        self._fd, self._on_key = fd, on_key
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)
        self._before: list[Any] | None = None

    def __enter__(self) -> Keyboard:
        """Begin to read; what is no terminal is left alone."""
        import termios
        import tty

        with contextlib.suppress(termios.error, OSError):
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Put the terminal back."""
        import termios

        self._ending.set()
        if self._before is not None:
            if self._thread.is_alive():
                self._thread.join(5 * POLL_S)
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    def _run(self) -> None:
        while not self._ending.is_set():
            if not select.select([self._fd], [], [], POLL_S)[0]:
                continue
            try:
                pressed = os.read(self._fd, 64).decode("utf-8", "replace")
            except OSError:
                return
            if not pressed:
                return
            for key in split_keys(pressed):
                self._on_key(key)


def split_keys(pressed: str) -> list[str]:
    """Return the keys in what a terminal sent: characters, and arrows as one each."""
    keys, at = [], 0
    while at < len(pressed):
        length = 3 if pressed.startswith(("\x1b[", "\x1bO"), at) else 1
        keys.append(pressed[at : at + length])
        at += length
    return keys


def step_of(key: str) -> int:
    """Return by how many rows ``key`` moves the choice; 0: it does not."""
    return -1 if key in _UP else 1 if key in _DOWN else 0
