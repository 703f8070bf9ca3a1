"""Judging recordings: a child process turns each into records, a judge of its own turns these into findings and into what stays open.

The station's program does the first part (``canhsong-station replay --json``): the collector never imports it.
"""

from __future__ import annotations

import difflib
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from collector.checks.context import Context
from collector.checks.rules import new_judge
from collector.checks.types import Finding, Observation, Remark
from collector.errors import CollectorError, MisuseError
from config.errors import WireError
from config.wire import AnyRecord, from_json

RECORD_FILES: Final = (".jsonl", ".ndjson")
STATION: Final = "canhsong-station"


class Verdict(Struct, frozen=True, kw_only=True):
    """All that was judged, and what could not be, of one recording."""

    source: str
    findings: tuple[Finding, ...]
    remarks: tuple[Remark, ...]


class ExpectedFinding(Struct, frozen=True, kw_only=True, order=True):
    """What of a finding does not depend on the last digit of a level."""

    rule: str
    subject: str
    grade: str
    reasons: tuple[str, ...]


class ExpectedVerdict(Struct, frozen=True, kw_only=True):
    """A recording's verdict as a committed file holds it."""

    findings: tuple[ExpectedFinding, ...]
    cannot_judge: tuple[str, ...]
    """``rule: subject: code``."""


def judge_path(path: Path, context: Context, *, start_time: str | None) -> Verdict:
    """Return the verdict on the recording, or file of records, in ``path``.

    Raises:
        CollectorError: it cannot be read.
    """
    records = _read(path) if path.suffix in RECORD_FILES else _replay(path, start_time)
    return judge_records(records, context, source=path.name)


def judge_records(records: Iterable[AnyRecord], context: Context, *, source: str) -> Verdict:
    """Return the verdict on ``records`` alone."""
    judge = new_judge(context)
    spool = hashlib.sha256(source.encode()).hexdigest()[:16]
    judge.feed(Observation(spool_id=spool, seq=seq, record=record) for seq, record in enumerate(records))
    return Verdict(source=source, findings=judge.findings(), remarks=judge.remarks())


def essence(verdicts: Sequence[Verdict]) -> str:
    """Return ``verdicts`` as the text of an expectation file: sorted, indented JSON."""
    table = {
        verdict.source: ExpectedVerdict(
            findings=tuple(
                sorted(
                    ExpectedFinding(
                        rule=f.rule, subject=f.subject, grade=f.grade, reasons=tuple(sorted({c.reason.code for c in f.evidence}))
                    )
                    for f in verdict.findings
                )
            ),
            cannot_judge=tuple(sorted({f"{r.rule}: {r.subject}: {r.reason.code}" for r in verdict.remarks})),
        )
        for verdict in sorted(verdicts, key=lambda v: v.source)
    }
    return msgspec.json.format(msgspec.json.encode(table, order="sorted"), indent=1).decode() + "\n"


def compare(verdicts: Sequence[Verdict], expected: Path) -> list[str]:
    """Return how ``verdicts`` differ from the file ``expected``, as lines of a diff; none: they are the same.

    Raises:
        MisuseError: the file cannot be read.
    """
    try:
        table = msgspec.json.decode(expected.read_bytes(), type=dict[str, ExpectedVerdict])
    except (OSError, msgspec.MsgspecError) as error:
        raise MisuseError(f"--expect {expected}: {error}; write one with `check PATH... --write-expect FILE`") from error
    then = msgspec.json.format(msgspec.json.encode(table, order="sorted"), indent=1).decode() + "\n"
    return list(difflib.unified_diff(then.splitlines(), essence(verdicts).splitlines(), str(expected), "found", lineterm="", n=2))


def _read(path: Path) -> list[AnyRecord]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise MisuseError(f"{path}: {error.strerror}") from error
    return [_record(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()]


def _replay(path: Path, start_time: str | None) -> list[AnyRecord]:
    beside = Path(sys.executable).with_name(STATION)
    program = str(beside) if beside.exists() else shutil.which(STATION)
    if program is None:
        raise CollectorError(f"{STATION} is not installed here: install canhsong[station], or check a file of its `replay --json` output")
    command = [program, "replay", "--json", str(path), *(["--start-time", start_time] if start_time else [])]
    done = subprocess.run(command, capture_output=True, check=False)
    if not done.stdout.strip():
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise CollectorError(f"{path}: {said[-1] if said else f'{STATION} ended with {done.returncode} and printed nothing'}")
    return [_record(line, f"{path}, record {number}") for number, line in enumerate(done.stdout.splitlines(), start=1)]


def _record(line: bytes, where: str) -> AnyRecord:
    try:
        return from_json(line)
    except WireError as error:
        raise CollectorError(f"{where}: {error}") from error
