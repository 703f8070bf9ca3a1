"""A collector that says what a test has it say, over a real socket."""

from __future__ import annotations

import time
from types import TracebackType

import zmq

from config.wire.frames import AnyFrame, Batch, Gap, Heartbeat, Hello, Live, decode_frame, encode_frame


class ScriptedCollector:
    """A ROUTER; ``heard`` gathers what came, with the time of it."""

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        port = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self.address = f"tcp://127.0.0.1:{port}"
        self.heard: list[tuple[float, AnyFrame, int]] = []
        """(monotonic time, frame, its size)."""
        self._peer = b""

    def listen(self, seconds: float) -> list[AnyFrame]:
        """Take what comes within ``seconds`` and return it."""
        until_s, found = time.monotonic() + seconds, []
        while (left_s := until_s - time.monotonic()) > 0:
            if self._socket.poll(max(1, round(left_s * 1000))):
                self._peer, data = self._socket.recv_multipart()
                frame = decode_frame(data)
                self.heard.append((time.monotonic(), frame, len(data)))
                found.append(frame)
        return found

    def expect(self, kind: type[Hello] | type[Batch] | type[Gap] | type[Live] | type[Heartbeat], *, timeout_s: float = 10.0) -> AnyFrame:
        """Wait for a frame of ``kind`` and return it."""
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            for frame in self.listen(0.02):
                if isinstance(frame, kind):
                    return frame
        raise AssertionError(f"no {kind.__name__} came")

    def say(self, frame: AnyFrame) -> None:
        """Answer whoever spoke last."""
        self._socket.send_multipart([self._peer, encode_frame(frame)])

    def __enter__(self) -> ScriptedCollector:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()
        self._context.term()
