"""Writes points until InfluxDB has confirmed them: waits while it cannot, and sets aside the single points that it never will."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final, Protocol

from collector.errors import CollectorError, MisuseError
from collector.influx_file import InfluxFile
from collector.influx_store import InfluxError, InfluxRefusedError
from config.logs import Event

CHUNK_LINES: Final = 5000
IN_FLIGHT: Final = 2
"""Parts that InfluxDB takes in while the next is put together."""
FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 15.0
_STEP_S: Final = 0.05
_NEW_TOKEN: Final = frozenset({401, 403})

log = logging.getLogger("collector.influx")


class FollowerStoppedError(CollectorError):
    """The follower was told to end while it waited; what was not confirmed comes again."""


class Door(Protocol):
    """What is written through."""

    def write(self, bucket: str, lines: Sequence[str]) -> None:
        """Return when ``lines`` are confirmed."""
        ...

    def renew(self) -> None:
        """Connect anew."""
        ...

    def make_buckets(self) -> None:
        """Make the buckets that are absent."""
        ...


class InfluxWriter:
    """Retries of our own: the client's would give up, or write behind our back."""

    def __init__(self, door: Door, file: InfluxFile, stopped: Callable[[], bool]) -> None:
        """``stopped`` ends every wait."""
        self._door, self._file, self._stopped = door, file, stopped
        self.failing = ""
        """Why InfluxDB does not take points now; empty while it does."""
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="influx")
        self._under_way: list[Future[None]] = []
        self._refused: list[tuple[str, str, str]] = []

    def begin(self, bucket: str, lines: Sequence[str]) -> None:
        """Begin to write ``lines``, a part at a time, ``IN_FLIGHT`` parts at once; ``finish`` says when they are there."""
        for first in range(0, len(lines), CHUNK_LINES):
            self._under_way.append(self._pool.submit(self._put, bucket, lines[first : first + CHUNK_LINES]))

    def finish(self) -> None:
        """Return when everything that was begun is confirmed or set aside with its error.

        Raises:
            FollowerStoppedError: told to end before that.
        """
        under_way, self._under_way = self._under_way, []
        wait(under_way)
        refused, self._refused = self._refused, []
        for one in refused:
            self._file.set_aside(*one)
        for each in under_way:
            each.result()

    def close(self) -> None:
        """End the threads; what is under way ends first."""
        self._pool.shutdown(cancel_futures=True)

    def _put(self, bucket: str, lines: Sequence[str]) -> None:
        """Bisect what is refused until the bad point is alone; writing the good ones again is idempotent."""
        try:
            self._confirmed(bucket, lines)
        except InfluxRefusedError as error:
            if len(lines) == 1:
                log.warning(Event("point_set_aside", bucket=bucket, error=str(error)))
                self._refused.append((bucket, lines[0], str(error)))
                return
            middle = len(lines) // 2
            self._put(bucket, lines[:middle])
            self._put(bucket, lines[middle:])

    def _confirmed(self, bucket: str, lines: Sequence[str]) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            try:
                self._door.write(bucket, lines)
            except InfluxRefusedError:
                raise
            except InfluxError as error:
                self._say(str(error))
                self._pause(wait_s * random.uniform(0.7, 1.3))  # jitter
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                self._mend(error.status)
            else:
                self._say("")
                return

    def _mend(self, status: int) -> None:
        try:
            with self._lock:
                if status in _NEW_TOKEN:
                    self._door.renew()
                elif status == 404:
                    self._door.make_buckets()
        except (InfluxError, MisuseError) as error:
            self._say(str(error))

    def _pause(self, duration_s: float) -> None:
        until_s = time.monotonic() + duration_s
        while not self._stopped():
            if (left_s := until_s - time.monotonic()) <= 0:
                return
            time.sleep(min(_STEP_S, left_s))
        raise FollowerStoppedError("stopped while InfluxDB was not to be written")

    def _say(self, failing: str) -> None:
        """Log a change of state once, not every try."""
        if failing != self.failing:
            if failing:
                log.warning(Event("waiting", why=failing))
            else:
                log.warning(Event("taken_again"))
            self.failing = failing
