"""The receiver's clock error: solved over all cells heard, kept from run to run with its uncertainty, time and temperature."""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import msgspec

from dsp.gsm.types import GsmCell
from dsp.lte.types import LteCell

RECHECK_S: Final = 3600.0
"""A crystal drifts with its temperature: so long after its last cell the ppm is checked again."""
MIN_SIGMA_PPM: Final = 0.05
"""A base station's own clock is good to 0.05 ppm (TS 45.010 cl. 5.1, TS 36.104 cl. 6.5.1)."""
LTE_SIGMA_PPM: Final = 0.1
"""Of the offset from the carrier's raster point: a base station's own error, and the measurement's."""
OUTLIER_SIGMAS: Final = 5.0
FILE_NAME: Final = "calibration.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What one cell says of the clock; > 0: fast."""

    ppm: float
    sigma_ppm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The clock error of one receiver as it was solved last."""

    ppm: float
    sigma_ppm: float
    n_cells: int
    time_ns: int
    temperature_c: float | None = None

    def due(self, now_ns: int) -> bool:
        """Return whether it is to be checked again; a clock that was set back does not put that off."""
        return not 0 <= now_ns - self.time_ns < RECHECK_S * 1e9


def solve(witnesses: Sequence[Witness], *, time_ns: int, temperature_c: float | None = None) -> Calibration | None:
    """Return the clock error that all ``witnesses`` together tell; None: there are none.

    The weighted mean of those that agree with the weighted median: one cell with a bad clock of its own (a false base station) does not
    move it. The uncertainty is the larger of what the witnesses state and how far they lie apart.
    """
    usable = [w for w in witnesses if math.isfinite(w.ppm) and math.isfinite(w.sigma_ppm)]
    if not usable:
        return None
    weights = [1.0 / max(w.sigma_ppm, MIN_SIGMA_PPM) ** 2 for w in usable]
    middle = _weighted_median([w.ppm for w in usable], weights)
    near = [
        (w, weight)
        for w, weight in zip(usable, weights, strict=True)
        if abs(w.ppm - middle) <= OUTLIER_SIGMAS * max(w.sigma_ppm, MIN_SIGMA_PPM)
    ]
    total = sum(weight for _, weight in near)
    ppm = sum(w.ppm * weight for w, weight in near) / total
    spread = sum((w.ppm - ppm) ** 2 * weight for w, weight in near) / total
    sigma = math.sqrt(max(1.0 / total, spread / len(near)))
    return Calibration(ppm=ppm, sigma_ppm=sigma, n_cells=len(near), time_ns=time_ns, temperature_c=temperature_c)


class WitnessLog:
    """The latest word of each cell, for as long as a calibration lasts."""

    def __init__(self) -> None:
        """Nothing heard."""
        self._heard: dict[tuple[object, ...], tuple[Witness, int]] = {}

    def add(self, cells: Sequence[GsmCell | LteCell], *, time_ns: int) -> bool:
        """Take in those ``cells`` whose identity is proved; return whether there was one."""
        known = len(self._heard)
        proved = False
        for cell in cells:
            if cell.status != "identified" or cell.ppm is None or cell.ppm_sigma is None:
                continue
            proved = True
            if isinstance(cell, LteCell):
                self._heard[(True, cell.freq_hz, cell.pci)] = (_lte_witness(cell), time_ns)
            else:
                self._heard[(False, cell.freq_hz, cell.bsic)] = (Witness(ppm=cell.ppm, sigma_ppm=cell.ppm_sigma), time_ns)
        oldest = time_ns - round(RECHECK_S * 1e9)
        self._heard = {key: one for key, one in self._heard.items() if oldest <= one[1]}
        return proved or len(self._heard) != known

    def witnesses(self) -> list[Witness]:
        """Return what the cells say."""
        return [witness for witness, _ in self._heard.values()]


class CalibrationFile:
    """The calibrations of all receivers this station has had, by serial number, in one file."""

    def __init__(self, folder: Path) -> None:
        """``folder``: where the station keeps what must last."""
        self._path = folder / FILE_NAME

    def load(self, serial: str) -> Calibration | None:
        """Return the calibration of one receiver; None: there is none, or the file cannot be used."""
        try:
            known = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Calibration])
        except (OSError, msgspec.MsgspecError):
            return None
        found = known.get(serial)
        return found if found is not None and abs(found.ppm) < 1000 and math.isfinite(found.sigma_ppm) else None

    def save(self, serial: str, calibration: Calibration) -> None:
        """Keep ``calibration``; the file is whole at any time.

        Raises:
            OSError: it cannot be written.
        """
        known: dict[str, object] = {}
        with contextlib.suppress(OSError, ValueError):
            loaded = json.loads(self._path.read_bytes())
            known = loaded if isinstance(loaded, dict) else {}
        known[serial] = asdict(calibration)
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=self._path.parent, prefix=".calibration-", delete=False) as file:
            json.dump(known, file, indent=2, sort_keys=True)
        os.replace(file.name, self._path)


def temperature_c() -> float | None:
    """Return the machine's temperature; None where it has no sensor."""
    for path in sorted(Path("/sys/class/thermal").glob("thermal_zone*/temp")):
        with contextlib.suppress(OSError, ValueError):
            return int(path.read_text()) / 1000.0
    return None


def _lte_witness(cell: LteCell) -> Witness:
    """Return the clock error by the carrier's offset from its raster point: that is finer than the frames' drift in a short look."""
    if cell.freq_hz is not None and cell.cfo_hz is not None and not cell.raster_ambiguous:
        return Witness(ppm=(cell.freq_hz / (cell.freq_hz + cell.cfo_hz) - 1.0) * 1e6, sigma_ppm=LTE_SIGMA_PPM)
    return Witness(ppm=cell.ppm or 0.0, sigma_ppm=max(cell.ppm_sigma or 1.0, LTE_SIGMA_PPM))


def _weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    ordered = sorted(zip(values, weights, strict=True))
    half, so_far = sum(weights) / 2, 0.0
    for value, weight in ordered:
        so_far += weight
        if so_far >= half:
            return value
    return ordered[-1][0]
