"""Looking for cells: which stretches of IQ go to the GSM and LTE receivers, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from config.settings import IdentitySection
from dsp.types import Emission, PpmEstimate
from dsp.units import to_complex64
from station.analysis import Findings
from station.look_schedule import LookSchedule
from station.receiver import IQBlock

if TYPE_CHECKING:
    from dsp.gsm.search import GsmSearch
    from dsp.gsm.types import GsmCell
    from dsp.lte.types import LteCell

MIN_GSM_RATE_HZ: Final = 300e3
"""A C0 of 200 kHz, and the receiver's clock error on either side."""
MIN_LTE_RATE_HZ: Final = 1.92e6
"""128 carriers of 15 kHz: the six blocks of PSS, SSS and PBCH (TS 36.211 cl. 6.6, 6.11)."""
GSM_BANDS_HZ: Final = ((460e6, 468e6), (869e6, 894e6), (918e6, 960e6), (1805e6, 1880e6), (1930e6, 1990e6))
"""Where a C0 can be: the downlink bands of TS 45.005 cl. 2."""
MIN_GSM_WIDTH_HZ: Final = 80e3
"""A weak C0 shows only the middle of its 200 kHz above the noise."""
MAX_HIDING_GSM_RATE_HZ: Final = 500e3
"""GSM carriers are too round to fill a wider span evenly, even side by side."""
MIN_LTE_WIDTH_HZ: Final = 700e3
"""99 % of the narrowest LTE carrier's power lie within 1.08 MHz; a strong GSM carrier's skirts are as wide, but hold less."""
MIN_CLOCK_SIGMA_PPM: Final = 0.5
"""What a crystal may drift until the next look."""
FULL_SPAN: Final = 0.8
"""An emission that covers this part of the span fills it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A cell, and the sample at which the look that found it began."""

    cell: GsmCell | LteCell
    first_sample: int


def clock_of(heard: Sequence[Heard]) -> PpmEstimate | None:
    """Return what the identified cells of a look say of the receiver's clock: the surest of them; None: none says anything.

    The uncertainty is at least what a crystal may drift until the next look.
    """
    sure = [one.cell for one in heard if one.cell.status == "identified" and one.cell.ppm is not None and one.cell.ppm_sigma is not None]
    best = min(sure, key=lambda cell: cell.ppm_sigma or 0.0, default=None)
    if best is None or best.ppm is None or best.ppm_sigma is None:
        return None
    return PpmEstimate(ppm=best.ppm, sigma_ppm=max(best.ppm_sigma, MIN_CLOCK_SIGMA_PPM))


class GsmWatch:
    """The looks for GSM cells in one tuning: each takes ``gsm_look_s`` of consecutive samples, over as many dwells as it needs."""

    def __init__(self, settings: IdentitySection, *, sample_rate_hz: float, center_freq_hz: float | None) -> None:
        """Due at once, where the span can hold a C0."""
        self._rate, self._center = sample_rate_hz, center_freq_hz
        self._look_samples = round(settings.gsm_look_s * sample_rate_hz)
        self._possible = settings.gsm and sample_rate_hz >= MIN_GSM_RATE_HZ and _touches(center_freq_hz, sample_rate_hz, GSM_BANDS_HZ)
        self.schedule = LookSchedule(settings)
        self._wanted = False
        self._search: GsmSearch | None = None
        self._first_sample = self._taken = 0
        self.looked_s = 0.0
        self.clock: PpmEstimate | None = None
        """What is known of the receiver's clock."""

    def wants_samples(self, now_s: float, n_samples: int) -> int:
        """Return how many samples from the beginning of the coming dwell of ``n_samples`` are to be kept."""
        self._wanted = self._possible and (self._search is not None or self.schedule.due(now_s))
        return n_samples if self._wanted else 0

    def dwell(self, blocks: Sequence[IQBlock], findings: Findings, now_s: float) -> list[Heard]:
        """Return the cells of a look that ended with this dwell, ``now_s`` at its end. ``blocks`` are only used where they were wanted."""
        if not self._wanted:
            return []
        if self._search is None:
            hidden = _unseen(findings) and self._rate <= MAX_HIDING_GSM_RATE_HZ
            if not hidden and not any(_width(emission) >= MIN_GSM_WIDTH_HZ for emission in findings.detections.emissions):
                return []
            from dsp.gsm.search import GsmSearch

            self._search = GsmSearch(sample_rate_hz=self._rate, center_freq_hz=self._center, ppm=self.clock)
            self._first_sample, self._taken = findings.first_sample, 0
        for block in blocks:
            self._search.add(as_complex(block))
            self._taken += block.n_samples
        return self._conclude(now_s) if self._taken >= self._look_samples else []

    def finish(self, now_s: float) -> list[Heard]:
        """Return the cells of a look that the end of the tuning cut short."""
        return self._conclude(now_s) if self._search is not None else []

    def _conclude(self, now_s: float) -> list[Heard]:
        assert self._search is not None
        cells = self._search.cells()
        self._search = None
        self.looked_s += self._taken / self._rate
        found = any(cell.status != "carrier" for cell in cells)
        self.schedule.looked(now_s, found=found, promising=True)
        if not found:  # what was believed of the clock may be what is wrong
            self.clock = None
        return [Heard(cell=cell, first_sample=self._first_sample) for cell in cells]


