"""WAV IQ recordings: two channels, I left and Q right; 8 or 16 bit or 32-bit float; centre and start from an ``auxi`` chunk.

RIFF: "RIFF" size "WAVE", then chunks of a 4-letter name, a 32-bit little-endian length and content padded to an even length. RF64 puts
the real lengths into "ds64". The ``auxi`` chunk of SDR programs: start and stop as SYSTEMTIME (8 words: year, month, weekday, day, hour,
minute, second, ms), then the centre frequency in Hz as 32 bits.
"""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from dsp.units import SampleFormat
from station.errors import RecordingError
from station.recording import Capture, GivenFacts, Recording, file_size, known_freq, rate_problem, start_of, whole_samples

_FORMATS: Final[dict[tuple[int, int], SampleFormat]] = {(1, 8): "cu8", (1, 16): "ci16_le", (3, 32): "cf32_le"}
_EXTENSIBLE: Final = 0xFFFE
_UNKNOWN_SIZE: Final = 0xFFFFFFFF
_NAMED_CENTER: Final = re.compile(r"_(\d+)(k?)Hz(?:_|\.|$)", re.IGNORECASE)


def open_wav(path: Path, given: GivenFacts) -> Recording:
    """Return the WAV recording in ``path``.

    Raises:
        RecordingError: it is no WAV file of IQ, or it is damaged.
    """
    size = file_size(path)
    with path.open("rb") as file:
        chunks, data_first, data_size = _chunks(file, path, size)
    if "fmt " not in chunks or len(chunks["fmt "]) < 16:
        raise RecordingError(f"{path}: has no format chunk: it is no WAV file, or damaged: fetch it again")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunks["fmt "])
    if tag == _EXTENSIBLE and len(chunks["fmt "]) >= 26:
        (tag,) = struct.unpack_from("<H", chunks["fmt "], 24)
    sample_format = _FORMATS.get((tag, bits))
    if channels != 2 or sample_format is None:
        raise RecordingError(
            f"{path}: WAV with {channels} channel(s), format {tag}, {bits} bit is not read: "
            "save IQ as two channels of 8 or 16 bit PCM or 32-bit float"
        )
    rate_hz = given.sample_rate_hz if given.sample_rate_hz is not None else float(rate)
    if problem := rate_problem(rate_hz):
        raise RecordingError(f"{path}: {problem}")
    faults: list[str] = []
    if data_first + data_size > size:
        faults.append(f"{path}: says it holds {data_size} bytes of samples and holds {size - data_first}: it is truncated; fetch it again")
        data_size = size - data_first
    n_samples, left_over = whole_samples(path, data_size, sample_format)
    center, recorded_ns = _auxi(chunks.get("auxi", b""), path)
    start_ns, source = start_of(given, recorded_ns)
    capture = Capture(
        first_sample=0,
        n_samples=n_samples,
        first_byte=data_first,
        center_freq_hz=known_freq(given.center_freq_hz if given.center_freq_hz is not None else center),
        start_time_ns=start_ns,
        time_source=source,
    )
    return Recording(
        path=path, name=path.name, sample_format=sample_format, sample_rate_hz=rate_hz, captures=(capture,), faults=(*faults, *left_over)
    )


def _chunks(file: BinaryIO, path: Path, size: int) -> tuple[dict[str, bytes], int, int]:
    """Return the small chunks up to "data", and where the samples begin and how many bytes they are said to be."""
    head = file.read(12)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        raise RecordingError(f"{path}: does not begin like a WAV file: if it is raw IQ, give --format and --sample-rate-hz")
    chunks: dict[str, bytes] = {}
    while True:
        header = file.read(8)
        if len(header) < 8:
            raise RecordingError(f"{path}: holds no data chunk: it is damaged or truncated: fetch it again")
        name, length = header[:4].decode("latin-1"), int.from_bytes(header[4:], "little")
        if name == "data":
            if length in (0, _UNKNOWN_SIZE):
                length = struct.unpack_from("<QQ", chunks["ds64"])[1] if len(chunks.get("ds64", b"")) >= 16 else size - file.tell()
            return chunks, file.tell(), length
        if length > 1 << 20:
            raise RecordingError(f"{path}: chunk {name!r} says it is {length} bytes long: the file is damaged: fetch it again")
        chunks[name] = file.read(length + length % 2)[:length]


def _auxi(chunk: bytes, path: Path) -> tuple[float | None, int | None]:
    """Return (centre in Hz, start in ns) of an ``auxi`` chunk, the centre else from a name like ``x_945200kHz_RF.wav``."""
    center: float | None = None
    if named := _NAMED_CENTER.search(path.name):
        center = float(named[1]) * (1e3 if named[2] else 1.0)
    if len(chunk) < 36:
        return center, None
    year, month, _, day, hour, minute, second, ms = struct.unpack_from("<8H", chunk)
    (center_hz,) = struct.unpack_from("<I", chunk, 32)
    try:
        start = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return float(center_hz) or center, None
    seconds = int((start - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return float(center_hz) or center, (seconds * 1000 + ms) * 1_000_000 if seconds >= 0 else None
