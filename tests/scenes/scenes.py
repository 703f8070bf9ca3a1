"""Scenes of one sign each; ``more_scenes`` has the others, and the whole bank."""

from __future__ import annotations

import random
from typing import Any, Final

from config.licences import Licence
from config.wire import AnyRecord
from tests.scenes.air import BEFORE_SWITCH_OFF_NS as T0
from tests.scenes.air import START_NS, emission, every, gsm, lte, summary
from tests.scenes.bank import Scene, expired, gsm_licence, registry

S: Final = "ban-don"
HOME: Final = ((101, 45, "452-04"), (102, 50, "452-04"), (103, 56, "452-02"), (104, 62, "452-01"))
"""CI, ARFCN, PLMN of the registry's cells."""


def cell(time_ns: int, ci: int = 101, **changed: Any) -> AnyRecord:
    """Return one of the registry's cells, all as it should be, but for ``changed``."""
    known = {c: (arfcn, plmn) for c, arfcn, plmn in HOME}
    arfcn, plmn = known.get(ci, (45, "452-04"))
    near = sorted(a for _, a, _ in HOME if a != arfcn)
    return gsm(S, time_ns, **{"arfcn": arfcn, "plmn": plmn, "ci": ci, "neighbours": near, **changed})


def all_cells(time_ns: int, **changed: Any) -> list[AnyRecord]:
    """Return all four cells at one moment."""
    return [cell(time_ns + i * 1_000_000, ci, **changed) for i, (ci, _, _) in enumerate(HOME)]


def carriers(center_mhz: float, width_khz: float, *, start_ns: int = T0, **changed: Any) -> list[AnyRecord]:
    """Return ten minutes of one emission."""
    return [emission(S, t, center_mhz=center_mhz, width_khz=width_khz, **changed) for t in every(60, 10, start_ns=start_ns)]


def fake(*, start_ns: int = T0, minutes: int = 12, **changed: Any) -> list[AnyRecord]:
    """Return the usual four cells and, among them, one more carrier with BSIC 7 on ARFCN 58, changed as told."""
    found: list[AnyRecord] = []
    for i, t in enumerate(every(30, 2 * minutes, start_ns=start_ns)):
        now = {k: (v[i % len(v)] if isinstance(v, tuple) else v) for k, v in changed.items()}
        usual = {"arfcn": 58, "bsic": 7, "ci": 999, "plmn": "452-04", "neighbours": [45, 50, 56]}
        found += [*all_cells(t), gsm(S, t + 10_000_000, **{**usual, **now})]
    return found


def echoes(delays_us: dict[int, float], *, level_db: float = -8.0, plmns: dict[int, str] | None = None) -> list[AnyRecord]:
    """Return ten minutes of the four cells; those in ``delays_us`` have an echo, measured with 0.3 us of spread."""
    rng = random.Random(5)
    found: list[AnyRecord] = []
    for t in every(20, 30, start_ns=T0):
        for i, (ci, _, _) in enumerate(HOME):
            taps = [(0.0, 0.0)]
            if ci in delays_us and rng.random() < 0.9:
                taps.append((delays_us[ci] + rng.gauss(0, 0.3), level_db + rng.gauss(0, 2)))
            found.append(cell(t + i * 1_000_000, ci, taps=taps))
    return found


def foreign(power_dbfs: float, **changed: Any) -> list[AnyRecord]:
    """Return twenty minutes of a Cambodian cell at a mean level, fading by 6 dB."""
    rng = random.Random(8)
    usual = {"arfcn": 90, "plmn": "456-08", "bsic": 5, "ci": 30211, "lac": 801}
    return [gsm(S, t, **{**usual, "power_dbfs": power_dbfs + rng.gauss(0, 6), **changed}) for t in every(30, 40, start_ns=START_NS)]


