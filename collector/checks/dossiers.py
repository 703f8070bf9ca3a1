"""The evidence about one subject of one rule, and what it adds up to: odds in decibans, confidence, grade, finding (decision 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from collector.checks.types import (
    GRADE_ORDER,
    SEVERITY_ORDER,
    Answers,
    Contribution,
    Evidence,
    Finding,
    Grade,
    Rule,
    Severity,
    SortKey,
    finding_id,
)
from collector.checks.wants import ASKABLE, wanted
from config.rules import AlertBook, RuleBook


@dataclass(frozen=True, slots=True)
class Dossier:
    """The evidence gathered about one subject of one rule since its first observation. A value: snapshots share what did not change."""

    opening: SortKey
    origin: str
    last_ns: int
    contributions: Mapping[tuple[str, str], Contribution] = field(default_factory=dict)
    """(kind, station) -> what it gave."""
    opened_ns: int | None = None

    def with_evidence(self, evidence: Evidence, *, station: str, time_ns: int) -> Dossier:
        """Return it with one observation's evidence added to what its kind and station gave before, up to the kind's limit."""
        where = (evidence.kind, station)
        old = self.contributions.get(where)
        limit = abs(evidence.limit_decibans)
        total = (old.decibans if old and not evidence.replaces else 0.0) + evidence.decibans
        now = Contribution(
            kind=evidence.kind,
            station=station,
            count=old.count + 1 if old else 1,
            decibans=max(-limit, min(limit, total)),
            cap=evidence.cap,
            first_ns=old.first_ns if old else time_ns,
            last_ns=time_ns,
            reason=evidence.reason,
            freqs_hz=evidence.freqs_hz or (old.freqs_hz if old else ()),
            severity=evidence.severity,
        )
        last_ns = max(self.last_ns, time_ns) if evidence.decibans >= 0.0 else self.last_ns
        return Dossier(self.opening, self.origin, last_ns, {**self.contributions, where: now}, self.opened_ns)

    def opened(self, time_ns: int) -> Dossier:
        """Return it as a finding that opened now."""
        return Dossier(self.opening, self.origin, self.last_ns, self.contributions, time_ns)

    def confidence(self, prior_decibans: float) -> float:
        """Return the probability of the violation: prior odds times likelihood ratios, in a fixed order, for sums of floats have one."""
        total = prior_decibans
        for where in sorted(self.contributions):
            total += self.contributions[where].decibans
        return float(1.0 / (1.0 + 10.0 ** (-total / 10.0)))

    def grade(self, confidence: float, book: AlertBook) -> Grade:
        """Return the grade of ``confidence``, no higher than the least limited evidence *for* the violation allows."""
        if confidence >= book.confirmed:
            reached: Grade = "confirmed"
        elif confidence >= book.suspected:
            reached = "suspected"
        else:
            reached = "to_verify" if confidence >= book.to_verify else "information"
        caps = [GRADE_ORDER.index(c.cap) for c in self.contributions.values() if c.decibans > 0.0]
        return GRADE_ORDER[min(GRADE_ORDER.index(reached), max(caps, default=0))]

    def severity(self, usual: Severity) -> Severity:
        """Return how much it would matter: as much as the gravest of what speaks for it; ``usual``: what the rule says."""
        found = [c.severity or usual for c in self.contributions.values() if c.decibans > 0.0]
        return max(found, key=SEVERITY_ORDER.index, default=usual)


def finding_of(rule: Rule, subject: str, dossier: Dossier, *, closed_ns: int | None, book: RuleBook, versions: tuple[str, str]) -> Finding:
    """Return the state of ``dossier`` as a value, before any inspector's answer. ``versions``: registry, rule book."""
    confidence = dossier.confidence(rule.prior_decibans)
    grade = dossier.grade(confidence, book.alert)
    is_open, worth = closed_ns is None, grade != "information"
    ordered = sorted(dossier.contributions.values(), key=lambda c: (-abs(c.decibans), c.kind, c.station))
    return Finding(
        finding_id=finding_id(rule.name, subject, dossier.opening),
        rule=rule.name,
        rule_version=rule.version,
        legal_basis=rule.legal_basis,
        subject=subject,
        origin=dossier.origin,
        state="open" if is_open else "closed",
        severity=dossier.severity(rule.severity),
        grade=grade,
        confidence=round(confidence, 4),
        alert=is_open and worth and dossier.origin == "live" and confidence >= book.alert.suspected,
        opened_ns=dossier.opened_ns if dossier.opened_ns is not None else dossier.opening.time_ns,
        last_ns=dossier.last_ns,
        closed_ns=closed_ns,
        stations=tuple(sorted({c.station for c in ordered})),
        registry_version=versions[0],
        rulebook_version=versions[1],
        answer=None,
        evidence=tuple(ordered),
        wants=wanted(rule.wants, ordered) if is_open and worth and dossier.origin in ASKABLE else (),
    )


def answered(finding: Finding, answers: Answers) -> Finding:
    """Return ``finding`` as an inspector's answer leaves it: the answer goes before every sum."""
    given = answers.by_finding.get(finding.finding_id)
    answer = given.answer if given else ("licensed" if (finding.rule, finding.subject) in answers.licensed else None)
    if answer is None:
        return finding
    if answer == "confirmed":
        is_alert = finding.state == "open" and finding.origin == "live"
        return replace(finding, answer=answer, confidence=1.0, grade="confirmed", alert=is_alert, wants=())
    return replace(finding, answer=answer, confidence=0.0, grade="information", state="closed", alert=False, wants=())
