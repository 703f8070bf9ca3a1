"""A day of a network: 20 stations, 60 licensed cells on 30 sites, fading, load, drifting clocks, hills; and 12 planted violations.

``python -m tests.scenes.simulation [HOURS [SEED]]`` prints what was found, when, and what was found that was not planted.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from collector.checks.context import Context, StationFacts, default_context
from collector.checks.rules import new_judge
from collector.checks.types import GRADE_ORDER, Finding
from config.geography import distance_km
from config.licences import CoveredRange, Licence, Registry, RegistryHead
from config.wire import AnyRecord
from tests.scenes.air import BEFORE_SWITCH_OFF_NS, emission, gsm, observations, summary
from tests.scenes.bank import gsm_licence

N_STATIONS, N_SITES, CELLS_HEARD = 20, 30, 8
STEP_S = 120
PLMNS = ("452-04", "452-02", "452-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One violation: who must find it, by which rule, from when."""

    kind: str
    rule: str
    station: str
    start_ns: int


@dataclass(slots=True)
class Network:
    """The world of one run."""

    rng: random.Random
    hours: float
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    cells: list[Licence] = field(default_factory=list)
    heard: dict[str, list[tuple[Licence, float, float | None]]] = field(default_factory=dict)
    """station -> (cell, mean dBFS, delay of its hill's echo)."""
    planted: list[Planted] = field(default_factory=list)


