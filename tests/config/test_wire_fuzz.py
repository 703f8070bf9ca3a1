"""Whatever bytes come, the decoders give a frame or a record, or say why not: nothing else ever leaves them."""

from __future__ import annotations

import contextlib
import math
import os
import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import WireError
from config.wire import Task, TaskResult, decode_record, encode_record
from config.wire.frames import Batch, CaptureAck, CaptureChunk, Gap, Hello, Live, Tasks, decode_frame, encode_frame
from config.wire.version import MAX_CHUNK_BYTES, MAX_FRAME_BYTES, MAX_RECORD_BYTES
from tests.end_to_end.running import emission, occupancy, spectrum

SPOOL = "ab" * 16
TASK = Task(
    task_id="0" * 16,
    station="a",
    action="capture",
    freq_hz=944e6,
    bandwidth_hz=2e5,
    duration_s=1.0,
    reason="why",
    issued_by="finding:00",
    issued_ns=1,
    expires_ns=2,
)
RESULT = TaskResult(
    station="a",
    origin="live",
    start_time_ns=1,
    time_source="ntp",
    task_id="0" * 16,
    action="capture",
    state="done",
    reason="",
    issued_by="finding:00",
    freq_hz=944e6,
    duration_s=1.0,
    records=0,
    capture_id="a",
)
GOOD_RECORDS = [encode_record(record) for record in (emission(), occupancy(), spectrum(bins=64), RESULT)]
GOOD_FRAMES = [
    encode_frame(Hello(station="a", program="p", spool_id=SPOOL, first_seq=0, next_seq=3, instances=["0" * 16], opened_seq=1)),
    encode_frame(Batch(spool_id=SPOOL, first_seq=0, records=GOOD_RECORDS)),
    encode_frame(Gap(spool_id=SPOOL, first_seq=3, last_seq=9, kinds="occupancy", reason="full")),
    encode_frame(Live(records=GOOD_RECORDS[2:3], dropped=0)),
    encode_frame(Tasks(tasks=[TASK], now_ns=1)),
    encode_frame(CaptureChunk(capture_id="a", part="data", total_bytes=4, sha256="0" * 64, offset=0, data=b"abcd")),
    encode_frame(CaptureAck(capture_id="a", part="meta", offset=4, state="whole", reason="")),
]
RUNS = int(os.environ.get("CANHSONG_FUZZ_RUNS", "20000"))

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=20) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)


def survives(data: bytes) -> None:
    for decode in (decode_frame, decode_record):
        with contextlib.suppress(WireError):
            decode(data)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    survives(data)
    survives(b"\x01" + data)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([*GOOD_FRAMES, *GOOD_RECORDS]), st.text(max_size=12), values)
def test_a_good_one_with_any_value_in_any_place(good: bytes, key: str, value: object) -> None:
    fields = msgspec.msgpack.decode(good[1:])
    for name in [*fields, key]:
        survives(b"\x01" + msgspec.msgpack.encode({**fields, name: value}))
        survives(b"\x01" + msgspec.msgpack.encode({k: v for k, v in fields.items() if k != name}))


def test_bits_turned_pieces_cut_and_swapped() -> None:
    """CANHSONG_FUZZ_RUNS sets how many; 1,000,000 take some minutes."""
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    good = [*GOOD_FRAMES, *GOOD_RECORDS]
    for _ in range(RUNS):
        data = bytearray(rng.choice(good))
        for _ in range(rng.randrange(1, 5)):
            match rng.randrange(4):
                case 0:
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
                case 1:
                    del data[rng.randrange(len(data)) :]
                case 2:
                    at = rng.randrange(len(data))
                    data[at:at] = rng.randbytes(rng.randrange(1, 9))
                case _:
                    data += rng.choice(good)[rng.randrange(1, 40) :]
            data = data or bytearray(b"\x01")
        try:
            survives(bytes(data))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {bytes(data)!r}") from error


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_no_number_that_is_none_passes(value: float) -> None:
    fields = msgspec.msgpack.decode(GOOD_RECORDS[0][1:])
    for name in [name for name, old in fields.items() if isinstance(old, float)]:
        with pytest.raises(WireError):
            decode_record(b"\x01" + msgspec.msgpack.encode({**fields, name: value}))


def test_deep_nesting_and_lying_lengths_cost_nothing() -> None:
    for data in (b"\x01" + b"\x91" * 100_000, b"\x01\xdf\xff\xff\xff\xff", b"\x01\xc6\xff\xff\xff\xff", b"\x01" + b"\x81\xa1a" * 50_000):
        survives(data)
    for decode, bound in ((decode_frame, MAX_FRAME_BYTES), (decode_record, MAX_RECORD_BYTES)):
        with pytest.raises(WireError, match="bytes"):
            decode(b"\x01" + bytes(bound))


def test_a_piece_of_a_capture_is_at_most_256_kib() -> None:
    piece = CaptureChunk(capture_id="a", part="data", total_bytes=2**20, sha256="0" * 64, offset=0, data=bytes(MAX_CHUNK_BYTES))
    assert decode_frame(encode_frame(piece)) == piece
    with pytest.raises(WireError, match="262144"):
        decode_frame(encode_frame(msgspec.structs.replace(piece, data=bytes(MAX_CHUNK_BYTES + 1))))


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a\\b", "a b", "x" * 121, "-rf"])
def test_a_capture_s_name_leads_nowhere_else(name: str) -> None:
    piece = CaptureChunk(capture_id=name, part="data", total_bytes=1, sha256="0" * 64, offset=0, data=b"")
    with pytest.raises(WireError):
        decode_frame(encode_frame(piece))
