"""SIB1 of cells whose carrier is wider than the receiver: window after window until it is found, and what to remember.

The window in which a cell's SIB1 was last found is heard first the next time. No clock, no receiver: samples in, cells out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from config.settings import IdentitySection, SweepSection
from dsp.lte.params import SUBCARRIER_HZ, SUBCARRIERS_PER_RB
from dsp.lte.sib1_message import Sib1
from dsp.lte.sib1_windows import CarrierWindow, carrier_windows, window_sib1
from dsp.lte.types import LteCell
from dsp.types import ComplexArray
from station.look_schedule import LookSchedule
from station.tuners import Tuner

WHOLE: Final = 0.95
"""A carrier up to this part of the sample rate is heard whole by the look at its middle."""
Key = tuple[float, int]
"""Carrier in Hz and PCI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkPlan:
    """The windows of one carrier in the order in which they are heard, and why others are not."""

    windows: tuple[CarrierWindow, ...]
    left_out: str = ""
    """Why some of the carrier is not heard; empty where all of it is."""


class CarrierWalk:
    """One walk over one carrier, for all cells on it whose SIB1 is wanted."""

    def __init__(self, cells: Sequence[LteCell], plan: WalkPlan, *, window_s: float, neighbours: Sequence[LteCell] = ()) -> None:
        """``cells``: identified, on one carrier. ``neighbours``: all that were found on it, those included."""
        assert cells[0].freq_hz is not None
        self.freq_hz, self.cells, self.plan, self.window_s = cells[0].freq_hz, tuple(cells), plan, window_s
        self._neighbours = neighbours
        self._answers: dict[int, list[Sib1]] = {cell.pci: [] for cell in cells}
        self.heard: list[CarrierWindow] = []

    @property
    def finished(self) -> bool:
        """Whether every cell's SIB1 is decoded."""
        return all(_decoded(answers) is not None for answers in self._answers.values())

    def freq_of(self, window: CarrierWindow) -> float:
        """Return the frequency to tune to for ``window``."""
        return self.freq_hz + window.offset_hz

    def take(self, iq: ComplexArray, window: CarrierWindow, *, sample_rate_hz: float, asked_hz: float) -> None:
        """Search the samples of one window, shape (n,). ``asked_hz``: what the driver was told, the clock error not allowed for."""
        self.heard.append(window)
        for cell in self.cells:
            answers = self._answers[cell.pci]
            if _decoded(answers) is None:
                answers.append(window_sib1(iq, cell, window, sample_rate_hz=sample_rate_hz, tuned_offset_hz=asked_hz - self.freq_hz))

    def outcome(self) -> tuple[LteCell, ...]:
        """Return the cells with what was found of their SIB1, or why it was not."""
        return tuple(replace(cell, sib1=self._outcome(cell)) for cell in self.cells)

    def _outcome(self, cell: LteCell) -> Sib1:
        answers = self._answers[cell.pci]
        if (found := _decoded(answers)) is not None:
            return found
        if not answers:
            return Sib1(status="not_tried", reason=f"carrier too wide for the plan: {self.plan.left_out or 'stopped before its windows'}")
        if all(answer.status == "not_tried" for answer in answers):
            return answers[-1]
        located = sum(not answer.reason.startswith("the cell's reference signals") for answer in answers)
        heard = f"{len(answers)} of {len(self.plan.windows)} windows, blocks {self._blocks(cell)} of {cell.n_rb}"
        louder = max((one.rsrp for one in self._neighbours if one.pci != cell.pci), default=0.0) / max(cell.rsrp, 1e-30)
        if located == 0:
            return Sib1(status="not_seen", reason=f"SNR: no reference signals found in {heard} (centre: {cell.snr_db:.1f} dB)")
        if louder > 1.0:
            return Sib1(status="not_seen", reason=f"interference: a cell {10 * math.log10(louder):.1f} dB stronger on the carrier; {heard}")
        if self.plan.left_out:
            return Sib1(status="not_seen", reason=f"window never held the allocation: {heard}; {self.plan.left_out}")
        if cell.snr_db < 0.0:
            return Sib1(status="not_seen", reason=f"SNR: {cell.snr_db:.1f} dB; {heard}")
        return Sib1(status="not_seen", reason=f"window never held the allocation, or not in neighbouring blocks: {heard}")

    def _blocks(self, cell: LteCell) -> str:
        heard = {block for window in self.heard for block in range(window.first, window.last)}
        return f"{min(heard)}-{max(heard)}" if heard else "none"