def jammed(*, clipped: float = 0.0, floor_dbfs_hz: float = -95.0) -> list[AnyRecord]:
    """Return half an hour of four cells and the looks back on it, then ten minutes without any."""
    found: list[AnyRecord] = []
    for t in every(60, 30, start_ns=T0):
        found += [*all_cells(t + 1_000_000_000), summary(S, t, lower_mhz=943, upper_mhz=948)]
    for t in every(60, 10, start_ns=T0 + 30 * 60 * 1_000_000_000):
        found.append(summary(S, t, lower_mhz=943, upper_mhz=948, gsm_cells=0, floor_dbfs_hz=floor_dbfs_hz, clipped_fraction=clipped))
    return found


def comb(*, duty: float = 1.0, spacing_khz: float = 200.0) -> list[AnyRecord]:
    """Return ten minutes of six narrow lines in the uplink."""
    return [
        emission(S, t, center_mhz=895.0 + i * spacing_khz / 1e3, width_khz=3.0, track_id=f"{i:016x}", duty=duty, cut_low=True)
        for t in every(60, 10, start_ns=T0)
        for i in range(6)
    ]


def uplink_floor(after_dbfs_hz: float, *, clipped: float = 0.0) -> list[AnyRecord]:
    """Return looks at an uplink whose floor changes after half an hour."""
    return [
        summary(S, t, lower_mhz=895, upper_mhz=897, gsm_looked_s=0.0, floor_dbfs_hz=-115.0 if i < 30 else after_dbfs_hz,
                clipped_fraction=0.0 if i < 30 else clipped)
        for i, t in enumerate(every(60, 45, start_ns=T0))
    ]  # fmt: skip


def newcomer(ci: int) -> list[AnyRecord]:
    """Return three hours of the first three cells, and for the last hour the fourth."""
    found: list[AnyRecord] = []
    for i, t in enumerate(every(120, 90, start_ns=T0)):
        found += [cell(t, c) for c in (101, 102, 103)] + ([cell(t + 9, ci)] if i >= 60 else [])
    return found


REPEATER: Final = Licence(
    licence_id="REP-1", holder="Viettel", technology="repeater", lower_mhz=935.0, upper_mhz=960.0, lat_deg=12.9, lon_deg=107.81,
    radius_km=5.0,
)  # fmt: skip
FOREIGN_NAMES: Final = ("3-foreign", "to_verify")


def scene(name: str, make: Any, *expected: tuple[str, str], violation: bool, reg: Any = None) -> Scene:
    """Return a scene; ``reg``: its registry where it is another than the usual one."""
    return Scene(name=name, make=make, expected=tuple(sorted(expected)), violation=violation, registry=reg or registry())


