"""A bad link between two network namespaces: a TUN device in each, and this process between them, which loses, delays, cuts and resets.

``python -m tests.end_to_end.tun_link NAMESPACE_A ADDRESS_A NAMESPACE_B ADDRESS_B``; commands come on stdin, one a line, each answered with
``ok`` and the number of TCP connections begun so far: ``loss 0.05`` (part of the packets), ``delay 0.1`` (s, each way), ``cut`` (nothing
passes, nobody is told), ``mend``, ``reset`` (the next TCP segment with data is dropped and both its ends get a RST in its place, as from a
firewall that has forgotten them).
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI, _CLONE_NEWNET = 0x400454CA, 0x1, 0x1000, 0x40000000
_TCP, _SYN, _RST, _ACK = 6, 0x02, 0x04, 0x10


def open_tun(namespace: str, address: str) -> int:
    """Return a handle on a new TUN device that is up in ``namespace``."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
        assert libc.setns(there.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            handle: int = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(handle, _TUNSETIFF, struct.pack("16sH", b"badlink", _IFF_TUN | _IFF_NO_PI))
        finally:
            assert libc.setns(home.fileno(), _CLONE_NEWNET) == 0
    for words in (("addr", "add", f"{address}/24", "dev", "badlink"), ("link", "set", "dev", "badlink", "up", "mtu", "1400")):
        subprocess.run(["ip", "-n", namespace, *words], check=True)
    return handle


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp_data(packet: bytes) -> int:
    """Return how many bytes of data an IPv4 TCP segment carries; 0 for any other packet."""
    if packet[0] >> 4 != 4 or packet[9] != _TCP:
        return 0
    header = (packet[0] & 15) * 4
    return len(packet) - header - (packet[header + 12] >> 4) * 4


def tcp_flags(packet: bytes) -> int:
    """Return the flags of an IPv4 TCP segment; 0 for any other packet."""
    return packet[(packet[0] & 15) * 4 + 13] if packet[0] >> 4 == 4 and packet[9] == _TCP else 0


def reset(source: bytes, sink: bytes, ports: bytes, *, seq: int, ack: int) -> bytes:
    """Return the IPv4 packet of a RST."""
    tcp = ports + struct.pack("!IIBBHHH", seq, ack, 5 << 4, _RST | _ACK, 0, 0, 0)
    tcp = tcp[:16] + struct.pack("!H", checksum(source + sink + struct.pack("!BBH", 0, _TCP, len(tcp)) + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, _TCP, 0) + source + sink
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


class Link:
    """The packets under way."""

    def __init__(self, ends: tuple[int, int]) -> None:
        self._ends = ends
        self._rng = random.Random(7)
        self._loss, self._delay_s, self._cut, self._reset = 0.0, 0.0, False, False
        self._under_way: list[tuple[float, int, int, bytes]] = []
        self._count = self._begun = 0

    def run(self) -> None:
        """Pass packets on until stdin ends."""
        while True:
            wait_s = max(0.0, self._under_way[0][0] - time.monotonic()) if self._under_way else None
            ready, _, _ = select.select([sys.stdin, *self._ends], [], [], wait_s)
            if sys.stdin in ready and not self._obey(sys.stdin.readline()):
                return
            for end, other in (self._ends, self._ends[::-1]):
                if end in ready:
                    self._take(os.read(end, 65536), back=end, on=other)
            while self._under_way and self._under_way[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(self._under_way)
                os.write(end, packet)

    def _obey(self, line: str) -> bool:
        words = line.split()
        if not words:
            return False
        if words[0] == "loss":
            self._loss = float(words[1])
        elif words[0] == "delay":
            self._delay_s = float(words[1])
        elif words[0] in ("cut", "mend"):
            self._cut = words[0] == "cut"
            self._under_way.clear()
        elif words[0] == "reset":
            self._reset = True
        print("ok", self._begun, flush=True)
        return True

    def _take(self, packet: bytes, *, back: int, on: int) -> None:
        if self._cut or self._rng.random() < self._loss:
            return
        if self._reset and tcp_data(packet):
            self._reset = False
            header = (packet[0] & 15) * 4
            source, sink, ports = packet[12:16], packet[16:20], packet[header : header + 4]
            seq, ack = struct.unpack_from("!II", packet, header + 4)
            os.write(on, reset(source, sink, ports, seq=seq, ack=ack))
            os.write(back, reset(sink, source, ports[2:] + ports[:2], seq=ack, ack=seq))
            return
        self._begun += tcp_flags(packet) == _SYN
        self._count += 1
        heapq.heappush(self._under_way, (time.monotonic() + self._delay_s, self._count, on, packet))


def main(namespace_a: str, address_a: str, namespace_b: str, address_b: str) -> None:
    link = Link((open_tun(namespace_a, address_a), open_tun(namespace_b, address_b)))
    print("ok 0", flush=True)
    link.run()


if __name__ == "__main__":
    main(*sys.argv[1:5])
