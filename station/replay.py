"""Replay: recordings through the same chain as live reception."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from config.band_plan import BandPlan
from config.settings import StationSettings
from config.wire import Header, Position
from dsp.errors import DspError
from station.errors import RecordingError, StationError
from station.first_run import make_ready
from station.levels import with_dbm
from station.output import Sink
from station.playback import Playback, open_recording
from station.receiver import IQBlock
from station.recording import Capture, GivenFacts, Recording
from station.sample_clock import SampleClock

if TYPE_CHECKING:
    from station.tuning import TuningFacts

BLOCK_SAMPLES = 1 << 18
Progress = Callable[[int], None]
"""Told how many more samples are done."""
Say = Callable[[str], None]
"""Takes one line of talk for stderr."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How recordings are replayed, and where the records go."""

    settings: StationSettings
    plan: BandPlan
    sink: Sink
    say: Say
    given: GivenFacts = field(default_factory=GivenFacts)
    realtime: bool = False

    def path(self, path: Path, progress: Callable[[str, int], Progress]) -> int:
        """Replay ``path`` and return the exit code it deserves; ``progress`` is opened with a name and the samples to come."""
        try:
            recording = open_recording(path, self.given)
            with_faults = 1 if recording.faults else 0
            for fault in recording.faults:
                self.say(fault)
            told = progress(recording.name, sum(capture.n_samples for capture in recording.captures))
            return max(with_faults, self._recording(recording, told))
        except StationError as error:
            self.say(str(error))
            return error.exit_code
        finally:
            self.sink.end_of_source()

    def _recording(self, recording: Recording, told: Progress) -> int:
        if self.settings.identity.gsm or self.settings.identity.lte:
            make_ready(self.say)
        receiver = Playback(recording)
        pacer = _Pacer(recording.sample_rate_hz if self.realtime else None)
        try:
            return max(self._capture(receiver, recording, capture, (pacer, told)) for capture in recording.captures)
        finally:
            receiver.close()

    def _capture(self, receiver: Playback, recording: Recording, capture: Capture, pace: tuple[_Pacer, Progress]) -> int:
        """Replay one capture; what is wrong with it is told, and what was found until there is not lost."""
        from station.tuning import Tuning  # compiled code and all: what cannot be opened need not wait for it

        pacer, told = pace
        tuning = Tuning(self._facts(recording, capture), settings=self.settings, plan=self.plan)
        for fault in recording.faults:
            tuning.note(f"fault: {fault.removeprefix(f'{recording.path.parent}/')}")
        problems: list[str] = []
        try:
            for n_samples in self._dwells(capture.n_samples, recording.sample_rate_hz):
                pacer.wait(n_samples)
                self.sink.put(with_dbm(tuning.dwell(_blocks(receiver, n_samples), n_samples), recording.dbm))
                told(n_samples)
        except RecordingError as error:
            problems.append(str(error))
        except DspError as error:
            problems.append(f"{recording.path}: the analysis cannot go on ({error}): report this, with the recording")
        self.sink.put(with_dbm(tuning.finish(), recording.dbm))
        problems += tuning.faults
        for problem in problems:
            self.say(problem)
        return 1 if problems else 0

    def _facts(self, recording: Recording, capture: Capture) -> TuningFacts:
        from station.tuning import TuningFacts

        station = self.settings.station
        position = None
        if station.lat_deg is not None and station.lon_deg is not None:
            position = Position(lat_deg=station.lat_deg, lon_deg=station.lon_deg, accuracy_m=station.accuracy_m)
        return TuningFacts(
            header=Header(station=station.name, origin=recording.origin, time_source=capture.time_source, position=position),
            source=recording.name,
            center_freq_hz=capture.center_freq_hz,
            sample_rate_hz=recording.sample_rate_hz,
            sample_format=recording.sample_format,
            clock=SampleClock(
                first_sample=capture.first_sample,
                start_time_ns=capture.start_time_ns,
                sample_rate_hz=recording.sample_rate_hz,
                time_source=capture.time_source,
            ),
            labels=recording.labels,
        )

    def _dwells(self, n_samples: int, sample_rate_hz: float) -> Iterator[int]:
        """Yield the lengths of dwells of equal length, as near to the set one as can be, that make up ``n_samples``."""
        n_dwells = max(1, round(n_samples / (self.settings.analysis.dwell_s * sample_rate_hz)))
        done = 0
        for index in range(1, n_dwells + 1):
            end = n_samples * index // n_dwells
            yield end - done
            done = end


class _Pacer:
    """Lets samples through no faster than they were recorded."""

    def __init__(self, sample_rate_hz: float | None) -> None:
        """None: as fast as it goes."""
        self._rate = sample_rate_hz
        self._began = time.monotonic()
        self._samples = 0

    def wait(self, n_samples: int) -> None:
        """Wait until the next ``n_samples`` would have been received."""
        if self._rate is None:
            return
        self._samples += n_samples
        time.sleep(max(0.0, self._began + self._samples / self._rate - time.monotonic()))


def _blocks(receiver: Playback, n_samples: int) -> Iterator[IQBlock]:
    """Yield ``n_samples`` in blocks."""
    while n_samples > 0 and (block := receiver.read(min(n_samples, BLOCK_SAMPLES))) is not None:
        n_samples -= block.n_samples
        yield block
