"""Half a minute of the demo: findings of every severity with their reasons, on the API and in the page's rows, marked, without alert."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from collector.checks.types import SEVERITY_ORDER, Finding
from collector.finding_words import SEVERITY_WORDS
from collector.web.findings_panel import finding_row
from tests.end_to_end.running import end_with_parent

WITHIN_S = 240.0
pytestmark = pytest.mark.xdist_group("demo")  # one at a time: each wants the page's usual port


def test_the_demo_shows_a_finding_of_every_severity_with_its_reason(tmp_path: Path) -> None:
    import msgspec

    process = subprocess.Popen(
        [sys.executable, "-m", "station.cli", "demo", "--duration", "32", "--data", str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=end_with_parent,
    )
    try:
        page = _first_line(process, 60.0).partition("page: ")[2].partition("?")[0].strip()
        found: list[Finding] = []
        deadline = time.monotonic() + WITHIN_S
        while {f.severity for f in found} != set(SEVERITY_ORDER):
            assert time.monotonic() < deadline, [(f.severity, f.rule, f.subject) for f in found]
            time.sleep(1.0)
            with urllib.request.urlopen(f"{page}api/findings?origin=synthetic", timeout=10.0) as answer:
                found = [msgspec.convert(row, Finding) for row in json.loads(answer.read())]
        with urllib.request.urlopen(f"{page}api/findings", timeout=10.0) as answer:
            assert json.loads(answer.read()) == []
    finally:
        process.terminate()
        process.wait(60.0)
        if process.stdout is not None:
            process.stdout.close()
    assert all(f.origin == "synthetic" and not f.alert and f.wants == () for f in found)
    assert all(c.reason.vi and c.reason.en for f in found for c in f.evidence)
    rows = [finding_row(f, now_ns=time.time_ns()) for f in found]
    for severity in SEVERITY_ORDER:
        word = SEVERITY_WORDS[severity].partition(" / ")[0]
        assert any(row["grade"].endswith(word) and row["reasons"] for row in rows), severity


def _first_line(process: subprocess.Popen[str], within_s: float) -> str:
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=lambda out: lines.put(out.readline()), args=(process.stdout,), daemon=True).start()
    return lines.get(timeout=within_s)
