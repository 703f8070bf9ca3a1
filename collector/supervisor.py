"""Keeps the collector's processes running: one that dies is started again, and said so (decision 3)."""

from __future__ import annotations

import fcntl
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from collector.errors import MisuseError, StorageError

FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 10.0
STEADY_S: Final = 30.0
"""Who ran this long is not in a circle of crashes: the next wait is the first again."""
STOP_S: Final = 8.0
READY: Final = "ready "
"""What a part prints when it can be used, followed by its address."""

Say = Callable[[str], None]
Command = Callable[[str | None], Sequence[str]]
"""The address that the part had before (None at first) -> its command line."""


class _Part:
    """One process and its history."""

    def __init__(self, name: str, command: Command, lines: queue.Queue[tuple[_Part, str]]) -> None:
        self.name = name
        self.address: str | None = None
        self.starts = 0
        self._command = command
        self._lines = lines
        self._wait_s = FIRST_WAIT_S
        self._due_s = 0.0
        self._began_s = 0.0
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        # its stdin closes when the supervisor goes, however it goes: that is how a part knows
        self.process = subprocess.Popen(
            self._command(self.address), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.starts += 1
        self._began_s = time.monotonic()
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()

    def ended(self) -> int | None:
        """Return the exit code of a process that ended since the last question, and plan the next start."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        self._close_pipes(self.process)
        self.process = None
        now = time.monotonic()
        self._wait_s = FIRST_WAIT_S if now - self._began_s > STEADY_S else min(self._wait_s * 2, LONGEST_WAIT_S)
        self._due_s = now + self._wait_s
        return code

    def due(self) -> bool:
        return self.process is None and time.monotonic() >= self._due_s

    def stop(self, until_s: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._close_pipes(self.process)
        self.process = None

    def _listen(self, process: subprocess.Popen[str]) -> None:
        try:
            for line in process.stdout or ():
                self._lines.put((self, line.rstrip("\n")))
        except ValueError:  # closed while reading: it has ended
            return

    @staticmethod
    def _close_pipes(process: subprocess.Popen[str]) -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


class Supervisor:
    """Starts parts in order, watches them, stops them in reverse order."""

    def __init__(self, commands: Sequence[tuple[str, Command]], *, say: Say, ready: Callable[[str, str], None]) -> None:
        """``commands``: name and command line of each part. ``ready`` is told (name, address) at each part's first word."""
        self._lines: queue.Queue[tuple[_Part, str]] = queue.Queue()
        self._parts = [_Part(name, command, self._lines) for name, command in commands]
        self._say, self._ready = say, ready

    def run(self, stopped: Callable[[], bool]) -> int:
        """Run until ``stopped`` says so; return the exit code: 0, or 2 where a part cannot be started as it was told to."""
        try:
            for part in self._parts:
                part.start()
            while not stopped():
                self._hear(0.1)
                for part in self._parts:
                    code = part.ended()
                    if code == MisuseError.exit_code and part.address is None:
                        return code
                    if code is not None:
                        self._say(f"{part.name} {_death(code)}: it is started again")
                    elif part.due():
                        part.start()
            return 0
        finally:
            self._stop()

    def _hear(self, timeout_s: float) -> None:
        try:
            part, line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            return
        if line.startswith(READY):
            first, part.address = part.address is None, line.removeprefix(READY)
            if first:
                self._ready(part.name, part.address)
            else:
                self._say(f"{part.name} runs again (start {part.starts})")

    def _stop(self) -> None:
        until_s = time.monotonic() + STOP_S
        for part in reversed(self._parts):
            if part.process is not None:
                part.process.terminate()
        for part in reversed(self._parts):
            part.stop(until_s)


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold ``lock`` while inside.

    Raises:
        MisuseError: another process holds it.
        StorageError: its folder cannot be written.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = lock.open("w", encoding="ascii")
    except OSError as error:
        raise StorageError(f"{lock.parent}: cannot be written: {error.strerror}; name another folder with --data") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise MisuseError(
                f"{lock.parent}: another `canhsong-collector serve` runs on this folder; stop it or name another with --data"
            ) from error
        yield


def _death(code: int) -> str:
    if code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"ended by itself (exit code {code})"
