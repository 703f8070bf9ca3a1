"""Which carriers of a sweep are to be looked at for cells, and when: where a carrier is new or has changed, and known ones now and then."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from config.settings import IdentitySection, SweepSection
from dsp.gsm.params import CARRIER_SPACING_HZ
from station.calibration import RECHECK_S
from station.identity import GSM_BANDS_HZ, MIN_GSM_RATE_HZ, MIN_GSM_WIDTH_HZ, MIN_LTE_RATE_HZ, MIN_LTE_WIDTH_HZ
from station.look_schedule import LookSchedule
from station.scan_plan import Hop
from station.sighting import Sighting

MAX_GSM_WIDTH_HZ: Final = 1.2e6
"""Carriers beside each other are one emission; wider than this they are LTE's."""
SAME_LTE_HZ: Final = 300e3
"""Carriers of LTE whose middles are nearer than this are taken for the same one."""
LEVEL_STEP_DB: Final = 6.0
MARGIN_S: Final = 1.0
"""A known cell is read so much before it has to be."""
HALF_SYNC_HZ: Final = 0.54e6
"""Half of what PSS, SSS and PBCH take: a carrier's centre is at least so far from the edge of an emission."""
HALF_STEP_HZ: Final = 0.5e6
"""How far from a look's middle a centre may be in 2.4 MS/s: 0.54 MHz, less what the crystal may be off by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityDwell:
    """One look for cells: where to tune, how long, and the edges of what is to be looked at (absolute, Hz)."""

    kind: Literal["gsm", "lte"]
    center_freq_hz: float
    duration_s: float
    carriers: tuple[tuple[float, float], ...]
    keys: tuple[int, ...]
    whole_span: bool = False
    """Where in the span a carrier's centre may be is not known."""


@dataclass(slots=True)
class _Place:
    schedule: LookSchedule
    power: float
    seen_s: float
    centers_hz: tuple[float, ...] = ()
    """Where cells were found."""
    in_vain: int = 0
    """Looks, one after the other, that found none."""
    outstanding: int = 0
    found_hz: tuple[float, ...] = ()
    """Of the looks of one round, so far."""
    known: bool = False
    """The look before found a cell."""


@dataclass(slots=True)
class _Asked:
    """The looks that one emission, or those of one hop, ask for, when they are due."""

    places: list[_Place]
    looks: list[IdentityDwell]

    @property
    def known(self) -> bool:
        return any(place.known for place in self.places)

    @property
    def next_s(self) -> float:
        return min(place.schedule.next_s for place in self.places)

    @property
    def duration_s(self) -> float:
        return sum(look.duration_s for look in self.looks)

    def fresh_and_due(self, now_s: float) -> bool:
        return not self.known and any(place.schedule.due(now_s) for place in self.places)


