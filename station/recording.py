"""What is known of a recording before a sample of it is read, and the checks that every kind of recording has to pass."""

from __future__ import annotations

import math
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from config.wire.base import Origin, TimeSource
from dsp.units import BYTES_PER_SAMPLE, SampleFormat
from station.errors import MisuseError, RecordingError

MIN_SAMPLE_RATE_HZ: Final = 200e3
MAX_SAMPLE_RATE_HZ: Final = 61.44e6
MAX_FREQ_HZ: Final = 1e11


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A stretch of a recording with one tuning."""

    first_sample: int
    n_samples: int
    first_byte: int
    center_freq_hz: float | None
    start_time_ns: int
    time_source: TimeSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What the recording itself says is to be found at some place (absolute frequencies, samples from the recording's start)."""

    text: str
    lower_freq_hz: float
    upper_freq_hz: float
    first_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording: what its samples are, where they lie, and what is wrong with it although it can be read."""

    path: Path
    """The file that holds the samples."""
    name: str
    sample_format: SampleFormat
    sample_rate_hz: float
    captures: tuple[Capture, ...]
    labels: tuple[Label, ...] = ()
    origin: Origin = "replay"
    dbm: tuple[float, float] | None = None
    """What makes dBm of its levels and how sure that is, dB, as the station that captured it was calibrated; None: levels are dBFS."""
    faults: tuple[str, ...] = ()
    """One sentence each; the recording is analysed as far as it goes, and the command ends with exit code 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFacts:
    """What the user says of recordings that do not say it themselves. None: not given."""

    sample_rate_hz: float | None = None
    center_freq_hz: float | None = None
    sample_format: SampleFormat | None = None
    start_time_ns: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            MisuseError: a rate or frequency out of range.
        """
        if self.sample_rate_hz is not None and (problem := rate_problem(self.sample_rate_hz)):
            raise MisuseError(f"--sample-rate-hz: {problem}")
        if self.center_freq_hz is not None and not 0.0 <= self.center_freq_hz <= MAX_FREQ_HZ:
            raise MisuseError(f"--center-freq-hz: {self.center_freq_hz:g}: give 0 (not known) to 100 GHz, in Hz")


def rate_problem(sample_rate_hz: object) -> str | None:
    """Return what is wrong with a sample rate, and what to do; None: nothing."""
    if not isinstance(sample_rate_hz, int | float) or isinstance(sample_rate_hz, bool) or not math.isfinite(sample_rate_hz):
        return f"sample rate {sample_rate_hz!r} is no number: give it with --sample-rate-hz"
    if not MIN_SAMPLE_RATE_HZ <= sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
        return f"sample rate {sample_rate_hz:g} Hz is outside 200 kS/s to 61.44 MS/s: check the value, or resample the recording"
    return None


def known_freq(center_freq_hz: float | None) -> float | None:
    """Return the tuned centre; None where it is absent or 0, which is how programs write "not known"."""
    return center_freq_hz or None


def file_size(path: Path) -> int:
    """Return the bytes in ``path``.

    Raises:
        MisuseError: there is no such file, or it is a folder or a device.
        RecordingError: it is empty or cannot be read.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise MisuseError(f"{path}: is a folder: name the recordings in it, e.g. {path}/*.sigmf-meta")
        if not stat.S_ISREG(status.st_mode):
            raise MisuseError(f"{path}: is no regular file: copy the samples into a file first")
        os.close(os.open(path, os.O_RDONLY))
    except FileNotFoundError as error:
        raise MisuseError(f"{path}: there is no such file: check the path") from error
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}: check its permissions and the disk") from error
    if status.st_size == 0:
        raise RecordingError(f"{path}: is empty: record again or fetch the file again")
    return status.st_size


def whole_samples(path: Path, n_bytes: int, sample_format: SampleFormat) -> tuple[int, tuple[str, ...]]:
    """Return the whole samples in ``n_bytes``, and the fault where a piece of a sample is left over.

    Raises:
        RecordingError: there is not even one.
    """
    size = BYTES_PER_SAMPLE[sample_format]
    if n_bytes < size:
        raise RecordingError(f"{path}: {n_bytes} bytes do not hold one {sample_format} sample: fetch the file again or check the format")
    if left := n_bytes % size:
        return n_bytes // size, (
            f"{path}: {n_bytes} bytes are no whole number of {size}-byte {sample_format} samples: the last {left} "
            f"{'byte is' if left == 1 else 'bytes are'} left out; the file is truncated or the format is another",
        )
    return n_bytes // size, ()


def parse_time_ns(text: str) -> int:
    """Return ns since 1970 of an ISO 8601 date and time; without a zone it is UTC. Digits beyond the microsecond are kept to the ns.

    Raises:
        ValueError: it is none.
    """
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    whole = moment.replace(microsecond=0)
    fraction = text.partition(".")[2].rstrip("Zz").partition("+")[0].partition("-")[0] if "." in text else ""
    nanoseconds = int(fraction[:9].ljust(9, "0")) if fraction.isdigit() else 0
    seconds = int((whole - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    if seconds < 0:
        raise ValueError("before 1970")
    return seconds * 1_000_000_000 + nanoseconds


def start_of(given: GivenFacts, recorded_time_ns: int | None) -> tuple[int, TimeSource]:
    """Return the first sample's time and its source: what the user gives wins over what the recording says."""
    if given.start_time_ns is not None:
        return given.start_time_ns, "given"
    if recorded_time_ns is not None:
        return recorded_time_ns, "recording"
    return 0, "unknown"
