"""A station process that spools records on the disk and sends them, until it is killed; prints each number that append returned.

Of a thousand records one names another station, so that the collector has something to reject.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from config.keyfiles import read_keypair
from station.one_collector_spool import OneCollectorSpool
from station.uplink import Curve, Uplink
from tests.end_to_end.running import emission, end_with_parent, occupancy

SECOND = "second"
"""Name of a further collector's cursor."""


def main(path: str, address: str, station: str, bound_mib: float, *keys: str) -> None:
    """``keys``: the file of the own key and the collector's, and perhaps a second collector's address and key."""
    end_with_parent()
    spool = OneCollectorSpool(Path(path), max_bytes=int(bound_mib * 2**20))
    pair = read_keypair(Path(keys[0])) if keys else None
    curve = Curve(pair=pair, collector_key=keys[1]) if pair else None
    with contextlib.ExitStack() as stack:
        uplink = stack.enter_context(Uplink(address, station=station, spool=spool, curve=curve))
        second: Uplink | None = None
        if pair and len(keys) > 3:
            curve = Curve(pair=pair, collector_key=keys[3])
            second = stack.enter_context(Uplink(keys[2], station=station, spool=spool.beside(SECOND), curve=curve))
        while True:
            named = station if spool.next_seq % 1000 != 999 else "somebody-else"
            record = occupancy(station=named) if spool.next_seq % 3 == 0 else emission(station=named)
            print(uplink.publish(record), flush=True)
            if second is not None:
                second.put_beside([record])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), *sys.argv[5:])
