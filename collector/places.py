"""Where the collector keeps its files and listens, and what it refuses until there are keys and logins."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.errors import MisuseError

DEFAULT_INGEST: Final = "tcp://127.0.0.1:5570"
DEFAULT_HTTP: Final = "127.0.0.1:8070"
_TCP: Final = re.compile(r"^tcp://(\[[^\]]+\]|[^:]+):(\d+|\*)$")
_HTTP: Final = re.compile(r"^(?:http://)?(\[[^\]]+\]|[^:/\[]+):(\d+)/?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFolder:
    """The collector's files (decision 3): each has one writer."""

    path: Path

    @property
    def journal(self) -> Path:
        """Folder of the journal's daily segments; written by ingest alone."""
        return self.path / "journal"

    @property
    def store(self) -> Path:
        """The embedded store; written by its follower alone, rebuilt from the journal when it is deleted."""
        return self.path / "store.db"

    @property
    def key(self) -> Path:
        """The collector's own CURVE keypair; where there is one, stations need a key to get in."""
        return self.path / "keys" / "collector.key"

    @property
    def register(self) -> Path:
        """Which key speaks for which station."""
        return self.path / "keys" / "stations.json"

    @property
    def incoming(self) -> Path:
        """Exported spools that the running ingest is to take in."""
        return self.path / "incoming"

    @property
    def status(self) -> Path:
        """What ingest has counted and who is connected, about once a second; may be deleted at any time."""
        return self.path / "ingest.json"

    @property
    def lock(self) -> Path:
        """Held by the one ``serve`` that may run on this folder."""
        return self.path / "serve.lock"


def default_data_folder() -> Path:
    """Return ``$XDG_DATA_HOME/canhsong/collector``."""
    import platformdirs

    return platformdirs.user_data_path("canhsong") / "collector"


def checked_ingest(address: str, *, keys: bool = False, plaintext: bool = False, option: str = "--ingest") -> str:
    """Return ``address``, where stations may reach ingest: this machine alone, unless there are ``keys`` or ``plaintext`` is meant.

    Raises:
        MisuseError: it is no address, or strangers could reach it.
    """
    if address.startswith("ipc://") and len(address) > len("ipc://"):
        return address
    match = _TCP.match(address)
    if match is None:
        raise MisuseError(f"{option} {address}: give it as tcp://127.0.0.1:PORT or ipc://PATH")
    if not (keys or plaintext or is_loopback(match[1])):
        raise MisuseError(
            f"{option} {address}: others could reach it, and there are no keys yet to tell stations from strangers: "
            "`canhsong-collector keys init`, or use 127.0.0.1, or say --plaintext"
        )
    return address


def checked_http(address: str) -> tuple[str, int]:
    """Return (host, port) of ``HOST:PORT``, where the page may be served without a login: this machine alone.

    Raises:
        MisuseError: it is no address, or others could reach it.
    """
    match = _HTTP.match(address)
    if match is None or int(match[2]) > 65535:
        raise MisuseError(f"--http {address}: give it as 127.0.0.1:PORT")
    if not is_loopback(match[1]):
        raise MisuseError(
            f"--http {address}: others could reach the page, and there is no login yet; use 127.0.0.1 "
            f"(and ssh -L {match[2]}:127.0.0.1:{match[2]} from another machine)"
        )
    return match[1].strip("[]"), int(match[2])


def is_loopback(host: str) -> bool:
    """Return whether ``host`` can be reached from this machine alone; names other than localhost are not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
