"""The bank: each violation with its innocent twins, and the findings that the whole of the rules must give, no other.

``python -m tests.scenes`` prints all of it as a table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from collector.checks.context import Context, StationFacts, default_context
from collector.checks.rules import new_judge
from collector.checks.types import Finding
from config.licences import CoveredRange, Licence, Registry, RegistryHead
from config.wire import AnyRecord
from tests.scenes.air import BUON_DON, observations

SITE_A, SITE_B = (12.93, 107.83), (12.85, 107.86)
"""About 9 km apart."""
FACTS = {"ban-don": StationFacts(place=BUON_DON, height_m=12.0, gain_dbi=2.0, dbm_minus_dbfs=-30.0)}
GREY = "to_verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A situation. ``expected``: (rule, grade) of each finding, sorted."""

    name: str
    make: Callable[[], list[AnyRecord]]
    expected: tuple[tuple[str, str], ...] = ()
    violation: bool
    registry: Registry
    facts: dict[str, StationFacts] = field(default_factory=lambda: FACTS)


def gsm_licence(ci: int, arfcn: int, site: tuple[float, float], **more: Any) -> Licence:
    """Return the licence of one GSM carrier and its cell."""
    mhz = 935 + 0.2 * arfcn
    given: dict[str, Any] = {
        "licence_id": f"GSM-{ci}", "holder": "Viettel", "technology": "gsm", "lower_mhz": mhz - 0.1, "upper_mhz": mhz + 0.1,
        "bandwidth_khz": 199.0, "site": f"{site[0]:.2f},{site[1]:.2f}", "lat_deg": site[0], "lon_deg": site[1], "radius_km": 35.0,
        "mcc": "452", "mnc": "04", "lac": 20501, "ci": ci,
    }  # fmt: skip
    return Licence(**{**given, **more})


def registry(*extra: Licence, covered: bool = True, without: tuple[int, ...] = ()) -> Registry:
    """Return the province's registry of the scenes: four GSM cells on two sites, one LTE block; and ``extra``."""
    rows = (
        gsm_licence(101, 45, SITE_A), gsm_licence(102, 50, SITE_B), gsm_licence(103, 56, SITE_A, mnc="02", holder="VinaPhone"),
        gsm_licence(104, 62, SITE_B, mnc="01", holder="MobiFone"),
        Licence(licence_id="LTE-1", holder="Viettel", technology="lte", lower_mhz=950.0, upper_mhz=955.0),
    )  # fmt: skip
    kept = tuple(row for row in rows if row.ci not in without)
    covers = (CoveredRange(lower_mhz=925.0, upper_mhz=960.0), CoveredRange(lower_mhz=880.0, upper_mhz=915.0)) if covered else ()
    return Registry(
        head=RegistryHead(name="scenes", starting_point=not covered, covers=covers),
        licences=(*kept, *extra) if covered else (),
        version="scenes",
    )


def expired(licence: Licence) -> Licence:
    """Return ``licence`` with its last day in 2022."""
    import msgspec

    return msgspec.structs.replace(licence, valid_to=date(2022, 12, 31))


def context_of(scene: Scene) -> Context:
    """Return what ``scene`` is judged against."""
    base = default_context(registry=scene.registry)
    return Context(book=base.book, plmn=base.plmn, licences=base.licences, blocks=base.blocks, stations=scene.facts)


def judged(scene: Scene) -> tuple[Finding, ...]:
    """Return the findings of ``scene``."""
    judge = new_judge(context_of(scene))
    judge.feed(observations(scene.make()))
    return judge.findings()
