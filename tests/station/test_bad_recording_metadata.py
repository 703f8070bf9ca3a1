"""Bad metadata of recordings given to the replay command: one line with what, where and what to do; 2 for misuse, 1 for data."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from tests.station.replaying import Make, Replay, one_line


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
