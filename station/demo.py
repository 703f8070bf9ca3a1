"""What the demo's station hears: made-up radio through the chain that live reception and replay use.

The one module of a running program that may import ``dsp.synth``. What it sends has origin ``synthetic``.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from station.errors import StationError
from station.receiver import IQBlock

if TYPE_CHECKING:
    from config.settings import StationSettings
    from dsp.synth.demo_cells import TunedScene
    from dsp.units import SampleFormat
    from station.output import Sink
    from station.tuning import TuningFacts

STATION: Final = "demo"
SEED: Final = 20261124
BLOCK_S: Final = 0.125
"""Two make a dwell."""
AHEAD_BLOCKS: Final = 16


class SceneReceiver:
    """A receiver that hears a scene as a dongle would hand it over (cu8), no faster than a dongle would where ``realtime``.

    The scene is made in a thread of its own, some blocks ahead, so that a slow dwell does not make the radio wait.
    """

    def __init__(self, tuned: TunedScene, *, realtime: bool) -> None:
        """Begin at the scene's time 0."""
        from dsp.synth.demo_cells import SAMPLE_RATE_HZ

        self._tuned, self._realtime, self._rate = tuned, realtime, SAMPLE_RATE_HZ
        self._made: queue.Queue[IQBlock | None] = queue.Queue(AHEAD_BLOCKS)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._make, name="scene", daemon=True)
        self._thread.start()
        self._began_s: float | None = None

    @property
    def sample_rate_hz(self) -> float:
        """Complex samples per second."""
        return self._rate

    @property
    def sample_format(self) -> SampleFormat:
        """How the samples are coded."""
        return "cu8"

    def tune(self, center_freq_hz: float) -> None:
        """Refuse another centre: a scene is heard at one.

        Raises:
            StationError: ``center_freq_hz`` is another.
        """
        if center_freq_hz != self._tuned.center_freq_hz:
            raise StationError(f"this scene is heard at {self._tuned.center_freq_hz / 1e6:g} MHz alone")

    def read(self, n_samples: int) -> IQBlock | None:
        """Return the next block, of at most ``n_samples`` (at least a block's length), when it could be heard; None at the end."""
        block = self._made.get()
        if block is None or block.n_samples > n_samples:
            return None
        if self._realtime:
            now_s = time.monotonic()
            self._began_s = now_s - block.first_sample / self._rate if self._began_s is None else self._began_s
            time.sleep(max(0.0, self._began_s + (block.first_sample + block.n_samples) / self._rate - now_s))
        return block

    def close(self) -> None:
        """Stop making the scene."""
        self._closed.set()
        with contextlib.suppress(queue.Empty):
            self._made.get_nowait()
        self._thread.join()

    def _make(self) -> None:
        import numpy as np

        from dsp.synth.impairments import quantise
        from dsp.synth.scene import blocks

        tuned, first = self._tuned, 0
        stretches = blocks(
            tuned.scene,
            center_freq_hz=tuned.center_freq_hz,
            sample_rate_hz=self._rate,
            duration_s=tuned.duration_s,
            block_s=BLOCK_S,
            rng=np.random.default_rng(SEED),
        )
        for samples in stretches:
            block = IQBlock(
                samples=quantise(samples, "cu8"),
                sample_format="cu8",
                sample_rate_hz=self._rate,
                center_freq_hz=tuned.center_freq_hz,
                first_sample=first,
            )
            first += block.n_samples
            if not self._hand_over(block):
                return
        self._hand_over(None)

    def _hand_over(self, block: IQBlock | None) -> bool:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._made.put(block, timeout=0.2)
                return True
        return False


def feed(collector: str, *, duration_s: float, stopped: threading.Event, realtime: bool = True) -> str | None:
    """Send what a station hears of the demo's scenes to ``collector``; return what is wrong where not everything arrived."""
    from config.settings import StationSettings
    from dsp.synth.demo_cells import demo_tunings
    from station.output import UplinkSink
    from station.uplink import Uplink

    sink = UplinkSink(Uplink(collector, station=STATION), drain_timeout_s=20.0)
    for tuned in demo_tunings(duration_s):
        _listen(tuned, sink, settings=StationSettings(), stopped=stopped, realtime=realtime)
    return sink.close()


def _listen(tuned: TunedScene, sink: Sink, *, settings: StationSettings, stopped: threading.Event, realtime: bool) -> None:
    from config.band_plan import load_band_plan
    from station.tuning import Tuning

    receiver = SceneReceiver(tuned, realtime=realtime)
    try:
        n_dwell = 2 * round(BLOCK_S * receiver.sample_rate_hz)
        first = receiver.read(n_dwell)
        tuning = Tuning(_facts(tuned, receiver.sample_rate_hz), settings=settings, plan=load_band_plan())
        while first is not None and not stopped.is_set():
            sink.put(tuning.dwell(_two(first, receiver), n_dwell))
            first = receiver.read(n_dwell)
        sink.put(tuning.finish())
    finally:
        receiver.close()


def _two(first: IQBlock, receiver: SceneReceiver) -> Iterator[IQBlock]:
    """Yield the two blocks of a dwell."""
    yield first
    if (second := receiver.read(first.n_samples)) is not None:
        yield second


def _facts(tuned: TunedScene, sample_rate_hz: float) -> TuningFacts:
    from config.wire import Header
    from station.recording import Label
    from station.sample_clock import SampleClock
    from station.tuning import TuningFacts

    labels = []
    for item in tuned.scene.items:
        ends = (item.freq_at_hz(0.0), item.freq_at_hz(tuned.duration_s))
        labels.append(
            Label(
                text=item.name,
                lower_freq_hz=min(ends) - item.bandwidth_hz / 2,
                upper_freq_hz=max(ends) + item.bandwidth_hz / 2,
                first_sample=0,
                end_sample=round(tuned.duration_s * sample_rate_hz),
            )
        )
    return TuningFacts(
        header=Header(station=STATION, origin="synthetic", time_source="given"),
        source="demo",
        center_freq_hz=tuned.center_freq_hz,
        sample_rate_hz=sample_rate_hz,
        sample_format="cu8",
        clock=SampleClock(first_sample=0, start_time_ns=time.time_ns(), sample_rate_hz=sample_rate_hz, time_source="given"),
        labels=tuple(labels),
    )
