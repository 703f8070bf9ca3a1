"""A real influxd on a free port, in a folder of its own; it can be stopped, killed and started again on the same data."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.end_to_end.running import end_with_parent

ORG, BUCKET, TOKEN = "canhsong", "canhsong", "a-token-for-tests-only"


def influxd_program() -> str | None:
    """Return the path of influxd: ``CANHSONG_INFLUXD``, else the one on PATH; None: there is none."""
    given = os.environ.get("CANHSONG_INFLUXD")
    return given if given and os.access(given, os.X_OK) else shutil.which("influxd")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Influxd:
    """One server."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder, self.port = program, folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()
        setup = {"username": "tests", "password": "tests-only-1", "org": ORG, "bucket": BUCKET, "token": TOKEN}
        self.call("/api/v2/setup", setup)

    def start(self) -> None:
        folder = self.folder
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.program,
                    *(
                        "--bolt-path",
                        str(folder / "bolt"),
                        "--engine-path",
                        str(folder / "engine"),
                        "--sqlite-path",
                        str(folder / "sqlite"),
                    ),
                    *("--http-bind-address", f"127.0.0.1:{self.port}", "--reporting-disabled", "--log-level", "error"),
                ],
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent if threading.current_thread() is threading.main_thread() else None,  # it ends with the thread
            )
        until_s = time.monotonic() + 60
        while not self._healthy():
            assert self.process.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < until_s, "influxd did not come up"
            time.sleep(0.1)

    def stop(self) -> None:
        self._end(kill=False)

    def kill(self) -> None:
        self._end(kill=True)

    def call(self, path: str, body: dict[str, Any] | None = None, *, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def cpu_s(self) -> float:
        """Return the CPU time that it has had."""
        assert self.process is not None
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _end(self, *, kill: bool) -> None:
        if self.process is None:
            return
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
