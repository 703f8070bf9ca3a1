"""What runs in the receiver's own process: dwell as ordered, until the pipe is closed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.settings import ReceiverSection
from station.errors import MisuseError, StationError
from station.loss_watch import LossWatch
from station.tuners import Tuner

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


def view(memory: SharedMemory, first_byte: int, n_samples: int) -> npt.NDArray[np.uint8]:
    """Return the place of a dwell in the pool, shape (2 n,); it is the pool's own memory."""
    assert memory.buf is not None
    return np.frombuffer(memory.buf, np.uint8, count=2 * n_samples, offset=first_byte)


def serve(pipe: Connection, settings: ReceiverSection, memory_name: str) -> None:
    """Be the receiver's process: dwell as ordered until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the station's to act on
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if not os.environ.get("CANHSONG_DRIVER_TALK"):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the driver's talk would tear up the terminal
    memory = SharedMemory(memory_name)
    try:
        _dwell_as_ordered(pipe, settings, memory)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except StationError as error:
        _tell(pipe, (isinstance(error, MisuseError), str(error)))
    except Exception as error:
        _tell(pipe, (False, f"{settings.address}: {type(error).__name__}: {error}"))


def _tell(pipe: Connection, error: tuple[bool, str]) -> None:
    with contextlib.suppress(OSError):
        pipe.send(("error", error))


def _dwell_as_ordered(pipe: Connection, settings: ReceiverSection, memory: SharedMemory) -> None:
    from station.receivers import library_of, open_receiver

    receiver = open_receiver(settings)
    watch = LossWatch(sample_rate_hz=receiver.sample_rate_hz)
    counted = settings.address.startswith("rtlsdr")
    if counted:
        watch.start()
    pipe.send(("state", _state_of(receiver, library_of(settings))))
    free_since = time.monotonic()
    try:
        while True:
            order, first_byte = pipe.recv()
            began = time.monotonic()
            told = _dwell(receiver, order, view(memory, first_byte, order.n_samples), watch, counted=counted)
            pipe.send(("dwell", {**told, "idle_s": began - free_since}))
            free_since = time.monotonic()
    finally:
        receiver.close()


def _state_of(receiver: Any, library: str) -> ReceiverState:
    return ReceiverState(
        tuner=receiver.tuner,
        name=receiver.name,
        serial=receiver.serial,
        sample_rate_hz=receiver.sample_rate_hz,
        gain_db=receiver.gain_db,
        settle_s=receiver.settle_s,
        library=library,
    )


def _dwell(receiver: Any, order: Order, into: npt.NDArray[np.uint8], watch: LossWatch, *, counted: bool) -> dict[str, Any]:
    """Fill ``into`` as ``order`` says; return what is told of it. ``counted``: ``watch`` may say what was lost."""
    began = time.monotonic()
    receiver.correct(order.ppm)
    if order.retune:
        receiver.tune(order.center_freq_hz)
    dropped = receiver.dropped_samples
    tuned = time.monotonic()
    watch.begin()
    center = _fill(receiver, into)
    return {
        "center_freq_hz": center,
        "end_monotonic_ns": time.monotonic_ns(),
        "tune_s": tuned - began,
        "lost_samples": max(watch.lost(order.n_samples) if counted else 0, receiver.dropped_samples - dropped),
    }


def _fill(receiver: Any, into: npt.NDArray[np.uint8]) -> float:
    """Read until ``into`` is full; return the tuned centre."""
    block = receiver.read(len(into) // 2)
    into[:] = block.samples
    return float(block.center_freq_hz)