BASIC: Final = (
    scene("unlicensed carrier", lambda: carriers(941.0, 240), ("1-unlicensed", "to_verify"), violation=True),
    scene("licensed carrier", lambda: carriers(944.0, 240), violation=False),
    scene("too wide for its licence", lambda: carriers(944.0, 390), ("1-unlicensed", "to_verify"), violation=True),
    scene(
        "two neighbouring channels seen as one", lambda: carriers(944.1, 440), violation=False,
        reg=registry(gsm_licence(105, 46, (12.9, 107.8))),
    ),
    scene("off its assigned centre", lambda: carriers(944.06, 200), ("1-unlicensed", "to_verify"), violation=True),
    scene("a receiver's error of 3 kHz", lambda: carriers(944.003, 240), violation=False),
    scene(
        "licence run out", lambda: carriers(944.0, 240), ("1-unlicensed", "to_verify"), violation=True,
        reg=registry(expired(gsm_licence(101, 45, (12.93, 107.83))), without=(101,)),
    ),
    scene("licence in force next to an expired one", lambda: carriers(944.0, 240), violation=False, reg=registry(
        expired(gsm_licence(201, 45, (12.93, 107.83))))),
    scene("carrier in the guard band", lambda: carriers(955.3, 200), ("1-unlicensed", "to_verify"), violation=True),
    scene("LTE next to the guard band with its skirts", lambda: carriers(952.5, 4900), violation=False),
    scene("an empty registry", lambda: carriers(941.0, 240), violation=False, reg=registry(covered=False)),
    scene(
        "GSM after the switch-off", lambda: [cell(START_NS)], ("2-technology", "suspected"), violation=True, reg=registry(without=(101,)),
    ),
    scene("GSM before the switch-off", lambda: [cell(T0)], violation=False),
    scene("GSM after the switch-off with a licence of its own", lambda: [cell(START_NS)], violation=False),
    scene("foreign cell far too strong", lambda: foreign(-25.0), ("3-foreign", "suspected"), violation=True),
    scene("foreign cell over the limit", lambda: foreign(-41.0), ("3-foreign", "suspected"), violation=True),
    scene("foreign cell as strong as its distance gives", lambda: foreign(-60.0), ("3-foreign", "information"), violation=False),
    scene("test network of no country", lambda: foreign(-60.0, plmn="901-70"), ("3-foreign", "to_verify"), violation=True),
    scene(
        "fake station that changes its LAC", lambda: fake(lac=(1, 2, 3, 4), t3212=1), ("4-fake-station", "suspected"), violation=True
    ),
    scene(
        "fake station with several identities", lambda: fake(ci=(1, 1, 2, 2), cro_db=60, t3212=2), ("4-fake-station", "suspected"),
        violation=True,
    ),
    scene(
        "fake station off in frequency without neighbours", lambda: fake(ppm=1.5, neighbours=[], t3212=1, cro_db=50),
        ("4-fake-station", "suspected"), violation=True,
    ),
    scene("licensed cell with an odd T3212", lambda: [cell(t, t3212=1) for t in every(30, 30, start_ns=T0)], violation=False),
    scene(
        "wrong ppm shifts every carrier", lambda: [c for t in every(30, 30, start_ns=T0) for c in all_cells(t, ppm=-28.0)], violation=False
    ),
    scene("barred cell under test", lambda: fake(barred=True, ci=999), violation=False),
    scene("repeater on two sites", lambda: echoes({101: 5.0, 102: 5.0}), ("5-relay", "suspected"), violation=True),
    scene("one hill, one cell", lambda: echoes({101: 5.0}), violation=False),
    scene("two operators on one mast behind one hill", lambda: echoes({101: 5.0, 103: 5.0}), violation=False),
    scene("two sites with hills of their own", lambda: echoes({101: 3.5, 102: 6.0}), violation=False),
    scene("repeater with a licence", lambda: echoes({101: 5.0, 102: 5.0}), violation=False, reg=registry(REPEATER)),
    scene(
        "one echo on three cells whose sites nobody knows", lambda: echoes({101: 5.0, 102: 5.0, 104: 5.0}),
        ("5-relay", "to_verify"), violation=False, reg=registry(covered=False),
    ),
    scene(
        "frequency-translating relay", lambda: [cell(t, cell_channels=[30]) for t in every(60, 10, start_ns=T0)], ("5-relay", "suspected"),
        violation=True,
    ),
    scene("oscillating booster", comb, ("6-booster", "suspected"), violation=True),
    scene("six handsets sending now and then", lambda: comb(duty=0.2), violation=False),
    scene("uplink floor raised, nothing else known", lambda: uplink_floor(-100.0), ("6-booster", "to_verify"), violation=False),
    scene("uplink floor raised by overload", lambda: uplink_floor(-100.0, clipped=0.05), violation=False),
    scene("jammer", jammed, ("7-jammer", "suspected"), violation=True),
    scene("overload that looks like a jammer", lambda: jammed(clipped=0.04), violation=False),
    scene("cells gone while the floor stays", lambda: jammed(floor_dbfs_hz=-115.0), violation=False),
    scene("licensed cell newly on air", lambda: newcomer(104), ("8-changes", "information"), violation=False),
    scene("LTE cell without a network code", lambda: [lte(S, t) for t in every(60, 10, start_ns=T0)], violation=False),
)  # fmt: skip
