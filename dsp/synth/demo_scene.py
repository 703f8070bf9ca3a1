"""The scene of the demo: six carriers in the GSM 900 downlink, each found on the page by its name."""

from __future__ import annotations

from typing import Final

from dsp.synth.carriers import Gmsk, Tone
from dsp.synth.impairments import Impairments
from dsp.synth.ofdm import Ofdm
from dsp.synth.scene import Keying, Scene, SceneItem, cn0_dbhz

CENTER_FREQ_HZ: Final = 942.0e6
SAMPLE_RATE_HZ: Final = 2.4e6
DURATION_S: Final = 60.0
SEED: Final = 20261124


def demo_scene() -> Scene:
    """Return two licensed-looking carriers, an OFDM carrier, an intermittent, a weak and a drifting one, for 60 s at 942 MHz."""
    ofdm = Ofdm(n_subcarriers=36, seed=3)
    return Scene(
        items=(
            _gmsk("licensed carrier A", 941.2e6, snr_db=30.0, seed=1),
            _gmsk("licensed carrier B", 941.6e6, snr_db=20.0, seed=2),
            SceneItem(name="OFDM carrier", waveform=ofdm, freq_hz=942.5e6, bandwidth_hz=ofdm.bandwidth_hz, cn0_dbhz=cn0_dbhz(18.0, 555e3)),
            SceneItem(
                name="intermittent carrier",
                waveform=Gmsk(symbol_rate_hz=16e3, seed=4),
                freq_hz=941.85e6,
                bandwidth_hz=20e3,
                cn0_dbhz=cn0_dbhz(25.0, 20e3),
                keying=Keying(on_s=4.0, period_s=12.0, first_s=3.0),
            ),
            SceneItem(name="weak carrier", waveform=Tone(), freq_hz=942.1e6, bandwidth_hz=1e3, cn0_dbhz=31.0),
            SceneItem(name="drifting carrier", waveform=Tone(), freq_hz=942.95e6, bandwidth_hz=1e3, cn0_dbhz=50.0, drift_hz_s=1500.0),
        ),
        impairments=Impairments(dc=0.004 + 0.002j, gain_imbalance_db=0.1, phase_imbalance_deg=0.5),
    )


def _gmsk(name: str, freq_hz: float, *, snr_db: float, seed: int) -> SceneItem:
    """Return a carrier of GSM's width that is always on."""
    return SceneItem(name=name, waveform=Gmsk(seed=seed), freq_hz=freq_hz, bandwidth_hz=250e3, cn0_dbhz=cn0_dbhz(snr_db, 200e3))
