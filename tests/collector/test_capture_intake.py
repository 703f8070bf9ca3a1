"""Pieces of captures: on disk before they are acknowledged, taken up again after a restart; lies are refused, counted, kept aside."""

from __future__ import annotations

import hashlib
import json
import os
import random
import stat
from pathlib import Path
from typing import Any

import pytest

from collector.capture_intake import ASIDE_FILES, CaptureIntake
from collector.captures import ASIDE, Captures
from collector.task_settings import CaptureSection
from config.wire import Task
from config.wire.frames import CaptureAck, CaptureChunk
from tests.collector.test_task_table import task

DATA = random.Random(7).randbytes(100_000)
SHA = hashlib.sha256(DATA).hexdigest()
META = json.dumps({"global": {"core:datatype": "cu8", "canhsong:sha256": SHA}, "captures": [], "annotations": []}).encode()
ASKED = task(task_id="a" * 16)
FETCH = task(task_id="b" * 16, action="fetch", freq_hz=None, capture_id="kept")

FETCH_AGAIN: dict[str, Task] = {}


def asked_for(station: str, task_id: str) -> Task | None:
    return next((one for one in (ASKED, FETCH, *FETCH_AGAIN.values()) if (one.station, one.task_id) == (station, task_id)), None)


class Here:
    """An intake that can be ended and begun again."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.captures = Captures(folder)
        self.intake = CaptureIntake(self.captures, CaptureSection(**settings), asked_for)

    def piece(self, part: str, offset: int, data: bytes | None = None, **changes: Any) -> CaptureAck:
        whole = DATA if part == "data" else META
        fields = {
            "capture_id": "c1",
            "part": part,
            "total_bytes": len(whole),
            "sha256": hashlib.sha256(whole).hexdigest(),
            "offset": offset,
            "data": whole[offset : offset + 40_000] if data is None else data,
            "task_id": ASKED.task_id,
        }
        station = changes.pop("station", "nui-vong-phu")
        return self.intake.take(station, CaptureChunk(**{**fields, **changes}))

    def send_all(self, **changes: Any) -> list[CaptureAck]:
        acks = [self.piece("meta", 0, **changes)]
        while acks[-1].state != "refused" and not (acks[-1].part == "data" and acks[-1].state == "whole"):
            acks.append(self.piece("data", acks[-1].offset if acks[-1].part == "data" else 0, **changes))
        return acks

    def aside(self) -> list[Path]:
        folder = self.captures.folder / ASIDE
        return sorted(folder.iterdir()) if folder.is_dir() else []


def test_a_capture_that_came_in_pieces_is_a_pair_that_nobody_else_can_read(tmp_path: Path) -> None:
    here = Here(tmp_path)
    acks = here.send_all()
    assert [(ack.part, ack.offset, ack.state) for ack in acks] == [
        ("meta", len(META), "whole"),
        ("data", 40_000, "more"),
        ("data", 80_000, "more"),
        ("data", 100_000, "whole"),
    ]
    for part, whole in (("data", DATA), ("meta", META)):
        path = here.captures.path("nui-vong-phu", "c1", part)  # type: ignore[arg-type]
        assert path.read_bytes() == whole
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert here.piece("data", 0, b"").state == "whole"
    assert here.captures.counters() == {"captures_whole": 1}
    assert here.aside() == []


def test_what_was_acknowledged_is_there_after_a_restart_and_what_was_not_does_no_harm(tmp_path: Path) -> None:
    here = Here(tmp_path)
    here.piece("meta", 0)
    assert here.piece("data", 0).offset == 40_000
    path = here.captures.coming("nui-vong-phu", "c1", "data")
    with path.open("ab") as file:
        file.write(DATA[40_000:41_000])  # killed between the write and the acknowledgement
    again = Here(tmp_path)
    assert again.piece("data", 0, b"").offset == 41_000
    assert again.piece("data", 60_000).offset == 41_000  # a hole: let go, told where to go on
    assert again.piece("data", 20_000).offset == 41_000  # a repetition with the same bytes
    assert again.piece("data", 41_000, DATA[41_000:]).state == "whole"
    assert again.captures.path("nui-vong-phu", "c1", "data").read_bytes() == DATA
    assert again.captures.counters() == {"captures_whole": 1}


def test_killed_while_the_pair_got_its_names_it_is_whole_after_the_next_word(tmp_path: Path) -> None:
    here = Here(tmp_path)
    here.piece("meta", 0)
    here.piece("data", 0)
    here.piece("data", 40_000)
    coming, final = here.captures.coming("nui-vong-phu", "c1", "data"), here.captures.path("nui-vong-phu", "c1", "data")
    with coming.open("ab") as file:
        file.write(DATA[80_000:])
    coming.rename(final)
    again = Here(tmp_path)
    assert again.piece("data", 0, b"").state == "whole"
    assert final.read_bytes() == DATA
    assert again.captures.find("c1").state == "whole"


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"part": "data", "offset": 0, "data": b"x" * 100}, "were others before"),
        ({"part": "data", "offset": 40_000, "sha256": "0" * 64}, "another than before"),
        ({"part": "data", "offset": 40_000, "total_bytes": 99_999}, "another than before"),
        ({"part": "data", "offset": 90_000, "data": b"x" * 20_000}, "bytes 90000 to 110000 of 100000"),
    ],
)
def test_a_station_that_contradicts_itself_is_refused_counted_and_kept_aside(tmp_path: Path, lie: dict[str, Any], reason: str) -> None:
    here = Here(tmp_path)
    here.piece("meta", 0)
    here.piece("data", 0)
    ack = here.piece(**lie)
    assert ack.state == "refused"
    assert reason in ack.reason
    assert here.captures.counters()["chunks_refused"] == 1
    said = json.loads(next(path for path in here.aside() if path.suffix == ".json").read_text())
    assert (said["station"], said["capture_id"]) == ("nui-vong-phu", "c1")
    assert reason in said["reason"]


def test_samples_with_another_hash_than_was_said_are_put_aside_and_wanted_no_more(tmp_path: Path) -> None:
    here = Here(tmp_path)
    here.piece("meta", 0)
    here.piece("data", 0)
    here.piece("data", 40_000)
    ack = here.piece("data", 80_000, b"\0" * 20_000)
    assert (ack.state, "another hash" in ack.reason) == ("refused", True)
    assert here.captures.find("c1").state == "wrong"
    assert here.captures.counters() == {"captures_wrong": 1, "chunks_refused": 1}
    assert list((here.captures.folder / "nui-vong-phu").iterdir()) == []
    assert {path.name.rpartition(".")[2] for path in here.aside()} == {"data", "meta", "json"}
    assert here.piece("data", 0).state == "refused"  # and it stays so
    FETCH_AGAIN["c1"] = task(task_id="d" * 16, action="fetch", freq_hz=None, capture_id="c1")
    assert here.send_all(task_id="d" * 16)[-1].state == "whole"  # unless it is asked for anew


@pytest.mark.parametrize(
    "meta", [b"{}", b"[" * 9000, json.dumps({"global": {"core:datatype": "cu8", "canhsong:sha256": "0" * 64}}).encode()]
)
def test_metadata_that_do_not_belong_to_the_samples_make_the_pair_wrong(tmp_path: Path, meta: bytes) -> None:
    here = Here(tmp_path)
    assert here.piece("meta", 0, meta, total_bytes=len(meta), sha256=hashlib.sha256(meta).hexdigest()).state == "whole"
    here.piece("data", 0)
    here.piece("data", 40_000)
    assert here.piece("data", 80_000).state == "refused"
    assert here.captures.find("c1").state == "wrong"


@pytest.mark.parametrize(
    "changes",
    [
        {"task_id": None},
        {"task_id": "c" * 16},
        {"station": "another"},
        {"task_id": FETCH.task_id},
    ],
)
def test_nothing_is_taken_that_nobody_asked_for(tmp_path: Path, changes: dict[str, Any]) -> None:
    here = Here(tmp_path)
    ack = here.piece("meta", 0, **changes)
    assert (ack.state, ack.reason) == ("refused", "nobody here asked for this capture")
    assert here.captures.rows() == []
    assert here.send_all(task_id=FETCH.task_id, capture_id="kept")[-1].state == "whole"
    assert Here(tmp_path / "open", accept="any").send_all(task_id=None)[-1].state == "whole"


def test_one_task_brings_one_capture(tmp_path: Path) -> None:
    here = Here(tmp_path)
    here.piece("meta", 0)
    assert here.piece("meta", 0, capture_id="c2").reason == "this task has its capture already"


def test_every_bound_is_kept(tmp_path: Path) -> None:
    over = 2**20 + 1
    for number, (settings, told) in enumerate(
        [
            ({"max_capture_mib": 1}, "at most 1048576 are taken"),
            ({"max_mib": 1}, "fill the 1 MiB"),
            ({"max_station_mib": 1}, "of this station fill the 1 MiB"),
            ({"free_part": 0.9}, "nearly full"),
        ]
    ):
        here = Here(tmp_path / str(number), **settings)
        ack = here.piece("data", 0, b"", total_bytes=over, sha256="0" * 64)
        assert ack.state == "refused", settings
        assert told in ack.reason
        assert here.captures.find("c1").state == "refused"
    assert here.piece("meta", 0, b"", total_bytes=17 * 2**20, sha256="0" * 64).state == "refused"
    assert here.piece("meta", 0, b"", total_bytes=0, sha256="0" * 64).state == "refused"


def test_a_liar_fills_no_disk(tmp_path: Path) -> None:
    here = Here(tmp_path)
    for number in range(2 * ASIDE_FILES):
        here.piece("data", 0, os.urandom(20_000), task_id=None, capture_id=f"x{number}")
    assert len(here.aside()) <= ASIDE_FILES
    assert sum(path.stat().st_size for path in here.aside()) < ASIDE_FILES * 8192
    assert here.captures.counters()["chunks_refused"] == 2 * ASIDE_FILES
    assert here.send_all()[-1].state == "whole"


def test_every_reading_is_written_down_and_copies_are_private(tmp_path: Path) -> None:
    here = Here(tmp_path)
    here.send_all()
    kept = here.captures.find("c1")
    copies = here.captures.export(kept, tmp_path / "out", who="lan")
    assert [path.read_bytes() for path in copies] == [DATA, META]
    assert {stat.S_IMODE(path.stat().st_mode) for path in copies} == {0o600}
    here.captures.read(kept, "meta", who="minh", how="shown")
    log = [(one.who, one.what) for one in here.captures.accesses(kept)]
    assert log == [("minh", "shown: meta"), *[("lan", f"exported to {tmp_path / 'out'}: {part}") for part in ("meta", "data")]]
