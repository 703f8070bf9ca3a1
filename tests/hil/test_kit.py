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

from tests.machine import cannot

Band = Callable[..., Any]
pytestmark = pytest.mark.services

INSTALL = """
set -eu
ip link set lo up
test -z "$(ip route)"
sh {kit}/install.sh {prefix} >&2
"""
RUN = """
{prefix}/bin/canhsong-station run --kit --band {band} --state {state} --http 127.0.0.1:0 2> {state}.err &
station=$!
page=
for second in $(seq 60); do
  sleep 1
  page=$(sed -n 's/.*open the page: //p' {state}.err)
  [ -z "$page" ] || break
done
[ -n "$page" ] || {{ cat {state}.err >&2; exit 1; }}
"""
TRACKS = """
fetch='import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())'
for second in $(seq 60); do
  sleep 1
  tracks=$(python3 -c "$fetch" "${{page%%\\?*}}api/tracks?origin=hil") || {{ cat {state}.err >&2; exit 1; }}
  [ "$tracks" = "[]" ] || break
done
"""
PICTURE = """
code=0
env -u LD_LIBRARY_PATH -u PYTHONPATH {python} {photograph} "${{page%%\\?*}}?origin=hil" {picture} {prefix}/profile {words} >&2 || code=$?
[ $code = 0 ] || cat {state}.err >&2
"""
END = """
kill -INT $station
wait $station
"""
SCENE_WORDS = ("452-04", "Viettel", "30151", "301", "944.0000", "953.0000", "931.31", "nhận dạng / identified", "phần cứng thử")


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


def offline(station: Any, script: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run ``script`` where there is no network, with the system's own Python alone."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode != 0:
        cannot("make network namespaces: run as a user who may")
    env = {name: station.env[name] for name in ("LD_LIBRARY_PATH", "CANHSONG_VIRTUAL_DONGLE")}
    env |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tmp_path), "PYTHONPATH": station.env["PYTHONPATH"].partition(":")[0]}
    empty = tmp_path / "empty"
    empty.mkdir()
    command = ["unshare", "-rn", "sh", "-c", script]
    return subprocess.run(command, env=env, cwd=empty, capture_output=True, text=True, check=False, timeout=1500)


def test_the_kit_installs_and_its_page_shows_the_scene_without_any_network(
    root: Path, band: Band, kit: Path, chromium: tuple[str, str], tmp_path: Path
) -> None:
    station = band("paced 1")
    pictures = Path(os.environ.get("CANHSONG_SCREENSHOTS", tmp_path))
    pictures.mkdir(parents=True, exist_ok=True)
    words = " ".join(f"'{word}'" for word in SCENE_WORDS)
    script = (INSTALL + RUN + PICTURE + TRACKS + END + 'echo "$tracks"\nexit $code\n').format(
        kit=kit, prefix=tmp_path / "prefix", state=tmp_path / "kit-state", band="B8", python=sys.executable,
        photograph=root / "tests" / "hil" / "photograph.py", picture=pictures / "kit.png", words=words,
    )  # fmt: skip
    done = offline(station, script, tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    tracks = json.loads(done.stdout.splitlines()[-1])
    assert min(abs(one["center_freq_hz"] - 931.3125e6) for one in tracks) < 1e3
    assert list((tmp_path / "prefix" / "venv").rglob("*.nbi")), "the caches are made at install"
    assert (pictures / "kit.png").stat().st_size > 50_000
    assert "Traceback" not in (tmp_path / "kit-state.err").read_text()


def test_a_damaged_kit_is_refused(kit: Path, tmp_path: Path) -> None:
    copy = tmp_path / "kit"
    copy.mkdir()
    for name in ("install.sh", "SHA256SUMS"):
        shutil.copy(kit / name, copy / name)
    done = subprocess.run(["sh", str(copy / "install.sh"), str(tmp_path / "prefix")], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the kit is damaged: copy it again" in done.stderr
    assert not (tmp_path / "prefix").exists()
