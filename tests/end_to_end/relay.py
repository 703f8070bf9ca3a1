"""A TCP link in a thread of the test that can be cut after any number of bytes, by FIN or RST, or go silent."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading


class Relay:
    """A link between station and collector that can be cut: in the midst of whatever goes over it, or so that nothing is heard any more."""

    def __init__(self, address: str) -> None:
        host, port = address.removeprefix("tcp://").split(":")
        self._there = (host, int(port))
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.05)
        self.with_reset = False
        """Whether a cut is a RST at both ends instead of a FIN."""
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self.silent, self.passed = False, 0
        self._cut_after: int | None = None
        self._ended = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def cut_after(self, n_bytes: int) -> None:
        """End every connection after so many bytes more."""
        self._cut_after = self.passed + n_bytes

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._server.close()
        self._cut()

    def _cut(self) -> None:
        for pair in self._pairs:
            for end in pair:
                if self.with_reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.close()
        self._pairs = []

    def _run(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                here, _ = self._server.accept()
                try:
                    self._pairs.append((here, socket.create_connection(self._there)))
                except OSError:  # nobody is there just now
                    here.close()
            ends = {end: other for pair in self._pairs for end, other in (pair, pair[::-1])}
            while ends and not self._ended.is_set() and (ready := select.select(list(ends), [], [], 0.02)[0]) and not self.silent:
                if not all(self._pass_on(end, ends[end]) for end in ready):
                    self._cut()
                    break

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> bool:
        try:
            data = source.recv(4096)
            if self._cut_after is not None and self.passed + len(data) > self._cut_after:
                sink.sendall(data[: max(0, self._cut_after - self.passed)])
                self._cut_after = None
                return False
            self.passed += len(data)
            sink.sendall(data)
        except OSError:
            return False
        return bool(data)
