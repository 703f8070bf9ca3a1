"""What the station sends is bounded by the collector's credit and by its own cap, reliable records first; and nothing is lost by it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from config.wire.frames import Ack, Batch, Heartbeat, Hello, Live, Refused, Welcome
from station.conversation import BATCH_BYTES, SMALLEST_BATCH_BYTES, Conversation
from station.one_collector_spool import OneCollectorSpool
from station.rate_cap import MIN_BURST_BYTES, OVERHEAD_BYTES, RateCap
from station.spool import MemorySpool
from station.uplink import Uplink
from tests.end_to_end.running import emission, spectrum
from tests.station.scripted_collector import ScriptedCollector

STATION = "nui-vong-phu"


def records_of(frames: list[object]) -> list[int]:
    """The numbers that were sent, in order."""
    return [frame.first_seq + k for frame in frames if isinstance(frame, Batch) for k in range(len(frame.records))]


def test_the_station_has_no_more_under_way_than_the_collector_lets_it() -> None:
    spool = MemorySpool()
    with ScriptedCollector() as centre, Uplink(centre.address, station=STATION, spool=spool) as uplink:
        uplink.publish_all(emission(number) for number in range(50))
        assert isinstance(centre.expect(Hello), Hello)
        centre.say(Welcome(spool_id=spool.spool_id, committed_seq=-1, credit=0))
        assert records_of(list(centre.listen(1.5))) == []
        centre.say(Heartbeat(credit=7))
        assert records_of(list(centre.listen(0.5))) == list(range(7))
        centre.say(Ack(spool_id=spool.spool_id, committed_seq=6, rejected=[], credit=3))
        assert records_of(list(centre.listen(0.5))) == [7, 8, 9]
        centre.say(Ack(spool_id=spool.spool_id, committed_seq=9, rejected=[], credit=100))
        assert records_of(list(centre.listen(0.5))) == list(range(10, 50))
        centre.say(Heartbeat())  # an older collector's says nothing of credit
        assert records_of(list(centre.listen(0.3))) == []


def test_live_records_wait_for_reliable_ones_that_may_not_be_sent_yet() -> None:
    spool = MemorySpool()
    with ScriptedCollector() as centre, Uplink(centre.address, station=STATION, spool=spool) as uplink:
        centre.expect(Hello)
        centre.say(Welcome(spool_id=spool.spool_id, committed_seq=-1, credit=2))
        centre.listen(0.3)
        uplink.publish_all(emission(number) for number in range(4))
        for number in range(3):
            uplink.publish_live(spectrum(number))
        frames = centre.listen(0.7)
        assert records_of(list(frames)) == [0, 1]
        assert not [frame for frame in frames if isinstance(frame, Live)]
        centre.say(Ack(spool_id=spool.spool_id, committed_seq=1, rejected=[], credit=2))
        kinds = [type(frame) for frame in centre.listen(0.7) if isinstance(frame, Batch | Live)]
        assert kinds == [Batch, Live, Live, Live]


def test_a_cap_holds_over_seconds_and_records_go_before_spectra() -> None:
    cap, spool = 12_000, MemorySpool()
    with ScriptedCollector() as centre, Uplink(centre.address, station=STATION, spool=spool, max_bytes_s=cap) as uplink:
        uplink.publish_all(emission(number) for number in range(150))
        for number in range(20):
            uplink.publish_live(spectrum(number, bins=64))
        centre.expect(Hello)
        began = time.monotonic()
        centre.say(Welcome(spool_id=spool.spool_id, committed_seq=-1, credit=2000))
        while len(numbers := records_of([frame for _, frame, _ in centre.heard])) < 150:
            assert time.monotonic() - began < 20.0
            centre.listen(0.2)
            centre.say(Ack(spool_id=spool.spool_id, committed_seq=len(numbers) - 1, rejected=[], credit=2000))
        took_s = time.monotonic() - began
        centre.listen(2.0)
        total = sum(size + OVERHEAD_BYTES for _, frame, size in centre.heard if isinstance(frame, Batch | Live))
        kinds = [type(frame) for _, frame, _ in centre.heard if isinstance(frame, Batch | Live)]
        assert total <= cap * (took_s + 2.0) + cap + 2000  # a second is saved up at most, one message may run into debt
        assert took_s > 150 * 250 / cap - 1.0
        assert Live not in kinds[: kinds.index(Live)]
        assert kinds.index(Live) == len([kind for kind in kinds if kind is Batch])
        for late, early in ((2.0, 1.0), (3.0, 2.0)):
            within = [size for at, frame, size in centre.heard if early <= at - began < late and isinstance(frame, Batch)]
            assert sum(within) <= 2 * cap


def test_without_a_cap_there_is_room_and_with_one_debt_is_paid() -> None:
    assert RateCap(None, now_s=0.0).room(0.0) > 10**9
    cap = RateCap(1000.0, now_s=0.0)
    assert cap.room(0.0) == MIN_BURST_BYTES - OVERHEAD_BYTES
    cap.spent(5000)
    assert cap.room(1.0) == 0
    assert cap.wait_s() == pytest.approx((5000 + OVERHEAD_BYTES - MIN_BURST_BYTES - 1000 + OVERHEAD_BYTES + 1) / 1000.0)
    assert cap.room(1.0 + cap.wait_s()) > 0
    assert cap.room(1000.0) == MIN_BURST_BYTES - OVERHEAD_BYTES


def test_a_link_that_is_too_slow_for_a_batch_gets_smaller_ones_until_it_works() -> None:
    spool = MemorySpool()
    for _ in range(2000):
        spool.append(bytes(300))
    talk = Conversation(spool)
    now = 100.0

    def welcomed() -> int:
        talk.take(Welcome(spool_id=spool.spool_id, committed_seq=-1, credit=10_000), now)
        batch = talk.next_batch()
        assert isinstance(batch, Batch)
        talk.sent(batch, now)
        return sum(map(len, batch.records))

    sizes = []
    for _ in range(5):
        sizes.append(welcomed())
        now += 6.0
        assert talk.hello_due(now)
        talk.said_hello(now)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 50_000
    assert sizes[-1] <= SMALLEST_BATCH_BYTES
    talk.take(Welcome(spool_id=spool.spool_id, committed_seq=-1, credit=10_000), now)
    for seq in range(20):
        talk.take(Ack(spool_id=spool.spool_id, committed_seq=seq, rejected=[], credit=10_000), now)
    batch = talk.next_batch(BATCH_BYTES)
    assert isinstance(batch, Batch)
    assert len(batch.records) == 200


def test_a_station_names_an_instance_of_long_ago_when_the_collector_asks_for_it(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    first = OneCollectorSpool(path)
    old = first.instances[0]
    first._spool._db.execute("PRAGMA synchronous=OFF")
    for _ in range(300):
        first._spool.draw_instance()
    first.close()
    spool = OneCollectorSpool(path)
    assert old not in spool.instances
    with ScriptedCollector() as centre, Uplink(centre.address, station=STATION, spool=spool) as uplink:
        hello = centre.expect(Hello)
        assert isinstance(hello, Hello)
        assert len(hello.instances) == 256
        centre.say(Refused(reason="another sender goes on from this spool", hello=False, sender=old))
        again = centre.expect(Hello, timeout_s=2.0)
        assert isinstance(again, Hello)
        assert len(again.instances) == 256
        assert (again.instances[0], again.instances[-1]) == (spool.instances[0], old)
        centre.say(Refused(reason="a stranger's", hello=False, sender="0" * 16))
        assert not [frame for frame in centre.listen(1.5) if isinstance(frame, Hello)]
        assert "a stranger's" in (uplink.problem() or "")
