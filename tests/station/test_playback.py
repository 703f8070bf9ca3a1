from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sigmf

from dsp.units import FULL_SCALE, to_complex64
from station.errors import MisuseError
from station.playback import Playback, open_recording
from station.raw_recording import FORMATS, facts_in_name
from station.recording import GivenFacts, parse_time_ns

Make = Callable[..., Path]


def played(path: Path, given: GivenFacts = GivenFacts(), *, block: int = 7_777) -> tuple[Any, list[Any]]:  # noqa: B008
    recording = open_recording(path, given)
    receiver = Playback(recording)
    blocks = []
    while (one := receiver.read(block)) is not None:
        blocks.append(one)
    receiver.close()
    return recording, blocks


@pytest.mark.parametrize("sample_format", FORMATS)
def test_every_format_plays_back_what_was_written(make_sigmf: Make, carrier: Any, sample_format: str) -> None:
    _, blocks = played(make_sigmf(n_samples=50_001, sample_format=sample_format))
    heard = np.concatenate([to_complex64(one.samples, one.sample_format) for one in blocks])
    step = 0.0 if sample_format == "cf32_le" else 1.0 / FULL_SCALE[sample_format]
    assert heard.shape == (50_001,)
    assert np.abs(heard - carrier(50_001)).max() <= 0.75 * step + 1e-7
    assert [one.first_sample for one in blocks] == list(range(0, 50_001, 7_777))
    assert sum(one.n_samples for one in blocks) == 50_001


def test_captures_with_headers_lie_where_the_sigmf_package_says(make_sigmf: Make, tmp_path: Path) -> None:
    values = np.arange(2 * 1000, dtype=np.int64).astype("<i2")
    data = b"H" * 12 + values[:600].tobytes() + b"h" * 8 + values[600:].tobytes() + b"T" * 4
    captures = [
        {"core:sample_start": 0, "core:frequency": 941e6, "core:header_bytes": 12, "core:datetime": "2026-11-24T10:00:00.5Z"},
        {"core:sample_start": 300, "core:frequency": 953e6, "core:header_bytes": 8},
    ]
    path = make_sigmf(data=data, sample_format="ci16_le", captures=captures, dataset="r.bin", trailing_bytes=4)
    path.with_suffix(".sigmf-data").rename(tmp_path / "r.bin")
    recording, blocks = played(path, block=10_000)
    theirs = sigmf.fromfile(path, skip_checksum=True)
    assert [one.first_byte for one in recording.captures] == [theirs.get_capture_byte_boundaries(index)[0] for index in (0, 1)]
    assert recording.faults == ()
    assert [one.center_freq_hz for one in blocks] == [941e6, 953e6]
    assert [one.n_samples for one in blocks] == [300, 700]
    assert np.array_equal(np.concatenate([one.samples for one in blocks]), values)
    assert recording.captures[1].start_time_ns - recording.captures[0].start_time_ns == round(300 / 240_000 * 1e9)
    assert recording.captures[1].time_source == "recording"


def test_a_captures_own_date_wins_over_the_count_of_samples(make_sigmf: Make) -> None:
    captures = [
        {"core:sample_start": 0, "core:datetime": "2026-11-24T10:00:00Z"},
        {"core:sample_start": 300, "core:datetime": "2026-11-24T11:00:00Z"},
    ]
    recording, _ = played(make_sigmf(captures=captures))
    assert recording.captures[1].start_time_ns - recording.captures[0].start_time_ns == 3_600_000_000_000


def test_a_given_start_time_counts_for_all_captures_and_says_that_it_was_given(make_sigmf: Make) -> None:
    captures = [{"core:sample_start": 0, "core:datetime": "2026-11-24T10:00:00Z"}, {"core:sample_start": 240}]
    recording, _ = played(make_sigmf(captures=captures), GivenFacts(start_time_ns=5_000_000_000))
    assert [one.start_time_ns for one in recording.captures] == [5_000_000_000, 5_001_000_000]
    assert {one.time_source for one in recording.captures} == {"given"}


def test_a_wrong_hash_is_not_computed_and_a_missing_one_is_fine(make_sigmf: Make) -> None:
    recording, blocks = played(make_sigmf(sha512="00" * 64))
    assert recording.faults == ()
    assert sum(one.n_samples for one in blocks) == 120_000


def test_either_file_of_a_pair_names_the_recording(make_sigmf: Make) -> None:
    path = make_sigmf()
    assert open_recording(path.with_suffix(".sigmf-data"), GivenFacts()) == open_recording(path, GivenFacts())


def test_a_recording_cannot_be_tuned(make_sigmf: Make) -> None:
    receiver = Playback(open_recording(make_sigmf(), GivenFacts()))
    with pytest.raises(MisuseError, match="cannot be tuned"):
        receiver.tune(1e9)
    receiver.close()


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("x_953.6M_500k.cu8", ("cu8", 953.6e6, 500e3)),
        ("g001_433.92M_250k.cs8", ("ci8", 433.92e6, 250e3)),
        ("site_2_1.8153G_19.2M.cs16", ("ci16_le", 1815.3e6, 19.2e6)),
        ("x_953600000Hz_500000sps.cf32", ("cf32_le", 953.6e6, 500e3)),
        ("day_2_2.4M.cfile", ("cf32_le", None, 2.4e6)),
        ("x_2026_11.cu8", ("cu8", None, None)),
        ("x.bin", (None, None, None)),
    ],
)
def test_a_name_says_format_centre_and_rate(name: str, facts: tuple[Any, ...]) -> None:
    assert facts_in_name(Path(name)) == facts


