"""Scenes as samples: made with ``dsp.synth``, written as SigMF recordings, judged by ``canhsong-collector check``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from dsp.synth.carriers import BandNoise, Gmsk, Tone
from dsp.synth.gsm import GsmSignal
from dsp.synth.gsm_messages import CellDescription, Selection
from dsp.synth.impairments import Impairments, quantise
from dsp.synth.lte import LteCellDescription, LteSignal, Reception
from dsp.synth.lte_sib1 import Sib1Description, Sib1Transmission, sib1_octets
from dsp.synth.scene import Scene, SceneItem, cn0_dbhz, render

RATE_HZ: Final = 2.4e6
AFTER, BEFORE = "2026-11-20T03:00:00Z", "2023-06-01T00:00:00Z"
"""After and before the switch-off of GSM."""
RECEIVER: Final = Impairments(dc=0.003 + 0.002j, gain_imbalance_db=0.1, phase_imbalance_deg=0.5, ppm=1.3)
LTE_HZ: Final = 72 * 15e3
HEAD: Final = "licence_id,holder,technology,lower_mhz,upper_mhz,bandwidth_khz"


@dataclass(frozen=True, slots=True, kw_only=True)
class IqScene:
    """What is on air, heard in stretches a minute apart, and the findings that must come of it."""

    name: str
    stretches: Callable[[], tuple[Scene, ...]]
    center_freq_hz: float
    expected: tuple[tuple[str, str, str], ...]
    """(rule, grade, a reason's code) of each finding, sorted."""
    when: str = AFTER
    duration_s: float = 1.0
    licences: tuple[str, ...] = ()
    covers: tuple[tuple[float, float], ...] = ()
    """MHz."""
    slow: bool = False

    @property
    def violation(self) -> bool:
        """Whether there is anything to find."""
        return bool(self.expected)


def gsm(freq_mhz: float, plmn: str, *, snr_db: float = 22.0, **said: object) -> SceneItem:
    """Return a GSM C0 with its BCCH."""
    arfcn = round((freq_mhz - 935.0) * 5)
    usual: dict[str, object] = {
        "bsic": 20 + arfcn % 40, "mcc": plmn[:3], "mnc": plmn[4:], "lac": 20501, "ci": 1000 + arfcn, "cell_channels": (arfcn,),
        "neighbours": (arfcn - 5, arfcn + 5, arfcn + 9),
    }  # fmt: skip
    cell = CellDescription(**{**usual, **said})  # type: ignore[arg-type]
    return item(f"GSM {plmn}", GsmSignal(cell=cell, start_fn=7000 + arfcn), freq_mhz, 250e3, cn0_dbhz(snr_db, 200e3))


def lte(freq_mhz: float, plmn: str) -> SceneItem:
    """Return an LTE cell of 1.4 MHz with its SIB1."""
    said = Sib1Description(plmns=((plmn[:3], plmn[4:]),), tac=1207, ci=(44031 << 8) + 1, band=28)
    cell = LteCellDescription(pci=301, n_rb=6, n_ports=1, sib1=Sib1Transmission(octets=sib1_octets(said), length=6))
    return item(f"LTE {plmn}", LteSignal(cell=cell, reception=Reception(re_power=1 / 72), seed=5), freq_mhz, LTE_HZ, cn0_dbhz(18.0, LTE_HZ))


def carrier(freq_mhz: float, width_hz: float | None = None) -> SceneItem:
    """Return a carrier of GSM's width, or noise of ``width_hz``."""
    waveform = Gmsk(seed=3) if width_hz is None else BandNoise(bandwidth_hz=width_hz, seed=3)
    return item("carrier", waveform, freq_mhz, width_hz or 250e3, cn0_dbhz(25.0, width_hz or 200e3))


def item(name: str, waveform: object, freq_mhz: float, width_hz: float, cn0: float) -> SceneItem:
    """Return one carrier of a scene."""
    return SceneItem(name=name, waveform=waveform, freq_hz=freq_mhz * 1e6, bandwidth_hz=width_hz, cn0_dbhz=cn0)  # type: ignore[arg-type]


def one(*items: SceneItem) -> Callable[[], tuple[Scene, ...]]:
    """Return one stretch of ``items``."""
    return lambda: (Scene(items=items, impairments=RECEIVER),)


def jammed(rise_db: float) -> tuple[Scene, ...]:
    """Return six stretches of four cells, and two in which noise of a jammer is ``rise_db`` over the usual."""
    cells = tuple(gsm(mhz, "452-04", snr_db=20.0) for mhz in (941.2, 941.8, 942.4, 943.0))
    usual = Scene(items=cells, impairments=RECEIVER)
    weaker = tuple(
        SceneItem(name=c.name, waveform=c.waveform, freq_hz=c.freq_hz, bandwidth_hz=c.bandwidth_hz, cn0_dbhz=c.cn0_dbhz - rise_db)
        for c in cells
    )
    return (usual,) * 6 + (Scene(items=weaker, noise_dbfs_hz=usual.noise_dbfs_hz + rise_db, impairments=RECEIVER),) * 2


COMB: Final = one(*(item("line", Tone(), 895.0 + 0.2 * k, 1e3, 55.0) for k in range(-5, 6) if k != 0))
BLOCK: Final = ((925.0, 960.0),)
IQ_SCENES: Final = (
    IqScene(
        name="a Cambodian GSM cell", stretches=one(gsm(941.6, "456-08")), center_freq_hz=941.9e6, duration_s=2.2,
        expected=(("3-foreign", "to_verify", "foreign_cell"),),
    ),
    IqScene(
        name="a home network's GSM after the switch-off", stretches=one(gsm(941.6, "452-04")), center_freq_hz=941.9e6, duration_s=2.2,
        expected=(("2-technology", "suspected", "after_switch_off"),),
    ),
    IqScene(
        name="the same before the switch-off", stretches=one(gsm(941.6, "452-04")), center_freq_hz=941.9e6, duration_s=2.2, when=BEFORE,
        expected=(), slow=True,
    ),
    IqScene(
        name="a fake base station's parameters", center_freq_hz=941.9e6, duration_s=2.2, slow=True,
        stretches=one(gsm(941.6, "452-04", t3212=1, neighbours=(), selection=Selection(cro_db=60))),
        expected=(("2-technology", "suspected", "after_switch_off"), ("4-fake-station", "suspected", "cro_high")),
    ),
    IqScene(
        name="a carrier without a licence", stretches=one(carrier(941.6)), center_freq_hz=941.9e6, covers=BLOCK,
        licences=("A,V,gsm,938.1,938.3,",), expected=(("1-unlicensed", "to_verify", "no_licence"),),
    ),
    IqScene(
        name="a carrier with a licence", stretches=one(carrier(941.6)), center_freq_hz=941.9e6, covers=BLOCK,
        licences=("A,V,gsm,941.5,941.7,199",), expected=(), slow=True,
    ),
    IqScene(
        name="a carrier wider than its licence", stretches=one(carrier(941.6, 500e3)), center_freq_hz=941.9e6, covers=BLOCK,
        licences=("A,V,gsm,941.5,941.7,199",), expected=(("1-unlicensed", "to_verify", "wrong_bandwidth"),), slow=True,
    ),
    IqScene(
        name="an LTE cell whose SIB1 is Cambodian", stretches=one(lte(763.2, "456-08")), center_freq_hz=763.0e6, duration_s=1.0,
        expected=(("3-foreign", "to_verify", "foreign_cell"),),
    ),
    IqScene(
        name="an LTE carrier beside a guard band", stretches=one(lte(763.2, "452-04")), center_freq_hz=763.0e6, duration_s=1.0,
        covers=((758.0, 788.0),), licences=("L,VNPT,lte,762.5,763.9,",), expected=(),
    ),
    IqScene(
        name="an oscillating booster's comb", stretches=COMB, center_freq_hz=895.1e6, expected=(("6-booster", "suspected", "comb"),),
    ),
    IqScene(
        name="a jammer over four cells", stretches=lambda: jammed(26.0), center_freq_hz=942.1e6, duration_s=0.6, when=BEFORE, slow=True,
        expected=(("7-jammer", "suspected", "cells_lost_power_up"),),
    ),
    IqScene(
        name="a little more noise over four cells", stretches=lambda: jammed(2.0), center_freq_hz=942.1e6, duration_s=0.6, when=BEFORE,
        slow=True, expected=(),
    ),
)  # fmt: skip


def write(scene: IqScene, folder: Path) -> tuple[Path, Path | None]:
    """Write ``scene`` as a SigMF recording of cu8 samples; return it and its registry's folder, if it has one."""
    rng = np.random.default_rng(11)
    begin = datetime.fromisoformat(scene.when).astimezone(UTC)
    captures, parts, at = [], [], 0
    for number, stretch in enumerate(scene.stretches()):
        samples = render(
            stretch, center_freq_hz=scene.center_freq_hz, sample_rate_hz=RATE_HZ, start_s=0.0, duration_s=scene.duration_s, rng=rng
        )
        moment = begin + timedelta(minutes=number)
        captures.append({"core:sample_start": at, "core:frequency": scene.center_freq_hz, "core:datetime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"})
        parts.append(quantise(samples, "cu8"))
        at += samples.size
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "scene.sigmf-meta"
    head = {"core:datatype": "cu8", "core:sample_rate": RATE_HZ, "core:version": "1.0.0"}
    path.write_text(json.dumps({"global": head, "captures": captures, "annotations": []}), encoding="utf-8")
    (folder / "scene.sigmf-data").write_bytes(b"".join(part.tobytes() for part in parts))
    return path, _registry(scene, folder / "registry") if scene.covers else None


def _registry(scene: IqScene, folder: Path) -> Path:
    folder.mkdir()
    covers = "".join(f"[[covers]]\nlower_mhz = {low}\nupper_mhz = {high}\n" for low, high in scene.covers)
    (folder / "registry.toml").write_text(f'name = "scene"\nstarting_point = false\n{covers}', encoding="utf-8")
    (folder / "licences.csv").write_text("\n".join([HEAD, *scene.licences]) + "\n", encoding="utf-8")
    return folder
