"""A dongle somewhere else: client of ``rtl_tcp`` (Debian's rtl-sdr).

Protocol: the server sends "RTL0", tuner type and number of gains (big endian, 32 bit each), then unsigned I and Q bytes without end; the
client sends commands of one byte and a 32-bit value. Nothing is acknowledged, and what is on its way when a command is sent was heard
before it: a retune throws away what waits here, and ``settle_s`` covers what waits in the server. A thread takes the stream in all the
time, since a server that is not read keeps ever older samples.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.units import SampleFormat
from station.errors import MisuseError, ReceiverError
from station.receiver import IQBlock
from station.rtlsdr_limits import asked_freq_hz, checked_rate, tuner_of

PREFIX: Final = "rtltcp://"
TIMEOUT_S: Final = 5.0
SERVER_BUFFER_SAMPLES: Final = 131_072
"""rtl_tcp hands on 256 KiB at a time."""
KEPT_S: Final = 12.0
"""More than this is not kept waiting: the oldest is dropped and counted."""
LAG_MEMORY_S: Final = 10.0
MAX_BEHIND_S: Final = 3.0
_FREQ, _RATE, _BY_HAND, _GAIN, _AGC, _BIAS_TEE = 1, 2, 3, 4, 8, 14


class RtlTcpReceiver:
    """One dongle behind ``rtl_tcp``."""

    def __init__(
        self, address: str, *, sample_rate_hz: float = 2.4e6, gain_db: float = 30.0, ppm: float = 0.0, bias_tee: bool = False
    ) -> None:
        """Connect to ``address`` (``rtltcp://HOST:PORT``) and set the dongle.

        Raises:
            MisuseError: the address or the options cannot be meant.
            ReceiverError: no rtl_tcp answers there.
        """
        rate = checked_rate(sample_rate_hz)
        host, port = _place(address)
        self.address, self.name, self.serial = address, address, ""
        self._rate, self._ppm, self._center = float(rate), ppm, 0.0
        self._sample = self.dropped_samples = self._skip = 0
        self._fault: str | None = None
        self._waiting: deque[npt.NDArray[np.uint8]] = deque()
        self._bytes = self._received = 0
        self._lags: deque[tuple[float, float]] = deque(maxlen=4096)
        self._changed = threading.Condition()
        try:
            self._socket = socket.create_connection((host, port), timeout=TIMEOUT_S)
        except OSError as error:
            raise ReceiverError(_no_answer(address, error)) from error
        try:
            magic, tuner, _ = struct.unpack(">4sII", self._exactly(12))
        except OSError as error:
            self._socket.close()
            raise ReceiverError(_no_answer(address, error)) from error
        if magic != b"RTL0":
            self._socket.close()
            raise ReceiverError(f"{address}: answers, but is no rtl_tcp: check host and port")
        self.tuner = tuner_of(tuner)
        self.gain_db = gain_db
        self.settle_s = 0.01 + 2.5 * SERVER_BUFFER_SAMPLES / self._rate
        for command, value in ((_RATE, rate), (_AGC, 0), (_BY_HAND, 1), (_GAIN, round(10 * gain_db)), (_BIAS_TEE, int(bias_tee))):
            self._send(command, value)
        self._thread = threading.Thread(target=self._take_in, name="rtltcp", daemon=True)
        self._thread.start()

    @property
    def sample_rate_hz(self) -> float:
        """Complex samples per second."""
        return self._rate

    @property
    def sample_format(self) -> SampleFormat:
        """Always unsigned bytes."""
        return "cu8"

    def correct(self, ppm: float) -> None:
        """Take the crystal to be fast by ``ppm``; from the next tuning on."""
        self._ppm = ppm

    def tune(self, center_freq_hz: float) -> None:
        """Tune so that ``center_freq_hz`` is the middle; what waits here is thrown away.

        Raises:
            MisuseError: the tuner cannot hear there.
            ReceiverError: the connection broke.
        """
        asked = asked_freq_hz(center_freq_hz, tuner=self.tuner, ppm=self._ppm)
        self._send(_FREQ, asked)
        self._center = asked * (1.0 + self._ppm * 1e-6)
        with self._changed:
            self._sample += self._bytes // 2
            self._waiting.clear()
            # what is still in the network's buffers; and an I may have gone with the rest: its Q goes too
            behind = 2 * round(self._behind_s() * self._rate)
            self._skip = behind + self._bytes % 2
            self._sample += behind // 2
            self._bytes = 0

    def read(self, n_samples: int) -> IQBlock | None:
        """Return the next ``n_samples``.

        Raises:
            MisuseError: it was not tuned yet.
            ReceiverError: the server went away or fell silent.
        """
        if not self._center:
            raise MisuseError("the dongle was not tuned yet")
        with self._changed:
            there = self._changed.wait_for(lambda: self._bytes >= 2 * n_samples or self._fault, timeout=TIMEOUT_S + n_samples / self._rate)
            if self._fault or not there:
                raise ReceiverError(f"{self.address}: {self._fault or 'no samples come'}: see whether rtl_tcp still runs there")
            samples = self._take(2 * n_samples)
        block = IQBlock(
            samples=samples,
            sample_format="cu8",
            sample_rate_hz=self._rate,
            center_freq_hz=self._center,
            first_sample=self._sample,
        )
        self._sample += n_samples
        return block

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(TIMEOUT_S)

    def _behind_s(self) -> float:
        """Return how far the stream is behind where it would be if it came at once, by its best of the last seconds."""
        if not self._lags:
            return 0.0
        now = time.monotonic()
        recent = [lag for at, lag in self._lags if at > now - LAG_MEMORY_S] or [self._lags[-1][1]]
        return min(MAX_BEHIND_S, max(0.0, now - self._received / (2 * self._rate) - min(recent) - SERVER_BUFFER_SAMPLES / self._rate))

    def _take(self, n_bytes: int) -> npt.NDArray[np.uint8]:
        taken = np.empty(n_bytes, np.uint8)
        at = 0
        while at < n_bytes:
            piece = self._waiting.popleft()
            part = piece[: n_bytes - at]
            taken[at : at + len(part)] = part
            at += len(part)
            if len(part) < len(piece):
                self._waiting.appendleft(piece[len(part) :])
        self._bytes -= n_bytes
        return taken

    def _take_in(self) -> None:
        while True:
            try:
                piece = self._socket.recv(1 << 18)
            except TimeoutError:
                continue
            except OSError as error:
                piece, reason = b"", str(error)
            else:
                reason = "the server closed the connection"
            with self._changed:
                if not piece:
                    self._fault = reason
                    self._changed.notify_all()
                    return
                self._received += len(piece)
                now = time.monotonic()
                self._lags.append((now, now - self._received / (2 * self._rate)))
                self._keep(np.frombuffer(piece, np.uint8))
                self._changed.notify_all()

    def _keep(self, piece: npt.NDArray[np.uint8]) -> None:
        piece, self._skip = piece[self._skip :], max(0, self._skip - len(piece))
        self._waiting.append(piece)
        self._bytes += len(piece)
        over = (self._bytes - round(2 * KEPT_S * self._rate)) & ~1
        if over > 0:
            self._take(over)
            self._sample += over // 2
            self.dropped_samples += over // 2

    def _send(self, command: int, value: int) -> None:
        try:
            self._socket.sendall(struct.pack(">BI", command, value & 0xFFFFFFFF))
        except OSError as error:
            raise ReceiverError(f"{self.address}: the connection broke ({error}): see whether rtl_tcp still runs there") from error

    def _exactly(self, n_bytes: int) -> bytes:
        got = b""
        while len(got) < n_bytes:
            piece = self._socket.recv(n_bytes - len(got))
            if not piece:
                raise ConnectionError("it closed the connection at once: another client may hold it")
            got += piece
        return got


def _no_answer(address: str, error: OSError) -> str:
    return f"{address}: no rtl_tcp answers ({error}): start `rtl_tcp -a HOST -p PORT` there, or check the address"


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix(PREFIX).rpartition(":")
    if not address.startswith(PREFIX) or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise MisuseError(f"receiver address {address!r}: give it as rtltcp://HOST:PORT")
    return host.strip("[]"), int(port)
