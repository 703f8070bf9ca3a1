"""The systemd units: as systemd reads them, and their commands as the programs take them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest

from config.settings import StationSettings
from tests.end_to_end.running import end_with_parent

UNITS = ("canhsong-station", "canhsong-collector")


@pytest.fixture
def deploy(root: Path) -> Path:
    return root / "deploy"


def settings_of(unit: Path) -> dict[str, str]:
    """NAME=VALUE of a unit; none of ours has a name twice but in lists that no test looks at."""
    return dict(line.split("=", 1) for line in unit.read_text(encoding="utf-8").splitlines() if re.match(r"[A-Za-z]+=", line))


def here(command: str, tmp_path: Path) -> list[str]:
    """A unit's command with this Python's program, folders in ``tmp_path`` and a free port."""
    program, *words = shlex.split(command)
    assert Path(program).parent == Path("/opt/canhsong/bin")  # where install.sh puts it
    module = {"canhsong-station": "station.cli", "canhsong-collector": "collector.cli"}[Path(program).name]
    moved = [f"{tmp_path}{word}" if word.startswith(("/var/", "/etc/")) else word for word in words]
    return [sys.executable, "-m", module, *(word.replace("tcp://*:5570", "tcp://127.0.0.1:*") for word in moved)]


@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong_with_the_unit(deploy: Path, tmp_path: Path, name: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is absent: apt-get install systemd")
    text = (deploy / f"{name}.service").read_text(encoding="utf-8")
    unit = tmp_path / f"{name}.service"
    unit.write_text(text.replace(f"/opt/canhsong/bin/{name}", str(Path(sys.executable).with_name(name))), encoding="utf-8")

    def verified() -> str:
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False)
        return done.stderr + done.stdout + ("" if done.returncode == 0 else f"exit code {done.returncode}")

    assert verified() == ""
    unit.write_text(unit.read_text(encoding="utf-8").replace("KillMode=mixed", "KillMod=mixed"), encoding="utf-8")
    assert "KillMod" in verified()


def test_each_unit_writes_where_its_command_does_and_as_the_user_that_the_installer_makes(deploy: Path) -> None:
    installer = (deploy / "install.sh").read_text(encoding="utf-8")
    for name in UNITS:
        unit = settings_of(deploy / f"{name}.service")
        assert f"/var/lib/{unit['StateDirectory']}" in shlex.split(unit["ExecStart"])
        assert re.search(rf"useradd .*\b{unit['User']}\b", installer)
        assert f"{name}.service" in installer
    assert "plugdev" in settings_of(deploy / "canhsong-station.service")["SupplementaryGroups"]
    assert "/etc/canhsong/station.toml" in shlex.split(settings_of(deploy / "canhsong-station.service")["ExecStart"])
    assert "/etc/canhsong/station.toml" in installer


def test_the_collectors_command_serves_and_ends_in_time_when_it_is_told_to(deploy: Path, tmp_path: Path) -> None:
    unit = settings_of(deploy / "canhsong-collector.service")
    command = here(unit["ExecStart"], tmp_path)
    data = command[command.index("--data") + 1]
    subprocess.run([*command[:3], "--data", data, "keys", "init"], check=True, capture_output=True, timeout=60)
    more = ["--json", "--http", "127.0.0.1:0"]
    with subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent) as process:
        try:
            assert process.stdout is not None
            names: set[str] = set()
            while not {"ingest", "store", "web"} <= names:
                names.add(json.loads(process.stdout.readline())["name"])
            process.send_signal(signal.SIGTERM)
            code = process.wait(float(unit["TimeoutStopSec"]))
        finally:
            process.kill()
    assert code == 0


def test_the_stations_command_with_the_settings_that_are_installed_is_understood(deploy: Path, tmp_path: Path) -> None:
    unit = settings_of(deploy / "canhsong-station.service")
    command = here(unit["ExecStart"], tmp_path)
    file = Path(command[command.index("--settings") + 1])
    file.parent.mkdir(parents=True)
    shutil.copy(deploy / "station.toml", file)
    msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), StationSettings)
    # an address where nobody answers in the place of a dongle that this machine may have
    command += ["--device", "rtltcp://127.0.0.1:9"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=end_with_parent) as process:
        try:
            process.wait(8.0)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=float(unit["TimeoutStopSec"]))[1]
    assert process.returncode in (0, 1), said  # it waits, or systemd starts it again; 2 would be misuse
    assert said
    assert "Traceback" not in said
