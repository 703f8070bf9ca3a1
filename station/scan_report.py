"""What a scan says before it runs."""

from __future__ import annotations

from collections.abc import Iterator

from station.receiver_process import ReceiverState
from station.scan_plan import Sweep


def plan_lines(sweep: Sweep, state: ReceiverState) -> Iterator[str]:
    """Yield the plan for people: receiver, hops, times, and what is not heard."""
    yield f"{state.name} {state.serial}: {state.tuner.name}, {state.sample_rate_hz / 1e6:.6g} MS/s, {state.gain_db:g} dB"
    for name, revisit_s in sweep.revisit_s.items():
        hops = [hop for hop in sweep.hops if hop.name == name]
        low, high = min(hop.lower_hz for hop in hops), max(hop.upper_hz for hop in hops)
        yield f"  {name}: {low / 1e6:g}-{high / 1e6:g} MHz, {len(hops)} bước / hops, mỗi / every {revisit_s:.2f} s"
    for one in sweep.unheard:
        yield f"  ! {one.name}: {one.lower_hz / 1e6:g}-{one.upper_hz / 1e6:g} MHz không nghe được / cannot be heard: {one.reason}"
    blind = sum(high - low for low, high in sweep.unseen)
    yield f"  {len(sweep.hops)} bước / hops, {sweep.duration_s:.2f} s; không thấy / blind in one sweep {blind / 1e3:.0f} kHz"
