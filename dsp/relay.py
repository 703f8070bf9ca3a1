"""Repeater evidence: an echo that is the same on cells of different sites: an extra path that they all go through.

A hill makes an echo too, but each site sees it under another angle: its delay is the site's own. So one delay shared by ``k`` of ``S``
sites is judged against chance: sites have an echo of their own with probability ``q``, its delay anywhere in the range looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

JOIN_US: Final = 0.8
"""Taps of one path over time lie within this of their median: fading moves a weak path's apparent delay by some tenths of a symbol."""
MIN_LOOKS: Final = 5
MIN_PRESENCE: Final = 0.5
"""An echo is there in at least this part of the looks; what comes and goes is fading or noise."""
SYSTEMATIC_US: Final = 0.05
"""What averaging cannot remove: the taps' grid and the pulse's shape."""
TOLERANCE_SIGMAS: Final = 2.5
MIN_STEP_DB: Final = 4.0
STEP_SIGMAS: Final = 5.0
MIN_SHIFT_PPM: Final = 0.15
"""Three times what a base station may be off."""
HELD_PPM: Final = 0.06
SHIFT_HZ: Final = 30.0
"""Shifts through one oscillator agree but for the base stations' own errors."""
MIN_OTHERS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """A stable second path of one cell."""

    delay_us: float
    sigma_us: float
    level_db: float
    presence: float
    """Part of the looks that showed it."""
    looks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonDelay:
    """The best agreement between sites."""

    delay_us: float
    sigma_us: float
    sites: tuple[str, ...]
    p_chance: float
    """Probability that sites without a common path agree so well: at most this, by a union bound."""


def estimate_echo(
    looks: Sequence[Sequence[tuple[float, float]]], *, min_delay_us: float = 1.0, max_delay_us: float = 12.0, min_level_db: float = -20.0
) -> Echo | None:
    """Return the stable echo in ``looks`` (each the taps of one channel estimate: delay in us and level in dB against the strongest path).

    The delay is the median of the fullest group; its uncertainty is the spread over the root of the count, no less than ``SYSTEMATIC_US``.
    None: too few looks, or no delay that at least half of them show. The sign of a delay is dropped: the echo may be the stronger path.
    """
    if len(looks) < MIN_LOOKS:
        return None
    rows = [
        (abs(delay), level, index)
        for index, taps in enumerate(looks)
        for delay, level in taps
        if min_delay_us <= abs(delay) <= max_delay_us and level >= min_level_db
    ]
    if len(rows) < max(MIN_LOOKS, MIN_PRESENCE * len(looks)):
        return None
    rows.sort()
    delays = np.array([row[0] for row in rows])
    upper = np.searchsorted(delays, delays + 2.0 * JOIN_US, side="right")
    start = int(np.argmax(upper - np.arange(len(rows))))
    centre = float(np.median(delays[start : upper[start]]))
    group = [row for row in rows if abs(row[0] - centre) <= JOIN_US]
    seen_in = {row[2] for row in group}
    presence = len(seen_in) / len(looks)
    if len(seen_in) < MIN_LOOKS or presence < MIN_PRESENCE:
        return None
    values = np.array([row[0] for row in group])
    delay = float(np.mean(values))
    sigma = math.hypot(float(np.std(values)) / math.sqrt(len(seen_in)), SYSTEMATIC_US)
    level = float(np.median([row[1] for row in group]))
    return Echo(delay_us=delay, sigma_us=sigma, level_db=level, presence=presence, looks=len(looks))


def common_delay(
    echoes: Sequence[tuple[str, Echo | None]], *, min_delay_us: float, max_delay_us: float, echo_probability: float = 0.25
) -> CommonDelay | None:
    """Return the delay that most sites share and how likely chance alone is to give it; None: no two sites share one.

    ``echoes``: (site, echo of one of its cells; None: it has none). Cells of one site count once, by the echo that is known best.
    For ``k`` of ``S`` sites within ``t`` of each other out of a range ``R``, chance gives at most C(S, k) q^k k (t / R)^(k - 1)
    (union bound over the choices of sites; k u^(k - 1) bounds the probability that k uniform delays lie within u of each other).
    """
    sites: dict[str, Echo | None] = {}
    for site, echo in echoes:
        before = sites.get(site)
        if echo is not None and (before is None or echo.sigma_us < before.sigma_us):
            sites[site] = echo
        sites.setdefault(site, None)
    known = sorted((echo.delay_us, site, echo.sigma_us) for site, echo in sites.items() if echo is not None)
    best, p_best = known[:0], 1.0
    for first, (lowest, _, _) in enumerate(known):
        sigma = known[first][2]
        for last in range(first + 1, len(known)):
            sigma = max(sigma, known[last][2])
            tolerance, k = TOLERANCE_SIGMAS * math.sqrt(2.0) * sigma, last - first + 1
            if known[last][0] - lowest > tolerance:
                continue
            width = min(1.0, tolerance / (max_delay_us - min_delay_us))
            p = math.comb(len(sites), k) * echo_probability**k * k * width ** (k - 1)
            if p < p_best:
                best, p_best = known[first : last + 1], p
    if not best:
        return None
    weights = np.array([sigma**-2.0 for _, _, sigma in best])
    mean = float(np.average([delay for delay, _, _ in best], weights=weights))
    names = tuple(sorted(site for _, site, _ in best))
    return CommonDelay(delay_us=mean, sigma_us=float(weights.sum() ** -0.5), sites=names, p_chance=p_best)


