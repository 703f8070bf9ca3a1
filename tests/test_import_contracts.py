"""The import contracts hold, and each planted violation breaks its contract."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("dsp", "config", "station", "collector")

VIOLATIONS = {
    "two towers on common ground": ("station/planted.py", "import collector\n"),
    "common ground knows no tower": ("dsp/planted.py", "import station\n"),
    "dsp is pure": ("dsp/planted.py", "import socket\n"),
    "GSM and LTE do not know each other": ("dsp/gsm/planted.py", "import dsp.lte.types\n"),
    "synth is imported by the demo alone": ("station/planted.py", "import dsp.synth\n"),
    "zmq has two doors": ("collector/planted.py", "import zmq\n"),
    "the web framework stays at the web": ("collector/planted.py", "import nicegui\n"),
    "influxdb_client has one door": ("collector/planted.py", "import influxdb_client\n"),
    "sigmf has one door": ("station/planted.py", "import sigmf\n"),
    "rtlsdr has one door": ("station/planted.py", "import rtlsdr\n"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    # the copy must be what is read: it comes first on the path, before the installed packages
    return subprocess.run(
        [str(program), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_planted_violation_breaks_its_contract(copy: Path, contract: str) -> None:
    name, line = VIOLATIONS[contract]
    (copy / name).write_text(f'"""Planted."""\n\n{line}')
    result = lint(copy)
    assert result.returncode != 0
    broken = "two towers on common ground" if contract == "common ground knows no tower" else contract
    assert f"{broken} BROKEN" in " ".join(result.stdout.split())
