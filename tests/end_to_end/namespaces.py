"""Two network namespaces with a link between them that can be cut: as the station's side and the centre's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.end_to_end.running import end_with_parent
from tests.machine import cannot

CENTRE, STATION = "10.77.0.1", "10.77.0.2"


@dataclass
class Namespaces:
    """``inside_centre`` and ``inside_station`` go before a command."""

    centre: str
    station: str
    link: subprocess.Popen[str] | None = field(default=None)

    @property
    def inside_centre(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.centre)

    @property
    def inside_station(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.station)

    def cable(self, up: bool) -> None:
        """Pull the cable, or put it in: nobody is told, nothing passes."""
        ip("-n", self.centre, "link", "set", "cable", "up" if up else "down")

    def order(self, command: str) -> int:
        """Have the bad link obey (``tun_link``); return how many TCP connections went over it so far."""
        assert self.link is not None
        assert self.link.stdin is not None
        assert self.link.stdout is not None
        self.link.stdin.write(f"{command}\n")
        self.link.stdin.flush()
        word, begun = self.link.stdout.readline().split()
        assert word == "ok"
        return int(begun)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def _pair() -> Iterator[Namespaces]:
    if shutil.which("ip") is None:
        pytest.skip("iproute2 is absent: apt-get install iproute2")
    if os.geteuid() != 0:
        cannot("make network namespaces: root alone may")
    both = Namespaces(centre=f"canhsong-c{os.getpid()}", station=f"canhsong-s{os.getpid()}")
    made = []
    try:
        for name in (both.centre, both.station):
            added = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
            if added.returncode:
                cannot(f"make a network namespace: {added.stderr.strip()}")
            made.append(name)
            ip("-n", name, "link", "set", "lo", "up")
        yield both
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=True)


@contextmanager
def cabled() -> Iterator[Namespaces]:
    """Two namespaces with a veth pair between them."""
    with _pair() as both:
        ip("link", "add", "cable", "netns", both.centre, "type", "veth", "peer", "name", "cable", "netns", both.station)
        for name, address in ((both.centre, CENTRE), (both.station, STATION)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "cable")
            ip("-n", name, "link", "set", "cable", "up")
        yield both


@contextmanager
def badly_linked() -> Iterator[Namespaces]:
    """Two namespaces with a link between them that obeys ``order``."""
    if not Path("/dev/net/tun").exists():
        cannot("make TUN devices: there is no /dev/net/tun")
    with _pair() as both:
        both.link = subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.tun_link", both.centre, CENTRE, both.station, STATION],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            preexec_fn=end_with_parent,
        )
        try:
            assert both.link.stdout is not None
            assert both.link.stdout.readline() == "ok 0\n"
            yield both
        finally:
            both.link.kill()
            both.link.communicate()
