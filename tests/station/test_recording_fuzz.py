"""Whatever the bytes are: a recording, or an error of ours in one line."""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from station.errors import StationError
from station.playback import Playback, open_recording
from station.recording import GivenFacts

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
GLOBAL_KEYS = [
    "core:datatype",
    "core:sample_rate",
    "core:num_channels",
    "core:trailing_bytes",
    "core:dataset",
    "core:version",
    "core:metadata_only",
]
CAPTURE_KEYS = ["core:sample_start", "core:frequency", "core:datetime", "core:header_bytes"]
ANNOTATION_KEYS = ["core:sample_start", "core:sample_count", "core:freq_lower_edge", "core:freq_upper_edge", "core:label"]


def opened(path: Path) -> None:
    """Open and read ``path``; only errors of ours, of one line, may come."""
    said = ""
    try:
        recording = open_recording(path, GivenFacts())
        receiver = Playback(recording)
        with contextlib.closing(receiver):
            read = 0
            while (block := receiver.read(1 << 16)) is not None:
                read += block.n_samples
        assert read == sum(capture.n_samples for capture in recording.captures)
        assert all("\n" not in fault for fault in recording.faults)
    except StationError as error:
        said = str(error)
    assert "\n" not in said
    assert not said or str(path.parent) in said


@QUICK
@given(
    changes=st.dictionaries(st.sampled_from(GLOBAL_KEYS), anything, max_size=2),
    capture=st.dictionaries(st.sampled_from(CAPTURE_KEYS), anything),
    annotation=st.dictionaries(st.sampled_from(ANNOTATION_KEYS), anything),
)
def test_any_value_in_any_place_of_a_meta_file(
    tmp_path: Path, changes: dict[str, Any], capture: dict[str, Any], annotation: dict[str, Any]
) -> None:
    path = tmp_path / "r.sigmf-meta"
    meta = {
        "global": {"core:version": "1.2.0", "core:datatype": "cu8", "core:sample_rate": 1e6, **changes},
        "captures": [{"core:sample_start": 0, **capture}],
        "annotations": [annotation],
    }
    path.write_text(json.dumps(meta))
    path.with_suffix(".sigmf-data").write_bytes(bytes(2000))
    opened(path)


@QUICK
@given(meta=anything)
def test_any_json_as_a_meta_file(tmp_path: Path, meta: Any) -> None:
    path = tmp_path / "r.sigmf-meta"
    path.write_text(json.dumps(meta))
    path.with_suffix(".sigmf-data").write_bytes(bytes(2000))
    opened(path)


@QUICK
@given(data=st.binary(max_size=200), cut=st.integers(min_value=0, max_value=100), at=st.integers(min_value=0, max_value=99))
def test_any_damage_to_a_wav_file(tmp_path: Path, data: bytes, cut: int, at: int) -> None:
    path = tmp_path / "x.wav"
    whole = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 2, 1_000_000, 4_000_000, 4, 16) + b"data\x40\0\0\0" + bytes(64)
    path.write_bytes((whole[:at] + data + whole[at + len(data) :])[: len(whole) - cut])
    opened(path)


@pytest.mark.parametrize("depth", [100_000])
def test_a_meta_file_nested_beyond_reason(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "r.sigmf-meta"
    path.write_text("[" * depth)
    path.with_suffix(".sigmf-data").write_bytes(bytes(2000))
    opened(path)