def network(seed: int, hours: float) -> Network:
    """Return a network drawn from ``seed``."""
    rng = random.Random(seed)
    net = Network(rng=rng, hours=hours)
    net.places = {f"tram-{i:02d}": (12.4 + 0.7 * rng.random(), 107.75 + 0.6 * rng.random()) for i in range(N_STATIONS)}
    for i in range(N_SITES):
        site = (12.4 + 0.7 * rng.random(), 107.75 + 0.6 * rng.random())
        for k in range(2):
            ci = 100 + 2 * i + k
            net.cells.append(gsm_licence(ci, 2 + 2 * (2 * i + k), site, mnc=PLMNS[k][4:], radius_km=120.0, lac=20000 + i // 4))
    for station, place in net.places.items():
        near = sorted(net.cells, key=lambda c: distance_km(*place, c.lat_deg or 0.0, c.lon_deg or 0.0))[:CELLS_HEARD]
        hills = {c.site: rng.uniform(1.5, 11.0) for c in near if rng.random() < 0.15}
        net.heard[station] = [(c, rng.uniform(-60, -40), hills.get(c.site)) for c in near]
    kinds = (
        ("unlicensed", "1-unlicensed"), ("unlicensed", "1-unlicensed"), ("off_centre", "1-unlicensed"), ("gsm_in_lte", "2-technology"),
        ("foreign_strong", "3-foreign"), ("test_network", "3-foreign"), ("lac_changing", "4-fake-station"),
        ("two_identities", "4-fake-station"), ("echo", "5-relay"), ("comb", "6-booster"), ("floor", "6-booster"), ("jammer", "7-jammer"),
    )  # fmt: skip
    stations = rng.sample(sorted(net.places), len(kinds))
    for (kind, rule), station in zip(kinds, stations, strict=True):
        start = BEFORE_SWITCH_OFF_NS + int(rng.uniform(1.1, hours - 0.8) * 3.6e12)
        net.planted.append(Planted(kind=kind, rule=rule, station=station, start_ns=start))
    return net


def context(net: Network) -> Context:
    """Return the registry and stations of ``net``."""
    base = default_context()
    lte = Licence(licence_id="LTE", holder="Viettel", technology="lte", lower_mhz=927.0, upper_mhz=932.0)
    registry = Registry(
        head=RegistryHead(name="day", starting_point=False, covers=(CoveredRange(lower_mhz=925.0, upper_mhz=960.0),)),
        licences=(*net.cells, lte), version="day",
    )  # fmt: skip
    stations = {name: StationFacts(place=place, dbm_minus_dbfs=-30.0) for name, place in net.places.items()}
    return Context(book=base.book, plmn=base.plmn, licences=type(base.licences)(registry), stations=stations)


def air(net: Network) -> Iterator[AnyRecord]:
    """Yield all that the stations send, one station after the other."""
    for one in air_of_each(net):
        yield from one


def air_of_each(net: Network) -> list[Iterator[AnyRecord]]:
    """Return what each station sends."""
    return [_station_air(net, station, random.Random(net.rng.random())) for station in sorted(net.places)]


def _station_air(net: Network, station: str, rng: random.Random) -> Iterator[AnyRecord]:
    own = [p for p in net.planted if p.station == station]
    ppm = rng.uniform(-2, 2)
    off_until = 0
    for step in range(int(net.hours * 3600 / STEP_S)):
        now = BEFORE_SWITCH_OFF_NS + step * STEP_S * 1_000_000_000 + rng.randrange(10_000_000_000)
        if rng.random() < 0.002:
            off_until, ppm = now + 600_000_000_000, ppm + rng.gauss(0, 2)  # a restart: warm-up moves the clock
        ppm += rng.gauss(0, 0.02)
        if now >= off_until:
            yield from _step(net, station, now, ppm, [p for p in own if 0 <= now - p.start_ns < 2_400_000_000_000], rng, step)


def _step(net: Network, station: str, now: int, ppm: float, active: list[Planted], rng: random.Random, step: int) -> Iterator[AnyRecord]:
    place = net.places[station]
    kinds = {p.kind: p for p in active}
    neighbours = sorted(round((c.lower_mhz + 0.1 - 935) / 0.2) for c, _, _ in net.heard[station])
    floor = -115.0 + rng.gauss(0, 0.4) + (18.0 if "jammer" in kinds else 0.0)
    yield summary(station, now, lower_mhz=935, upper_mhz=960, floor_dbfs_hz=floor, place=place)
    up = -115.0 + rng.gauss(0, 0.4)
    profile = [up + rng.gauss(0, 0.3) + (14.0 if "floor" in kinds and k >= 12 else 0.0) for k in range(32)]
    yield summary(
        station, now + 1, lower_mhz=890, upper_mhz=915, floor_dbfs_hz=sorted(profile)[16], gsm_looked_s=0.0, place=place,
        floor_profile_dbfs_hz=profile,
    )  # fmt: skip
    if "jammer" not in kinds:
        for i, (cell, level, hill) in enumerate(net.heard[station]):
            if rng.random() < 0.05:
                continue  # faded away
            yield from _cell(station, now + 1000 * (i + 2), cell, level, hill, ppm, rng, neighbours, place, echo="echo" in kinds, step=step)
    for kind, p in kinds.items():
        yield from _violation(kind, p, station, now + 50_000, ppm, rng, place, net)


def _cell(
    station: str, when: int, cell: Licence, level: float, hill: float | None, ppm: float, rng: random.Random, neighbours: list[int],
    place: tuple[float, float], *, echo: bool, step: int,
) -> Iterator[AnyRecord]:  # fmt: skip
    arfcn = round((cell.lower_mhz + 0.1 - 935) / 0.2)
    fade = rng.gauss(0, 5)
    taps = [(0.0, 0.0)]
    paths = ([5.0] if echo else []) + ([hill] if hill is not None else [])
    taps += [(delay + rng.gauss(0, 0.3), rng.gauss(-8, 3)) for delay in paths if rng.random() < 0.9]
    # the capture of a relay's station is watched closely: see the wire's tasks
    repeats = 4 if echo else 1
    for k in range(repeats):
        yield gsm(
            station, when + k * 25_000_000_000, arfcn=arfcn, plmn=f"452-{cell.mnc}", ci=cell.ci, lac=cell.lac, place=place,
            power_dbfs=level + fade, snr_db=max(4.0, level + fade + 68), ppm=ppm + rng.gauss(0, 0.02), taps=taps, bsic=(cell.ci or 0) % 64,
            neighbours=[n for n in neighbours if n != arfcn], t3212=3 if (cell.ci or 0) % 29 == 0 else 10,
        )  # fmt: skip
    if step % 5 == 0:
        mhz = cell.lower_mhz + 0.1 + ppm * 1e-6 * 950
        yield emission(
            station, when + 500, center_mhz=mhz, width_khz=rng.gauss(243, 4), snr_db=level + fade + 65, track_id=f"{cell.ci or 0:016x}",
            place=place,
        )  # fmt: skip


def _violation(
    kind: str, p: Planted, station: str, now: int, ppm: float, rng: random.Random, place: tuple[float, float], net: Network
) -> Iterator[AnyRecord]:
    common: dict[str, Any] = {"place": place, "ppm": ppm + rng.gauss(0, 0.02)}
    turn = (now - p.start_ns) // (STEP_S * 1_000_000_000)
    fake: dict[str, Any] = {
        "arfcn": 123,
        "bsic": 61,
        "neighbours": [],
        "t3212": 2,
        "snr_db": 35.0,
        "power_dbfs": -25.0,
        "ppm": ppm + 0.9,
        "place": place,
    }
    if kind == "unlicensed":
        yield emission(station, now, center_mhz=925.5 + 0.05 * int(station[-2:]), width_khz=200, track_id="f" * 16, place=place)
    elif kind == "off_centre":
        cell = net.heard[station][0][0]
        yield emission(station, now, center_mhz=cell.lower_mhz + 0.155, width_khz=190, track_id="e" * 16, place=place)
    elif kind == "gsm_in_lte":
        yield gsm(station, now, arfcn=975 + 24, freq_hz=930.0e6, plmn="452-04", ci=7777, bsic=9, **common)
    elif kind == "foreign_strong":
        yield gsm(station, now, arfcn=124, plmn="456-08", ci=30211, lac=801, bsic=5, power_dbfs=-20 + rng.gauss(0, 4), **common)
    elif kind == "test_network":
        yield gsm(station, now, arfcn=122, plmn="001-01", ci=1, lac=1, bsic=6, **common)
    elif kind == "lac_changing":
        yield gsm(station, now, ci=500, lac=30000 + turn % 5, **fake)
    elif kind == "two_identities":
        yield gsm(station, now, ci=600 + turn % 2, cro_db=50, **{**fake, "arfcn": 121, "bsic": 60})
    elif kind == "comb":
        for i in range(6):
            yield emission(station, now + i, center_mhz=897.0 + 0.25 * i, width_khz=2, track_id=f"c{i:015x}", place=place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one run found."""

    found: tuple[tuple[Planted, Finding, float], ...]
    """(violation, its finding, seconds from the violation's start to the finding's)."""
    missed: tuple[Planted, ...]
    false: tuple[Finding, ...]
    """Findings at "to verify" or above that were not planted."""
    observations: int


def run(seed: int, hours: float) -> Result:
    """Judge the day of ``seed``."""
    net = network(seed, hours)
    judge = new_judge(context(net))
    seen = observations(sorted(air(net), key=lambda r: (r.station, r.start_time_ns)))
    judge.feed(seen)
    real = [f for f in judge.findings() if GRADE_ORDER.index(f.grade) >= GRADE_ORDER.index("to_verify")]
    found, missed, used = [], [], set()
    for p in net.planted:
        own = [f for f in real if f.rule == p.rule and p.station in f.stations and f.last_ns >= p.start_ns]
        if own:
            first = min(own, key=lambda f: (f.opened_ns, f.finding_id))
            found.append((p, first, (first.opened_ns - p.start_ns) / 1e9))
        else:
            missed.append(p)
        # one device breaks several rules: all findings of its station while it is there are its own
        used |= {f.finding_id for f in real if p.station in f.stations and p.start_ns <= f.opened_ns <= p.start_ns + 2_400_000_000_000}
    return Result(
        found=tuple(found), missed=tuple(missed), false=tuple(f for f in real if f.finding_id not in used), observations=len(seen)
    )


if __name__ == "__main__":
    hours_ = float(sys.argv[1]) if len(sys.argv) > 1 else 24.0
    for seed_ in [int(sys.argv[2])] if len(sys.argv) > 2 else [random.SystemRandom().randrange(2**32) for _ in range(3)]:
        result = run(seed_, hours_)
        print(f"seed {seed_}: {result.observations} observations, {len(result.found)} of 12 found, {len(result.false)} false")
        for p_, f_, seconds in result.found:
            print(f"  {p_.kind:16}{p_.rule:16}{f_.grade:11}{f_.confidence:.2f} after {seconds:6.0f} s")
        for p_ in result.missed:
            print(f"  MISSED {p_}")
        for f_ in result.false:
            print(f"  FALSE {f_.rule} {f_.grade} {f_.subject} {[c.reason.en for c in f_.evidence]}")
