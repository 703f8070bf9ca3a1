"""What a scan says before it runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

from station.dwell_length import DwellChoice
from station.receiver_process import ReceiverState
from station.scan_plan import Sweep

LATE: Final = 1.05
"""A band that comes later than its wish by this factor is told."""


def plan_lines(
    sweep: Sweep, state: ReceiverState, *, wishes: Mapping[str, float] | None = None, dwells: Mapping[str, DwellChoice] | None = None
) -> Iterator[str]:
    """Yield the plan for people: receiver, hops, times, and what is not heard.

    ``wishes``: how often bands are wished, s; ``dwells``: those that follow from a carrier that is wanted.
    """
    yield f"{state.name} {state.serial}: {state.tuner.name}, {state.sample_rate_hz / 1e6:.6g} MS/s, {state.gain_db:g} dB"
    for name, revisit_s in sweep.revisit_s.items():
        hops = [hop for hop in sweep.hops if hop.name == name]
        low, high = min(hop.lower_hz for hop in hops), max(hop.upper_hz for hop in hops)
        wish = (wishes or {}).get(name)
        asked = "" if wish is None else f" (muốn / wished {wish:g} s{', KHÔNG KỊP / TOO OFTEN' if revisit_s > wish * LATE else ''})"
        yield (
            f"  {name}: {low / 1e6:g}-{high / 1e6:g} MHz, {len(hops)} bước / hops x {hops[0].dwell_s * 1e3:g} ms, "
            f"mỗi / every {revisit_s:.2f} s{asked}"
        )
        if (choice := (dwells or {}).get(name)) is not None:
            short = "" if choice.reached else ", CHƯA ĐỦ / NOT ENOUGH: sweep.dwell_max_s"
            yield f"    thấy được từ / sees from {10 * math.log10(choice.weakest):.1f} dBFS (Pd 0.9){short}"
    for one in sweep.unheard:
        yield f"  ! {one.name}: {one.lower_hz / 1e6:g}-{one.upper_hz / 1e6:g} MHz không nghe được / cannot be heard: {one.reason}"
    blind = sum(high - low for low, high in sweep.unseen)
    yield f"  {len(sweep.hops)} bước / hops, {sweep.duration_s:.2f} s; không thấy / blind in one sweep {blind / 1e3:.0f} kHz"
