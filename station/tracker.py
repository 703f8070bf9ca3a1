"""Emissions of consecutive dwells become tracks: onset, updates, clear. Pure: no clock but the times in what comes in.

A track begins with the first dwell that shows it (the detector's false-alarm rate is the hysteresis on that side). It ends when its
band has been below the hold level for ``clear_after_s``, or when the tuning ends. In between it speaks when its level or place has
changed and else once per ``update_interval_s``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from config.settings import TracksSection
from station.sighting import Sighting, joined

Event = Literal["onset", "update", "clear"]
Held = Callable[[float, float], bool]
"""(lower, upper) in Hz -> whether that band still shows more than the hold level."""
MIN_UPDATE_NS = 1_000_000_000
LEVEL_MEMORY = 0.5
"""Weight of the past in the level that is watched for steps: a single odd dwell is not a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackEvent:
    """One state of one track.

    ``measured``: at onset the first dwell's; at an update the means since the event before; at clear the means over the whole track.
    """

    event: Event
    track_id: str
    at_ns: int
    measured: Sighting
    first_ns: int
    last_ns: int
    burst_count: int
    duty: float


class Tracker:
    """The tracks of one tuning."""

    def __init__(self, settings: TracksSection, *, seed: str, merge_gap_s: float) -> None:
        """``seed``: what makes the track ids of this station and tuning its own. ``merge_gap_s``: bursts this close are one."""
        self._settings = settings
        self._seed = seed
        self._gap_ns = round(merge_gap_s * 1e9)
        self._tracks: list[_Track] = []
        self._seen_to_ns: int | None = None
        self.count = 0
        """Tracks begun so far."""

    def dwell(self, sightings: Sequence[Sighting], *, span_ns: tuple[int, int], slack_hz: float, held: Held) -> list[TrackEvent]:
        """Return the events of one dwell, which lasted from the first to the second of ``span_ns``.

        ``slack_hz``: edges this close still belong together. Time between two dwells, when the receiver was elsewhere, counts neither as
        on nor as off.
        """
        start_ns, end_ns = span_ns
        unseen_ns = 0 if self._seen_to_ns is None else max(0, start_ns - self._seen_to_ns)
        self._seen_to_ns = end_ns
        events: list[TrackEvent] = []
        mine: dict[int, list[Sighting]] = {}
        new: list[list[Sighting]] = []
        for sighting in sorted(sightings, key=lambda one: (one.lower_freq_hz - one.upper_freq_hz, one.first_ns)):
            home = _home(sighting, [track.last for track in self._tracks], slack_hz)
            if home is not None:
                mine.setdefault(home, []).append(sighting)
                continue
            group = _home(sighting, [pieces[0] for pieces in new], slack_hz)
            if group is None:
                new.append([sighting])
            else:
                new[group].append(sighting)
        for index, track in enumerate(self._tracks):
            track.skip(unseen_ns)
            if pieces := mine.get(index):
                track.add(joined(pieces), self._gap_ns)
            elif held(track.last.lower_freq_hz, track.last.upper_freq_hz):
                track.hold(end_ns)
            if track.wants_update(end_ns, self._settings):
                events.append(track.event("update", end_ns))
        events += self._clear(end_ns)
        events += [self._begin(joined(pieces)) for pieces in sorted(new, key=lambda pieces: pieces[0].center_freq_hz)]
        return events

    def finish(self, end_ns: int) -> list[TrackEvent]:
        """Return the clears of all tracks: the tuning ended at ``end_ns``."""
        events = [track.event("clear", end_ns) for track in self._tracks]
        self._tracks = []
        return events

    def _begin(self, sighting: Sighting) -> TrackEvent:
        words = f"{self._seed}|{sighting.first_ns}|{round(sighting.center_freq_hz)}|{self.count}"
        track = _Track(hashlib.blake2b(words.encode(), digest_size=8).hexdigest(), sighting)
        self._tracks.append(track)
        self.count += 1
        return track.event("onset", sighting.last_ns)

    def _clear(self, end_ns: int) -> list[TrackEvent]:
        limit = end_ns - round(self._settings.clear_after_s * 1e9)
        gone = [track for track in self._tracks if max(track.last_ns, track.held_ns) < limit]
        self._tracks = [track for track in self._tracks if track not in gone]
        return [track.event("clear", end_ns) for track in gone]


class _Means:
    """Means of sightings, weighted by the time each was on."""

    def __init__(self) -> None:
        self.weight = self.power = self.bandwidth = self.center = self.mean_density = self.floor_density = 0.0
        self.lower = self.upper = 0.0

    def add(self, one: Sighting) -> None:
        weight = max(one.on_s, 1e-9)
        self.weight += weight
        self.power += weight * one.power
        self.bandwidth += weight * one.bandwidth_hz
        self.center += weight * one.center_freq_hz
        self.lower += weight * one.lower_freq_hz
        self.upper += weight * one.upper_freq_hz
        self.mean_density += weight * one.mean_density
        self.floor_density += weight * one.floor_density


