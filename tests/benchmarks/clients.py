"""Parts of a collector in processes of their own, for benchmarks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from collector.places import DataFolder


@contextmanager
def part(data: DataFolder, name: str, address: str, *flags: str) -> Iterator[tuple[str, int]]:
    """Run one part of ``serve`` while inside; give its address and process number."""
    process = subprocess.Popen(
        [sys.executable, "-m", "collector.cli", "--data", str(data.path), "part", *flags, name, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[1], process.pid
    finally:
        process.terminate()
        process.communicate(timeout=30)
