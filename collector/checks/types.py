"""What flows through the checks: observations in, evidence, findings out. All frozen; a finding is a value, not a row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from msgspec import Struct

from config.wire import AnyRecord, SummaryReport

if TYPE_CHECKING:
    from collector.checks.sightings import Sighting

Number = float | int | str | bool | None
Severity = Literal["information", "low", "medium", "high"]
Grade = Literal["information", "to_verify", "suspected", "confirmed"]
WantKind = Literal["capture", "longer_dwell", "watch"]
SEVERITY_ORDER: Final[tuple[Severity, ...]] = ("information", "low", "medium", "high")
GRADE_ORDER: Final[tuple[Grade, ...]] = ("information", "to_verify", "suspected", "confirmed")


class SortKey(NamedTuple):
    """The order in which observations are judged, whatever the order in which they came."""

    time_ns: int
    station: str
    spool_id: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One record as the journal holds it."""

    spool_id: str
    seq: int
    record: AnyRecord

    @property
    def key(self) -> SortKey:
        """Time, station, spool and number of the record."""
        return SortKey(moment_ns(self.record), self.record.station, self.spool_id, self.seq)


def moment_ns(record: AnyRecord) -> int:
    """Return when ``record`` was known: of what looks back, that is its end."""
    return record.until_ns if isinstance(record, SummaryReport) else record.start_time_ns


class Reason(Struct, frozen=True, kw_only=True):
    """One sentence of a finding, in both languages, with the numbers that are in it."""

    code: str
    vi: str
    en: str
    numbers: dict[str, Number] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one observation says for or against one subject of one rule.

    ``decibans``: 10 log10 of the likelihood ratio that one observation gives; ``limit_decibans``: what any number of observations
    of this ``kind`` from one station can give together. ``cap``: the highest grade a finding can reach while all evidence for it is capped.
    """

    subject: str
    kind: str
    decibans: float
    limit_decibans: float
    reason: Reason
    cap: Grade = "confirmed"
    replaces: bool = False
    """Whether this is the state of things, in place of what the kind gave before, and not one more count."""
    freqs_hz: tuple[float, ...] = ()
    """Where a station would have to listen to learn more about it."""
    severity: Severity | None = None
    """Where this matters less or more than what the rule is about; None: as the rule says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotJudge:
    """A question that this rule has to leave open, and why. Never a finding."""

    subject: str
    reason: Reason


Outcome = Evidence | CannotJudge


class Contribution(Struct, frozen=True, kw_only=True):
    """All evidence of one kind from one station, added up."""

    kind: str
    station: str
    count: int
    decibans: float
    cap: Grade
    first_ns: int
    last_ns: int
    reason: Reason
    """As last given."""
    freqs_hz: tuple[float, ...] = ()
    """As last given: where to listen for more of it."""
    severity: Severity | None = None


class Want(Struct, frozen=True, kw_only=True):
    """More evidence that a finding would be better judged by. What is asked of the station, and when, is for others to say."""

    what: WantKind
    """``capture``: samples; ``longer_dwell``: one long look, to read what a short one does not; ``watch``: many looks over a time."""
    station: str
    freq_hz: float
    duration_s: float


class Remark(Struct, frozen=True, kw_only=True):
    """What could not be judged, how often, and why."""

    rule: str
    subject: str
    origin: str
    count: int
    first_ns: int
    last_ns: int
    reason: Reason


class Finding(Struct, frozen=True, kw_only=True):
    """The state of one rule's answer about one subject."""

    finding_id: str
    rule: str
    rule_version: int
    legal_basis: tuple[str, ...]
    subject: str
    origin: str
    state: Literal["open", "closed"]
    severity: Severity
    grade: Grade
    confidence: float
    """Probability that the violation is there, given the evidence and the rule's prior; 0 to 1."""
    alert: bool
    """Live, open, and confidence above the alert threshold."""
    opened_ns: int
    last_ns: int
    closed_ns: int | None
    stations: tuple[str, ...]
    registry_version: str
    rulebook_version: str
    answer: str | None
    """What an inspector found on the spot: confirmed, false, licensed; None: nobody answered yet."""
    evidence: tuple[Contribution, ...]
    wants: tuple[Want, ...] = ()
    """What evidence would help; none where it cannot be had (a recording), is no more needed, or the finding is information only."""


def finding_id(rule: str, subject: str, opening: SortKey) -> str:
    """Return 16 hex digits that depend on the rule, its subject and the observation that opened the finding, and on nothing else."""
    text = "\x1f".join([rule, subject, *map(str, opening)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Rule(Protocol):
    """One check: a value without state. What it must remember is in the memory that ``begin`` makes and ``observe`` is given."""

    @property
    def name(self) -> str:
        """Stable identity, used in findings and settings: number and word, ``2-technology``."""
        ...

    @property
    def version(self) -> int:
        """Grows whenever the same observations could give another answer."""
        ...

    @property
    def legal_basis(self) -> tuple[str, ...]:
        """Articles that the rule rests on."""
        ...

    @property
    def severity(self) -> Severity:
        """How much a confirmed case would matter."""
        ...

    @property
    def prior_decibans(self) -> float:
        """10 log10 of the odds before any evidence."""
        ...

    @property
    def closes_after_s(self) -> float:
        """A finding closes when its subject gave no evidence for so long."""
        ...

    @property
    def wants(self) -> tuple[WantKind, ...]:
        """What evidence helps to judge its findings."""
        ...

    def begin(self) -> Any:
        """Return an empty memory; it is pickled, so it holds plain values only."""
        ...

    def observe(self, sighting: Sighting, memory: Any) -> tuple[Outcome, ...]:
        """Return what ``sighting`` says, given all that ``memory`` took from those before it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an inspector recorded about a finding."""

    finding_id: str
    rule: str
    subject: str
    answer: Literal["confirmed", "false", "licensed"]
    time_ns: int
    inspector: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """All recorded answers: the latest of each finding, and what is licensed after all."""

    by_finding: Mapping[str, Answer] = field(default_factory=dict)
    licensed: frozenset[tuple[str, str]] = frozenset()
    """(rule, subject): whatever opens about it later is answered by what the registry lacked then."""


def answers_of(given: list[Answer]) -> Answers:
    """Return ``given``, oldest first, as the judge takes them."""
    latest = {answer.finding_id: answer for answer in given}
    return Answers(by_finding=latest, licensed=frozenset((a.rule, a.subject) for a in latest.values() if a.answer == "licensed"))