@dataclass(frozen=True, slots=True, kw_only=True)
class JointStep:
    """A moment at which one cell became stronger and its channel got another echo: a relay was switched on in its path."""

    time_s: float
    rise_db: float
    echo: Echo


def joint_step(
    looks: Sequence[tuple[float, float, Sequence[tuple[float, float]]]], *, min_delay_us: float, max_delay_us: float
) -> JointStep | None:
    """Return the step of power and delay in ``looks`` (time in s, level in dB, taps), rising times; None: there is none.

    The moment is the one at which the means before and after differ most against their spread (Student's t at least ``STEP_SIGMAS``, and
    ``MIN_STEP_DB``); the echo after it must have been absent before it, or elsewhere. Fading moves levels, a hill makes an echo, a base
    station changes its power: none does both at once.
    """
    n = len(looks)
    if n < 2 * MIN_LOOKS:
        return None
    level = np.array([look[1] for look in looks])
    best, at = 0.0, 0
    for k in range(MIN_LOOKS, n - MIN_LOOKS + 1):
        before, after = level[:k], level[k:]
        spread = math.sqrt((before.var() * k + after.var() * (n - k)) / (n - 2) * (1.0 / k + 1.0 / (n - k))) + 1e-9
        t = float(after.mean() - before.mean()) / spread
        if t > best:
            best, at = t, k
    rise = float(level[at:].mean() - level[:at].mean()) if at else 0.0
    if best < STEP_SIGMAS or rise < MIN_STEP_DB:
        return None
    was, now = (
        estimate_echo([taps for _, _, taps in part], min_delay_us=min_delay_us, max_delay_us=max_delay_us)
        for part in (looks[:at], looks[at:])
    )
    if now is None or (was is not None and abs(was.delay_us - now.delay_us) <= JOIN_US):
        return None
    return JointStep(time_s=looks[at][0], rise_db=rise, echo=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonShift:
    """Cells whose carriers are off by the same number of hertz against all others."""

    shift_hz: float
    sites: tuple[str, ...]
    others: int
    """Cells that agree with each other."""


def common_shift(offsets: Sequence[tuple[str, float, float, float]]) -> CommonShift | None:
    """Return the shift that cells of two or more sites share; None: there is none, or too few others to tell by.

    ``offsets``: (site, offset in ppm against the other cells, its uncertainty, carrier in Hz). Base stations hold 0.05 ppm, each by a clock
    of its own: what shifts carriers of several sites by the same hertz is one oscillator that they all go through. The others must agree
    with each other: a receiver's clock that drifts while it looks moves every cell, each a little differently.
    """
    out = [o for o in offsets if abs(o[1]) > max(MIN_SHIFT_PPM, 5.0 * o[2])]
    rest = [o for o in offsets if abs(o[1]) <= max(HELD_PPM, 3.0 * o[2])]
    if len(rest) < MIN_OTHERS or len(rest) <= len(out) or len(rest) + len(out) < len(offsets):
        return None
    best: list[tuple[str, float]] = []
    for _, ppm, _, freq in out:
        shift = ppm * 1e-6 * freq
        near = [(site, p * 1e-6 * f) for site, p, s, f in out if abs(p * 1e-6 * f - shift) <= SHIFT_HZ + 3.0 * s * 1e-6 * f]
        if len({site for site, _ in near}) > len({site for site, _ in best}):
            best = near
    sites = tuple(sorted({site for site, _ in best}))
    if len(sites) < 2:
        return None
    return CommonShift(shift_hz=float(np.mean([shift for _, shift in best])), sites=sites, others=len(rest))
