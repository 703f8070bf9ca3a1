"""A station process that spools records on the disk and sends them, until it is killed; prints each number that append returned.

Of a thousand records one names another station, so that the collector has something to reject.
"""

from __future__ import annotations

import sys
from pathlib import Path

from config.keyfiles import read_keypair
from station.one_collector_spool import OneCollectorSpool
from station.uplink import Curve, Uplink
from tests.end_to_end.running import emission, end_with_parent, occupancy


def main(path: str, address: str, station: str, bound_mib: float, *keys: str) -> None:
    end_with_parent()
    spool = OneCollectorSpool(Path(path), max_bytes=int(bound_mib * 2**20))
    curve = Curve(pair=read_keypair(Path(keys[0])), collector_key=keys[1]) if keys else None
    with Uplink(address, station=station, spool=spool, curve=curve) as uplink:
        while True:
            named = station if spool.next_seq % 1000 != 999 else "somebody-else"
            record = occupancy(station=named) if spool.next_seq % 3 == 0 else emission(station=named)
            print(uplink.publish(record), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), *sys.argv[5:])
