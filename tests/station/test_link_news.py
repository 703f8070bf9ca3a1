"""A running station says which collector does not take its records, once, and when it does again."""

from __future__ import annotations

from config.wire.frames import Hello, Welcome
from station.spooled_uplink import SAY_AFTER_S, SpooledUplink
from station.uplink import Uplink
from station.uplinks import Uplinks
from tests.end_to_end.running import eventually
from tests.station.scripted_collector import ScriptedCollector


def test_a_collector_that_does_not_answer_is_told_of_once_and_again_when_it_takes_records() -> None:
    with ScriptedCollector() as collector:
        link = SpooledUplink(Uplinks([Uplink(collector.address, station="ea-sup")]))
        assert link.news(0.0) == []
        assert link.news(SAY_AFTER_S - 0.1) == []
        (line,) = link.news(SAY_AFTER_S)
        assert line.startswith(f"no collector answers at {collector.address}: ")
        assert link.news(SAY_AFTER_S + 100.0) == []
        hello = collector.expect(Hello)
        assert isinstance(hello, Hello)
        collector.say(Welcome(spool_id=hello.spool_id, committed_seq=-1, credit=100))
        assert eventually(lambda: link.news(SAY_AFTER_S + 200.0)) == [f"no longer: no collector answers at {collector.address}"]
        assert link.news(SAY_AFTER_S + 200.0) == []
        link.close(0.0)
