"""The station's side of the way to the collector where nobody answers; with a collector: tests/end_to_end and tests/collector."""

from __future__ import annotations

import time

import pytest

from config.errors import WireFormatError
from station.errors import MisuseError
from station.spool import MemorySpool, SpoolFullError
from station.uplink import Uplink
from tests.end_to_end.running import emission, spectrum

NOBODY = "tcp://127.0.0.1:9"


def test_live_records_are_dropped_and_counted_when_nobody_listens() -> None:
    with Uplink(NOBODY, station="nui-vong-phu") as uplink:
        before = time.monotonic()
        for number in range(500):
            uplink.publish_live(spectrum(number))
        assert time.monotonic() - before < 5.0
        assert 500 - 64 <= uplink.live_dropped <= 500
        assert uplink.waiting == 0


@pytest.mark.parametrize("address", ["nonsense", "tcp://", "tcp://127.0.0.1", "http://127.0.0.1:80", "tcp://127.0.0.1:notaport"])
def test_an_address_that_is_none_is_refused_in_one_line(address: str) -> None:
    with pytest.raises(MisuseError, match="give it as tcp://HOST:PORT") as caught:
        Uplink(address, station="a")
    assert "\n" not in str(caught.value)


def test_publishing_never_waits_and_keeps_everything() -> None:
    with Uplink(NOBODY, station="nui-vong-phu") as uplink:
        began = time.monotonic()
        for number in range(2000):
            assert uplink.publish(emission(number)) == number
        assert time.monotonic() - began < 5.0
        assert uplink.waiting == 2000
        assert not uplink.drain(0.1)
        assert NOBODY in (uplink.problem() or "")


def test_a_record_outside_the_contract_is_refused_where_it_is_made() -> None:
    with Uplink(NOBODY, station="nui-vong-phu") as uplink:
        with pytest.raises(WireFormatError, match="duty"):
            uplink.publish(emission(duty=float("nan")))
        assert uplink.waiting == 0


def test_a_full_spool_says_so_and_loses_nothing() -> None:
    spool = MemorySpool(max_waiting_bytes=25)
    assert [spool.append(b"0123456789"), spool.append(b"0123456789")] == [0, 1]
    with pytest.raises(SpoolFullError, match="2 records wait"):
        spool.append(b"0123456789")
    assert spool.read(0, max_records=10, max_bytes=100) == [b"0123456789"] * 2


def test_a_spool_forgets_what_is_acknowledged_and_nothing_else() -> None:
    spool = MemorySpool()
    for number in range(10):
        spool.append(bytes([number]))
    spool.acknowledge(3)
    spool.acknowledge(1)
    assert (spool.first_seq, spool.next_seq) == (4, 10)
    assert spool.read(6, max_records=2, max_bytes=100) == [b"\6", b"\7"]
    assert spool.read(4, max_records=9, max_bytes=1) == [b"\4"]
    spool.acknowledge(99)
    assert (spool.first_seq, spool.next_seq) == (10, 10)
    assert len({MemorySpool().spool_id for _ in range(10)}) == 10
