"""Room for captures: what the collectors have goes first when it is needed, and only then, and only where it is enough."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from config.settings import CaptureSection
from config.wire import Header
from station.capture import HALF_S, CaptureError, CaptureFacts, CaptureRing, CaptureWriter
from station.task_book import Outgoing, TaskBook
from tests.station.tasked_station import task

RATE_HZ = 2.4e6
FACTS = CaptureFacts(header=Header(station="a", origin="live", time_source="ntp"), gain_db=30.0, receiver="r", calibration=None)


def writer(folder: Path) -> CaptureWriter:
    ring = CaptureRing(folder, sample_rate_hz=RATE_HZ, ring_s=0.2)
    ring.add(np.full(480_000, 7, np.uint8), center_freq_hz=944e6, start_ns=0, settled_samples=0)
    return CaptureWriter(CaptureSection(max_mib=1), folder, ring, sample_rate_hz=RATE_HZ)


def pair(folder: Path, name: str, n_bytes: int) -> None:
    (folder / f"{name}.sigmf-data").write_bytes(bytes(n_bytes))
    (folder / f"{name}.sigmf-meta").write_text("{}")


def names(folder: Path) -> set[str]:
    return {path.name.partition(".sigmf")[0] for path in folder.glob("*.sigmf-meta")}


def test_the_oldest_that_was_sent_goes_when_room_is_needed(tmp_path: Path) -> None:
    captures = writer(tmp_path)
    for name in ("old", "newer", "unsent"):
        pair(tmp_path, name, 250_000)
    captures.expendable = lambda: ["old", "newer"]
    one = captures.keep(task(), span_ns=(0, 10**9), facts=FACTS)
    assert names(tmp_path) == {"newer", "unsent", one.capture_id}
    assert one.task_id == task().task_id


def test_nothing_goes_where_it_would_not_be_enough(tmp_path: Path) -> None:
    captures = writer(tmp_path)
    pair(tmp_path, "sent", 100_000)
    pair(tmp_path, "unsent", 900_000)
    captures.expendable = lambda: ["sent"]
    assert "capture.max_mib" in (captures.no_room_for(480_000) or "")
    with pytest.raises(CaptureError, match=r"capture\.max_mib"):
        captures.keep(task(), span_ns=(0, 10**9), facts=FACTS)
    assert names(tmp_path) == {"sent", "unsent"}


def test_nothing_goes_while_there_is_room(tmp_path: Path) -> None:
    captures = writer(tmp_path)
    pair(tmp_path, "sent", 100_000)
    captures.expendable = lambda: ["sent"]
    captures.keep(task(), span_ns=(0, 10**9), facts=FACTS)
    assert "sent" in names(tmp_path)


def test_a_capture_may_go_when_every_collector_that_was_to_get_it_has_it(tmp_path: Path) -> None:
    book = TaskBook(tmp_path / "tasks.db")
    for number, (name, collector) in enumerate([("a", "x"), ("a", "y"), ("b", "x"), ("c", "x")]):
        one = Outgoing(capture_id=name, collector=collector, task_id=None, folder="f", meta_sha256="0", data_sha256="0")
        book.queue(one, now_ns=number)
    for name, collector, outcome in (("a", "x", "sent"), ("b", "x", "sent"), ("c", "x", "refused")):
        book.ended(name, collector, outcome=outcome, reason="")
    assert book.sent_everywhere() == ["b"]
    book.ended("a", "y", outcome="sent", reason="")
    assert book.sent_everywhere() == ["a", "b"]
    book.close()


def test_halves_that_a_killed_program_left_are_cleared_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    pair(tmp_path, "whole", 10)
    for name in ("half", "fresh"):
        (tmp_path / f"{name}.sigmf-data").write_bytes(b"abcd")
    before = time.time() - HALF_S - 5
    for name in ("half", "whole"):
        os.utime(tmp_path / f"{name}.sigmf-data", (before, before))
    writer(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.sigmf-data")) == ["fresh.sigmf-data", "whole.sigmf-data"]
