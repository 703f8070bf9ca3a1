"""Bad data, paths and files given to the replay command: one line with what, where and what to do; 2 for misuse, 1 for data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.station.replaying import Make, Replay, one_line


def test_an_odd_byte_count_is_told_and_the_whole_samples_are_analysed(make_sigmf: Make, replay: Replay, encode: Any, carrier: Any) -> None:
    path = make_sigmf(data=encode(carrier(120_000), "cu8") + b"\x80")
    code, records, err = replay(path)
    assert code == 1
    one_line(err, "240001 bytes", "r.sigmf-data", "truncated")
    assert {"emission", "summary"} <= {record["kind"] for record in records}
    summary = records[-1]
    assert summary["duration_s"] == 0.5
    assert any("240001 bytes" in note for note in summary["notes"])


def test_data_shorter_than_an_annotation_says_is_told(make_sigmf: Make, replay: Replay) -> None:
    path = make_sigmf(n_samples=60_000, annotations=[{"core:sample_start": 0, "core:sample_count": 120_000, "core:label": "x"}])
    code, records, err = replay(path)
    assert code == 1
    one_line(err, "annotation 0 reaches to sample 120000", "holds 60000", "fetch both again")
    assert records[-1]["duration_s"] == 0.25


def test_a_capture_beyond_the_data_is_told(make_sigmf: Make, replay: Replay) -> None:
    path = make_sigmf(n_samples=60_000, captures=[{"core:sample_start": 0}, {"core:sample_start": 90_000}])
    code, records, err = replay(path)
    assert code == 1
    one_line(err, "capture", "reaches to sample 90000", "holds 60000")
    assert [record["kind"] for record in records].count("summary") == 1


def test_data_that_becomes_shorter_while_it_is_read_is_told(make_sigmf: Make, replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_sigmf(n_samples=240_000)
    real = np.fromfile

    def truncating(file: Any, *args: Any, **kwargs: Any) -> Any:
        values = real(file, *args, **kwargs)
        os.truncate(path.with_suffix(".sigmf-data"), 200_000)
        return values

    monkeypatch.setattr("station.playback.np.fromfile", truncating)
    code, records, err = replay(path)
    assert code == 1
    one_line(err, "became shorter")
    assert records[-1]["kind"] == "summary"
    assert records[-1]["duration_s"] == 0.25


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_cost_their_dwell_only(make_sigmf: Make, replay: Replay, encode: Any, carrier: Any, bad: float) -> None:
    samples = carrier(180_000)
    samples[70_000] = bad
    code, records, err = replay(make_sigmf(data=encode(samples, "cf32_le"), sample_format="cf32_le"))
    assert code == 1
    one_line(err, "sample 70000 is not finite")
    assert records[-1]["duration_s"] == 0.5
    assert records[-1]["dwells"] == 2


def test_a_recording_of_nothing_but_nan_says_so(make_sigmf: Make, replay: Replay) -> None:
    code, records, err = replay(make_sigmf(data=np.full(60_000, np.nan, np.complex64).tobytes(), sample_format="cf32_le"))
    assert code == 1
    one_line(err, "sample 0 is not finite")
    assert [record["kind"] for record in records] == ["summary"]
    assert records[0]["dwells"] == 0


def test_an_empty_file_is_told(make_sigmf: Make, tmp_path: Path, replay: Replay) -> None:
    code, records, err = replay(make_sigmf(data=b""))
    assert (code, records) == (1, [])
    one_line(err, "r.sigmf-data", "is empty")
    raw = tmp_path / "x_953.6M_500k.cu8"
    raw.write_bytes(b"")
    code, _, err = replay(raw)
    assert code == 1
    one_line(err, str(raw), "is empty")


def test_a_file_too_short_for_any_transform_is_told(make_sigmf: Make, replay: Replay) -> None:
    code, records, err = replay(make_sigmf(n_samples=100))
    assert code == 1
    one_line(err, "100 samples", "256 are needed")
    assert [record["kind"] for record in records] == ["summary"]


def test_a_folder_is_misuse(tmp_path: Path, replay: Replay) -> None:
    code, records, err = replay(tmp_path)
    assert (code, records) == (2, [])
    one_line(err, str(tmp_path), "is a folder", "*.sigmf-meta")


def test_a_path_that_is_not_there_is_misuse(tmp_path: Path, replay: Replay) -> None:
    code, _, err = replay(tmp_path / "none.sigmf-meta")
    assert code == 2
    one_line(err, "none.sigmf-meta", "no such file")


def test_a_device_is_misuse(replay: Replay) -> None:
    code, _, err = replay("/dev/zero", "--format", "cu8", "--sample-rate-hz", "1e6")
    assert code == 2
    one_line(err, "/dev/zero", "no regular file")


def test_a_file_without_permission_is_told(make_sigmf: Make, replay: Replay) -> None:
    path = make_sigmf()
    path.with_suffix(".sigmf-data").chmod(0)
    root = os.geteuid() == 0
    replay(make_sigmf("warm-up"))  # what is imported lazily may not be readable for somebody else
    for folder in (path.parent, *path.parent.parents[:3]):  # the test's own, one a worker, one a run, one a user
        folder.chmod(0o755)
    if root:
        os.seteuid(65534)
    try:
        code, records, err = replay(path)
    finally:
        if root:
            os.seteuid(0)
    assert (code, records) == (1, [])
    one_line(err, "r.sigmf-data", "cannot be read: Permission denied", "permissions")


def test_a_link_that_goes_round_in_circles_is_told(tmp_path: Path, replay: Replay) -> None:
    link = tmp_path / "x_953.6M_500k.cu8"
    link.symlink_to(link)
    code, _, err = replay(link)
    assert code == 1
    one_line(err, str(link), "cannot be read")


def test_a_meta_file_without_its_data_is_told(make_sigmf: Make, replay: Replay) -> None:
    path = make_sigmf()
    path.with_suffix(".sigmf-data").unlink()
    code, _, err = replay(path)
    assert code == 1
    one_line(err, str(path), "put r.sigmf-data beside it")


def test_a_packed_recording_is_misuse_that_says_what_to_do(tmp_path: Path, replay: Replay) -> None:
    path = tmp_path / "x.sigmf"
    path.write_bytes(b"x")
    code, _, err = replay(path)
    assert code == 2
    one_line(err, str(path), "unpack it")


def test_a_bad_path_among_good_ones_does_not_stop_them(make_sigmf: Make, replay: Replay, tmp_path: Path) -> None:
    first, last = make_sigmf("a"), make_sigmf("z")
    bad = make_sigmf("m", sample_rate=0)
    code, records, err = replay(first, bad, tmp_path / "none.cu8", last)
    assert code == 2
    assert len(err) == 2
    assert [record["source"] for record in records if record["kind"] == "summary"] == ["a.sigmf-meta", "z.sigmf-meta"]
    code, records, err = replay(first, bad, last)
    assert (code, len(err)) == (1, 1)


def test_no_path_is_misuse(replay: Replay) -> None:
    code, _, err = replay()
    assert code == 2
    one_line(err, "PATH")


def test_nothing_but_records_goes_to_stdout(make_sigmf: Make, replay: Replay) -> None:
    code, records, err = replay(make_sigmf(n_samples=60_001))
    assert code == 0
    assert err == []
    assert all(next(iter(record)) == "kind" for record in records)
