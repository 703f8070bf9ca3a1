"""What SigMF metadata says of a recording: captures, their places in the data, labels; and where it contradicts the data.

SigMF 1.x: the samples of capture i begin ``core:sample_start`` samples and the ``core:header_bytes`` of captures 0 to i into the data;
``core:trailing_bytes`` follow the last sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Final

from config.wire.base import TimeSource
from dsp.units import BYTES_PER_SAMPLE, SampleFormat
from station.errors import RecordingError
from station.raw_recording import FORMATS
from station.recording import (
    MAX_FREQ_HZ,
    Capture,
    GivenFacts,
    Label,
    Recording,
    file_size,
    known_freq,
    parse_time_ns,
    rate_problem,
    start_of,
    whole_samples,
)

DBM_KEY: Final = "canhsong:dbm_minus_dbfs"
DBM_SIGMA_KEY: Final = "canhsong:dbm_sigma_db"
ORIGIN_KEY: Final = "canhsong:origin"
"""Global key by which a generated recording says so: its records have origin ``synthetic``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where the samples are: the first sample of each capture, its header bytes so far, and the samples in all."""

    starts: tuple[int, ...]
    header_bytes: tuple[int, ...]
    n_samples: int


def interpret(meta_path: Path, data_path: Path, metadata: dict[str, Any], given: GivenFacts) -> Recording:
    """Return the recording that ``metadata`` (global, captures, annotations) describes; what is given wins over what it says.

    Raises:
        RecordingError: the metadata is wrong, or the data is empty or cannot be read.
    """
    info = metadata["global"]
    sample_format = given.sample_format or _datatype(info.get("core:datatype"), meta_path)
    rate = given.sample_rate_hz if given.sample_rate_hz is not None else info.get("core:sample_rate")
    if problem := rate_problem(rate):
        raise RecordingError(f"{meta_path}: core:sample_rate: {problem}")
    if info.get("core:num_channels", 1) != 1:
        raise RecordingError(f"{meta_path}: core:num_channels is {info['core:num_channels']!r}: split the recording into single channels")
    layout, faults = _layout(meta_path, data_path, metadata, sample_format)
    captures, capture_faults = _captures(meta_path, metadata["captures"], given, layout, (float(rate), sample_format))
    labels, label_faults = _labels(meta_path, metadata["annotations"], captures, layout.n_samples)
    return Recording(
        path=data_path,
        name=meta_path.name,
        sample_format=sample_format,
        sample_rate_hz=float(rate),
        captures=captures,
        labels=labels,
        origin="synthetic" if info.get(ORIGIN_KEY) == "synthetic" else "replay",
        dbm=_dbm(info),
        faults=(*faults, *capture_faults, *label_faults),
    )


def _dbm(info: dict[str, Any]) -> tuple[float, float] | None:
    """Return what a capture of ours says of its levels; anything odd is as good as nothing."""
    offset, sigma = _number(info.get(DBM_KEY)), _number(info.get(DBM_SIGMA_KEY))
    if offset is None or sigma is None or not (abs(offset) <= 300.0 and 0.0 <= sigma <= 100.0):
        return None
    return offset, sigma


def _datatype(datatype: object, path: Path) -> SampleFormat:
    for known in FORMATS:
        if datatype == known:
            return known
    raise RecordingError(f"{path}: core:datatype is {datatype!r}: {', '.join(FORMATS)} are read: convert the recording, or give --format")


def _layout(meta_path: Path, data_path: Path, metadata: dict[str, Any], sample_format: SampleFormat) -> tuple[_Layout, tuple[str, ...]]:
    entries = metadata["captures"]
    starts = tuple(_count(entry.get("core:sample_start", 0), meta_path, "core:sample_start") for entry in entries)
    if any(later < earlier for earlier, later in pairwise(starts)):
        raise RecordingError(f"{meta_path}: captures are not in order of core:sample_start: sort them")
    headers = tuple(accumulate(_count(entry.get("core:header_bytes", 0), meta_path, "core:header_bytes") for entry in entries))
    around = headers[-1] + _count(metadata["global"].get("core:trailing_bytes", 0), meta_path, "core:trailing_bytes")
    n_bytes = file_size(data_path) - around
    if n_bytes <= 0:
        raise RecordingError(f"{meta_path}: headers of {around} bytes leave no samples in {data_path.name}: correct core:header_bytes")
    n_samples, faults = whole_samples(data_path, n_bytes, sample_format)
    return _Layout(starts=starts, header_bytes=headers, n_samples=n_samples), faults


def _captures(
    meta_path: Path, entries: list[dict[str, Any]], given: GivenFacts, layout: _Layout, form: tuple[float, SampleFormat]
) -> tuple[tuple[Capture, ...], tuple[str, ...]]:
    rate, sample_format = form
    ends = (*layout.starts[1:], layout.n_samples)
    captures: list[Capture] = []
    faults: list[str] = []
    clock_ns, source, clock_sample = 0, "unknown", 0
    for index, (entry, start, end) in enumerate(zip(entries, layout.starts, ends, strict=True)):
        if max(start, end) > layout.n_samples or start == layout.n_samples:
            faults.append(
                f"{meta_path}: capture {index} reaches to sample {max(start + 1, end)}, the data holds {layout.n_samples}: "
                "the data is truncated or the meta file is wrong; fetch both again"
            )
        recorded_ns = _recorded_time(entry.get("core:datetime"), meta_path)
        if index == 0 or (recorded_ns is not None and given.start_time_ns is None):
            (clock_ns, source), clock_sample = start_of(given, recorded_ns), start
        center = given.center_freq_hz if given.center_freq_hz is not None else entry.get("core:frequency")
        if min(end, layout.n_samples) > start:
            captures.append(
                Capture(
                    first_sample=start,
                    n_samples=min(end, layout.n_samples) - start,
                    first_byte=layout.header_bytes[index] + start * BYTES_PER_SAMPLE[sample_format],
                    center_freq_hz=_frequency(center, meta_path),
                    start_time_ns=clock_ns + round((start - clock_sample) / rate * 1e9),
                    time_source=_as_source(source),
                )
            )
    if not captures:
        raise RecordingError(faults[0])
    return tuple(captures), tuple(faults[:1])


def _as_source(source: str) -> TimeSource:
    return "given" if source == "given" else "recording" if source == "recording" else "unknown"


def _labels(
    meta_path: Path, annotations: list[dict[str, Any]], captures: tuple[Capture, ...], n_samples: int
) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    labels: list[Label] = []
    faults: list[str] = []
    for index, entry in enumerate(annotations):
        first = _count(entry.get("core:sample_start", 0), meta_path, "core:sample_start")
        count = _count(entry.get("core:sample_count", max(n_samples - first, 0)), meta_path, "core:sample_count")
        if first + count > n_samples:
            faults.append(
                f"{meta_path}: annotation {index} reaches to sample {first + count}, the data holds {n_samples}: "
                "the data is truncated or the meta file is wrong; fetch both again"
            )
        lower, upper = _number(entry.get("core:freq_lower_edge")), _number(entry.get("core:freq_upper_edge"))
        text = entry.get("core:label")
        if isinstance(text, str) and lower is not None and upper is not None:
            labels.append(
                Label(
                    text=text[:400],
                    lower_freq_hz=lower,
                    upper_freq_hz=upper,
                    first_sample=first,
                    end_sample=min(first + count, n_samples),
                )
            )
    return tuple(labels), tuple(faults[:1])


def _recorded_time(text: object, path: Path) -> int | None:
    if text is None:
        return None
    try:
        return parse_time_ns(text if isinstance(text, str) else "")
    except ValueError as error:
        raise RecordingError(f"{path}: core:datetime {text!r} is no date and time: write it like 2026-11-24T10:00:00Z") from error


def _frequency(value: object, path: Path) -> float | None:
    if value is None:
        return None
    freq_hz = _number(value)
    if freq_hz is None or not 0.0 <= freq_hz <= MAX_FREQ_HZ:
        raise RecordingError(f"{path}: core:frequency is {value!r}: correct it, or give --center-freq-hz")
    return known_freq(freq_hz)


def _count(value: object, path: Path, key: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62:
        return value
    raise RecordingError(f"{path}: {key} is {value!r}: must be a whole number of at least 0: correct it")


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None
