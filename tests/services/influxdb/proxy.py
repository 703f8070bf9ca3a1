"""A small proxy in front of InfluxDB that answers for it, holds its answers back, or cuts them."""

from __future__ import annotations

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Proxy:
    """``answer`` (a status) instead of InfluxDB's; ``wait_s`` before it; ``cut``: write, then close without an answer."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answer: int | None = None
        self.wait_s = 0.0
        self.cut = False
        self.refused = 0
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    proxy: Proxy


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(proxy.wait_s)
        if proxy.answer is not None:
            proxy.refused += 1
            self._reply(proxy.answer, b'{"message": "not now"}')
            return
        status, text = self._ask(body)
        if proxy.cut:
            proxy.refused += 1
            self.close_connection = True
            return
        self._reply(status, text)

    do_GET = do_POST  # noqa: N815  # the server looks for this name

    def _ask(self, body: bytes) -> tuple[int, bytes]:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.proxy.port, timeout=20)
        upstream.request(self.command, self.path, body, dict(self.headers.items()))
        answer = upstream.getresponse()
        text = answer.read()
        upstream.close()
        return answer.status, text

    def _reply(self, status: int, text: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        except OSError:  # who asked has given up: that is what a slow server gets
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        return
