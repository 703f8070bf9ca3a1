"""Rules and signs can be switched off, each by itself; a finding names what it was judged by."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from collector.checks.context import Context
from collector.checks.rules import new_judge
from collector.checks.types import Finding
from config.rules import RuleBook
from tests.scenes.air import observations
from tests.scenes.bank import Scene, context_of
from tests.scenes.more_scenes import SCENES


def scene(name: str) -> Scene:
    return next(s for s in SCENES if s.name == name)


def judged_by(one: Scene, book: RuleBook) -> tuple[Finding, ...]:
    context: Context = replace(context_of(one), book=book)
    judge = new_judge(context)
    judge.feed(observations(one.make()))
    return judge.findings()


def test_a_sign_that_is_switched_off_weighs_nothing() -> None:
    one = scene("fake station that changes its LAC")
    book = context_of(one).book
    (with_it,) = judged_by(one, book)
    assert {"area_changing", "t3212_very_short"} <= {c.kind for c in with_it.evidence}
    off = msgspec.structs.replace(
        book, fake={**book.fake, "area_changing": msgspec.structs.replace(book.fake["area_changing"], enabled=False)}
    )
    assert judged_by(one, off) == ()


def test_a_rule_that_is_switched_off_says_nothing() -> None:
    one = scene("jammer")
    assert judged_by(one, msgspec.structs.replace(context_of(one).book, disabled=("7-jammer",))) == ()


def test_a_finding_names_registry_rule_book_and_law() -> None:
    one = scene("jammer")
    book = context_of(one).book
    (finding,) = judged_by(one, book)
    assert (finding.registry_version, finding.rulebook_version) == ("scenes", book.version)
    assert "QĐ 39/2010/QĐ-UBND Đ4.3" in finding.legal_basis
    assert "Luật 42/2009/QH12 Đ47.1" in finding.legal_basis


def test_a_registry_miss_alone_is_never_more_than_to_verify_however_often_and_by_however_many_it_is_heard() -> None:
    one = scene("unlicensed carrier")
    records = [msgspec.structs.replace(r, station=f"s{k}") for r in one.make() for k in range(10)]
    judge = new_judge(context_of(one))
    judge.feed(observations(records * 1))
    (finding,) = judge.findings()
    assert finding.confidence > 0.97
    assert finding.grade == "to_verify"
