"""Raw IQ files: bare samples, described by flags or by the file's name (``x_953.6M_500k.cu8``)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from dsp.units import SampleFormat
from station.errors import MisuseError
from station.recording import Capture, GivenFacts, Recording, file_size, known_freq, rate_problem, start_of, whole_samples

FORMATS: Final[tuple[SampleFormat, ...]] = ("cu8", "ci8", "ci16_le", "cf32_le")
_BY_SUFFIX: Final[dict[str, SampleFormat]] = {
    ".cu8": "cu8",
    ".cs8": "ci8",
    ".ci8": "ci8",
    ".cs16": "ci16_le",
    ".ci16": "ci16_le",
    ".ci16_le": "ci16_le",
    ".cf32": "cf32_le",
    ".cf32_le": "cf32_le",
    ".cfile": "cf32_le",
    ".fc32": "cf32_le",
}
_SCALE: Final = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
_QUANTITY: Final = re.compile(r"^(\d+(?:\.\d+)?)([kKmMgG]?)(Hz|hz|sps|Sps)?$")


def facts_in_name(path: Path) -> tuple[SampleFormat | None, float | None, float | None]:
    """Return (format, centre in Hz, sample rate in Hz) as the name says; None for what it does not say.

    ``NAME_953.6M_500k.cu8``: the last two parts between underscores are centre and rate. A single such part is the rate where it is
    one that a receiver can have as such (up to 61.44 M) and no centre precedes it.
    """
    sample_format = _BY_SUFFIX.get(path.suffix.lower())
    stem = path.name[: -len(path.suffix)] if sample_format else path.name
    values: list[float] = []
    for part in reversed(stem.split("_")):
        match = _QUANTITY.match(part)
        if match is None or not (match[2] or match[3]):
            break
        values.append(float(match[1]) * _SCALE[match[2].lower()])
    rate = values[0] if values else None
    center = values[1] if len(values) > 1 else None
    return sample_format, center, rate


def open_raw(path: Path, given: GivenFacts) -> Recording:
    """Return the raw recording in ``path``; flags win over the name.

    Raises:
        MisuseError: format or rate are not known, or are impossible.
        RecordingError: the file is empty or cannot be read.
    """
    size = file_size(path)
    named_format, named_center, named_rate = facts_in_name(path)
    sample_format = given.sample_format or named_format
    if sample_format is None:
        raise MisuseError(
            f"{path}: the sample format is not known: give --format {'|'.join(FORMATS)}, or name the file like x_953.6M_500k.cu8"
        )
    rate = given.sample_rate_hz if given.sample_rate_hz is not None else named_rate
    if rate is None:
        raise MisuseError(f"{path}: the sample rate is not known: give --sample-rate-hz, or name the file like x_953.6M_500k.cu8")
    if problem := rate_problem(rate):
        raise MisuseError(f"{path}: {problem}")
    n_samples, faults = whole_samples(path, size, sample_format)
    start_ns, source = start_of(given, None)
    center = given.center_freq_hz if given.center_freq_hz is not None else named_center
    capture = Capture(
        first_sample=0,
        n_samples=n_samples,
        first_byte=0,
        center_freq_hz=known_freq(center),
        start_time_ns=start_ns,
        time_source=source,
    )
    return Recording(path=path, name=path.name, sample_format=sample_format, sample_rate_hz=float(rate), captures=(capture,), faults=faults)
