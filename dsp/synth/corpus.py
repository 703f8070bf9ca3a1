"""A small corpus of scenes with their truth, for this project's tests and anybody else's: arrays only, files are written elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp.synth.carriers import BandNoise, Gmsk, Tone
from dsp.synth.demo_scene import demo_scene
from dsp.synth.impairments import Impairments, quantise
from dsp.synth.ofdm import Ofdm
from dsp.synth.scene import Keying, Scene, SceneItem, blocks, cn0_dbhz
from dsp.synth.truth import Truth, scene_truth
from dsp.units import SampleFormat

_BLOCK_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusEntry:
    """One recording of the corpus."""

    name: str
    description: str
    scene: Scene
    center_freq_hz: float
    seed: int
    sample_rate_hz: float = 2.4e6
    duration_s: float = 0.5
    sample_format: SampleFormat = "cu8"

    def samples(self) -> Iterator[npt.NDArray[Any]]:
        """Give the recording block by block: interleaved values, or complex64 where the format is cf32_le."""
        made = blocks(
            self.scene,
            center_freq_hz=self.center_freq_hz,
            sample_rate_hz=self.sample_rate_hz,
            duration_s=self.duration_s,
            block_s=_BLOCK_S,
            rng=np.random.default_rng(self.seed),
        )
        return (quantise(block, self.sample_format) for block in made)

    def truth(self) -> tuple[Truth, ...]:
        """Return what is in the recording."""
        return scene_truth(self.scene, center_freq_hz=self.center_freq_hz, sample_rate_hz=self.sample_rate_hz, duration_s=self.duration_s)


def corpus() -> tuple[CorpusEntry, ...]:
    """Return the entries: something of each kind the analysis must tell apart, about 25 MB in all."""
    return (_noise(), _demo(), _gmsk_levels(), _bursts(), _weak_wide(), _cut(), _drift(), _impaired())


def _noise() -> CorpusEntry:
    text = "Nothing but receiver noise"
    return CorpusEntry(name="noise_900M_2.4M", description=text, scene=Scene(items=()), center_freq_hz=900e6, seed=1)


def _demo() -> CorpusEntry:
    text = "The first second of the demo's scene"
    return CorpusEntry(name="demo_942M_2.4M", description=text, scene=demo_scene(), center_freq_hz=942e6, seed=2, duration_s=1.0)


def _gmsk(name: str, freq_hz: float, snr_db: float, seed: int) -> SceneItem:
    return SceneItem(name=name, waveform=Gmsk(seed=seed), freq_hz=freq_hz, bandwidth_hz=250e3, cn0_dbhz=cn0_dbhz(snr_db, 250e3))


def _gmsk_levels() -> CorpusEntry:
    levels = ((941.0e6, 40.0), (941.6e6, 28.0), (942.2e6, 15.0))
    scene = Scene(items=tuple(_gmsk(f"GMSK {snr:.0f} dB", freq, snr, number) for number, (freq, snr) in enumerate(levels)))
    text = "Three GMSK carriers: 40, 28 and 15 dB"
    return CorpusEntry(name="gmsk_levels_941.2M_2.4M", description=text, scene=scene, center_freq_hz=941.2e6, seed=3)


def _bursts() -> CorpusEntry:
    item = SceneItem(
        name="bursts",
        waveform=Gmsk(symbol_rate_hz=20e3, bt=0.5),
        freq_hz=433.82e6,
        bandwidth_hz=30e3,
        cn0_dbhz=cn0_dbhz(20.0, 30e3),
        keying=Keying(on_s=3e-3, period_s=40e-3, first_s=20e-3, count=10),
    )
    return CorpusEntry(
        name="bursts_433.92M_1M",
        description="Ten bursts of 3 ms, 40 ms apart",
        scene=Scene(items=(item,)),
        center_freq_hz=433.92e6,
        seed=4,
        sample_rate_hz=1e6,
        sample_format="ci8",
    )


def _weak_wide() -> CorpusEntry:
    return CorpusEntry(
        name="weak_wide_950M_4.8M",
        description="Bands 2 and 3 dB under the noise",
        scene=Scene(items=(_band(949.0e6, 200e3, -2.0), _band(951.0e6, 1.4e6, -3.0))),
        center_freq_hz=950e6,
        seed=5,
        sample_rate_hz=4.8e6,
        sample_format="ci16_le",
    )


def _band(freq_hz: float, width_hz: float, snr_db: float) -> SceneItem:
    wave = BandNoise(bandwidth_hz=width_hz)
    name = f"band {width_hz / 1e6} MHz"
    return SceneItem(name=name, waveform=wave, freq_hz=freq_hz, bandwidth_hz=width_hz, cn0_dbhz=cn0_dbhz(snr_db, width_hz))


def _cut() -> CorpusEntry:
    wave = Ofdm(n_subcarriers=72)
    width_hz = wave.bandwidth_hz
    item = SceneItem(name="OFDM", waveform=wave, freq_hz=797e6, bandwidth_hz=width_hz, cn0_dbhz=cn0_dbhz(15.0, width_hz))
    text = "An OFDM carrier that the span cuts"
    return CorpusEntry(name="cut_796M_2.4M", description=text, scene=Scene(items=(item,)), center_freq_hz=796e6, seed=6, duration_s=0.25)


def _drift() -> CorpusEntry:
    item = SceneItem(name="tone", waveform=Tone(), freq_hz=945.1e6, bandwidth_hz=100.0, cn0_dbhz=50.0, drift_hz_s=40e3)
    return CorpusEntry(
        name="drift_945M_1M",
        description="A tone that moves by 40 kHz/s",
        scene=Scene(items=(item,)),
        center_freq_hz=945e6,
        seed=7,
        sample_rate_hz=1e6,
        duration_s=0.25,
        sample_format="cf32_le",
    )


def _impaired() -> CorpusEntry:
    faults = Impairments(ppm=38.0, dc=0.01 - 0.006j, gain_imbalance_db=0.4, phase_imbalance_deg=2.5)
    scene = Scene(items=(_gmsk("GMSK", 948.6e6, 40.0, 0),), impairments=faults)
    text = "Clock 38 ppm fast, DC, an image at -30 dB"
    return CorpusEntry(name="impaired_948M_2.4M", description=text, scene=scene, center_freq_hz=948e6, seed=8)
