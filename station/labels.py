"""Names that a recording itself gives to what is in it."""

from __future__ import annotations

from collections.abc import Iterable

from station.recording import Label
from station.sample_clock import SampleClock
from station.tracker import TrackEvent


def label_of(event: TrackEvent, labels: Iterable[Label], clock: SampleClock) -> str | None:
    """Return the text of the label that fits a track best (overlap over union) among those that hold its centre; None: there is none."""
    one = event.measured
    best, best_share = None, 0.0
    for label in labels:
        overlap = min(one.upper_freq_hz, label.upper_freq_hz) - max(one.lower_freq_hz, label.lower_freq_hz)
        union = max(one.upper_freq_hz, label.upper_freq_hz) - min(one.lower_freq_hz, label.lower_freq_hz)
        in_time = clock.time_ns(label.first_sample) <= event.last_ns and clock.time_ns(label.end_sample) >= event.first_ns
        inside = label.lower_freq_hz <= one.center_freq_hz <= label.upper_freq_hz
        if in_time and inside and overlap > 0 and overlap / union > best_share:
            best, best_share = label.text, overlap / union
    return best
