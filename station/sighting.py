"""An emission of one dwell, placed on the frequency axis and in time: what the tracker works with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dsp.types import Emission
from station.sample_clock import SampleClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One emission of one dwell. Frequencies in Hz (offsets where the centre is not known), times in ns, powers linear."""

    center_freq_hz: float
    lower_freq_hz: float
    upper_freq_hz: float
    bandwidth_hz: float
    bandwidth_26db_hz: float | None
    power: float
    peak_density: float
    mean_density: float
    floor_density: float
    snr_db: float
    first_ns: int
    last_ns: int
    on_s: float
    """Time that it was on."""
    burst_count: int
    cut_low: bool
    cut_high: bool


def sighted(emission: Emission, *, center_freq_hz: float | None, first_sample: int, n_samples: int, clock: SampleClock) -> Sighting:
    """Return ``emission`` of the dwell of ``n_samples`` that began at ``first_sample``, tuned to ``center_freq_hz``."""
    center = center_freq_hz or 0.0
    return Sighting(
        center_freq_hz=center + emission.center_offset_hz,
        lower_freq_hz=center + emission.lower_offset_hz,
        upper_freq_hz=center + emission.upper_offset_hz,
        bandwidth_hz=emission.bandwidth_hz,
        bandwidth_26db_hz=emission.bandwidth_26db_hz,
        power=emission.power,
        peak_density=emission.peak_density,
        mean_density=emission.mean_density,
        floor_density=emission.floor_density,
        snr_db=emission.snr_db,
        first_ns=clock.time_ns(first_sample + emission.first_s * clock.sample_rate_hz),
        last_ns=clock.time_ns(first_sample + emission.last_s * clock.sample_rate_hz),
        on_s=emission.duty * n_samples / clock.sample_rate_hz,
        burst_count=emission.burst_count,
        cut_low=emission.cut_low,
        cut_high=emission.cut_high,
    )


def joined(pieces: Iterable[Sighting]) -> Sighting:
    """Return one sighting for the pieces of one emission: its envelope, the strongest piece's shape, the sum of simultaneous powers.

    Pieces beside each other in frequency are one burst; pieces after each other in time are several.
    """
    ordered = sorted(pieces, key=lambda piece: (piece.first_ns, piece.lower_freq_hz))
    whole = ordered[0]
    for piece in ordered[1:]:
        together = piece.first_ns < whole.last_ns
        strong = max(whole, piece, key=lambda one: one.power)
        lower, upper = min(whole.lower_freq_hz, piece.lower_freq_hz), max(whole.upper_freq_hz, piece.upper_freq_hz)
        beside = together and (piece.lower_freq_hz >= whole.upper_freq_hz or piece.upper_freq_hz <= whole.lower_freq_hz)
        whole = replace(
            strong,
            center_freq_hz=0.5 * (lower + upper) if beside else strong.center_freq_hz,
            lower_freq_hz=lower,
            upper_freq_hz=upper,
            bandwidth_hz=upper - lower if beside else strong.bandwidth_hz,
            power=whole.power + piece.power if together else strong.power,
            peak_density=max(whole.peak_density, piece.peak_density),
            first_ns=min(whole.first_ns, piece.first_ns),
            last_ns=max(whole.last_ns, piece.last_ns),
            on_s=max(whole.on_s, piece.on_s) if together else whole.on_s + piece.on_s,
            burst_count=max(whole.burst_count, piece.burst_count) if together else whole.burst_count + piece.burst_count,
            cut_low=whole.cut_low or piece.cut_low,
            cut_high=whole.cut_high or piece.cut_high,
        )
    return whole