class IdentityBoard:
    """The carriers that may be cells, each with its own schedule. Times in seconds of the station's clock."""

    def __init__(self, identity: IdentitySection, sweep: SweepSection, *, sample_rate_hz: float) -> None:
        """Known cells come again every ``identity_interval_s``, and at least every hour: the crystal is checked by them."""
        again_s = min(sweep.identity_interval_s, RECHECK_S)
        self._settings = msgspec.structs.replace(identity, retry_interval_s=again_s)
        self._sweep, self._rate = sweep, sample_rate_hz
        self._places: dict[tuple[str, int], _Place] = {}

    def due(
        self, sightings: Sequence[Sighting], hops: Sequence[Hop], now_s: float, *, round_s: float = 0.0, again: bool = False
    ) -> list[IdentityDwell]:
        """Return the looks that the emissions of a sweep ask for: GSM hop by hop, LTE carrier by carrier.

        Carriers that are new or have changed are looked at now. Known cells are read again in time, with as few looks between two sweeps as
        that allows: ``round_s`` is how long it is from one sweep to the next without looks. ``again``: after the looks of the same sweep,
        only at LTE carriers in whose middle nothing was.
        """
        asked: list[_Asked] = []
        if not again and self._settings.gsm and self._rate >= MIN_GSM_RATE_HZ:
            candidates = [one for one in sightings if _may_be_gsm(one)]
            for hop in hops:
                here = [one for one in candidates if hop.lower_hz <= one.center_freq_hz < hop.upper_hz]
                if here:
                    keys = tuple(sorted({round(one.center_freq_hz / CARRIER_SPACING_HZ) for one in here}))
                    edges = tuple((one.lower_freq_hz, one.upper_freq_hz) for one in here)
                    places = [self._seen("gsm", round(one.center_freq_hz / CARRIER_SPACING_HZ), one.power, now_s) for one in here]
                    looks = [self._dwell("gsm", hop.center_freq_hz, self._sweep.gsm_dwell_s, edges, keys)]
                    asked.append(_Asked(places, looks))
        if self._settings.lte and self._rate >= MIN_LTE_RATE_HZ:
            for one in sightings:
                key = round(one.center_freq_hz / SAME_LTE_HZ)
                if again and (("lte", key) not in self._places or self._places["lte", key].in_vain % 2 == 0):
                    continue
                if one.upper_freq_hz - one.lower_freq_hz >= MIN_LTE_WIDTH_HZ:
                    place = self._seen("lte", key, one.power, now_s)
                    asked.append(_Asked([place], self._lte_looks(one, key, place)))
        chosen = [each for each in asked if each.fresh_and_due(now_s)] + _in_time([each for each in asked if each.known], now_s, round_s)
        for each in chosen:
            for place in each.places:
                place.outstanding = len(each.looks)
        return [look for each in chosen for look in each.looks]

    def looked(self, dwell: IdentityDwell, *, found_hz: Sequence[float], now_s: float) -> None:
        """Note what a look gave: the carriers of the cells that it identified."""
        for key in dwell.keys:
            place = self._places.get((dwell.kind, key))
            if place is None:
                continue
            place.outstanding -= 1
            place.found_hz += tuple(found_hz)
            if place.outstanding <= 0:
                found, place.found_hz, place.outstanding = tuple(sorted(set(place.found_hz))), (), 0
                place.in_vain = 0 if found else place.in_vain + 1
                place.known = bool(found)
                place.centers_hz = found or (place.centers_hz if place.in_vain == 1 else ())
                place.schedule.looked(now_s, found=bool(found), promising=True)

    def _lte_looks(self, one: Sighting, key: int, place: _Place) -> list[IdentityDwell]:
        """Return the looks at one wide emission: where cells were found before, else at its middle, every other time all over it.

        Carriers side by side, or one in something wider, are seen as one emission: its middle is then nobody's.
        """
        edges = ((one.lower_freq_hz, one.upper_freq_hz),)
        width = one.upper_freq_hz - one.lower_freq_hz
        if place.centers_hz:
            looks = [
                self._dwell("lte", center, self._sweep.lte_dwell_s, ((center - 0.5e6, center + 0.5e6),), (key,))
                for center in place.centers_hz
            ]
        elif place.in_vain % 2 == 0 or width <= self._rate:
            looks = [self._dwell("lte", one.center_freq_hz, self._sweep.lte_dwell_s, edges, (key,))]
        else:
            count = math.ceil((width - 2 * HALF_SYNC_HZ) / (2 * HALF_STEP_HZ))
            step = (width - 2 * HALF_SYNC_HZ) / count
            middles = (one.lower_freq_hz + HALF_SYNC_HZ + (k + 0.5) * step for k in range(count))
            looks = [replace(self._dwell("lte", middle, self._sweep.lte_dwell_s, edges, (key,)), whole_span=True) for middle in middles]
        return looks

    def _seen(self, kind: str, key: int, power: float, now_s: float) -> _Place:
        """Return the place of an emission that a sweep saw; one that has changed is due again soon."""
        place = self._places.get((kind, key))
        if place is None:
            place = self._places[(kind, key)] = _Place(LookSchedule(self._settings), power, now_s)
        ratio = max(power, 1e-30) / max(place.power, 1e-30)
        if not 10 ** (-LEVEL_STEP_DB / 10) < ratio < 10 ** (LEVEL_STEP_DB / 10) or now_s - place.seen_s > self._settings.retry_interval_s:
            place.schedule.changed(now_s)
            place.power = power
        place.seen_s = now_s
        return place

    def _dwell(
        self,
        kind: Literal["gsm", "lte"],
        center_freq_hz: float,
        duration_s: float,
        carriers: tuple[tuple[float, float], ...],
        keys: tuple[int, ...],
    ) -> IdentityDwell:
        return IdentityDwell(kind=kind, center_freq_hz=round(center_freq_hz), duration_s=duration_s, carriers=carriers, keys=keys)


def _in_time(known: list[_Asked], now_s: float, round_s: float) -> list[_Asked]:
    """Return those of ``known`` that cannot wait: one after each of the sweeps to come, each of the rest would still be in time."""
    waiting = sorted(known, key=lambda one: one.next_s)
    taken: list[_Asked] = []
    while waiting:
        at_s = now_s + sum(one.duration_s for one in taken)
        late = False
        for one in waiting:
            at_s += round_s + one.duration_s
            late = late or at_s > one.next_s - MARGIN_S
        if not late:
            break
        taken.append(waiting.pop(0))
    return taken


def _may_be_gsm(one: Sighting) -> bool:
    width = one.upper_freq_hz - one.lower_freq_hz
    return MIN_GSM_WIDTH_HZ <= width <= MAX_GSM_WIDTH_HZ and any(low <= one.center_freq_hz <= high for low, high in GSM_BANDS_HZ)
