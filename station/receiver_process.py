"""The receiver in a process of its own: a read that hangs in the driver can only be ended from outside.

Samples come through a pool of shared memory, one slot a dwell, so that reading goes on while a dwell before is still being analysed. The
pool bounds the queue: with no slot free nothing is read, and the time without is told (``Dwell.idle_s``).
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.settings import ReceiverSection
from station.errors import MisuseError, ReceiverError, StationError
from station.tuners import Tuner

START_TIMEOUT_S: Final = 30.0
GRACE_S: Final = 5.0
"""How much longer than its samples a read may take before it counts as hung."""
LATE_S: Final = 0.04
"""A stretch that takes this much longer than its samples, and the time this process had to wait for a processor, has lost some.

Less cannot be told from a machine whose timers are late (a busy virtual machine: up to 30 ms were seen)."""
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverState:
    """What an opened receiver says of itself."""

    tuner: Tuner
    name: str
    serial: str
    sample_rate_hz: float
    gain_db: float
    settle_s: float
    library: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One dwell that is wanted. ``tag`` comes back with it. ``retune`` False: go on where the dwell before ended."""

    tag: Any
    center_freq_hz: float
    n_samples: int
    ppm: float
    retune: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Dwell:
    """One dwell that was read. ``samples``: unsigned bytes, I and Q in turn, shape (2n,); good until ``release``."""

    order: Order
    slot: int
    samples: npt.NDArray[np.uint8]
    center_freq_hz: float
    end_monotonic_ns: int
    """When the last sample came."""
    tune_s: float
    """Time that tuning took."""
    idle_s: float
    """Time that the receiver waited for this order: nothing was read in it."""
    lost_samples: int
    """Samples missing within the dwell, counted against the clock."""


class ReceiverProcess:
    """A receiver that is ordered to dwell, and restarted when it hangs or goes away."""

    def __init__(self, settings: ReceiverSection, *, slot_samples: int, n_slots: int = 4) -> None:
        """``slot_samples``: the longest dwell."""
        self._settings = settings
        self._slot_bytes = 2 * slot_samples
        self._memory = SharedMemory(create=True, size=self._slot_bytes * n_slots)
        self.n_slots = n_slots
        self._free = deque(range(n_slots))
        self._ordered: deque[tuple[Order, int]] = deque()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._due_s = 0.0
        self.restarts = 0
        self.state: ReceiverState | None = None

    @property
    def can_order(self) -> bool:
        """Whether a slot is free."""
        return bool(self._free)

    @property
    def waiting(self) -> int:
        """Dwells that are ordered and not read yet."""
        return len(self._ordered)

    @property
    def pid(self) -> int | None:
        """Process id of the receiver's process."""
        return self._process.pid if self._process else None

    def start(self) -> ReceiverState:
        """Open the receiver and return what it is.

        Raises:
            StationError: it cannot be opened; the message says what to do.
        """
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        arguments = (theirs, self._settings, self._memory.name, self._slot_bytes)
        self._process = context.Process(target=_serve, args=arguments, name="canhsong-receiver", daemon=True)
        self._process.start()
        theirs.close()
        if not self._pipe.poll(START_TIMEOUT_S):
            self._kill()
            raise ReceiverError(f"{self._settings.address}: does not open within {START_TIMEOUT_S:g} s: unplug it and plug it in again")
        self.state = self._received()
        return self.state

    def order(self, order: Order) -> None:
        """Have the receiver dwell; it begins when it is done with what was ordered before."""
        assert self._pipe is not None
        slot = self._free.popleft()
        if not self._ordered:
            self._due_s = time.monotonic()
        self._ordered.append((order, slot))
        with contextlib.suppress(OSError):  # a process that ended is noticed when its dwell is waited for
            self._pipe.send((order, slot))

    def next(self) -> Dwell:
        """Wait for the dwell that was ordered first.

        Raises:
            ReceiverError: the receiver hangs, went away or its process ended; ``restart`` it.
        """
        assert self._pipe is not None
        assert self.state is not None
        order, slot = self._ordered[0]
        allowed = self._due_s + order.n_samples / self.state.sample_rate_hz + self.state.settle_s + GRACE_S - time.monotonic()
        if not self._pipe.poll(max(0.1, allowed)):
            self._kill()
            raise ReceiverError(f"{self._settings.address}: a read hangs: the receiver's process was ended")
        told = self._received()
        self._ordered.popleft()
        self._due_s = time.monotonic()
        start = slot * self._slot_bytes
        samples = _view(self._memory, start, order.n_samples)
        return Dwell(order=order, slot=slot, samples=samples, **told)

    def release(self, dwell: Dwell) -> None:
        """Let the slot of ``dwell`` be used again."""
        self._free.append(dwell.slot)

    def restart(self) -> ReceiverState:
        """End what is left of the receiver's process and open the receiver anew; what was ordered is forgotten.

        Raises:
            StationError: it cannot be opened (yet).
        """
        self._kill()
        self._free.extend(slot for _, slot in self._ordered)
        self._ordered.clear()
        state = self.start()
        self.restarts += 1
        return state

    def close(self) -> None:
        """End the process, politely at first, and give the memory back."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.join(1.0)
        self._kill()
        try:
            self._memory.close()
        except BufferError:  # someone still looks at a dwell: the memory goes when this process does
            self._memory.close = lambda: None  # type: ignore[method-assign]
        self._memory.unlink()

    def _received(self) -> Any:
        assert self._pipe is not None
        try:
            kind, told = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._kill()
            raise ReceiverError(f"{self._settings.address}: the receiver's process ended") from error
        if kind != "error":
            return told
        self._kill()
        misuse, text = told
        raise MisuseError(text) if misuse else ReceiverError(text)

    def _kill(self) -> None:
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._process.join(5.0)
        if self._pipe is not None:
            self._pipe.close()


def _view(memory: SharedMemory, first_byte: int, n_samples: int) -> npt.NDArray[np.uint8]:
    assert memory.buf is not None
    return np.frombuffer(memory.buf, np.uint8, count=2 * n_samples, offset=first_byte)


def _serve(pipe: Connection, settings: ReceiverSection, memory_name: str, slot_bytes: int) -> None:
    """Be the receiver's process: dwell as ordered until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the station's to act on
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if not os.environ.get("CANHSONG_DRIVER_TALK"):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the driver's talk would tear up the terminal
    memory = SharedMemory(memory_name)
    try:
        _dwell_as_ordered(pipe, settings, memory, slot_bytes)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except StationError as error:
        _tell(pipe, (isinstance(error, MisuseError), str(error)))
    except Exception as error:
        _tell(pipe, (False, f"{settings.address}: {type(error).__name__}: {error}"))


