"""The receiver in a process of its own: a read that hangs in the driver can only be ended from outside.

Samples come through a pool of shared memory, one slot a dwell (short ones for hops, long ones for looks), so that reading goes on while a
dwell before is still being analysed. The pool bounds the queue: with no slot free nothing is read, and the time without is told
(``Dwell.idle_s``).
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
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
from station.errors import MisuseError, ReceiverError
from station.receiver_child import Order as Order
from station.receiver_child import ReceiverState as ReceiverState
from station.receiver_child import serve, view

START_TIMEOUT_S: Final = 30.0
GRACE_S: Final = 5.0
"""How much longer than its samples a read may take before it counts as hung."""


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

    def __init__(self, settings: ReceiverSection, *, slot_samples: int, n_slots: int = 4, short_samples: int = 0, n_short: int = 0) -> None:
        """``slot_samples``: the longest dwell. ``n_short`` more slots hold ``short_samples`` each: hops are short, and many may wait."""
        self._settings = settings
        sizes = [2 * short_samples] * n_short + [2 * slot_samples] * n_slots
        self._slots = tuple(zip(itertools.accumulate(sizes, initial=0), sizes, strict=False))
        """First byte and length of each, the short ones first."""
        self._memory = SharedMemory(create=True, size=sum(sizes))
        self._free = set(range(len(sizes)))
        self._ordered: deque[tuple[Order, int]] = deque()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._due_s = 0.0
        self.restarts = 0
        self.state: ReceiverState | None = None

    @property
    def can_order(self) -> bool:
        """Whether a slot for the longest dwell is free."""
        return self.can_take(self._slots[-1][1] // 2)

    def can_take(self, n_samples: int) -> bool:
        """Whether a slot for a dwell of ``n_samples`` is free."""
        return self._fitting(n_samples) is not None

    def _fitting(self, n_samples: int) -> int | None:
        return next((slot for slot in sorted(self._free) if self._slots[slot][1] >= 2 * n_samples), None)

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
        arguments = (theirs, self._settings, self._memory.name)
        self._process = context.Process(target=serve, args=arguments, name="canhsong-receiver", daemon=True)
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
        slot = self._fitting(order.n_samples)
        assert slot is not None
        self._free.remove(slot)
        if not self._ordered:
            self._due_s = time.monotonic()
        self._ordered.append((order, slot))
        with contextlib.suppress(OSError):  # a process that ended is noticed when its dwell is waited for
            self._pipe.send((order, self._slots[slot][0]))

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
        samples = view(self._memory, self._slots[slot][0], order.n_samples)
        return Dwell(order=order, slot=slot, samples=samples, **told)

    def release(self, dwell: Dwell) -> None:
        """Let the slot of ``dwell`` be used again."""
        self._free.add(dwell.slot)

    def restart(self) -> ReceiverState:
        """End what is left of the receiver's process and open the receiver anew; what was ordered is forgotten.

        Raises:
            StationError: it cannot be opened (yet).
        """
        self._kill()
        self._free.update(slot for _, slot in self._ordered)
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
