"""Writes the band scene of the acceptance test for the virtual dongle: ``python hil/band_scene.py FOLDER``.

A GSM cell, an LTE cell of 5 MHz whose SIB1 says Cambodia and lies where a dongle at the carrier's middle does not hear it, an unlicensed
narrow carrier and one that comes and goes, all in 925-960 MHz; a crystal 23.4 ppm fast.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import numpy as np

GSM_HZ: Final = 944.0e6
LTE_HZ: Final = 953.0e6
UNLICENSED_HZ: Final = 931.3125e6
INTERMITTENT_HZ: Final = 938.7e6
PPM: Final = 23.4
_GSM_RATE_HZ: Final = 13e6 / 12
_LTE_RATE_HZ: Final = 7.68e6
_NARROW_RATE_HZ: Final = 250e3
_GSM_S: Final = 4.0
_LTE_FRAMES: Final = 16


def write_scene(folder: Path, *extra: str) -> Path:
    """Write sources and scene into ``folder`` and return the scene's path. ``extra``: lines of the scene file."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "gsm.ci8", _gsm())
    _write(folder / "lte.ci8", _lte())
    _write(folder / "narrow.ci8", _narrow())
    return scene_file(folder, folder / "scene.txt", *extra)


def scene_file(sources: Path, path: Path, *extra: str) -> Path:
    """Write the scene over the sources in ``sources`` into ``path``."""
    lines = [
        f"ppm {PPM}",
        "noise_dbfs_hz -130",
        "dc 0.01 0.01",
        f"source file={sources / 'gsm.ci8'} format=ci8 rate={_GSM_RATE_HZ!r} freq={GSM_HZ} level_db=-46",
        f"source file={sources / 'lte.ci8'} format=ci8 rate={_LTE_RATE_HZ!r} freq={LTE_HZ} level_db=-38",
        f"source file={sources / 'narrow.ci8'} format=ci8 rate={_NARROW_RATE_HZ!r} freq={UNLICENSED_HZ} level_db=-58",
        f"source file={sources / 'narrow.ci8'} format=ci8 rate={_NARROW_RATE_HZ!r} freq={INTERMITTENT_HZ} level_db=-58 period=6 on=3",
        *extra,
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def _write(path: Path, samples: np.ndarray) -> None:
    flat = np.ascontiguousarray(samples, np.complex64).view(np.float32)
    np.clip(np.round(flat * (96.0 / np.abs(flat).max())), -127, 127).astype(np.int8).tofile(path)


def _gsm() -> np.ndarray:
    from dsp.synth.gsm import GsmSignal
    from dsp.synth.gsm_messages import CellDescription

    arfcn = round((GSM_HZ - 935e6) / 200e3)
    cell = CellDescription(bsic=29, mcc="452", mnc="04", lac=20511, ci=30151, cell_channels=(arfcn,), neighbours=(arfcn - 7, arfcn + 9))
    return GsmSignal(cell=cell, start_fn=29000).samples(0, round(_GSM_S * _GSM_RATE_HZ), _GSM_RATE_HZ)


def _lte() -> np.ndarray:
    from dsp.synth.lte import LteDownlink
    from dsp.synth.lte_channel import Reception
    from dsp.synth.lte_grid import LteCellDescription
    from dsp.synth.lte_sib1 import Sib1Description, Sib1Transmission, sib1_octets

    said = Sib1Description(plmns=(("456", "06"),), tac=1207, ci=(44031 << 8) + 1, band=8)
    cell = LteCellDescription(pci=301, n_rb=25, sib1=Sib1Transmission(octets=sib1_octets(said), start=0, length=6))
    made = LteDownlink(cell, Reception(re_power=1 / 300), sample_rate_hz=_LTE_RATE_HZ, seed=5)
    return np.concatenate(list(made.frames(_LTE_FRAMES)))


def _narrow() -> np.ndarray:
    t = np.arange(round(_NARROW_RATE_HZ)) / _NARROW_RATE_HZ
    return np.exp(3j * np.sin(2 * np.pi * 1000 * t))  # FM by a tone of 1 kHz, 3 kHz deviation


if __name__ == "__main__":
    print(write_scene(Path(sys.argv[1]), *sys.argv[2:]))
