"""A link that is cut after any number of bytes, that ends by a reset, or that nothing is heard over."""

from __future__ import annotations

import random
import time

from station.spool import MemorySpool
from station.uplink import Uplink
from tests.end_to_end.balance import balance
from tests.end_to_end.relay import Relay
from tests.end_to_end.running import STATION, Collector, emission, eventually


def test_a_link_that_is_cut_in_mid_batch_and_goes_silent_for_long_loses_and_doubles_nothing(collector: Collector) -> None:
    relay, rng = Relay(collector.ingest), random.Random(5)
    spool = MemorySpool()
    try:
        with Uplink(relay.address, station=STATION, spool=spool) as uplink:
            for number in range(6):
                eventually(lambda: uplink.connected, timeout_s=30.0)
                relay.with_reset = number % 2 == 1
                relay.cut_after(rng.randrange(100, 60_000))
                for _ in range(400):
                    uplink.publish(emission(number))
            relay.silent = True
            time.sleep(7.0)  # longer than heartbeats and the wait for an acknowledgement
            relay.silent = False
            assert uplink.drain(60.0), uplink.problem()
    finally:
        relay.close()
    assert balance(collector.folder / "journal", spool.spool_id, 2400).holds()