def _tell(pipe: Connection, error: tuple[bool, str]) -> None:
    with contextlib.suppress(OSError):
        pipe.send(("error", error))


def _dwell_as_ordered(pipe: Connection, settings: ReceiverSection, memory: SharedMemory, slot_bytes: int) -> None:
    from station.receivers import library_of, open_receiver

    receiver = open_receiver(settings)
    state = ReceiverState(
        tuner=receiver.tuner,
        name=receiver.name,
        serial=receiver.serial,
        sample_rate_hz=receiver.sample_rate_hz,
        gain_db=receiver.gain_db,
        settle_s=receiver.settle_s,
        library=library_of(settings),
    )
    pipe.send(("state", state))
    free_since = time.monotonic()
    try:
        while True:
            order, slot = pipe.recv()
            began = time.monotonic()
            receiver.correct(order.ppm)
            if order.retune:
                receiver.tune(order.center_freq_hz)
            tuned, starved_s = time.monotonic(), _starved_s()
            into = _view(memory, slot * slot_bytes, order.n_samples)
            dropped = receiver.dropped_samples
            center = _fill(receiver, into)
            ended_ns = time.monotonic_ns()
            late_s = ended_ns / 1e9 - tuned - order.n_samples / receiver.sample_rate_hz - (_starved_s() - starved_s)
            lost = round(late_s * receiver.sample_rate_hz) if late_s > LATE_S and settings.address.startswith("rtlsdr") else 0
            told = {
                "center_freq_hz": center,
                "end_monotonic_ns": ended_ns,
                "tune_s": tuned - began,
                "idle_s": began - free_since,
                "lost_samples": max(lost, receiver.dropped_samples - dropped),
            }
            del into
            pipe.send(("dwell", told))
            free_since = time.monotonic()
    finally:
        receiver.close()


def _starved_s() -> float:
    """Return how long this thread has run or waited to run so far: time in which a read that is over is not yet noticed."""
    try:
        with open("/proc/thread-self/schedstat") as file:
            running_ns, waiting_ns, _ = file.read().split()
    except (OSError, ValueError):
        return time.thread_time()
    return (int(running_ns) + int(waiting_ns)) / 1e9


def _fill(receiver: Any, into: npt.NDArray[np.uint8]) -> float:
    """Read until ``into`` is full; return the tuned centre."""
    block = receiver.read(len(into) // 2)
    into[:] = block.samples
    return float(block.center_freq_hz)