def test_flags_win_over_the_name(tmp_path: Path) -> None:
    path = tmp_path / "x_953.6M_500k.cu8"
    path.write_bytes(bytes(range(200)) * 8)
    recording = open_recording(path, GivenFacts(sample_rate_hz=1e6, center_freq_hz=0.0, sample_format="ci8"))
    assert (recording.sample_rate_hz, recording.sample_format, recording.captures[0].center_freq_hz) == (1e6, "ci8", None)


def wav(tmp_path: Path, *, tag: int, bits: int, data: bytes, auxi: bytes = b"", name: str = "x.wav") -> Path:
    path = tmp_path / name
    rate = 240_000
    chunks = b"fmt " + struct.pack("<IHHIIHH", 16, tag, 2, rate, rate * bits // 4, bits // 4, bits)
    if auxi:
        chunks += b"auxi" + struct.pack("<I", len(auxi)) + auxi
    chunks += b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return path


@pytest.mark.parametrize(("tag", "bits", "sample_format"), [(1, 8, "cu8"), (1, 16, "ci16_le"), (3, 32, "cf32_le")])
def test_wav_iq_plays_back(tmp_path: Path, carrier: Any, encode: Any, tag: int, bits: int, sample_format: str) -> None:
    samples = carrier(5_000)
    auxi = struct.pack("<8H", 2026, 11, 2, 24, 10, 30, 15, 250) + struct.pack("<8H", *[0] * 8) + struct.pack("<5I", 945_200_000, 0, 0, 0, 0)
    recording, blocks = played(wav(tmp_path, tag=tag, bits=bits, data=encode(samples, sample_format), auxi=auxi))
    heard = np.concatenate([to_complex64(one.samples, one.sample_format) for one in blocks])
    assert recording.sample_format == sample_format
    assert recording.sample_rate_hz == 240_000
    assert recording.captures[0].center_freq_hz == 945.2e6
    assert recording.captures[0].start_time_ns == parse_time_ns("2026-11-24T10:30:15.250Z")
    assert np.abs(heard - samples).max() < 0.01


def test_a_wav_named_with_its_centre_needs_no_chunk_for_it(tmp_path: Path, encode: Any, carrier: Any) -> None:
    path = wav(tmp_path, tag=1, bits=16, data=encode(carrier(100), "ci16_le"), name="rec_20261124_945200kHz_RF.wav")
    assert open_recording(path, GivenFacts()).captures[0].center_freq_hz == 945.2e6


def test_a_truncated_wav_is_played_as_far_as_it_goes(tmp_path: Path, encode: Any, carrier: Any) -> None:
    path = wav(tmp_path, tag=1, bits=16, data=encode(carrier(1000), "ci16_le"))
    path.write_bytes(path.read_bytes()[:-400])
    recording, blocks = played(path)
    assert sum(one.n_samples for one in blocks) == 900
    assert "truncated" in recording.faults[0]


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T07:00:01+07:00", 1_000_000_000),
        ("1970-01-01T00:00:01.123456789Z", 1_123_456_789),
        ("1970-01-01T00:00:01.5", 1_500_000_000),
    ],
)
def test_times_are_read_to_the_nanosecond(text: str, time_ns: int) -> None:
    assert parse_time_ns(text) == time_ns


def test_opening_twelve_gigabytes_reads_next_to_nothing_and_any_part_of_it_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x_953.6M_2.4M.cu8"
    with path.open("wb") as file:
        file.truncate(12_000_000_000)
        file.seek(11_999_999_998)
        file.write(b"\x01\x02")
    recording = open_recording(path, GivenFacts())
    assert recording.captures[0].n_samples == 6_000_000_000
    receiver = Playback(recording)
    receiver._done = 5_999_999_000
    block = receiver.read(1 << 18)
    assert block is not None
    assert block.n_samples == 1000
    assert block.samples[-2:].tolist() == [1, 2]
    receiver.close()


def test_labels_come_from_annotations_that_say_where_they_are(make_sigmf: Make) -> None:
    path = make_sigmf(
        annotations=[
            {"core:sample_start": 0, "core:freq_lower_edge": 940.9e6, "core:freq_upper_edge": 941.1e6, "core:label": "wanted"},
            {"core:sample_start": 0, "core:label": "no place"},
        ]
    )
    recording = open_recording(path, GivenFacts())
    assert [label.text for label in recording.labels] == ["wanted"]
    assert recording.labels[0].end_sample == 120_000


def test_a_generated_recording_says_that_it_is(make_sigmf: Make) -> None:
    path = make_sigmf()
    meta = json.loads(path.read_text())
    meta["global"]["canhsong:origin"] = "synthetic"
    path.write_text(json.dumps(meta))
    assert open_recording(path, GivenFacts()).origin == "synthetic"
