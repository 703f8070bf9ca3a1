"""What the demo's station hears: a stretch of the GSM 900 downlink, then one of the 700 MHz downlink, with cells that can be read.

The numbers of the cells are made up; 001-01 is the PLMN of test equipment (TS 23.003), which no licensed network uses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from dsp.synth.carriers import Gmsk, Tone
from dsp.synth.gsm import GsmSignal
from dsp.synth.gsm_messages import CellDescription
from dsp.synth.impairments import Impairments
from dsp.synth.lte import LteCellDescription, LteSignal, Reception
from dsp.synth.lte_sib1 import Sib1Description, Sib1Transmission, sib1_octets
from dsp.synth.scene import Keying, Scene, SceneItem, cn0_dbhz

SAMPLE_RATE_HZ: Final = 2.4e6
_RECEIVER: Final = Impairments(dc=0.004 + 0.002j, gain_imbalance_db=0.1, phase_imbalance_deg=0.5)
_LTE_WIDTH_HZ: Final = 72 * 15e3
CHANGES_FROM_S: Final = 20.0
"""GSM is heard for so long at least where a cell changes: it must be read twice."""
AWAY_S: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedScene:
    """A scene and where the receiver stands in it, for how long."""

    scene: Scene
    center_freq_hz: float
    duration_s: float


def demo_tunings(duration_s: float) -> tuple[TunedScene, TunedScene]:
    """Return what is heard at 942 MHz for three quarters of ``duration_s``, then at 763 MHz for the rest."""
    gsm_s = 0.75 * duration_s
    return (
        TunedScene(
            scene=gsm_scene(changes_at_s=gsm_s / 2 if gsm_s >= CHANGES_FROM_S else None),
            center_freq_hz=942.0e6,
            duration_s=0.75 * duration_s,
        ),
        TunedScene(scene=lte_scene(), center_freq_hz=763.0e6, duration_s=0.25 * duration_s),
    )


def gsm_scene(*, changes_at_s: float | None = None) -> Scene:
    """Return three GSM cells, of Vietnam, of Cambodia and of nobody, and an intermittent, a weak, a drifting and an off-centre carrier.

    ``changes_at_s``: the cell of nobody is away for some seconds around then, and comes back with another location update timer.
    """
    intermittent = SceneItem(
        name="ngắt quãng / intermittent",
        waveform=Gmsk(symbol_rate_hz=16e3, seed=4),
        freq_hz=941.5e6,
        bandwidth_hz=20e3,
        cn0_dbhz=cn0_dbhz(25.0, 20e3),
        keying=Keying(on_s=6.0, period_s=15.0, first_s=4.0),
    )
    drifting = SceneItem(name="trôi tần / drifting", waveform=Tone(), freq_hz=942.24e6, bandwidth_hz=1e3, cn0_dbhz=50.0, drift_hz_s=1000.0)
    weak = SceneItem(name="yếu / weak", waveform=Tone(), freq_hz=942.1e6, bandwidth_hz=1e3, cn0_dbhz=33.0)
    return Scene(
        items=(
            _gsm("GSM 452-04", 941.2e6, plmn=("452", "04"), numbers=(29, 30151, 20511), snr_db=21.0),
            _gsm("GSM 456-08", 941.8e6, plmn=("456", "08"), numbers=(50, 1207, 44031), snr_db=18.0),
            *_changing(changes_at_s),
            intermittent,
            weak,
            drifting,
            SceneItem(
                name="lệch tần / off centre",
                waveform=Gmsk(symbol_rate_hz=64e3, seed=8),
                freq_hz=943.0e6,
                bandwidth_hz=80e3,
                cn0_dbhz=cn0_dbhz(24.0, 64e3),
            ),
        ),
        impairments=_RECEIVER,
    )


def lte_scene() -> Scene:
    """Return an LTE cell of 1.4 MHz, of Cambodia by its SIB1, and a narrow carrier beside it."""
    said = Sib1Description(plmns=(("456", "08"),), tac=1207, ci=(44031 << 8) + 1, band=28)
    description = LteCellDescription(pci=301, n_rb=6, n_ports=1, sib1=Sib1Transmission(octets=sib1_octets(said), length=6))
    waveform = LteSignal(cell=description, reception=Reception(re_power=1 / 72), seed=5)
    beside = SceneItem(name="sóng mang lạ / stray carrier", waveform=Tone(), freq_hz=762.14e6, bandwidth_hz=1e3, cn0_dbhz=48.0)
    cell = SceneItem(
        name="LTE 1,4 MHz", waveform=waveform, freq_hz=763.2e6, bandwidth_hz=_LTE_WIDTH_HZ, cn0_dbhz=cn0_dbhz(15.0, _LTE_WIDTH_HZ)
    )
    return Scene(items=(cell, beside), impairments=_RECEIVER)


def _changing(at_s: float | None) -> tuple[SceneItem, ...]:
    """Return the cell of nobody, before and after it changed where it does."""
    name, freq_hz, plmn, numbers = "GSM 001-01", 942.6e6, ("001", "01"), (7, 1, 10)
    first = _gsm(name, freq_hz, plmn=plmn, numbers=numbers, snr_db=19.0)
    if at_s is None:
        return (first,)
    second = _gsm(name, freq_hz, plmn=plmn, numbers=numbers, snr_db=19.0, t3212=3)
    for_ever = 1e6
    return (
        replace(first, keying=Keying(on_s=at_s - AWAY_S / 2, period_s=for_ever, count=1)),
        replace(second, keying=Keying(on_s=for_ever, period_s=for_ever, first_s=at_s + AWAY_S / 2, count=1)),
    )


def _gsm(name: str, freq_hz: float, *, plmn: tuple[str, str], numbers: tuple[int, int, int], snr_db: float, t3212: int = 10) -> SceneItem:
    """Return a C0; ``numbers``: BSIC, LAC, CI."""
    arfcn = round((freq_hz - 935e6) / 200e3)
    bsic, lac, ci = numbers
    cell = CellDescription(
        bsic=bsic, mcc=plmn[0], mnc=plmn[1], lac=lac, ci=ci, cell_channels=(arfcn,), neighbours=(arfcn - 7, arfcn + 9), t3212=t3212
    )
    waveform = GsmSignal(cell=cell, start_fn=1000 * bsic)
    return SceneItem(name=name, waveform=waveform, freq_hz=freq_hz, bandwidth_hz=250e3, cn0_dbhz=cn0_dbhz(snr_db, 200e3))
