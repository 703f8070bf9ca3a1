"""The judge is a function of the observations: not of their order of arrival, not of how often they come."""

from __future__ import annotations

import random

import msgspec
import pytest

from collector.checks import world as judge_module
from collector.checks.context import Context
from collector.checks.rules import new_judge
from collector.checks.types import Answer, Finding, Observation, answers_of
from tests.scenes.air import START_NS, observations
from tests.scenes.bank import Scene, context_of, judged, registry
from tests.scenes.more_scenes import SCENES
from tests.scenes.scenes import carriers, echoes, fake, foreign


def named(name: str) -> Scene:
    return next(scene for scene in SCENES if scene.name == name)


def mixed(count: int) -> list[Observation]:
    """Return ``count`` observations of several violations, those of three stations interleaved."""
    records = [*fake(minutes=60, lac=(1, 2, 3), t3212=1), *echoes({101: 5.0, 102: 5.0}), *carriers(941.0, 240), *foreign(-25.0)]
    shifted = [
        msgspec.structs.replace(r, station=f"s{k}", start_time_ns=r.start_time_ns + k * 977_000_000 + turn * 7_200_000_000_000)
        for turn in range(40)
        for k in range(3)
        for r in records
    ]
    return observations(shifted[:count])


def encoded(context: Context, batches: list[list[Observation]]) -> bytes:
    judge = new_judge(context)
    for batch in batches:
        judge.feed(batch)
    return msgspec.json.encode([judge.findings(), judge.remarks()])


@pytest.mark.parametrize(("count", "orders"), [(1500, 3), pytest.param(10_000, 10, marks=pytest.mark.slow)])
def test_the_findings_do_not_depend_on_the_order_of_arrival(monkeypatch: pytest.MonkeyPatch, count: int, orders: int) -> None:
    monkeypatch.setattr(judge_module, "SNAPSHOT_EVERY", 200 if count < 2000 else 2000)
    context = context_of(named("repeater on two sites"))
    seen = mixed(count)
    straight = encoded(context, [seen])
    assert straight.count(b'"finding_id"') >= 3
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(orders):
        shuffled = list(seen)
        rng.shuffle(shuffled)
        cut = sorted(rng.sample(range(1, count), 4))
        batches = [shuffled[a:b] for a, b in zip([0, *cut], [*cut, count], strict=True)]
        assert encoded(context, batches) == straight


def test_what_came_twice_counts_once() -> None:
    scene = named("foreign cell far too strong")
    seen = observations(scene.make())
    assert encoded(context_of(scene), [seen, seen[5:], seen[:9]]) == encoded(context_of(scene), [seen])


def test_a_finding_is_strengthened_and_never_doubled_by_more_sweeps() -> None:
    scene = named("unlicensed carrier")
    judge = new_judge(context_of(scene))
    seen = observations(carriers(941.0, 240))
    judge.feed(seen[:2])
    (first,) = judge.findings()
    judge.feed(seen[2:])
    (last,) = judge.findings()
    assert last.finding_id == first.finding_id
    assert last.confidence > first.confidence
    assert last.grade == "to_verify"


def test_a_finding_closes_when_its_subject_is_heard_no_more() -> None:
    scene = named("unlicensed carrier")
    judge = new_judge(context_of(scene))
    judge.feed(observations([*carriers(941.0, 240), *carriers(944.0, 240, start_ns=START_NS)]))
    (finding,) = judge.findings()
    assert finding.state == "closed"
    assert finding.closed_ns == finding.last_ns + 6 * 3600 * 10**9


def test_a_registry_change_closes_exactly_what_it_explains() -> None:
    from dataclasses import replace as changed

    from config.licences import Licence

    both = named("unlicensed carrier")
    both = changed(both, make=lambda: [*carriers(941.0, 240), *carriers(938.0, 240, track_id="00000000000000bb")])
    before = {f.subject: f for f in judged(both)}
    assert sorted(before) == ["938.000 MHz", "941.000 MHz"]
    licence = Licence(licence_id="NEW", holder="X", technology="gsm", lower_mhz=940.9, upper_mhz=941.1)
    after = judged(changed(both, registry=registry(licence)))
    assert after == (before["938.000 MHz"],)


def test_an_inspectors_answer_goes_before_every_sum_and_stays_known() -> None:
    scene = named("unlicensed carrier")
    (finding,) = judged(scene)
    answer = Answer(
        finding_id=finding.finding_id, rule=finding.rule, subject=finding.subject, answer="licensed", time_ns=START_NS, inspector="A"
    )
    judge = new_judge(context_of(scene), answers_of([answer]))
    judge.feed(observations([*carriers(941.0, 240), *carriers(941.0, 240, start_ns=START_NS)]))
    assert [(f.state, f.answer, f.alert) for f in judge.findings()] == [("closed", "licensed", False)] * 2
    judge = new_judge(context_of(scene), answers_of([msgspec_free(answer, "confirmed")]))
    judge.feed(observations(carriers(941.0, 240)))
    (confirmed,) = judge.findings()
    assert (confirmed.grade, confirmed.confidence) == ("confirmed", 1.0)


def msgspec_free(answer: Answer, word: str) -> Answer:
    from dataclasses import replace

    return replace(answer, answer=word)  # type: ignore[arg-type]


def test_what_is_forgotten_can_no_longer_be_fitted_in_and_the_judge_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_module, "SNAPSHOT_EVERY", 100)
    seen = mixed(500)
    judge = new_judge(context_of(named("repeater on two sites")))
    judge.feed(seen)
    before = judge.findings()
    early = min(seen, key=lambda o: o.key)
    assert not judge.is_too_late(early)
    judge.forget_but(50)
    assert judge.is_too_late(early)
    assert judge.findings() == before


def test_a_judge_that_goes_on_from_what_was_saved_finds_the_same_even_with_late_observations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_module, "SNAPSHOT_EVERY", 100)
    context = context_of(named("repeater on two sites"))
    seen = sorted(mixed(600), key=lambda o: o.key)
    late = seen.pop(460)
    first = new_judge(context)
    first.feed(seen[:500])
    second = new_judge(context)
    second.restore(first.save(keep=200))
    assert not second.is_too_late(late)
    second.feed([*seen[500:], late])
    straight = new_judge(context)
    straight.feed([*seen, late])
    assert second.findings() == straight.findings()


def test_changes_taken_batch_by_batch_add_up_to_all_findings() -> None:
    judge = new_judge(context_of(named("repeater on two sites")))
    seen = sorted(mixed(1500), key=lambda o: o.key)
    told: dict[str, Finding] = {}
    for at in range(0, len(seen), 250):
        judge.feed(seen[at : at + 250])
        changes = judge.take_changes()
        assert not changes.everything
        told |= {f.finding_id: f for f in changes.findings}
    assert sorted(told.values(), key=lambda f: (f.opened_ns, f.finding_id)) == list(judge.findings())
