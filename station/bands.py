"""What the settings want swept, by the names of the band plan or as ranges in MHz."""

from __future__ import annotations

import contextlib

from config.band_plan import BandPlan
from config.settings import StationSettings
from station.errors import MisuseError
from station.scan_plan import WantedRange


def wanted_ranges(settings: StationSettings, plan: BandPlan) -> list[WantedRange]:
    """Return what the settings want swept.

    Raises:
        MisuseError: a name is no band of the plan and no range.
    """
    return [_wanted(name, settings.sweep.dwell_s, plan) for name in settings.sweep.bands]


def _wanted(name: str, dwell_s: float, plan: BandPlan) -> WantedRange:
    for title, lower, upper, _ in plan.ranges():
        if title.casefold() == name.casefold():
            return WantedRange(name=title, lower_hz=lower, upper_hz=upper, dwell_s=dwell_s)
    if (band := plan.named(name)) is not None:
        return WantedRange(name=band.name, lower_hz=band.downlink_mhz[0] * 1e6, upper_hz=band.downlink_mhz[1] * 1e6, dwell_s=dwell_s)
    low, dash, high = name.partition("-")
    with contextlib.suppress(ValueError):
        if dash and 0 < float(low) < float(high):
            return WantedRange(name=name, lower_hz=float(low) * 1e6, upper_hz=float(high) * 1e6, dwell_s=dwell_s)
    known = ", ".join(title for title, *_ in plan.ranges())
    raise MisuseError(f"no band {name!r}: known are {known}; or give a range in MHz like 925-960")
