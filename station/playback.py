"""Recordings as a receiver: SigMF (through the ``sigmf`` package; this is its one door), WAV IQ and raw files, read block by block."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp.units import BYTES_PER_SAMPLE, SampleFormat
from station.errors import MisuseError, RecordingError
from station.raw_recording import open_raw
from station.receiver import IQBlock
from station.recording import Capture, GivenFacts, Recording, file_size
from station.sigmf_recording import interpret
from station.wav_recording import open_wav

_DTYPES: Final[dict[SampleFormat, npt.DTypeLike]] = {"cu8": np.uint8, "ci8": np.int8, "ci16_le": "<i2", "cf32_le": "<c8"}
_ITEMS_PER_SAMPLE: Final[dict[SampleFormat, int]] = {"cu8": 2, "ci8": 2, "ci16_le": 2, "cf32_le": 1}
_SIGMF_SUFFIXES: Final = (".sigmf-meta", ".sigmf-data")
_PACKED_SUFFIXES: Final = (".sigmf", ".sigmf.gz", ".sigmf.xz", ".sigmf.zip", ".sigmf-collection")


def open_recording(path: Path, given: GivenFacts) -> Recording:
    """Return what ``path`` is: SigMF (either of its two files), WAV by its suffix, else raw samples. No sample is read yet.

    Raises:
        MisuseError: the path, or what was given with it, cannot be meant.
        RecordingError: the recording cannot be used.
    """
    name = path.name.lower()
    if name.endswith(_SIGMF_SUFFIXES):
        file_size(path)
        meta_path = path.with_suffix(".sigmf-meta")
        file_size(meta_path)
        metadata, data_path = read_sigmf(meta_path)
        return interpret(meta_path, data_path, metadata, given)
    if name.endswith(_PACKED_SUFFIXES):
        raise MisuseError(f"{path}: archives and collections are not read: unpack it and name the .sigmf-meta files in it")
    if name.endswith(".wav") and given.sample_format is None:
        return open_wav(path, given)
    return open_raw(path, given)


def read_sigmf(path: Path) -> tuple[dict[str, Any], Path]:
    """Return the metadata in ``path`` and the path of its data. The data's hash is not computed: that would read all of it.

    Raises:
        RecordingError: it is no SigMF metadata, or its data is missing.
    """
    import sigmf  # costs 0.1 s, which raw and WAV files need not pay
    from sigmf.sigmffile import get_dataset_filename_from_metadata

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = json.loads(path.read_bytes())
            metadata = json.loads(sigmf.SigMFFile(metadata=loaded).dumps(pretty=False))
            found = get_dataset_filename_from_metadata(path, metadata)
    except (sigmf.error.SigMFError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise RecordingError(f"{path}: is no SigMF metadata ({reason}): fetch it again or correct it") from error
    for key, kind in (("global", dict), ("captures", list), ("annotations", list)):
        value = metadata.setdefault(key, kind())
        if not isinstance(value, kind) or (kind is list and not all(isinstance(entry, dict) for entry in value)):
            raise RecordingError(f'{path}: "{key}" is not of the right shape: fetch it again or correct it')
    metadata["captures"] = metadata["captures"] or [{"core:sample_start": 0}]
    data_path = Path(found) if found is not None else path.with_suffix(".sigmf-data")
    if not data_path.exists():
        raise RecordingError(f"{path}: its samples are missing: put {data_path.name} beside it")
    return metadata, data_path


class Playback:
    """A receiver that plays one recording from its first sample to its last; it holds one block at a time."""

    def __init__(self, recording: Recording) -> None:
        """Open the recording's file."""
        self._recording = recording
        self._capture_index = 0
        self._done = 0
        try:
            self._file = recording.path.open("rb", buffering=0)
        except OSError as error:
            raise RecordingError(f"{recording.path}: cannot be read: {error.strerror}: check its permissions and the disk") from error

    @property
    def sample_rate_hz(self) -> float:
        """Complex samples per second."""
        return self._recording.sample_rate_hz

    @property
    def sample_format(self) -> SampleFormat:
        """How the samples are coded."""
        return self._recording.sample_format

    @property
    def capture(self) -> Capture | None:
        """The capture that the next block comes from; None at the end."""
        while self._capture_index < len(self._recording.captures):
            capture = self._recording.captures[self._capture_index]
            if self._done < capture.n_samples:
                return capture
            self._capture_index, self._done = self._capture_index + 1, 0
        return None

    def tune(self, center_freq_hz: float) -> None:
        """Refuse: a recording was tuned when it was made.

        Raises:
            MisuseError: always.
        """
        raise MisuseError(f"{self._recording.path}: a recording cannot be tuned to {center_freq_hz:g} Hz: record again there")

    def read(self, n_samples: int) -> IQBlock | None:
        """Return the next samples, at most ``n_samples`` and of one capture; None at the end.

        Raises:
            RecordingError: the file gives fewer bytes than it had when it was opened, or the disk fails.
        """
        capture = self.capture
        if capture is None:
            return None
        n = min(n_samples, capture.n_samples - self._done)
        form = self._recording.sample_format
        block = IQBlock(
            samples=self._read_items(capture, n),
            sample_format=form,
            sample_rate_hz=self._recording.sample_rate_hz,
            center_freq_hz=capture.center_freq_hz,
            first_sample=capture.first_sample + self._done,
        )
        self._done += n
        return block

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_items(self, capture: Capture, n: int) -> npt.NDArray[Any]:
        form = self._recording.sample_format
        try:
            self._file.seek(capture.first_byte + self._done * BYTES_PER_SAMPLE[form])
            items = np.fromfile(self._file, _DTYPES[form], count=n * _ITEMS_PER_SAMPLE[form])
        except OSError as error:
            raise RecordingError(f"{self._recording.path}: reading failed: {error.strerror}: check the disk and try again") from error
        if len(items) < n * _ITEMS_PER_SAMPLE[form]:
            raise RecordingError(f"{self._recording.path}: became shorter while it was read: let the program that writes it finish first")
        return items
