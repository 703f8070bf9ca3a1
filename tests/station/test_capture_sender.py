"""Captures leave in pieces, one at a time: from where the collector is, smaller on a slow link, until it says that all is right."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from config.wire.frames import CaptureAck, CaptureChunk
from config.wire.version import MAX_CHUNK_BYTES
from station.capture_sender import AGAIN_S, MIN_BYTES, CaptureSender
from tests.end_to_end.capture_sender import CAPTURE_ID, write_pair

SIZE = 3_000_000


class Link:
    """A sender and a collector that keeps what comes, with a clock of its own."""

    def __init__(self, folder: Path, *, max_bytes_s: float | None = None, took_s: float = 0.01) -> None:
        self.sender = CaptureSender(max_bytes_s=max_bytes_s, on_tasks=lambda _: None, now_s=0.0)
        self.sender.send(write_pair(folder, SIZE))
        self.files = {"meta": b"", "data": b""}
        self.now_s, self.took_s = 0.0, took_s
        self.sizes: list[int] = []

    def piece(self) -> CaptureChunk | None:
        frame = self.sender.next_frame(self.now_s)
        if frame is None:
            return None
        assert isinstance(frame, CaptureChunk)
        self.sender.sent(frame, self.now_s)
        return frame

    def take(self, chunk: CaptureChunk, **changes: Any) -> None:
        self.now_s += self.took_s
        if chunk.offset == len(self.files[chunk.part]):
            self.files[chunk.part] += chunk.data
        have = len(self.files[chunk.part])
        fields = {"part": chunk.part, "offset": have, "state": "whole" if have == chunk.total_bytes else "more", "reason": ""}
        self.sender.take(CaptureAck(capture_id=CAPTURE_ID, **{**fields, **changes}), self.now_s)
        if chunk.part == "data" and chunk.data:
            self.sizes.append(len(chunk.data))

    def run(self) -> None:
        for _ in range(10_000):
            chunk = self.piece()
            if chunk is not None:
                self.take(chunk)
            elif not self.sender.waiting:
                return
            else:
                self.now_s += max(0.001, self.sender.wait_s(self.now_s))
        raise AssertionError("it does not end")


def test_everything_comes_metadata_first_one_piece_at_a_time(tmp_path: Path) -> None:
    link = Link(tmp_path)
    first = link.piece()
    assert first is not None
    assert (first.part, first.data, first.total_bytes > 0) == ("meta", b"", True)
    assert link.piece() is None  # one under way
    link.take(first)
    link.run()
    assert link.files["data"] == (tmp_path / f"{CAPTURE_ID}.sigmf-data").read_bytes()
    assert link.files["meta"] == (tmp_path / f"{CAPTURE_ID}.sigmf-meta").read_bytes()
    (ended,) = link.sender.ended()
    assert (ended.capture_id, ended.outcome) == (CAPTURE_ID, "sent")
    assert max(link.sizes) == MAX_CHUNK_BYTES
    assert link.piece() is None


def test_after_a_lost_connection_it_asks_and_goes_on_from_the_answer(tmp_path: Path) -> None:
    link, rng = Link(tmp_path), random.Random(3)
    lost = 0
    for _ in range(10_000):
        chunk = link.piece()
        if chunk is None:
            break
        if rng.random() < 0.2:
            lost += 1
            if rng.random() < 0.5 and chunk.offset == len(link.files[chunk.part]):
                link.files[chunk.part] += chunk.data  # it came, its acknowledgement did not
            link.sender.lost()
        else:
            link.take(chunk)
    assert lost > 3
    assert link.files["data"] == (tmp_path / f"{CAPTURE_ID}.sigmf-data").read_bytes()


def test_a_piece_without_an_answer_is_asked_after(tmp_path: Path) -> None:
    link = Link(tmp_path)
    link.piece()
    assert link.sender.wait_s(0.0) == pytest.approx(AGAIN_S)
    link.now_s = AGAIN_S - 0.1
    assert link.piece() is None
    link.now_s = AGAIN_S + 0.1
    again = link.piece()
    assert again is not None
    assert (again.part, again.data) == ("meta", b"")


def test_pieces_shrink_where_the_link_is_slow_and_grow_again(tmp_path: Path) -> None:
    link = Link(tmp_path, took_s=1.0)
    for _ in range(12):
        chunk = link.piece()
        assert chunk is not None
        link.take(chunk)
    assert link.sizes[-1] == MIN_BYTES
    link.took_s = 0.01
    link.run()
    assert max(link.sizes) == MAX_CHUNK_BYTES


@pytest.mark.parametrize("rate", [20_000.0, 500_000.0])
def test_a_cap_holds_and_bounds_the_piece(tmp_path: Path, rate: float) -> None:
    link = Link(tmp_path, max_bytes_s=rate)
    link.run()
    assert (SIZE - rate) / link.now_s < 1.02 * rate  # a second is saved up at the beginning
    assert SIZE / link.now_s > 0.6 * rate
    assert max(link.sizes) <= max(MIN_BYTES, 0.2 * rate)


def test_a_refusal_ends_it_and_the_next_one_goes(tmp_path: Path) -> None:
    link = Link(tmp_path)
    link.sender.send(write_pair(tmp_path, 1000, capture_id="second"))
    chunk = link.piece()
    assert chunk is not None
    link.take(chunk, state="refused", reason="nobody here asked for this capture")
    (ended,) = link.sender.ended()
    assert (ended.outcome, ended.reason) == ("refused", "nobody here asked for this capture")
    after = link.piece()
    assert after is not None
    assert after.capture_id == "second"


def test_files_that_are_gone_or_became_shorter_end_it(tmp_path: Path) -> None:
    link = Link(tmp_path)
    (tmp_path / f"{CAPTURE_ID}.sigmf-meta").unlink()
    assert link.piece() is None
    assert [one.outcome for one in link.sender.ended()] == ["gone"]
    link = Link(tmp_path)
    while (chunk := link.piece()) is not None and chunk.part == "meta":
        link.take(chunk)
    assert chunk is not None
    link.take(chunk)
    (tmp_path / f"{CAPTURE_ID}.sigmf-data").write_bytes(b"")
    assert link.piece() is None
    assert [one.outcome for one in link.sender.ended()] == ["gone"]


def test_a_collector_that_says_nonsense_does_no_harm(tmp_path: Path) -> None:
    link = Link(tmp_path)
    chunk = link.piece()
    assert chunk is not None
    for part, offset, state in (("data", 5, "more"), ("meta", 2**52, "more"), ("meta", 2**52, "more")):
        link.sender.take(CaptureAck(capture_id=CAPTURE_ID, part=part, offset=offset, state=state, reason=""), 0.0)  # type: ignore[arg-type]
    link.sender.take(CaptureAck(capture_id="another", part="meta", offset=0, state="refused", reason=""), 0.0)
    assert link.sender.waiting == 1
    link.run()
    assert link.files["data"] == (tmp_path / f"{CAPTURE_ID}.sigmf-data").read_bytes()
