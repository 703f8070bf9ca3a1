"""Every kind of bad input of the replay command: one line with what, where and what to do; 2 for misuse, 1 for data."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from station.cli import run

Make = Callable[..., Path]
Replay = Callable[..., tuple[int, list[dict[str, Any]], list[str]]]


@pytest.fixture
def replay(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Replay:
    """Run ``replay --json``; returns exit code, records and the lines on stderr."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    monkeypatch.setenv("CANHSONG_IDENTITY_GSM", "false")
    monkeypatch.setenv("CANHSONG_IDENTITY_LTE", "false")

    def call(*arguments: object) -> tuple[int, list[dict[str, Any]], list[str]]:
        code = run(["replay", "--json", *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err.splitlines()

    return call


def one_line(lines: list[str], *words: str) -> None:
    assert len(lines) == 1, lines
    assert lines[0].startswith("canhsong-station: ")
    for word in words:
        assert word in lines[0]


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


@pytest.mark.parametrize("datatype", ["cu12", "rf32_le", "ci16_be", 7, None])
def test_an_unknown_datatype_is_told(make_sigmf: Make, replay: Replay, datatype: Any) -> None:
    path = make_sigmf(datatype=datatype)
    code, records, err = replay(path)
    assert (code, records) == (1, [])
    one_line(err, str(path), "core:datatype", "cu8, ci8, ci16_le, cf32_le")


def test_an_unknown_format_flag_is_misuse(make_sigmf: Make, replay: Replay) -> None:
    code, records, err = replay("--format", "cu12", make_sigmf())
    assert (code, records) == (2, [])
    one_line(err, "--format", "cu12", "cf32_le")


@pytest.mark.parametrize("rate", [0, None, -1e6, 1.0, 1e9, float("nan"), float("inf"), "2.4e6", True])
def test_a_sample_rate_that_cannot_be_is_told(make_sigmf: Make, replay: Replay, rate: Any) -> None:
    path = make_sigmf(sample_rate=rate)
    code, records, err = replay(path)
    assert (code, records) == (1, [])
    one_line(err, str(path), "core:sample_rate", "sample rate")


@pytest.mark.parametrize(("flag", "value"), [("--sample-rate-hz", "0"), ("--sample-rate-hz", "nan"), ("--sample-rate-hz", "inf"),
                                             ("--center-freq-hz", "nan"), ("--center-freq-hz", "-1"), ("--start-time", "noon"),
                                             ("--n-fft", "1000"), ("--pfa", "0"), ("--overlap", "nan"), ("--station", "a b")])  # fmt: skip
def test_a_flag_that_cannot_be_meant_is_misuse(make_sigmf: Make, replay: Replay, flag: str, value: str) -> None:
    code, records, err = replay(flag, value, make_sigmf())
    assert (code, records) == (2, [])
    one_line(err, flag)


def test_a_raw_file_of_unknown_rate_is_misuse_that_names_the_flag(tmp_path: Path, replay: Replay) -> None:
    path = tmp_path / "x.cu8"
    path.write_bytes(b"\x80" * 4096)
    code, records, err = replay(path)
    assert (code, records) == (2, [])
    one_line(err, str(path), "--sample-rate-hz", "x_953.6M_500k.cu8")


def test_a_raw_file_of_unknown_format_is_misuse_that_names_the_flag(tmp_path: Path, replay: Replay) -> None:
    path = tmp_path / "x_953.6M_500k.bin"
    path.write_bytes(b"\x80" * 4096)
    code, records, err = replay(path)
    assert (code, records) == (2, [])
    one_line(err, str(path), "--format")


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


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"global": 3}', '{"global": {}, "captures": 3}', '{"global": {}, "captures": [3]}', "\xff\x00"]
)
def test_a_meta_file_that_is_none_is_told(make_sigmf: Make, replay: Replay, text: str) -> None:
    path = make_sigmf()
    path.write_text(text, encoding="latin-1")
    code, records, err = replay(path)
    assert (code, records) == (1, [])
    one_line(err, str(path))


@pytest.mark.parametrize(
    ("captures", "word"),
    [
        ([{"core:sample_start": -1}], "core:sample_start"),
        ([{"core:sample_start": 0.5}], "core:sample_start"),
        ([{"core:sample_start": 100}, {"core:sample_start": 0}], "not in order"),
        ([{"core:sample_start": 0, "core:frequency": float("nan")}], "core:frequency"),
        ([{"core:sample_start": 0, "core:frequency": -5.0}], "core:frequency"),
        ([{"core:sample_start": 0, "core:datetime": "yesterday"}], "core:datetime"),
        ([{"core:sample_start": 0, "core:header_bytes": 10**9}], "core:header_bytes"),
    ],
)
def test_a_capture_that_cannot_be_is_told(make_sigmf: Make, replay: Replay, captures: list[dict[str, Any]], word: str) -> None:
    path = make_sigmf(captures=captures)
    code, records, err = replay(path)
    assert (code, records) == (1, [])
    one_line(err, str(path), word)


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


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"RIFX....WAVE", "does not begin like a WAV file"),
        (b"RIFF\0\0\0\0WAVE", "no data chunk"),
        (b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd", "no format chunk"),
        (b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\x7f", "damaged"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 240_000, 480_000, 2, 16) + b"data\x04\0\0\0abcd", "1 channel"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 2, 0, 0, 4, 16) + b"data\x04\0\0\0abcd", "sample rate"),
    ],
)
def test_a_damaged_wav_file_is_told(tmp_path: Path, replay: Replay, content: bytes, word: str) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    code, records, err = replay(path)
    assert (code, records) == (1, [])
    one_line(err, str(path), word)


@pytest.mark.parametrize("center", [{}, {"core:frequency": 0.0}])
def test_a_frequency_of_zero_or_absent_makes_offsets_that_say_so(make_sigmf: Make, replay: Replay, center: dict[str, float]) -> None:
    code, records, err = replay(make_sigmf(captures=[{"core:sample_start": 0, **center}]))
    assert (code, err) == (0, [])
    assert all(record["relative"] for record in records)
    assert records[-1]["center_freq_hz"] is None
    assert any(note.startswith("relative: ") for note in records[-1]["notes"])
    emission = next(record for record in records if record["kind"] == "emission")
    assert abs(emission["center_freq_hz"] - 30e3) < 500
    assert emission["band"] is None


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