class _Track:
    """A track while it lives."""

    def __init__(self, track_id: str, first: Sighting) -> None:
        self.track_id = track_id
        self.first_ns = first.first_ns
        self.last_ns = self.held_ns = first.last_ns
        self.unseen_ns = 0
        """Time since the first sight when the receiver was elsewhere, and the part of it since the last sight."""
        self.unseen_since_ns = 0
        self.last = first
        self.burst_count = first.burst_count
        self.on_s = first.on_s
        self.peak_density = first.peak_density
        self.cut_low, self.cut_high = first.cut_low, first.cut_high
        self.all, self.since = _Means(), _Means()
        self.all.add(first)
        self.since.add(first)
        self.level_db = self.told_level_db = _level_db(first.power)
        self.told_center_hz = first.center_freq_hz
        self.told_ns = first.last_ns

    def add(self, one: Sighting, gap_ns: int) -> None:
        """Take in what the next dwell shows."""
        goes_on = one.first_ns - max(self.last_ns, self.held_ns) - self.unseen_since_ns <= gap_ns
        self.unseen_since_ns = 0
        self.burst_count += one.burst_count - (1 if goes_on else 0)
        self.on_s += one.on_s
        self.last_ns = self.held_ns = max(self.last_ns, one.last_ns)
        self.peak_density = max(self.peak_density, one.peak_density)
        self.cut_low, self.cut_high = one.cut_low, one.cut_high
        self.level_db = LEVEL_MEMORY * self.level_db + (1 - LEVEL_MEMORY) * _level_db(one.power)
        self.last = one
        self.all.add(one)
        self.since.add(one)

    def skip(self, unseen_ns: int) -> None:
        """Note that the receiver was elsewhere for ``unseen_ns`` before the dwell that comes now."""
        self.unseen_ns += unseen_ns
        self.unseen_since_ns += unseen_ns

    def hold(self, end_ns: int) -> None:
        """Note that it is still there until ``end_ns``, too weak to be found anew."""
        self.on_s += (end_ns - max(self.last_ns, self.held_ns) - self.unseen_since_ns) / 1e9
        self.held_ns, self.unseen_since_ns = end_ns, 0

    def wants_update(self, now_ns: int, settings: TracksSection) -> bool:
        """Return whether there is something worth saying."""
        quiet_ns = now_ns - self.told_ns
        if self.since.weight == 0.0 or quiet_ns < MIN_UPDATE_NS:
            return False
        settled = abs(_level_db(self.last.power) - self.level_db) < 0.5 * settings.level_step_db
        stepped = settled and abs(self.level_db - self.told_level_db) >= settings.level_step_db
        moved = abs(self.last.center_freq_hz - self.told_center_hz) > 0.5 * self.last.bandwidth_hz
        return stepped or moved or quiet_ns >= settings.update_interval_s * 1e9

    def event(self, event: Event, at_ns: int) -> TrackEvent:
        """Return the track's state and begin a new stretch."""
        means = self.all if event == "clear" else self.since
        measured = self._measured(means)
        self.told_level_db, self.told_center_hz, self.told_ns = self.level_db, self.last.center_freq_hz, at_ns
        self.since = _Means()
        watched_s = (self.last_ns - self.first_ns - self.unseen_ns + self.unseen_since_ns) / 1e9
        return TrackEvent(
            event=event,
            track_id=self.track_id,
            at_ns=at_ns,
            measured=measured,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            burst_count=self.burst_count,
            duty=min(1.0, self.on_s / watched_s) if watched_s > 0 else 1.0,
        )

    def _measured(self, means: _Means) -> Sighting:
        weight, last = means.weight, self.last
        noise = means.floor_density / weight * means.bandwidth / weight
        return Sighting(
            center_freq_hz=means.center / weight,
            lower_freq_hz=means.lower / weight,
            upper_freq_hz=means.upper / weight,
            bandwidth_hz=means.bandwidth / weight,
            bandwidth_26db_hz=last.bandwidth_26db_hz,
            power=means.power / weight,
            peak_density=self.peak_density,
            mean_density=means.mean_density / weight,
            floor_density=means.floor_density / weight,
            snr_db=_level_db(means.power / weight) - _level_db(noise) if noise > 0 else last.snr_db,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            on_s=self.on_s,
            burst_count=self.burst_count,
            cut_low=self.cut_low,
            cut_high=self.cut_high,
        )


def _home(sighting: Sighting, places: Sequence[Sighting], slack_hz: float) -> int | None:
    """Return which of ``places`` an emission belongs to: the one it shares most with, at least half of the narrower of both."""
    shares = [_share(place, sighting, slack_hz) for place in places]
    best = max(range(len(shares)), key=shares.__getitem__, default=None)
    return best if best is not None and shares[best] >= 0.5 else None


def _share(one: Sighting, other: Sighting, slack_hz: float) -> float:
    """Return how much of the narrower of both lies in the other, 0 to 1, edges widened by ``slack_hz``."""
    low = max(one.lower_freq_hz, other.lower_freq_hz) - slack_hz
    high = min(one.upper_freq_hz, other.upper_freq_hz) + slack_hz
    width = min(one.upper_freq_hz - one.lower_freq_hz, other.upper_freq_hz - other.lower_freq_hz)
    return max(0.0, min(1.0, (high - low) / (width + 2 * slack_hz)))


def _level_db(power: float) -> float:
    return 10.0 * math.log10(max(power, 1e-30))