class LteWatch:
    """The looks for LTE cells in one tuning: each takes the first ``lte_look_s`` of a dwell."""

    def __init__(self, settings: IdentitySection, *, sample_rate_hz: float, center_freq_hz: float | None) -> None:
        """Due at once, whatever is seen: a cell that fills the span leaves nothing to see it against."""
        self._rate, self._center = sample_rate_hz, center_freq_hz
        self._look_samples = round(settings.lte_look_s * sample_rate_hz)
        self._possible = settings.lte and sample_rate_hz >= MIN_LTE_RATE_HZ
        self._wanted = False
        self.schedule = LookSchedule(settings)
        self._looks = 0
        self.looked_s = 0.0
        self.clock: PpmEstimate | None = None
        """What is known of the receiver's clock."""

    def wants_samples(self, now_s: float, n_samples: int) -> int:
        """Return how many samples from the beginning of the coming dwell of ``n_samples`` are to be kept."""
        self._wanted = self._possible and self.schedule.due(now_s)
        return min(n_samples, self._look_samples) if self._wanted else 0

    def dwell(self, blocks: Sequence[IQBlock], findings: Findings, now_s: float) -> list[Heard]:
        """Return the cells that this dwell shows. ``blocks`` are only used where they were wanted."""
        if not self._wanted:
            return []
        promising = bool(_wide(findings))
        if self._looks and not promising and not _unseen(findings):
            return []
        from dsp.lte.search import find_cells
        from dsp.lte.sib1 import with_sib1

        iq = _first_samples(blocks, self._look_samples)
        self._looks += 1
        self.looked_s += len(iq) / self._rate
        cells = find_cells(iq, sample_rate_hz=self._rate, center_freq_hz=self._center, carriers=_wide_carriers(findings), ppm=self.clock)
        cells = with_sib1(iq, cells, sample_rate_hz=self._rate)
        found = any(cell.status == "identified" for cell in cells)
        self.schedule.looked(now_s, found=found, promising=promising)
        if not found:
            self.clock = None
        return [Heard(cell=cell, first_sample=findings.first_sample) for cell in cells]


def as_complex(block: IQBlock) -> npt.NDArray[np.complex64]:
    """Return the samples of ``block`` as complex64, shape (n,), full scale 1.0."""
    return to_complex64(block.samples, block.sample_format, block.full_scale)


def _first_samples(blocks: Sequence[IQBlock], n_samples: int) -> npt.NDArray[np.complex64]:
    taken: list[npt.NDArray[Any]] = []
    for block in blocks:
        if n_samples <= 0:
            break
        taken.append(as_complex(block)[:n_samples])
        n_samples -= len(taken[-1])
    return np.concatenate(taken)


def _touches(center_freq_hz: float | None, sample_rate_hz: float, bands: Sequence[tuple[float, float]]) -> bool:
    if center_freq_hz is None:
        return True
    half = 0.5 * sample_rate_hz
    return any(center_freq_hz - half < upper and center_freq_hz + half > lower for lower, upper in bands)


def _width(emission: Emission) -> float:
    return emission.upper_offset_hz - emission.lower_offset_hz


def _unseen(findings: Findings) -> bool:
    """Return whether a signal could fill the span without being seen."""
    return findings.floor.source == "assumed"


def _wide(findings: Findings) -> list[Emission]:
    """Return the emissions that may be LTE carriers."""
    return [emission for emission in findings.detections.emissions if emission.bandwidth_hz >= MIN_LTE_WIDTH_HZ]


def _wide_carriers(findings: Findings) -> tuple[tuple[float, float], ...] | None:
    """Return the edges of what may be LTE carriers, as offsets in Hz.

    None (look around the tuned centre) where one fills the span, or could do so unseen.
    """
    wide = _wide(findings)
    fills = any(_width(emission) >= FULL_SPAN * findings.psd.sample_rate_hz for emission in wide)
    if fills or not wide or _unseen(findings):
        return None
    return tuple((emission.lower_offset_hz, emission.upper_offset_hz) for emission in wide)
