"""The virtual dongle, compiled once a run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Station:
    """The station's program in front of a scene."""

    env: dict[str, str]
    folder: Path
    children: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *arguments: str, timeout: float = 120.0, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        command = [sys.executable, "-m", "station.cli", *arguments]
        return subprocess.run(command, env=self.env | (env or {}), capture_output=True, text=True, timeout=timeout, check=False)

    def start(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start one command, its output going into ``out.json`` and ``err.txt``."""
        out, err = (self.folder / "out.json").open("w"), (self.folder / "err.txt").open("w")
        with out, err:
            command = [sys.executable, "-m", "station.cli", *arguments]
            child = subprocess.Popen(command, env=self.env | (env or {}), stdout=out, stderr=err, text=True)
        self.children.append(child)
        return child

    def records(self) -> list[dict[str, Any]]:
        """What a started command has said so far."""
        lines = (self.folder / "out.json").read_text().splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    def wait(self, what: Callable[[list[dict[str, Any]]], Any], *, timeout: float = 60.0) -> Any:
        """Wait until ``what`` of the records so far is true, and return it."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if found := what(self.records()):
                return found
            assert all(child.poll() is None for child in self.children), (self.folder / "err.txt").read_text()
            time.sleep(0.2)
        raise AssertionError(f"did not come within {timeout} s; said: {(self.folder / 'err.txt').read_text()}")

    def command(self, text: str) -> None:
        """Have the virtual dongle obey ``text``."""
        (self.folder / "control").write_text(f"{text}\n")

    def stop(self) -> None:
        """End what was started."""
        for child in self.children:
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(30)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()


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


@pytest.fixture(scope="session")
def no_driver_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH that hides pyrtlsdrlib, whose own library would win over LD_LIBRARY_PATH."""
    folder = tmp_path_factory.mktemp("no-pyrtlsdrlib")
    (folder / "sitecustomize.py").write_text('import sys\n\nsys.modules["pyrtlsdrlib"] = None\n')
    return folder


@pytest.fixture(scope="session")
def band_sources(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sources of the band scene."""
    folder = tmp_path_factory.mktemp("band-scene")
    subprocess.run([sys.executable, str(root / "hil" / "band_scene.py"), str(folder)], check=True, cwd=root, env=os.environ)
    return folder


@pytest.fixture
def band(root: Path, virtual_driver: Path, no_driver_wheel: Path, band_sources: Path, tmp_path: Path) -> Iterator[Callable[..., Station]]:
    """Give a station in front of the band scene; ``lines``: more lines of the scene."""

    def make(*lines: str, scene: bool = True) -> Station:
        extra = [*lines, f"report {tmp_path / 'report.json'}", f"control {tmp_path / 'control'}"]
        path = tmp_path / "scene.txt"
        kept = (band_sources / "scene.txt").read_text() if scene else ""
        path.write_text(kept + "\n".join(extra) + "\n")
        env = os.environ | {
            "LD_LIBRARY_PATH": str(virtual_driver),
            "CANHSONG_VIRTUAL_DONGLE": str(path),
            "PYTHONPATH": f"{no_driver_wheel}:{root}",
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "OMP_NUM_THREADS": "1",
        }
        return Station(env=env, folder=tmp_path)

    made: list[Station] = []
    yield lambda *lines, scene=True: made.append(make(*lines, scene=scene)) or made[-1]
    for station in made:
        station.stop()
