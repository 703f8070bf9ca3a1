"""Late observations: waited for, gathered, fitted in from memory or from a checkpoint; the findings are those of the right order."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from collector import judging as judging_module
from collector.checks import world as world_module
from collector.checks.types import Finding, Observation
from collector.followers import catch_up
from collector.journal import Journal, JournalReader
from collector.judging import JudgingEffect, findings_path
from collector.judging_order import in_order
from collector.judging_queue import Waiting
from collector.judging_store import FindingsStore
from config.wire import AnyRecord, encode_record
from tests.collector.checks.journals import found
from tests.scenes.air import observations
from tests.scenes.scenes import fake, foreign


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def append(data: Path, numbered: list[tuple[int, AnyRecord]]) -> None:
    journal = Journal(data / "journal")
    for seq, record in numbered:
        journal.append((record.station, "ab" * 16), seq, encode_record(record))
    journal.close()


def take_in(data: Path, effect: JudgingEffect) -> None:
    with JournalReader(data / "journal") as reader:
        while catch_up(reader, effect):
            pass


def one_run(data: Path, numbered: list[tuple[int, AnyRecord]]) -> list[Finding]:
    append(data, numbered)
    effect = JudgingEffect(data)
    take_in(data, effect)
    effect.close()
    return found(data)


def air() -> list[tuple[int, AnyRecord]]:
    return list(enumerate([*fake(minutes=60, lac=(1, 2, 3, 4), t3212=1), *foreign(-25.0)]))


def test_what_comes_a_little_late_costs_nothing_for_it_was_waited_for() -> None:
    seen = observations(fake(minutes=5))
    waiting = Waiting(hold_s=3.0)
    waiting.put(seen[5:], is_late=lambda _: False, now_s=10.0)
    assert waiting.due(12.9) == []
    waiting.put(seen[:5], is_late=lambda _: False, now_s=12.9)
    due = waiting.due(13.0)
    assert due == sorted(seen, key=lambda o: o.key)
    assert len(waiting) == 0


def test_late_ones_are_gathered_and_fitted_in_the_less_often_the_more_it_costs() -> None:
    (one, *rest) = observations(fake(minutes=5))
    waiting = Waiting(late_s=2.0)
    waiting.put([one], is_late=lambda _: True, now_s=0.0)
    assert waiting.late(1.9) == []
    waiting.put(rest, is_late=lambda _: True, now_s=1.9)
    assert waiting.late(2.0) == [one, *rest]
    waiting.fitted(10.0, 12.0)
    waiting.put([one], is_late=lambda _: True, now_s=12.0)
    assert waiting.late(31.9) == []
    assert waiting.late(32.0) == [one]


def test_what_waits_is_judged_when_it_is_due_even_if_nothing_more_comes(tmp_path: Path) -> None:
    clock = Clock()
    append(tmp_path, air())
    effect = JudgingEffect(tmp_path, clock=clock)
    take_in(tmp_path, effect)
    assert found(tmp_path) == []
    clock.now_s = 3.5
    effect.tick()
    assert {f.rule for f in found(tmp_path)} >= {"3-foreign", "4-fake-station"}
    effect.close()


@pytest.mark.parametrize("killed", [False, True])
def test_what_is_too_late_for_memory_is_judged_from_a_checkpoint_and_not_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    monkeypatch.setattr(world_module, "SNAPSHOT_EVERY", 20)
    monkeypatch.setattr(judging_module, "KEEP", 30)
    monkeypatch.setattr(judging_module, "SAVE_EVERY", 50)
    monkeypatch.setattr(judging_module, "CHECKPOINT_EVERY", 100)
    monkeypatch.setattr(judging_module, "BATCH", 40)
    numbered = air()
    straight = one_run(tmp_path / "straight", numbered)
    data = tmp_path / "late"
    late = numbered[250:260]
    for at in range(0, len(numbered), 50):
        append(data, [n for n in numbered[at : at + 50] if n not in late])
        effect = JudgingEffect(data)
        take_in(data, effect)
        effect.close()
    store = FindingsStore(findings_path(data))
    points = store.checkpoints()
    store.close()
    assert len(points) >= 3
    append(data, late)
    effect = JudgingEffect(data)
    monkeypatch.setattr(effect, "again", lambda *_, **__: pytest.fail("judged from the beginning"))
    take_in(data, effect)
    if killed:  # before it was fitted in: nothing is saved, the journal still has it
        effect._store.close()
        effect = JudgingEffect(data)
        take_in(data, effect)
    effect.close()
    assert found(data) == straight


def test_an_old_replay_beside_live_observations_has_none_of_them_judged_again() -> None:
    from collector.checks.rules import new_judge
    from tests.scenes.bank import context_of
    from tests.scenes.more_scenes import SCENES

    judge = new_judge(context_of(SCENES[0]))
    live = observations(foreign(-25.0))
    earlier = [msgspec.structs.replace(o.record, origin="replay", start_time_ns=o.record.start_time_ns - 10**18) for o in live]
    old = [Observation(spool_id="1" * 16, seq=seq, record=record) for seq, record in enumerate(earlier)]
    assert judge.feed(live) == len(live)
    assert judge.feed(old) == len(old)


def test_undated_recordings_have_a_clock_each() -> None:
    from collector.checks.rules import new_judge
    from tests.scenes.bank import context_of
    from tests.scenes.more_scenes import SCENES

    def recording(spool: str) -> list[Observation]:
        given = observations(fake(minutes=2))
        records = [msgspec.structs.replace(o.record, time_source="unknown", start_time_ns=o.seq, origin="replay") for o in given]
        return [Observation(spool_id=spool, seq=o.seq, record=r) for o, r in zip(given, records, strict=True)]

    first, second = recording("1" * 16), recording("2" * 16)
    judge = new_judge(context_of(SCENES[0]))
    assert judge.feed(first) + judge.feed(second) == len(first) + len(second)
    counts = {r.subject: r.count for r in judge.remarks()}
    alone = new_judge(context_of(SCENES[0]))
    alone.feed(first)
    assert counts == {r.subject: 2 * r.count for r in alone.remarks()}
    assert counts


def test_the_journal_in_order_is_that_of_the_observations_keys(tmp_path: Path) -> None:
    numbered = air()
    random.Random(4).shuffle(numbered)
    append(tmp_path, numbered)
    with JournalReader(tmp_path / "journal") as reader:
        order = in_order(reader, since_ns=0)
        keys = [(r.start_time_ns, r.station, seq) for seq, r in numbered]
        assert [keys[n - 1] for n in order.entries] == sorted(keys)
        since = sorted(keys)[100][0]
        assert len(in_order(reader, since_ns=since).entries) == sum(k[0] >= since for k in keys)
