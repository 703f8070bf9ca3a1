"""``make demo`` in short: a real station process, a real collector, the timeline on the terminal, a clean end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from collector.journal import JournalReader
from config.wire import EmissionReport, GsmCellReport, decode_record
from dsp.synth.demo_cells import demo_tunings
from tests.end_to_end.running import end_with_parent

pytestmark = pytest.mark.xdist_group("demo")  # one at a time: each wants the page's usual port


def test_the_demo_prints_the_page_and_the_timeline_and_everything_it_sends_is_synthetic(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "station.cli", "demo", "--once", "--duration", "8", "--data", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        preexec_fn=end_with_parent,
    )
    assert result.returncode == 0, result.stderr
    assert "http://127.0.0.1:" in result.stdout.splitlines()[0]
    assert "?origin=synthetic" in result.stdout.splitlines()[0]
    assert "Traceback" not in result.stderr
    for words in ("GSM 452-04", "GSM 456-08", "GSM 001-01", "LTE 1,4 MHz", "yếu / weak", "trôi tần / drifting"):
        assert words in result.stdout
    with JournalReader(tmp_path / "data" / "journal") as reader:
        entries = reader.read(0, limit=10_000)
        totals = reader.totals()
    assert (totals["rejected"], totals["gaps"], totals["frames_aside"]) == (0, 0, 0)
    records = [decode_record(entry.data) for entry in entries]
    assert {record.origin for record in records} == {"synthetic"}
    names = {item.name for tuned in demo_tunings(8.0) for item in tuned.scene.items}
    assert {record.label for record in records if isinstance(record, EmissionReport)} == names
    identified = {(record.mcc, record.mnc) for record in records if isinstance(record, GsmCellReport) and record.status == "identified"}
    assert identified == {("452", "04"), ("456", "08"), ("001", "01")}
