"""How fast observations are judged: 10,000 licences, 2,000 live cells, 20 stations; what snapshots and late observations cost.

OMP_NUM_THREADS=1 python tests/benchmarks/bench_checks.py [--short]
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from collector.checks.context import Context, StationFacts, default_context
from collector.checks.rules import all_rules, new_judge
from collector.checks.types import Observation
from collector.judging_queue import Waiting
from config.licences import CoveredRange, Licence, Registry, RegistryHead
from config.wire import AnyRecord
from tests.scenes.air import START_NS, emission, gsm, observations

N_LICENCES, N_CELLS, N_STATIONS = 10_000, 2_000, 20


def registry(rng: random.Random) -> Registry:
    """Return 10,000 licences with places and identities, the bench's cells among them."""
    rows = tuple(
        Licence(
            licence_id=f"L{i:05d}", holder="V", technology="gsm", lower_mhz=935.1 + 0.2 * (i % 124), upper_mhz=935.3 + 0.2 * (i % 124),
            bandwidth_khz=199.0, lat_deg=12.3 + rng.random(), lon_deg=107.5 + rng.random(), radius_km=35.0, mcc="452", mnc="04",
            lac=20000 + i % 50, ci=i,
        )
        for i in range(N_LICENCES)
    )  # fmt: skip
    return Registry(
        head=RegistryHead(name="bench", starting_point=False, covers=(CoveredRange(lower_mhz=925.0, upper_mhz=960.0),)),
        licences=rows, version="bench",
    )  # fmt: skip


def context(rng: random.Random) -> Context:
    """Return a context with that registry and calibrated stations."""
    base = default_context(registry=registry(rng))
    places = {f"s{i}": StationFacts(place=(12.4 + 0.04 * i, 107.6 + 0.02 * i), dbm_minus_dbfs=-30.0) for i in range(N_STATIONS)}
    return Context(book=base.book, plmn=base.plmn, licences=base.licences, stations=places)


def air(count: int, rng: random.Random, *, per_s: int = 1000) -> list[Observation]:
    """Return ``count`` observations, ``per_s`` a second: cells of 20 stations and the states of their carriers, one in eight foreign."""
    found: list[AnyRecord] = []
    for i in range(count):
        cell = rng.randrange(N_CELLS)
        station = f"s{cell % N_STATIONS}"
        when = START_NS + i * 1_000_000_000 // per_s
        place = (12.4 + 0.04 * (cell % N_STATIONS), 107.6 + 0.02 * (cell % N_STATIONS))
        arfcn = 1 + cell % 124
        if rng.random() < 0.5:
            found.append(emission(station, when, center_mhz=935 + 0.2 * arfcn, width_khz=240, place=place))
            continue
        found.append(
            gsm(
                station, when, arfcn=arfcn, bsic=cell // 124 % 64, ci=cell, lac=20000 + cell % 50, place=place,
                plmn="456-08" if cell % 8 == 0 else "452-04", power_dbfs=rng.gauss(-70, 6), ppm=rng.gauss(-1, 0.02),
                taps=[(0.0, 0.0), (2.0 + rng.gauss(0, 0.3), -9.0)],
            )
        )  # fmt: skip
    return observations(found)


def judged_live(judged_by: Context, arrivals: Sequence[Sequence[Observation]]) -> tuple[float, int, bytes]:
    """Return (CPU seconds, how many were folded, the findings) of a judge that is given one of ``arrivals`` a second.

    As the follower does it. The clock is the stream's own, but no second takes less than judging took: late ones rest as they would live.
    """
    judge, waiting, now_s, folded = new_judge(judged_by), Waiting(), 0.0, 0
    begun = time.process_time()
    for batch in arrivals:
        now_s += 1.0
        waiting.put(batch, is_late=judge.is_late, now_s=now_s)
        late = waiting.late(now_s)
        at = time.process_time()
        folded += judge.feed([*waiting.due(now_s), *late])
        took = time.process_time() - at
        if late:
            waiting.fitted(took, now_s + took)
        now_s = max(now_s, now_s - 1.0 + took)
        judge.forget_but(50_000)
        judge.take_changes()
    fresh, late = waiting.all_of_them()
    folded += judge.feed([*fresh, *late])
    return time.process_time() - begun, folded, msgspec.json.encode([judge.findings(), judge.remarks()])


def late_by(seen: Sequence[Observation], late: Callable[[int], int]) -> list[list[Observation]]:
    """Return what arrives in each second, observation ``i`` ``late(i)`` places after its turn."""
    ordered = sorted(range(len(seen)), key=lambda i: i + late(i))
    return [[seen[i] for i in ordered[at : at + 1000]] for at in range(0, len(ordered), 1000)]


def main() -> None:
    """Print observations a second, live in batches of one second, in order and late in several ways; and what a snapshot costs."""
    rng = random.Random(9)
    count = 20_000 if "--short" in sys.argv else 60_000
    judged_by = context(rng)
    seen = air(count, rng)
    judge = new_judge(judged_by)
    begun = time.process_time()
    for at in range(0, count, 1000):
        judge.feed(seen[at : at + 1000])
    took = time.process_time() - begun
    print(f"in order, batches of 1000: {count / took:.0f} observations/s ({took / count * 1e6:.0f} us each)")
    begun = time.process_time()
    blob = judge._worlds["live"]._state.frozen().memories
    print(f"snapshot: {len(blob) / 1e6:.1f} MB, {(time.process_time() - begun) * 1e3:.0f} ms; findings {len(judge.findings())}")
    straight = msgspec.json.encode([judge.findings(), judge.remarks()])
    cases: tuple[tuple[str, Callable[[int], int]], ...] = (
        ("none late", lambda i: 0),
        ("one in fifty 2.5 s late", lambda i: 2500 if i % 50 == 0 else 0),
        ("one in fifty 8 s late", lambda i: 8000 if i % 50 == 0 else 0),
        ("one station of 20 ten seconds behind", lambda i: 10_000 if seen[i].record.station == "s7" else 0),
    )
    for name, late in cases:
        took, folded, findings = judged_live(judged_by, late_by(seen, late))
        same = "the same findings" if findings == straight else "OTHER FINDINGS"
        print(f"live, {name}: {count / took:.0f} observations/s, each folded {folded / count:.1f} times; {same}")
    print(f"rules: {', '.join(rule.name for rule in all_rules(judged_by))}")


if __name__ == "__main__":
    main()
