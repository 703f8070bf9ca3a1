"""Programs of ours that run beside this one: the collector of a kit or of the demo, and the demo's station."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from station.errors import StationError

STOP_S: Final = 15.0


def module(name: str) -> list[str]:
    """Return how a module of this environment is run; what lies in the current folder is not taken for it."""
    return [sys.executable, "-P", "-m", name]


def collector_program() -> list[str]:
    """Return how the collector is called: its module in this environment, else its program on the path.

    Raises:
        StationError: there is none.
    """
    if importlib.util.find_spec("collector") is not None:
        return module("collector.cli")
    if (found := shutil.which("canhsong-collector")) is not None:
        return [found]
    raise StationError("no collector on this machine: pip install 'canhsong[collector]'")


@contextlib.contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Run ``command`` while inside; it is asked to end, and only then made to. Ctrl-C reaches this program alone."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def collector_addresses(collector: subprocess.Popen[str], stopped: Callable[[], bool] = lambda: False) -> Mapping[str, str]:
    """Return the addresses of the parts of a collector that was started with ``serve --json``, as it prints them.

    Raises:
        StationError: it ended before.
    """
    found: dict[str, str] = {}
    while not {"ingest", "web"} <= found.keys() and not stopped():
        line = collector.stdout.readline() if collector.stdout is not None else ""
        if not line:
            raise StationError("the collector did not start: what it said is above")
        told = json.loads(line)
        found[told["name"]] = told["address"]
    return found
