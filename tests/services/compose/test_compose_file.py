"""The compose file as Docker would read it: through the specification's own loader, and each name in it against what it is a name of."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from collector.influx_settings import InfluxSettings
from tests.services.influxdb.influxd import influxd_program

HERE = Path(__file__).parent
DEPLOY = HERE.parents[2] / "deploy"
LOADER = "github.com/compose-spec/compose-go/v2/cmd"
IMAGE_VARIABLES = {
    f"DOCKER_INFLUXDB_INIT_{name}"
    for name in ("MODE", "USERNAME", "PASSWORD_FILE", "ADMIN_TOKEN_FILE", "ORG", "BUCKET", "RETENTION")  # its vendor's page on the image
}
SETTINGS = InfluxSettings(url="http://127.0.0.1:8086")


@pytest.fixture(scope="session")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The loader's program, or a skip."""
    if shutil.which("go") is None:
        pytest.skip("go is absent: the compose specification's loader cannot be built")
    program = tmp_path_factory.mktemp("compose") / "compose-spec"
    done = subprocess.run(["go", "build", "-o", str(program), LOADER], cwd=HERE, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return program


def loaded(loader: Path, file: Path) -> subprocess.CompletedProcess[str]:
    # Docker takes paths from the file's folder, the loader's command from where it is called
    command = [str(loader), "--format", "json", file.name]
    return subprocess.run(command, cwd=file.parent, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="session")
def model(loader: Path) -> dict[str, Any]:
    """The compose file as the specification has it."""
    done = loaded(loader, DEPLOY / "compose.yaml")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    ("good", "bad"),
    [("restart: unless-stopped", "restarts: always"), ("image:", "imagine:"), ('"127.0.0.1:8086:8086"', '"127.0.0.1:eight"')],
)
def test_the_loader_refuses_what_is_not_in_the_specification(loader: Path, tmp_path: Path, good: str, bad: str) -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert good in text
    (tmp_path / "compose.yaml").write_text(text.replace(good, bad, 1), encoding="utf-8")
    assert loaded(loader, tmp_path / "compose.yaml").returncode != 0


def test_every_file_that_is_mounted_is_there_and_secrets_are_where_git_never_looks(model: dict[str, Any], root: Path) -> None:
    mounts = [mount for service in model["services"].values() for mount in service["volumes"] if mount["type"] == "bind"]
    assert len(mounts) == 3
    for mount in mounts:
        assert Path(mount["source"]).is_file(), mount
        assert mount["read_only"], mount
    for secret in model["secrets"].values():
        path = Path(secret["file"])
        assert path.parent == root / "secrets"
        ignored = subprocess.run(["git", "check-ignore", "--quiet", str(path)], cwd=root, check=False)
        assert ignored.returncode == 0, f"{path} is not ignored"
    for service in model["services"].values():
        assert {secret["source"] for secret in service["secrets"]} <= set(model["secrets"])  # the loader lets this pass
        given = {f"/run/secrets/{secret['source']}" for secret in service["secrets"]}
        wanted = {value for name, value in service["environment"].items() if name.endswith("_FILE")}
        assert wanted <= given


def test_ports_stay_on_this_machine_and_are_those_the_settings_and_the_programs_have(model: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in model["services"].items()}
    assert all(port["host_ip"] == "127.0.0.1" for each in ports.values() for port in each)
    assert {name: [(port["published"], port["target"]) for port in each] for name, each in ports.items()} == {
        "influxdb": [("8086", 8086)],
        "grafana": [("3000", 3000)],
    }
    datasource = (DEPLOY / "grafana" / "datasource.yaml").read_text(encoding="utf-8")
    assert re.findall(r"^ *url: (.*)$", datasource, re.MULTILINE) == ["http://influxdb:8086"]  # the service's name and port
    named = re.findall(r"\$__file\{([^}]*)\}", datasource)
    assert named == ["/run/secrets/influx-token"]


def test_influxdb_is_set_up_as_the_collector_expects_it(model: dict[str, Any]) -> None:
    environment = model["services"]["influxdb"]["environment"]
    image = {name for name in environment if name.startswith("DOCKER_")}
    assert image == IMAGE_VARIABLES
    assert environment["DOCKER_INFLUXDB_INIT_MODE"] == "setup"
    assert environment["DOCKER_INFLUXDB_INIT_ORG"] == SETTINGS.org
    assert environment["DOCKER_INFLUXDB_INIT_BUCKET"] == SETTINGS.bucket
    assert environment["DOCKER_INFLUXDB_INIT_RETENTION"] == f"{SETTINGS.raw_days}d"  # the bucket is there before the collector looks
    datasource = (DEPLOY / "grafana" / "datasource.yaml").read_text(encoding="utf-8")
    assert f"organization: {SETTINGS.org}\n" in datasource
    assert f"defaultBucket: {SETTINGS.bucket}\n" in datasource
    provider = (DEPLOY / "grafana" / "dashboards.yaml").read_text(encoding="utf-8")
    folder = re.findall(r"^ *path: (.*)$", provider, re.MULTILINE)
    targets = [mount["target"] for mount in model["services"]["grafana"]["volumes"]]
    assert [f"{folder[0]}/canhsong.json"] == [target for target in targets if target.endswith(".json")]


def test_a_real_influxd_takes_the_environment_of_its_service_as_meant(model: dict[str, Any]) -> None:
    program = influxd_program()
    if program is None:
        pytest.skip("influxd is absent: put it on PATH or name it in CANHSONG_INFLUXD (tests/services/influxdb/build.sh builds it)")
    given = {name: value for name, value in model["services"]["influxdb"]["environment"].items() if name.startswith("INFLUXD_")}
    assert given
    told = subprocess.run([program, "print-config"], env={**os.environ, **given}, capture_output=True, text=True, timeout=30, check=True)
    for name, value in given.items():
        assert f"{name.removeprefix('INFLUXD_').lower().replace('_', '-')}: {value}\n" in told.stdout
    assert "http-bind-address: :8086\n" in told.stdout
