"""Scenes of signs that take several observations: steps, shifts, shapes of floors, traffic, places. ``SCENES`` is the whole bank."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from config.wire import AnyRecord
from tests.scenes.air import BEFORE_SWITCH_OFF_NS as T0
from tests.scenes.air import START_NS, every, gsm, occupancy, summary
from tests.scenes.bank import registry
from tests.scenes.scenes import BASIC, HOME, REPEATER, S, all_cells, cell, scene

TRUONG_SA: Final = (8.6450, 111.9200)
MINUTE_NS: Final = 60_000_000_000
OTHERS: Final = ((301, 20), (302, 26), (303, 32), (304, 38))
"""CI and ARFCN of four cells more, of sites that no registry knows: clocks to compare with."""


def switched_on(cells: dict[int, float], *, rise_db: float = 9.0, echo: bool = True) -> list[AnyRecord]:
    """Return eight minutes of the four cells; half-way those in ``cells`` become stronger and get an echo of that delay."""
    rng = random.Random(6)
    found: list[AnyRecord] = []
    for i, t in enumerate(every(16, 30, start_ns=T0)):
        for k, (ci, _, _) in enumerate(HOME):
            on = i >= 15 and ci in cells
            taps = [(0.0, 0.0)] + ([(-cells[ci] + rng.gauss(0, 0.3), -9.0 + rng.gauss(0, 2))] if on and echo else [])
            found.append(cell(t + k * 1_000_000, ci, taps=taps, power_dbfs=-55.0 + rng.gauss(0, 3.0) + (rise_db if on else 0.0)))
    return found


def shifted(hz: dict[int, float], *, drift_ppm: float = 0.0) -> list[AnyRecord]:
    """Return ten minutes of eight cells; carriers of those in ``hz`` are off by so much; the receiver's clock drifts so much a sweep."""
    rng = random.Random(7)
    found: list[AnyRecord] = []
    for i, t in enumerate(every(30, 20, start_ns=T0)):
        for k, (ci, arfcn) in enumerate([*((ci, arfcn) for ci, arfcn, _ in HOME), *OTHERS]):
            carrier_hz = 935e6 + 0.2e6 * arfcn
            ppm = -1.0 - hz.get(ci, 0.0) / carrier_hz * 1e6 + drift_ppm * (i + k / 8) + rng.gauss(0, 0.01)
            when = t + k * 1_000_000_000
            if ci < 200:
                found.append(cell(when, ci, ppm=ppm))
            else:
                found.append(gsm(S, when, arfcn=arfcn, ci=ci, plmn="452-01", ppm=ppm, neighbours=[45, 50]))
    return found


def uplink(profile: Callable[[int], float] | None, fbo: Callable[[bool], float] | None = None) -> list[AnyRecord]:
    """Return 45 minutes of looks at an uplink of 16 MHz: in the last 15, and in every fifth before where traffic is given, its floor is up.

    ``profile``: by how much at each of 32 steps; None: only the median is sent. ``fbo``: band occupancy while it is up, and while not.
    """
    rng = random.Random(9)
    found: list[AnyRecord] = []
    for i, t in enumerate(every(60, 45, start_ns=T0)):
        up = i >= 30
        floors = [-115.0 + rng.gauss(0, 0.3) + (profile(k) if up and profile else 0.0) for k in range(32)]
        if fbo is not None:
            found.append(occupancy(S, t - MINUTE_NS, band="B8", lower_mhz=890, upper_mhz=906, fbo=fbo(up)))
        more = {"floor_profile_dbfs_hz": floors} if profile else {}
        median = sorted(floors)[16] if profile else -115.0 + (15.0 if up else 0.0) + rng.gauss(0, 0.3)
        found.append(summary(S, t, lower_mhz=890, upper_mhz=906, gsm_looked_s=0.0, floor_dbfs_hz=median, **more))
    return found


def noisy_beside_cells() -> list[AnyRecord]:
    """Return 40 minutes of four cells; the floor is up in the last ten, and the cells are heard as before."""
    found: list[AnyRecord] = []
    for i, t in enumerate(every(60, 40, start_ns=T0)):
        found += [
            *all_cells(t + 1_000_000_000),
            summary(S, t, lower_mhz=943, upper_mhz=948, floor_dbfs_hz=-115.0 + (20.0 if i >= 30 else 0)),
        ]
    return found


FILTERED: Final = ("6-booster", "suspected")
RELAY: Final = ("5-relay", "suspected")
SCENES: Final = (
    *BASIC,
    scene("relay switched on before two sites", lambda: switched_on({101: 5.0, 102: 5.0}), RELAY, violation=True),
    scene("two base stations turn their power up", lambda: switched_on({101: 5.0, 102: 5.0}, echo=False), violation=False),
    scene("one cell becomes stronger and gets an echo", lambda: switched_on({101: 5.0}), violation=False),
    scene("two cells become stronger, a hill's echo on each", lambda: switched_on({101: 3.0, 102: 7.0}), violation=False),
    scene("repeater with a licence switched on", lambda: switched_on({101: 5.0, 102: 5.0}), violation=False, reg=registry(REPEATER)),
    scene("carriers of two sites shifted by the same hertz", lambda: shifted({101: 300.0, 102: 300.0}), RELAY, violation=True),
    scene("two cells of one site share a bad clock", lambda: shifted({101: 300.0, 103: 300.0}), violation=False),
    scene("two sites each with a clock of its own off", lambda: shifted({101: 300.0, 102: -420.0}), violation=False),
    scene("the receiver's clock drifts while it looks", lambda: shifted({}, drift_ppm=0.4), violation=False),
    scene("uplink floor raised in a filter's shape", lambda: uplink(lambda k: 15.0 if 8 <= k < 20 else 0.0), FILTERED, violation=True),
    scene(
        "uplink floor raised all over, as a receiver's own", lambda: uplink(lambda k: 15.0), ("6-booster", "information"), violation=False
    ),
    scene("uplink floor raised without any traffic", lambda: uplink(None, lambda up: 0.01), FILTERED, violation=True),
    scene(
        "uplink floor that comes with the traffic", lambda: uplink(None, lambda up: 0.5 if up else 0.02), ("6-booster", "information"),
        violation=False,
    ),
    scene("floor raised while the cells stay", noisy_beside_cells, violation=False),
    scene(
        "GSM after the switch-off where it goes on", lambda: [cell(START_NS, place=TRUONG_SA)], violation=False,
        reg=registry(without=(101,)),
    ),
)  # fmt: skip
