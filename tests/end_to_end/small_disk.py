"""A disk that can be filled: a sized tmpfs, or ext4 in a file (root ignores quotas)."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine import cannot


@contextlib.contextmanager
def small_disk(parent: Path, *, kind: str, mib: int) -> Iterator[Path]:
    """Mount a disk of ``mib`` MiB below ``parent`` while inside; skip where that cannot be done."""
    if os.geteuid() != 0:
        cannot("mount a sized disk: root alone may")
    folder = parent / f"disk-{kind}-{mib}"
    folder.mkdir()
    if kind == "tmpfs":
        command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
    else:
        image = parent / f"{kind}-{mib}.img"
        if shutil.which("mkfs.ext4") is None:
            pytest.skip("no mkfs.ext4 on this machine: apt-get install e2fsprogs")
        with image.open("wb") as file:
            file.truncate((mib + 1) * 2**20)  # about what ext4 takes for itself
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(image)], check=True)
        command = ["mount", "-o", "loop", str(image), str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        cannot(f"mount a {kind}: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
