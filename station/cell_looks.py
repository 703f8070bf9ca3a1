"""The looks for cells after a sweep: at what the board asks for, then over carriers wider than the receiver, for their SIB1."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from config.settings import StationSettings
from dsp.lte.types import LteCell
from station.errors import ReceiverError
from station.identity_board import IdentityBoard
from station.receiver_process import ReceiverState
from station.scan_plan import Sweep
from station.sighting import Sighting
from station.sweep import LookResult, Sweeper

if TYPE_CHECKING:
    from station.sib1_walk import CarrierWalk, Sib1Walks

SLACK: Final = 1.25
"""What a sweep really takes, over what is planned."""


class CellLooks:
    """What is looked at for cells, and what is remembered of them, from sweep to sweep."""

    def __init__(self, settings: StationSettings) -> None:
        """The settings' sample rate is what the receiver is asked for."""
        self._settings = settings
        self._board = IdentityBoard(settings.identity, settings.sweep, sample_rate_hz=settings.receiver.sample_rate_hz)
        self._walks: Sib1Walks | None = None

    def run(self, sweeper: Sweeper, state: ReceiverState, sightings: Sequence[Sighting], plan: Sweep) -> Iterator[LookResult]:
        """Yield what each look gave. A carrier that is walked over comes after all looks, its cells with their SIB1 or why there is none.

        Raises:
            ReceiverError: the receiver failed; what was found before was yielded.
        """
        kept: list[LookResult] = []
        told: set[tuple[float | None, int]] = set()
        # the bands of this sweep are swept again when their turn comes
        round_s = SLACK * max((plan.revisit_s.get(hop.name, plan.duration_s) for hop in plan.hops), default=plan.duration_s)
        try:
            for again in (False, True):
                for heard in sweeper.look(self._board.due(sightings, plan.hops, time.monotonic(), round_s=round_s, again=again)):
                    look = _without(heard, told)  # looks beside each other hear the same carrier
                    found_hz = [cell.freq_hz for cell in look.cells if cell.status == "identified" and cell.freq_hz is not None]
                    self._board.looked(look.dwell, found_hz=found_hz, now_s=time.monotonic())
                    if look.dwell.kind == "lte" and found_hz:
                        kept.append(look)
                    else:
                        yield look
            while kept:
                self._walk(sweeper, state, kept)
                yield kept.pop(0)
        except ReceiverError:
            yield from kept
            raise

    def _walk(self, sweeper: Sweeper, state: ReceiverState, kept: list[LookResult]) -> None:
        """Walk over the carriers of the first look in ``kept``, and put its cells as they are then in its place."""
        look = kept[0]
        if self._walks is None:
            from station.sib1_walk import Sib1Walks

            self._walks = Sib1Walks(self._settings.identity, self._settings.sweep, sample_rate_hz=state.sample_rate_hz, tuner=state.tuner)
        cells = [cell for cell in look.cells if isinstance(cell, LteCell)]
        walks: list[CarrierWalk] = self._walks.wanted(cells, time.monotonic())
        known = {(cell.freq_hz, cell.pci): cell for cell in self._walks.waiting(cells, time.monotonic())}
        for walk in walks:
            sweeper.walk(walk)
            known |= {(cell.freq_hz, cell.pci): cell for cell in self._walks.done(walk, time.monotonic())}
        kept[0] = replace(look, cells=tuple(known[cell.freq_hz, cell.pci] for cell in cells))


def _without(look: LookResult, told: set[tuple[float | None, int]]) -> LookResult:
    """Return ``look`` without the LTE cells that an earlier look identified, and note those that it does."""
    cells = tuple(cell for cell in look.cells if not isinstance(cell, LteCell) or (cell.freq_hz, cell.pci) not in told)
    told |= {(cell.freq_hz, cell.pci) for cell in cells if isinstance(cell, LteCell) and cell.status == "identified"}
    return replace(look, cells=cells)
