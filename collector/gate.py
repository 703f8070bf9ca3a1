"""Who gets in: answers libzmq's ZAP questions (RFC 27) and looks at every message again, since ZAP asks at the handshake alone.

A connection's identity is what ZAP attached to it: ``User-Id``, the enrolled station's name, and ``X-Owner``, the key it proved to hold and
that name in one (asking libzmq for a property takes time, and it is asked for every message). No field of a message counts. The register is
read again whenever its file changes, so a revoked key is cut off at its next message.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from collector.enrolment import LiveRegister
from config.keyfiles import KeyPair
from config.logs import Event, shown_key
from config.z85 import z85_encode

OWNER_PROPERTY: Final = "X-Owner"
STATIONS_DOMAIN: Final = b"stations"
SUBSCRIBERS_DOMAIN: Final = b"subscribers"

log = logging.getLogger("collector.gate")


class Gate:
    """The collector's own keypair and the register of who may speak."""

    def __init__(self, pair: KeyPair, register: LiveRegister) -> None:
        """``register`` is asked anew at ``refresh``."""
        self.pair = pair
        self._register = register
        self._stations, self._subscribers = register.both()
        self._owners = _owners(self._stations)
        self._error: str | None = None
        self.subscriber_revoked = False
        """Set when a subscriber's key was revoked; whoever acts on it takes it back."""
        self.refused = 0
        """Handshakes with a key that is not enrolled."""

    def refresh(self) -> None:
        """Look at the register's file."""
        before = self._subscribers
        stations, self._subscribers = self._register.both()
        if stations is not self._stations:
            self._stations, self._owners = stations, _owners(stations)
        if (error := self._register.error) != self._error:
            self._error = error
            log.error(Event("register_not_in_force", error=error))
        if before is not self._subscribers and before.keys() - self._subscribers.keys():
            self.subscriber_revoked = True

    def answer(self, request: Sequence[bytes]) -> list[bytes]:
        """Return the answer to one ZAP request: version, id, domain, address, identity, mechanism, credentials."""
        self.refresh()
        version, request_id = (request[0], request[1]) if len(request) > 1 else (b"1.0", b"")
        domain = request[2] if len(request) > 2 else b""
        allowed = {STATIONS_DOMAIN: self._stations, SUBSCRIBERS_DOMAIN: self._subscribers}.get(domain, {})
        name = None
        key = ""
        if len(request) == 7 and version == b"1.0" and request[5] == b"CURVE" and len(request[6]) == 32:
            key = z85_encode(request[6])
            name = allowed.get(key)
        if name is None:
            self.refused += 1
            if self.refused & (self.refused - 1) == 0:  # 1, 2, 4, ...: a flood does not fill the log
                told = domain.decode("ascii", "replace")
                log.warning(Event("refused", key=shown_key(key), domain=told, total=self.refused))
            return [b"1.0", request_id, b"400", b"not enrolled", b"", b""]
        value = (key + name).encode()
        metadata = bytes([len(OWNER_PROPERTY)]) + OWNER_PROPERTY.encode() + len(value).to_bytes(4, "big") + value
        return [b"1.0", request_id, b"200", b"OK", name.encode(), metadata]

    @property
    def stations(self) -> Mapping[str, str]:
        """Public key -> station name, as of the last look."""
        return self._stations

    def owner(self, proved: str) -> str | None:
        """Return the station that may speak now on a connection with this ``X-Owner``; None: its key was revoked, or given to another."""
        return self._owners.get(proved)


def _owners(stations: Mapping[str, str]) -> Mapping[str, str]:
    return {key + name: name for key, name in stations.items()}
