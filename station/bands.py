"""What the settings want swept, by the names of the band plan or as ranges in MHz."""

from __future__ import annotations

import contextlib

from config.band_plan import BandPlan
from config.settings import BandWish, StationSettings
from station.errors import MisuseError
from station.scan_plan import WantedRange


def wanted_ranges(settings: StationSettings, plan: BandPlan) -> list[WantedRange]:
    """Return what the settings want swept, with the wishes for each.

    Raises:
        MisuseError: a name is no band of the plan and no range, or a wish is for what is not swept.
    """
    sweep = settings.sweep
    ranges = []
    for name in sweep.bands:
        title, lower, upper = _found(name, plan)
        wish = wish_of(settings, name, title)
        ranges.append(
            WantedRange(
                name=title,
                lower_hz=lower,
                upper_hz=upper,
                dwell_s=wish.dwell_s or sweep.dwell_s,
                revisit_s=wish.revisit_s,
                priority=wish.priority,
            )
        )
    names = {name.casefold() for name in (*sweep.bands, *(one.name for one in ranges))}
    for name in sweep.wishes:
        if name.casefold() not in names:
            raise MisuseError(f"sweep.wishes.{name}: this band is not swept: add it to sweep.bands ({', '.join(sweep.bands)})")
    return ranges


def wish_of(settings: StationSettings, *names: str) -> BandWish:
    """Return the wish for a band that goes by any of ``names``."""
    known = {name.casefold(): wish for name, wish in settings.sweep.wishes.items()}
    return next((known[name.casefold()] for name in names if name.casefold() in known), BandWish())


def _found(name: str, plan: BandPlan) -> tuple[str, float, float]:
    for title, lower, upper, _ in plan.ranges():
        if title.casefold() == name.casefold():
            return title, lower, upper
    if (band := plan.named(name)) is not None:
        return band.name, band.downlink_mhz[0] * 1e6, band.downlink_mhz[1] * 1e6
    low, dash, high = name.partition("-")
    with contextlib.suppress(ValueError):
        if dash and 0 < float(low) < float(high):
            return name, float(low) * 1e6, float(high) * 1e6
    known = ", ".join(title for title, *_ in plan.ranges())
    raise MisuseError(f"no band {name!r}: known are {known}; or give a range in MHz like 925-960")
