"""What the hops of one sweep saw, put together: each emission once, carriers that several hops saw parts of as one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from station.scan_plan import Hop
from station.sighting import Sighting

SAME_SHARE = 0.5
"""Two hops saw the same emission where at least this part of the narrower sighting lies in the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HopSightings:
    """The emissions of one hop, in Hz as they are believed to be."""

    hop: Hop
    sightings: tuple[Sighting, ...]


def put_together(hops: Sequence[HopSightings]) -> list[Sighting]:
    """Return the emissions of a sweep by frequency."""
    pieces: list[tuple[Sighting, Hop]] = []
    for one in hops:
        pieces += [(sighting, one.hop) for sighting in one.sightings if _belongs(sighting, one.hop)]
    pieces.sort(key=lambda piece: (piece[0].lower_freq_hz, piece[0].upper_freq_hz))
    whole: list[tuple[Sighting, Hop]] = []
    for sighting, hop in pieces:
        at = next((k for k in range(len(whole) - 1, -1, -1) if _same(whole[k], (sighting, hop))), None)
        if at is None:
            whole.append((sighting, hop))
        else:
            whole[at] = _merged(whole[at], (sighting, hop))
    return sorted((sighting for sighting, _ in whole), key=lambda one: one.center_freq_hz)


def scaled(sighting: Sighting, ppm: float) -> Sighting:
    """Return ``sighting`` as it is when the receiver's crystal was fast by ``ppm`` more than was allowed for."""
    k = 1.0 + ppm * 1e-6
    return replace(
        sighting,
        center_freq_hz=sighting.center_freq_hz * k,
        lower_freq_hz=sighting.lower_freq_hz * k,
        upper_freq_hz=sighting.upper_freq_hz * k,
    )


def _belongs(one: Sighting, hop: Hop) -> bool:
    """Whether a hop is the one to speak of an emission: its centre counts, or it goes on where the hop no longer does."""
    if hop.lower_hz <= one.center_freq_hz < hop.upper_hz:
        return True
    low, high = max(one.lower_freq_hz, hop.lower_hz), min(one.upper_freq_hz, hop.upper_hz)
    return high > low and (one.cut_low or one.cut_high)


def _same(a: tuple[Sighting, Hop], b: tuple[Sighting, Hop]) -> bool:
    (one, first), (other, second) = a, b
    if first is second:
        return False
    shared = min(one.upper_freq_hz, other.upper_freq_hz) - max(one.lower_freq_hz, other.lower_freq_hz)
    narrower = min(one.upper_freq_hz - one.lower_freq_hz, other.upper_freq_hz - other.lower_freq_hz)
    if shared <= 0:
        return False
    return one.cut_high or other.cut_low or one.cut_low or other.cut_high or shared >= SAME_SHARE * narrower


def _merged(a: tuple[Sighting, Hop], b: tuple[Sighting, Hop]) -> tuple[Sighting, Hop]:
    """Return one sighting for two of the same emission: the better placed one where both saw all of it, else their sum."""
    (one, _), (other, second) = a, b
    one_cut, other_cut = one.cut_low or one.cut_high, other.cut_low or other.cut_high
    if not one_cut and not other_cut:
        return min(a, b, key=lambda piece: abs(piece[0].center_freq_hz - piece[1].center_freq_hz))
    if one_cut != other_cut and (other.upper_freq_hz - other.lower_freq_hz > one.upper_freq_hz - one.lower_freq_hz) == one_cut:
        return b if one_cut else a
    lower, upper = min(one.lower_freq_hz, other.lower_freq_hz), max(one.upper_freq_hz, other.upper_freq_hz)
    width_one, width_other = one.upper_freq_hz - one.lower_freq_hz, other.upper_freq_hz - other.lower_freq_hz
    shared = max(0.0, width_one + width_other - (upper - lower))
    added = other.power * max(0.0, 1.0 - shared / max(width_other, 1.0))
    strong = max(one, other, key=lambda piece: piece.mean_density)
    whole = replace(
        strong,
        center_freq_hz=0.5 * (lower + upper),
        lower_freq_hz=lower,
        upper_freq_hz=upper,
        bandwidth_hz=upper - lower,
        bandwidth_26db_hz=None,
        power=one.power + added,
        first_ns=min(one.first_ns, other.first_ns),
        last_ns=max(one.last_ns, other.last_ns),
        on_s=max(one.on_s, other.on_s),
        burst_count=1,
        cut_low=(one if one.lower_freq_hz <= other.lower_freq_hz else other).cut_low,
        cut_high=(one if one.upper_freq_hz >= other.upper_freq_hz else other).cut_high,
    )
    return whole, second
