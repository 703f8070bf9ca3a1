"""What the hops of one sweep saw, put together: each emission once, carriers that several hops saw parts of as one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from station.scan_plan import Hop
from station.sighting import Sighting

SAME_SHARE = 0.5
"""Two hops saw the same emission where at least this part of the narrower sighting lies in the other."""
SEAM_HZ = 25e3
"""What reaches this near to the end of what counts of a hop may go on in the next."""


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
    """Whether a hop has a say in an emission: its centre counts, or a good part of it does."""
    if hop.lower_hz <= one.center_freq_hz < hop.upper_hz:
        return True
    return min(one.upper_freq_hz, hop.upper_hz) - max(one.lower_freq_hz, hop.lower_hz) > SEAM_HZ


def _same(a: tuple[Sighting, Hop], b: tuple[Sighting, Hop]) -> bool:
    (one, first), (other, second) = a, b
    if first is second or abs(first.center_freq_hz - second.center_freq_hz) < 1.0:
        return False
    shared = min(one.upper_freq_hz, other.upper_freq_hz) - max(one.lower_freq_hz, other.lower_freq_hz)
    return shared > 0 and (_whole_in_both(one, other, shared) or _goes_on(a, b) or _goes_on(b, a))


def _whole_in_both(one: Sighting, other: Sighting, shared_hz: float) -> bool:
    widths = sorted((one.upper_freq_hz - one.lower_freq_hz, other.upper_freq_hz - other.lower_freq_hz))
    return shared_hz >= SAME_SHARE * widths[0] and widths[1] <= 2.0 * widths[0]


def _goes_on(a: tuple[Sighting, Hop], b: tuple[Sighting, Hop]) -> bool:
    """Whether ``a`` reaches beyond what counts of its hop into that of ``b``, where ``b`` comes from below."""
    (one, first), (other, second) = a, b
    return one.upper_freq_hz >= first.upper_hz - SEAM_HZ and other.lower_freq_hz <= second.lower_hz + SEAM_HZ


def _merged(a: tuple[Sighting, Hop], b: tuple[Sighting, Hop]) -> tuple[Sighting, Hop]:
    """Return one sighting for two of the same emission: the better placed one where both saw all of it, else their sum."""
    (one, _), (other, second) = a, b
    lower, upper = min(one.lower_freq_hz, other.lower_freq_hz), max(one.upper_freq_hz, other.upper_freq_hz)
    width_one, width_other = one.upper_freq_hz - one.lower_freq_hz, other.upper_freq_hz - other.lower_freq_hz
    shared = max(0.0, width_one + width_other - (upper - lower))
    if _whole_in_both(one, other, shared) and upper - lower <= 1.5 * max(width_one, width_other):
        return min(a, b, key=lambda piece: abs(piece[0].center_freq_hz - piece[1].center_freq_hz))
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
