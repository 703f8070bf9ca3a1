"""The virtual dongle, compiled once a run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def virtual_driver(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the virtual librtlsdr."""
    if not shutil.which(os.environ.get("CC", "cc")):
        pytest.skip("no C compiler: apt-get install gcc libc6-dev")
    folder = tmp_path_factory.mktemp("virtual-dongle")
    subprocess.run([str(root / "hil" / "virtual_dongle" / "build.sh"), str(folder)], check=True)
    return folder


@pytest.fixture
def scene(virtual_driver: Path, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Write a scene of ``lines`` and return the environment in which the virtual dongle serves it."""

    def write(*lines: str) -> dict[str, str]:
        path = tmp_path / "scene.txt"
        path.write_text("\n".join([*lines, f"report {tmp_path / 'report.json'}", f"control {tmp_path / 'control'}"]) + "\n")
        return os.environ | {"LD_LIBRARY_PATH": str(virtual_driver), "CANHSONG_VIRTUAL_DONGLE": str(path)}

    return write
