"""All rules, in order; one that the rule book disables is left out."""

from __future__ import annotations

from collector.checks.booster import BoosterRule
from collector.checks.changes import ChangesRule
from collector.checks.context import Context
from collector.checks.fake_station import FakeStationRule
from collector.checks.foreign import ForeignRule
from collector.checks.jammer import JammerRule
from collector.checks.judge import Judge
from collector.checks.relay import RelayRule
from collector.checks.technology import TechnologyRule
from collector.checks.types import Answers, Rule
from collector.checks.unlicensed import UnlicensedRule

RADIO_LAW = "Luật Tần số vô tuyến điện 42/2009/QH12 (09/2022/QH15)"


def all_rules(context: Context) -> tuple[Rule, ...]:
    """Return the rules that judge by ``context``."""
    basis = context.book.legal_basis
    law = (*basis, RADIO_LAW)
    rules: tuple[Rule, ...] = (
        UnlicensedRule(context=context, legal_basis=law),
        TechnologyRule(context=context, legal_basis=law),
        ForeignRule(context=context, legal_basis=law),
        FakeStationRule(context=context, legal_basis=(*law, "BLHS Đ293-294")),
        RelayRule(context=context, legal_basis=law),
        BoosterRule(context=context, legal_basis=law),
        JammerRule(context=context, legal_basis=(*law, "Luật 42/2009/QH12 Đ47.1")),
        ChangesRule(context=context, legal_basis=basis),
    )
    return tuple(rule for rule in rules if rule.name not in context.book.disabled)


def new_judge(context: Context, answers: Answers | None = None) -> Judge:
    """Return a judge with all rules that has seen nothing yet."""
    return Judge(all_rules(context), book=context.book, registry_version=context.licences.registry.version, answers=answers)
