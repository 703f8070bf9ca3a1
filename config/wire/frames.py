"""What goes over the socket between a station's DEALER and the collector's ROUTER (decision 2).

Each ZeroMQ message is one frame: the version byte, then one of these as a MessagePack map tagged ``frame``. The identity of a record is
(station key, ``spool_id``, ``seq``); ``seq`` counts reliable records from 0 without gaps. Batches resend from what the collector says it
has committed; an acknowledgement covers everything up to and including ``seq``.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from config.errors import WireFormatError, WireVersionError
from config.wire.base import Count, ShortText, StationName, TimeNs
from config.wire.task import CaptureId, Task, TaskId
from config.wire.version import MAX_CHUNK_BYTES, MAX_FRAME_BYTES, WIRE_VERSION

SpoolId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
InstanceId = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
Seq = Annotated[int, Meta(ge=-1, le=2**53 - 1)]
Packed = Annotated[bytes, Meta(max_length=MAX_FRAME_BYTES)]


class Frame(Struct, frozen=True, kw_only=True, tag_field="frame"):
    """Base of every frame."""


class Hello(Frame, frozen=True, kw_only=True, tag="hello"):
    """Station to collector, on every connection: who speaks, and which records it can still send."""

    station: StationName
    program: ShortText
    spool_id: SpoolId
    first_seq: Count
    """The oldest record the spool still holds; ``next_seq`` where it holds none."""
    next_seq: Count
    """The number the next new record will get."""
    instances: Annotated[list[InstanceId], Meta(max_length=256)] = msgspec.field(default_factory=list)
    """Drawn whenever the spool is opened for sending, newest first: two that go on from one copy differ in their first."""
    opened_seq: Count | None = None
    """``next_seq`` when the first of ``instances`` was drawn: no earlier one can have sent that number or a later one."""
    features: Annotated[list[Annotated[str, Meta(max_length=32)]], Meta(max_length=32)] = msgspec.field(default_factory=list)
    """What this station can be sent beyond acknowledgements: ``tasks``."""
    now_ns: TimeNs | None = None
    """The station's clock when it was sent."""


class Welcome(Frame, frozen=True, kw_only=True, tag="welcome"):
    """Collector to station: the last ``seq`` committed of this spool (-1: none), and how many records may be under way."""

    spool_id: SpoolId
    committed_seq: Seq
    credit: Count
    now_ns: TimeNs | None = None
    """The collector's clock when it was sent."""


class Batch(Frame, frozen=True, kw_only=True, tag="batch"):
    """Station to collector: reliable records ``first_seq``, ``first_seq`` + 1, ..."""

    spool_id: SpoolId
    first_seq: Count
    records: Annotated[list[Packed], Meta(min_length=1, max_length=1000)]


class Gap(Frame, frozen=True, kw_only=True, tag="gap"):
    """Station to collector, in the place of a batch: these numbers were given and their records dropped. Acknowledged like a batch."""

    spool_id: SpoolId
    first_seq: Count
    last_seq: Count
    kinds: ShortText
    """Kinds of the records that were dropped, with commas between."""
    reason: ShortText


class Live(Frame, frozen=True, kw_only=True, tag="live"):
    """Station to collector: lossy records (spectra); never acknowledged."""

    records: Annotated[list[Packed], Meta(min_length=1, max_length=1000)]
    dropped: Count
    """How many live records the station has had to drop since its program began."""


class Rejected(Struct, frozen=True, kw_only=True):
    """A record that cannot be taken: counts as acknowledged and is kept aside at both ends."""

    seq: Count
    reason: ShortText


class Ack(Frame, frozen=True, kw_only=True, tag="ack"):
    """Collector to station: everything up to ``committed_seq`` is durable (or rejected, as listed)."""

    spool_id: SpoolId
    committed_seq: Seq
    rejected: list[Rejected]
    credit: Count


class Heartbeat(Frame, frozen=True, kw_only=True, tag="heartbeat"):
    """Either way: still here."""

    now_ns: TimeNs | None = None
    """The sender's clock."""
    credit: Count | None = None
    """A collector's: how many records may be under way from now on, as in ``ack``: a station without any hears so when there is room."""


class Refused(Frame, frozen=True, kw_only=True, tag="refused"):
    """Collector to station: a frame was not taken, and why."""

    reason: ShortText
    hello: bool
    """True: a new hello mends it (the collector was restarted and does not know this connection). False: nothing at the station does."""
    sender: InstanceId | None = None
    """The instance that sent from this spool last, where the hello did not name it. A station that drew it, ever so long ago, says hello
    again with it at the end of ``instances``: a collector restored from an old backup knows an old one."""


class Tasks(Frame, frozen=True, kw_only=True, tag="tasks"):
    """Collector to a station with the feature ``tasks``: what is asked of it. Sent again until answered by ``task_result`` records."""

    tasks: Annotated[list[Task], Meta(min_length=1, max_length=64)]
    now_ns: TimeNs
    """The collector's clock when it was sent."""


class CaptureChunk(Frame, frozen=True, kw_only=True, tag="capture_chunk"):
    """Station to collector: a piece of one file of a capture. Empty ``data`` asks how much of it is there already.

    ``total_bytes`` and ``sha256`` are of the whole file and never change.
    """

    capture_id: CaptureId
    part: Literal["data", "meta"]
    total_bytes: Count
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    offset: Count
    data: Annotated[bytes, Meta(max_length=MAX_CHUNK_BYTES)]
    task_id: TaskId | None = None
    """The task that asked for it."""


class CaptureAck(Frame, frozen=True, kw_only=True, tag="capture_ack"):
    """Collector to station: ``offset`` bytes of that file are on disk. ``whole``: all, and the hash is right. ``refused``: send no more."""

    capture_id: CaptureId
    part: Literal["data", "meta"]
    offset: Count
    state: Literal["more", "whole", "refused"]
    reason: ShortText


AnyFrame = Hello | Welcome | Batch | Gap | Live | Ack | Heartbeat | Refused | Tasks | CaptureChunk | CaptureAck

_PREFIX: Final = bytes([WIRE_VERSION])
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[AnyFrame]] = msgspec.msgpack.Decoder(AnyFrame)


def encode_frame(frame: AnyFrame) -> bytes:
    """Return the bytes of ``frame``."""
    return _PREFIX + _encoder.encode(frame)


def decode_frame(data: bytes) -> AnyFrame:
    """Return the frame in ``data``.

    Raises:
        WireVersionError: the version byte is another.
        WireFormatError: the bytes are no frame.
    """
    if not data or len(data) > MAX_FRAME_BYTES:
        raise WireFormatError(f"{len(data)} bytes: a frame has 1 to {MAX_FRAME_BYTES}")
    if data[0] != WIRE_VERSION:
        raise WireVersionError(data[0], WIRE_VERSION)
    try:
        return _decoder.decode(memoryview(data)[1:])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireFormatError(str(error)) from error
