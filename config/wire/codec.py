"""Bytes and JSON of records: MessagePack behind one version byte; JSON with ``kind`` first, for people."""

from __future__ import annotations

from typing import Final

import msgspec

from config.errors import WireFormatError, WireVersionError
from config.wire.capture_announcement import CaptureAnnouncement
from config.wire.emission import EmissionReport
from config.wire.gsm_cell import GsmCellReport
from config.wire.health import HealthReport
from config.wire.lte_cell import LteCellReport
from config.wire.occupancy import OccupancyReport
from config.wire.spectrum import SpectrumReport
from config.wire.summary import SummaryReport
from config.wire.task import TaskResult
from config.wire.version import MAX_RECORD_BYTES, WIRE_VERSION

AnyRecord = (
    EmissionReport
    | OccupancyReport
    | SpectrumReport
    | SummaryReport
    | GsmCellReport
    | LteCellReport
    | HealthReport
    | CaptureAnnouncement
    | TaskResult
)

_PREFIX: Final = bytes([WIRE_VERSION])
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[AnyRecord]] = msgspec.msgpack.Decoder(AnyRecord)
_json_encoder: Final = msgspec.json.Encoder()
_json_decoder: Final[msgspec.json.Decoder[AnyRecord]] = msgspec.json.Decoder(AnyRecord)


def encode_record(record: AnyRecord) -> bytes:
    """Return the version byte and the MessagePack map of ``record``.

    Raises:
        WireFormatError: a field is outside its bounds (msgspec checks on decoding only, so this decodes once).
    """
    packed = _encoder.encode(record)
    try:
        _decoder.decode(packed)
    except msgspec.MsgspecError as error:
        raise WireFormatError(f"{type(record).__name__} cannot be sent: {error}") from error
    if len(packed) >= MAX_RECORD_BYTES:
        raise WireFormatError(f"{type(record).__name__} takes {len(packed)} bytes, at most {MAX_RECORD_BYTES - 1} are allowed")
    return _PREFIX + packed


def decode_record(data: bytes) -> AnyRecord:
    """Return the record in ``data``.

    Raises:
        WireVersionError: the version byte is another.
        WireFormatError: the bytes are no record: empty, too long, not MessagePack, an unknown kind, a field missing or out of bounds.
    """
    if not data:
        raise WireFormatError("empty record")
    if data[0] != WIRE_VERSION:
        raise WireVersionError(data[0], WIRE_VERSION)
    if len(data) > MAX_RECORD_BYTES:
        raise WireFormatError(f"{len(data)} bytes, at most {MAX_RECORD_BYTES} are allowed")
    try:
        return _decoder.decode(memoryview(data)[1:])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireFormatError(str(error)) from error


def to_json(record: AnyRecord) -> str:
    """Return ``record`` as one line of JSON, ``kind`` first."""
    return _json_encoder.encode(record).decode()


def from_json(text: str | bytes) -> AnyRecord:
    """Return the record in one line of JSON.

    Raises:
        WireFormatError: it is none.
    """
    try:
        return _json_decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireFormatError(str(error)) from error
