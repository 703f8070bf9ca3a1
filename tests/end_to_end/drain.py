"""Send what a spool holds, and print its spool_id and next_seq: ``drain SPOOL ADDRESS STATION [KEY_FILE COLLECTOR_KEY]``."""

from __future__ import annotations

import sys
from pathlib import Path

from config.keyfiles import read_keypair
from station.one_collector_spool import OneCollectorSpool
from station.uplink import Curve, Uplink


def main(path: str, address: str, station: str, *keys: str) -> int:
    spool = OneCollectorSpool(Path(path))
    curve = Curve(pair=read_keypair(Path(keys[0])), collector_key=keys[1]) if keys else None
    with Uplink(address, station=station, spool=spool, curve=curve) as uplink:
        if not uplink.drain(120.0):
            print(uplink.problem(), file=sys.stderr)
            return 1
        print(spool.spool_id, spool.next_seq)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
