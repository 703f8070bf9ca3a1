"""The offline kit: installed in a network namespace without a route, then station, collector and page over the virtual dongle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Band = Callable[..., Any]
pytestmark = pytest.mark.services

INSIDE = """
set -eu
fetch='import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())'
ip link set lo up
test -z "$(ip route)"
sh {kit}/install.sh {prefix} >&2
{prefix}/bin/canhsong-station run --kit --band 930.5-932 --state {state} --http 127.0.0.1:0 2> {state}.err &
station=$!
for second in $(seq 60); do
  sleep 1
  page=$(sed -n 's/.*open the page: //p' {state}.err)
  [ -n "$page" ] || continue
  tracks=$(python3 -c "$fetch" "${{page%/}}/api/tracks?origin=hil")
  [ "$tracks" = "[]" ] || break
done
kill -INT $station
wait $station
echo "$tracks"
"""


@pytest.fixture(scope="session")
def kit(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit: that in CANHSONG_KIT, else one made now, without Debian packages (this machine has its Python)."""
    if named := os.environ.get("CANHSONG_KIT"):
        return Path(named)
    folder = tmp_path_factory.mktemp("kit") / "kit"
    env = os.environ | {"PYTHON": sys.executable, "KIT_DEBS": "0"}
    made = subprocess.run(["sh", str(root / "deploy" / "make_kit.sh"), str(folder)], env=env, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return folder


def test_the_kit_installs_and_runs_without_any_network(band: Band, kit: Path, tmp_path: Path) -> None:
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no network namespaces here: run as a user who may make them")
    station = band("paced 1")
    script = INSIDE.format(kit=kit, prefix=tmp_path / "prefix", state=tmp_path / "kit-state")
    env = {name: station.env[name] for name in ("LD_LIBRARY_PATH", "CANHSONG_VIRTUAL_DONGLE")}
    env |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tmp_path), "PYTHONPATH": station.env["PYTHONPATH"].partition(":")[0]}
    done = subprocess.run(["unshare", "-rn", "sh", "-c", script], env=env, capture_output=True, text=True, check=False, timeout=580)
    assert done.returncode == 0, done.stderr + done.stdout
    tracks = json.loads(done.stdout.splitlines()[-1])
    assert min(abs(one["center_freq_hz"] - 931.3125e6 * (1 - 23.4e-6)) for one in tracks) < 1e3
    assert list((tmp_path / "prefix" / "venv").rglob("*.nbi")), "the caches are made at install"


def test_a_damaged_kit_is_refused(kit: Path, tmp_path: Path) -> None:
    copy = tmp_path / "kit"
    copy.mkdir()
    for name in ("install.sh", "SHA256SUMS"):
        shutil.copy(kit / name, copy / name)
    done = subprocess.run(["sh", str(copy / "install.sh"), str(tmp_path / "prefix")], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the kit is damaged: copy it again" in done.stderr
    assert not (tmp_path / "prefix").exists()