class Sib1Walks:
    """Which carriers are to be walked over, and where SIB1 was found before. Times in seconds of the station's clock."""

    def __init__(self, identity: IdentitySection, sweep: SweepSection, *, sample_rate_hz: float, tuner: Tuner) -> None:
        """``sample_rate_hz``: of the receiver, the same for all windows."""
        self._settings = msgspec.structs.replace(identity, retry_interval_s=sweep.identity_interval_s)
        self._sweep, self._rate, self._tuner = sweep, sample_rate_hz, tuner
        self._places: dict[Key, tuple[int, int]] = {}
        self._in_vain: dict[Key, LookSchedule] = {}

    def wanted(self, cells: Sequence[LteCell], now_s: float) -> list[CarrierWalk]:
        """Return the walks that the cells of one look at a carrier's middle ask for; a SIB1 that it showed is remembered."""
        self._remember(cells)
        wide = [cell for cell in cells if self._wants(cell) and self._due(cell, now_s)]
        walks = []
        for freq_hz, n_rb in sorted({(cell.freq_hz, cell.n_rb) for cell in wide if cell.freq_hz is not None and cell.n_rb is not None}):
            mine = [cell for cell in wide if (cell.freq_hz, cell.n_rb) == (freq_hz, n_rb)]
            near = [cell for cell in cells if cell.freq_hz == freq_hz]
            places = [place for cell in mine if (place := self._places.get((freq_hz, cell.pci))) is not None]
            plan = self._plan(freq_hz, n_rb, places)
            walks.append(CarrierWalk(mine, plan, window_s=self._sweep.sib1_window_s, neighbours=near))
        return walks

    def waiting(self, cells: Sequence[LteCell], now_s: float) -> tuple[LteCell, ...]:
        """Return ``cells``; those that are too wide and not to be walked over now say why."""
        reason = "carrier too wide for the centre, and walking over it was in vain: tried again later"
        return tuple(
            replace(cell, sib1=Sib1(status="not_tried", reason=reason)) if self._wants(cell) and not self._due(cell, now_s) else cell
            for cell in cells
        )

    def done(self, walk: CarrierWalk, now_s: float) -> tuple[LteCell, ...]:
        """Return the cells of a walk that ended, and remember what it gave."""
        cells = walk.outcome()
        self._remember(cells)
        for cell in cells:
            if cell.sib1 is not None and cell.sib1.status != "decoded" and walk.heard:
                schedule = self._in_vain.setdefault(_key(cell), LookSchedule(self._settings))
                schedule.looked(now_s, found=False, promising=True)
        return cells

    def _remember(self, cells: Sequence[LteCell]) -> None:
        for cell in cells:
            if cell.sib1 is not None and cell.sib1.status == "decoded" and cell.sib1.prb is not None:
                self._places[_key(cell)] = cell.sib1.prb
                self._in_vain.pop(_key(cell), None)

    def _wants(self, cell: LteCell) -> bool:
        decoded = cell.sib1 is not None and cell.sib1.status == "decoded"
        return cell.status == "identified" and cell.freq_hz is not None and not decoded and self._too_wide(cell.n_rb)

    def _too_wide(self, n_rb: int | None) -> bool:
        return n_rb is not None and n_rb * SUBCARRIERS_PER_RB * SUBCARRIER_HZ > WHOLE * self._rate

    def _due(self, cell: LteCell, now_s: float) -> bool:
        """Whether to walk for ``cell``: always where it was read before, ever more rarely where it never was."""
        schedule = self._in_vain.get(_key(cell))
        return schedule is None or _key(cell) in self._places or schedule.due(now_s)

    def _plan(self, freq_hz: float, n_rb: int, places: Sequence[tuple[int, int]]) -> WalkPlan:
        firsts = [carrier_windows(n_rb, sample_rate_hz=self._rate, remembered=place)[0] for place in places]
        ordered = tuple(dict.fromkeys([*firsts, *carrier_windows(n_rb, sample_rate_hz=self._rate)]))
        audible = tuple(one for one in ordered if self._tuner.hears(freq_hz + one.offset_hz, freq_hz + one.offset_hz))
        fits = int(self._sweep.sib1_walk_s / self._sweep.sib1_window_s + 1e-9)
        if fits < len(audible):
            return WalkPlan(windows=audible[:fits], left_out=f"sweep.sib1_walk_s = {self._sweep.sib1_walk_s:g} ends there")
        if len(audible) < len(ordered):
            return WalkPlan(windows=audible, left_out=f"{self._tuner.name} does not hear the rest of the carrier")
        return WalkPlan(windows=audible)


def _decoded(answers: Sequence[Sib1]) -> Sib1 | None:
    return next((answer for answer in answers if answer.status == "decoded"), None)


def _key(cell: LteCell) -> Key:
    return (cell.freq_hz or 0.0, cell.pci)
